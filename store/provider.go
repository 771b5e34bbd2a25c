package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

type providerRow struct {
	ID        int64      `db:"id"`
	UID       uuid.UUID  `db:"uid"`
	Name      string     `db:"name"`
	Type      string     `db:"type"`
	Enabled   bool       `db:"enabled"`
	BuiltIn   bool       `db:"built_in"`
	DeletedAt *time.Time `db:"deleted_at"`
}

func (r providerRow) provider() *directory.Provider {
	return &directory.Provider{
		ID: r.ID, UID: r.UID, Name: r.Name, Type: directory.ProviderTypeName(r.Type),
		Enabled: r.Enabled, BuiltIn: r.BuiltIn, DeletedAt: r.DeletedAt,
	}
}

type instanceRow struct {
	ID             int64       `db:"id"`
	UID            uuid.UUID   `db:"uid"`
	Name           string      `db:"name"`
	Enabled        bool        `db:"enabled"`
	DuplicateNames string      `db:"duplicate_names"`
	Renames        string      `db:"renames"`
	URLToken       string      `db:"url_token"`
	SyncSchedule   *int64      `db:"sync_schedule"`
	NextRunAt      *time.Time  `db:"next_run_at"`
	LastSyncedAt   *time.Time  `db:"last_synced_at"`
	DeletedAt      *time.Time  `db:"deleted_at"`
	Syncing        bool        `db:"syncing"`
	Hold           string      `db:"hold"`
	HoldReason     string      `db:"hold_reason"`
	Provider       providerRow `db:"p"`
	ConfigKeys     pq.StringArray
	ConfigValues   pq.StringArray
}

// instanceColumns are the columns of an instanceRow, of tables pi and p.
const instanceColumns = `pi.id, pi.uid, pi.name, pi.enabled, pi.duplicate_names, pi.renames, pi.url_token, pi.sync_schedule,
	pi.next_run_at, pi.last_synced_at, pi.deleted_at, coalesce(pi.hold, '') AS hold, coalesce(pi.hold_reason, '') AS hold_reason,
	EXISTS (SELECT FROM sync_run r WHERE r.instance_id = pi.id AND r.status IN ('QUEUED', 'SYNCHRONIZING')) AS syncing,
	p.id AS "p.id", p.uid AS "p.uid", p.name AS "p.name", p.type AS "p.type", p.enabled AS "p.enabled",
	p.built_in AS "p.built_in", p.deleted_at AS "p.deleted_at",
	ARRAY(SELECT key FROM runtime_config c WHERE c.instance_id = pi.id AND c.value IS NOT NULL ORDER BY key) AS configkeys,
	ARRAY(SELECT value FROM runtime_config c WHERE c.instance_id = pi.id AND c.value IS NOT NULL ORDER BY key) AS configvalues`

func (r *instanceRow) instance() *directory.Instance {
	i := &directory.Instance{
		ID: r.ID, UID: r.UID, Name: r.Name, Provider: r.Provider.provider(), Enabled: r.Enabled,
		DuplicateNames: directory.DuplicateNamePolicy(r.DuplicateNames), Renames: directory.RenamePolicy(r.Renames),
		URLToken: r.URLToken, NextRunAt: r.NextRunAt, LastSyncedAt: r.LastSyncedAt, DeletedAt: r.DeletedAt,
		Syncing: r.Syncing, Hold: directory.InstanceState(r.Hold), HoldReason: r.HoldReason,
		Config: make(map[string]string, len(r.ConfigKeys)),
	}
	if r.SyncSchedule != nil {
		every := time.Duration(*r.SyncSchedule) * time.Second
		i.SyncSchedule = &every
	}
	for n, key := range r.ConfigKeys {
		i.Config[key] = r.ConfigValues[n]
	}
	return i
}

func instances(rows []instanceRow) []*directory.Instance {
	out := make([]*directory.Instance, len(rows))
	for i := range rows {
		out[i] = rows[i].instance()
	}
	return out
}

// ensureBuiltIns adds the providers that exist from the first start, and the instance of the roles.
func ensureBuiltIns(ctx context.Context, db *sql.DB) error {
	for _, p := range directory.BuiltInProviders {
		if _, err := db.ExecContext(ctx, `INSERT INTO provider (name, name_key, type, built_in) VALUES ($1, $2, $3, true)
			ON CONFLICT (name_key) WHERE deleted_at IS NULL DO NOTHING`, p.Name, directory.FoldKey(p.Name), string(p.Type)); err != nil {
			return mapError(ctx, err)
		}
	}
	_, err := db.ExecContext(ctx, `INSERT INTO provider_instance (provider_id, name, name_key, url_token)
		SELECT id, '', '', $2 FROM provider WHERE name = $1 AND built_in
		ON CONFLICT (provider_id, name_key) WHERE deleted_at IS NULL DO NOTHING`, directory.LocalProvider, newURLToken())
	return mapError(ctx, err)
}

// newURLToken names an instance in its Tenant URL: 128 random bits.
func newURLToken() string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Providers implements [directory.Store].
func (s *Store) Providers(ctx context.Context) ([]*directory.Provider, error) {
	var rows []providerRow
	err := s.all(ctx, &rows, `SELECT id, uid, name, type, enabled, built_in, deleted_at FROM provider WHERE deleted_at IS NULL ORDER BY name_key`)
	out := make([]*directory.Provider, len(rows))
	for i, row := range rows {
		out[i] = row.provider()
	}
	return out, err
}

// Instances implements [directory.Store].
func (s *Store) Instances(ctx context.Context) ([]*directory.Instance, error) {
	var rows []instanceRow
	err := s.all(ctx, &rows, `SELECT `+instanceColumns+` FROM provider_instance pi JOIN provider p ON p.id = pi.provider_id
		WHERE pi.deleted_at IS NULL AND p.deleted_at IS NULL ORDER BY p.name_key, pi.name_key`)
	return instances(rows), err
}

// InstancesByID implements [directory.Store].
func (s *Store) InstancesByID(ctx context.Context, ids []int64) ([]*directory.Instance, error) {
	var rows []instanceRow
	err := s.all(ctx, &rows, `SELECT `+instanceColumns+` FROM provider_instance pi JOIN provider p ON p.id = pi.provider_id
		WHERE pi.id = ANY($1)`, pq.Int64Array(ids))
	return align(ids, instances(rows), func(i *directory.Instance) int64 { return i.ID }), err
}

// change runs one administrative statement with its audit row and a note in the change log, and returns the row's id.
// The statement is a CTE named changed that returns id; $1 is the audit row and $2 the kind of the note.
func (s *Store) change(ctx context.Context, kind string, a directory.Audit, statement string, args ...any) (int64, error) {
	var row struct {
		XID string `db:"xid"`
		ID  int64  `db:"id"`
	}
	err := retry(ctx, func() error {
		return s.get(ctx, &row, `WITH changed AS (`+statement+`), audited AS (`+auditRows+` WHERE EXISTS (SELECT FROM changed)), logged AS (
			INSERT INTO change_log (kind, ids) SELECT $2, array_agg(id) FROM changed HAVING count(*) > 0)
			SELECT pg_current_xact_id()::text AS xid, id FROM changed`, append([]any{auditJSON(a), kind}, args...)...)
	})
	if err != nil {
		return 0, err
	}
	return row.ID, s.noteXID(ctx, row.XID)
}

// InsertProvider implements [directory.Store].
func (s *Store) InsertProvider(ctx context.Context, p directory.Provider, a directory.Audit) (*directory.Provider, error) {
	return s.changeProvider(ctx, a, `INSERT INTO provider (name, name_key, type, enabled) VALUES ($3, $4, $5, $6) RETURNING id`,
		p.Name, directory.FoldKey(p.Name), string(p.Type), p.Enabled)
}

// UpdateProvider implements [directory.Store].
func (s *Store) UpdateProvider(ctx context.Context, p directory.Provider, a directory.Audit) (*directory.Provider, error) {
	return s.changeProvider(ctx, a, `UPDATE provider SET enabled = $4, deleted_at = $5, updated_at = now() WHERE id = $3 RETURNING id
	), ended AS (
		UPDATE sync_run SET status = 'CANCELLED', ended_at = now(), reason = 'The provider was disabled.'
		WHERE NOT $4 AND status IN ('QUEUED', 'SYNCHRONIZING') AND instance_id IN (SELECT id FROM provider_instance WHERE provider_id = $3) RETURNING id
	), released AS (
		DELETE FROM sync_lease WHERE run_id IN (SELECT id FROM ended)
	), marked AS (
		UPDATE provider_instance SET reevaluation = reevaluation + 1, reevaluated_to = 0
		WHERE provider_id = $3 AND deleted_at IS NULL AND EXISTS (SELECT FROM provider WHERE id = $3 AND enabled <> $4)`,
		p.ID, p.Enabled, p.DeletedAt)
}

func (s *Store) changeProvider(ctx context.Context, a directory.Audit, statement string, args ...any) (*directory.Provider, error) {
	id, err := s.change(ctx, "PROVIDER", a, statement, args...)
	if err != nil {
		return nil, notThere(err, "provider")
	}
	var row providerRow
	err = s.get(ctx, &row, `SELECT id, uid, name, type, enabled, built_in, deleted_at FROM provider WHERE id = $1`, id)
	return row.provider(), err
}

// InsertInstance implements [directory.Store].
func (s *Store) InsertInstance(ctx context.Context, i directory.Instance, a directory.Audit) (*directory.Instance, error) {
	var every *int64
	if i.SyncSchedule != nil {
		seconds := int64(*i.SyncSchedule / time.Second)
		every = &seconds
	}
	return s.changeInstance(ctx, a, `INSERT INTO provider_instance (provider_id, name, name_key, enabled, url_token, sync_schedule, next_run_at)
		SELECT id, $4, $5, $6, $7, $8::bigint, now() + make_interval(secs => $8::bigint) FROM provider WHERE id = $3 AND deleted_at IS NULL RETURNING id`,
		i.Provider.ID, i.Name, directory.FoldKey(i.Name), i.Enabled, newURLToken(), every)
}

// UpdateInstance implements [directory.Store]. The tokens and the configuration of a deleted instance end with it; groups of one name become one,
// or part, where the policy is another one now (rule R20).
func (s *Store) UpdateInstance(ctx context.Context, i directory.Instance, a directory.Audit) (*directory.Instance, error) {
	return s.changeInstance(ctx, a, `UPDATE provider_instance
		SET enabled = $4, duplicate_names = $5, renames = $6, deleted_at = $7, updated_at = now(),
			reevaluation = reevaluation + (enabled <> $4)::int, reevaluated_to = CASE WHEN enabled <> $4 THEN 0 ELSE reevaluated_to END
		WHERE id = $3 RETURNING id
	), ended AS (
		UPDATE sync_run SET status = 'CANCELLED', ended_at = now(), reason = 'The instance was disabled.'
		WHERE instance_id = $3 AND NOT $4 AND status IN ('QUEUED', 'SYNCHRONIZING') RETURNING id
	), released AS (
		DELETE FROM sync_lease WHERE run_id IN (SELECT id FROM ended)
	), forgotten AS (
		DELETE FROM runtime_config WHERE instance_id = $3 AND $7::timestamptz IS NOT NULL
	), merged AS (
		UPDATE identity i SET merged_into = holder.id, version = i.version + 1, updated_at = now() FROM identity holder
		WHERE $5 = 'MERGE' AND i.instance_id = $3 AND i.kind = 'GROUP' AND i.status <> 'DELETED' AND i.external_id IS NOT NULL
			AND i.merged_into IS NULL AND i.plain_key <> i.fqn_key AND holder.fqn_key = i.plain_key AND holder.instance_id = $3
			AND holder.kind = 'GROUP' AND holder.status <> 'DELETED' AND holder.id <> i.id
		RETURNING i.id
	), parted AS (
		UPDATE identity SET merged_into = NULL, version = version + 1, updated_at = now()
		WHERE $5 <> 'MERGE' AND instance_id = $3 AND merged_into IS NOT NULL RETURNING id
	), noted_groups AS (
		INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_UPDATED', array_agg(id ORDER BY id)
		FROM (SELECT id, row_number() OVER (ORDER BY id) / 1000 AS part FROM (SELECT id FROM merged UNION ALL SELECT id FROM parted) AS groups) AS parts
		GROUP BY part
	), revoked AS (
		UPDATE access_token SET revoked_at = $7 WHERE instance_id = $3 AND revoked_at IS NULL AND $7::timestamptz IS NOT NULL`,
		i.ID, i.Enabled, string(i.DuplicateNames), string(i.Renames), i.DeletedAt)
}

func (s *Store) changeInstance(ctx context.Context, a directory.Audit, statement string, args ...any) (*directory.Instance, error) {
	id, err := s.change(ctx, "INSTANCE", a, statement, args...)
	if err != nil {
		return nil, notThere(err, "provider instance")
	}
	found, err := s.InstancesByID(ctx, []int64{id})
	return found[0], err
}

// RuntimeConfig implements [directory.Store].
func (s *Store) RuntimeConfig(ctx context.Context, instances []int64) ([][]*directory.RuntimeConfigEntry, error) {
	var rows []struct {
		Instance  int64     `db:"instance_id"`
		Key       string    `db:"key"`
		Value     *string   `db:"value"`
		UpdatedAt time.Time `db:"updated_at"`
		UpdatedBy string    `db:"updated_by"`
	}
	err := s.all(ctx, &rows, `SELECT instance_id, key, value, updated_at, updated_by FROM runtime_config
		WHERE instance_id = ANY($1) ORDER BY key`, pq.Int64Array(instances))
	byInstance := map[int64][]*directory.RuntimeConfigEntry{}
	for _, row := range rows {
		byInstance[row.Instance] = append(byInstance[row.Instance], &directory.RuntimeConfigEntry{
			Key: row.Key, Value: row.Value, Secret: row.Value == nil, UpdatedAt: row.UpdatedAt, UpdatedBy: row.UpdatedBy,
		})
	}
	out := make([][]*directory.RuntimeConfigEntry, len(instances))
	for i, id := range instances {
		out[i] = byInstance[id]
	}
	return out, err
}

// SetRuntimeConfig implements [directory.Store].
func (s *Store) SetRuntimeConfig(ctx context.Context, instance int64, e directory.RuntimeConfigEntry, sealed []byte, reevaluate bool, a directory.Audit) error {
	_, err := s.change(ctx, "INSTANCE", a, `INSERT INTO runtime_config (instance_id, key, value, sealed, updated_by) VALUES ($3, $4, $5, $6, $7)
		ON CONFLICT (instance_id, key) DO UPDATE
		SET value = excluded.value, sealed = excluded.sealed, updated_at = now(), updated_by = excluded.updated_by
		RETURNING instance_id AS id`+noteSetting("$8"), instance, e.Key, e.Value, sealed, e.UpdatedBy, reevaluate)
	return err
}

// DeleteRuntimeConfig implements [directory.Store].
func (s *Store) DeleteRuntimeConfig(ctx context.Context, instance int64, key string, reevaluate bool, a directory.Audit) (bool, error) {
	_, err := s.change(ctx, "INSTANCE", a, `DELETE FROM runtime_config WHERE instance_id = $3 AND key = $4
		RETURNING instance_id AS id`+noteSetting("$5"), instance, key, reevaluate)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// notThere turns a statement that found no row into an error of the domain.
func notThere(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return directory.NotFound("", "There is no such %s any more.", what)
	}
	return err
}
