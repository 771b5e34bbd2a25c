package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// tokenLock is the advisory lock under which the first token is stored; the number has no meaning.
const tokenLock = 0x726f737421

// tokens reads access tokens. The instance is an object of directory.Instance, as it is now; so are the instances that a
// token is narrowed to, those that a provider of it got since among them.
const tokens = `SELECT t.id, t.uid, t.name, t.scopes, t.expires_at, t.last_used_at, t.created_at, t.revoked_at,
	CASE WHEN i.id IS NOT NULL THEN jsonb_build_object(
		'ID', i.id, 'UID', i.uid, 'Name', i.name, 'Enabled', i.enabled, 'DuplicateNames', i.duplicate_names,
		'Renames', i.renames, 'URLToken', i.url_token, 'SyncSchedule', i.sync_schedule * 1000000000,
		'NextRunAt', i.next_run_at, 'LastSyncedAt', i.last_synced_at, 'DeletedAt', i.deleted_at,
		'Config', coalesce((SELECT jsonb_object_agg(c.key, c.value) FROM runtime_config c
			WHERE c.instance_id = i.id AND c.value IS NOT NULL), '{}'),
		'Provider', jsonb_build_object('ID', p.id, 'UID', p.uid, 'Name', p.name, 'Type', p.type, 'Enabled', p.enabled,
			'BuiltIn', p.built_in, 'DeletedAt', p.deleted_at)) END AS instance,
	CASE WHEN t.provider_ids IS NOT NULL OR t.instance_ids IS NOT NULL THEN jsonb_build_object(
		'Seen', (SELECT jsonb_agg(x.id) FROM provider_instance x WHERE x.id = ANY (t.instance_ids) OR x.provider_id = ANY (t.provider_ids)),
		'RestrictTo', (SELECT jsonb_agg(jsonb_build_object('Provider', r.provider, 'Instance', r.instance,
				'ProviderID', r.provider_id, 'InstanceID', r.instance_id) ORDER BY r.provider, r.instance NULLS FIRST) FROM (
			SELECT x.name AS provider, NULL AS instance, x.id AS provider_id, 0 AS instance_id FROM provider x WHERE x.id = ANY (t.provider_ids)
			UNION ALL
			SELECT y.name, x.name, 0, x.id FROM provider_instance x JOIN provider y ON y.id = x.provider_id WHERE x.id = ANY (t.instance_ids)
		) AS r)) END AS narrowed
	FROM access_token t
	LEFT JOIN provider_instance i ON i.id = t.instance_id
	LEFT JOIN provider p ON p.id = i.provider_id `

type tokenRow struct {
	ID         int64          `db:"id"`
	UID        uuid.UUID      `db:"uid"`
	Name       string         `db:"name"`
	Scopes     pq.StringArray `db:"scopes"`
	ExpiresAt  *time.Time     `db:"expires_at"`
	LastUsedAt *time.Time     `db:"last_used_at"`
	CreatedAt  time.Time      `db:"created_at"`
	RevokedAt  *time.Time     `db:"revoked_at"`
	Instance   []byte         `db:"instance"`
	Narrowed   []byte         `db:"narrowed"`
}

func (r *tokenRow) token() (*access.Token, error) {
	t := &access.Token{
		ID: r.ID, UID: r.UID, Name: r.Name, ExpiresAt: r.ExpiresAt, LastUsedAt: r.LastUsedAt, CreatedAt: r.CreatedAt,
		RevokedAt: r.RevokedAt, Scopes: make([]access.Scope, len(r.Scopes)),
	}
	for i, scope := range r.Scopes {
		t.Scopes[i] = access.Scope(scope)
	}
	if r.Narrowed != nil {
		var narrowed struct {
			Seen       []int64
			RestrictTo []access.Restriction
		}
		if err := json.Unmarshal(r.Narrowed, &narrowed); err != nil {
			return nil, fmt.Errorf("scope of access token %d: %w", r.ID, err)
		}
		t.RestrictTo, t.Within = narrowed.RestrictTo, directory.ScopeOf(narrowed.Seen...)
	}
	if r.Instance == nil {
		return t, nil
	}
	if err := json.Unmarshal(r.Instance, &t.Instance); err != nil {
		return nil, fmt.Errorf("instance of access token %d: %w", r.ID, err)
	}
	return t, nil
}

// TokenByHash implements [access.Store].
func (s *Store) TokenByHash(ctx context.Context, hash access.Hash) (*access.Token, error) {
	var row tokenRow
	switch err := s.get(ctx, &row, tokens+`WHERE t.hash = $1`, hash[:]); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return row.token()
}

// TokensByUID implements [access.Store].
func (s *Store) TokensByUID(ctx context.Context, uids []uuid.UUID) ([]*access.Token, error) {
	found, err := s.findTokens(ctx, tokens+`WHERE t.uid = ANY($1::uuid[]) AND t.revoked_at IS NULL`, uidArray(uids))
	return align(uids, found, func(t *access.Token) uuid.UUID { return t.UID }), err
}

// Tokens implements [access.Store].
func (s *Store) Tokens(ctx context.Context, after int64, limit int) ([]*access.Token, error) {
	return s.findTokens(ctx, tokens+`WHERE t.id > $1 AND t.revoked_at IS NULL ORDER BY t.id LIMIT $2`, after, limit)
}

// LiveTokens implements [access.Store].
func (s *Store) LiveTokens(ctx context.Context) (map[access.Hash]*access.Token, error) {
	var hashes []struct {
		ID   int64  `db:"id"`
		Hash []byte `db:"hash"`
	}
	if err := s.all(ctx, &hashes, `SELECT id, hash FROM access_token WHERE revoked_at IS NULL`); err != nil {
		return nil, err
	}
	found, err := s.findTokens(ctx, tokens+`WHERE t.revoked_at IS NULL`)
	if err != nil {
		return nil, err
	}
	byID := make(map[int64]*access.Token, len(found))
	for _, t := range found {
		byID[t.ID] = t
	}
	out := make(map[access.Hash]*access.Token, len(hashes))
	for _, h := range hashes {
		if t := byID[h.ID]; t != nil && len(h.Hash) == len(access.Hash{}) {
			out[access.Hash(h.Hash)] = t
		}
	}
	return out, nil
}

func (s *Store) findTokens(ctx context.Context, query string, args ...any) ([]*access.Token, error) {
	var rows []tokenRow
	if err := s.all(ctx, &rows, query, args...); err != nil {
		return nil, err
	}
	out := make([]*access.Token, len(rows))
	for i := range rows {
		token, err := rows[i].token()
		if err != nil {
			return nil, err
		}
		out[i] = token
	}
	return out, nil
}

// CountTokens implements [access.Store].
func (s *Store) CountTokens(ctx context.Context) (int, error) {
	var n int
	err := s.get(ctx, &n, `SELECT count(*) FROM access_token WHERE revoked_at IS NULL`)
	return n, err
}

// AnyLiveToken implements [access.Store].
func (s *Store) AnyLiveToken(ctx context.Context, now time.Time) (bool, error) {
	var live bool
	err := s.get(ctx, &live, `SELECT EXISTS (SELECT FROM access_token
		WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) AND NOT 'SCIM' = ANY(scopes))`, now)
	return live, err
}

// noteToken tells other replicas that the tokens in t changed.
const noteToken = `noted AS (
	INSERT INTO change_log (kind, ids) SELECT 'TOKEN', array_agg(id) FROM t HAVING count(*) > 0
)`

// insertToken stores a token and its audit row where a condition holds; a statement may come before it.
const insertToken = `WITH %[2]s t AS (
		INSERT INTO access_token (uid, name, hash, scopes, instance_id, expires_at, provider_ids, instance_ids)
		SELECT $2::uuid, $3::text, $4::bytea, $5::text[], $6::bigint, $7::timestamptz, $8::bigint[], $9::bigint[] WHERE %[1]s
		RETURNING id, created_at
	), audited AS (` + auditRows + ` WHERE EXISTS (SELECT FROM t)), ` + noteToken + `
	SELECT id, created_at, pg_current_xact_id()::text AS xid FROM t`

var (
	insertAnyToken   = fmt.Sprintf(insertToken, "true", "")
	insertFirstToken = fmt.Sprintf(insertToken, "NOT EXISTS (SELECT FROM access_token WHERE NOT 'SCIM' = ANY(scopes))", "")
	// insertSuccessor also ends token $10 at $12, unless that ends before; where it has ended, as of $11, nothing is done.
	insertSuccessor = fmt.Sprintf(insertToken, "EXISTS (SELECT FROM old)", `old AS (
		UPDATE access_token SET expires_at = LEAST(expires_at, $12::timestamptz)
		WHERE uid = $10::uuid AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $11::timestamptz)
		RETURNING id
	),`)
)

type insertedToken struct {
	ID        int64     `db:"id"`
	CreatedAt time.Time `db:"created_at"`
	XID       string    `db:"xid"`
}

// InsertToken implements [access.Store].
func (s *Store) InsertToken(ctx context.Context, t access.Token, hash access.Hash, a directory.Audit) (*access.Token, error) {
	var row insertedToken
	if err := s.get(ctx, &row, insertAnyToken, tokenArgs(t, hash, a)...); err != nil {
		return nil, err
	}
	t.ID, t.CreatedAt = row.ID, row.CreatedAt
	return &t, s.noteXID(ctx, row.XID)
}

// InsertFirstToken implements [access.Store]. Of several callers at once, those who wait for the lock see the token of
// the one who had it.
func (s *Store) InsertFirstToken(ctx context.Context, t access.Token, hash access.Hash, a directory.Audit) (*access.Token, error) {
	var row insertedToken
	err := s.inTransaction(ctx, func(tx runner) error {
		if _, err := tx.exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(tokenLock)); err != nil {
			return err
		}
		return tx.get(ctx, &row, insertFirstToken, tokenArgs(t, hash, a)...)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	t.ID, t.CreatedAt = row.ID, row.CreatedAt
	return &t, s.noteXID(ctx, row.XID)
}

func tokenArgs(t access.Token, hash access.Hash, a directory.Audit) []any {
	scopes := make(pq.StringArray, len(t.Scopes))
	for i, scope := range t.Scopes {
		scopes[i] = string(scope)
	}
	var instance *int64
	if t.Instance != nil {
		instance = &t.Instance.ID
	}
	var providers, instances pq.Int64Array // null where the token sees everything
	for _, r := range t.RestrictTo {
		if r.ProviderID != 0 {
			providers = append(providers, r.ProviderID)
		} else {
			instances = append(instances, r.InstanceID)
		}
	}
	return []any{auditJSON(a), t.UID, t.Name, hash[:], scopes, instance, t.ExpiresAt, providers, instances}
}

// RotateToken implements [access.Store].
func (s *Store) RotateToken(ctx context.Context, old uuid.UUID, now, until time.Time, t access.Token, hash access.Hash, a directory.Audit) (*access.Token, error) {
	var row insertedToken
	switch err := s.get(ctx, &row, insertSuccessor, append(tokenArgs(t, hash, a), old, now, until)...); {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	t.ID, t.CreatedAt = row.ID, row.CreatedAt
	return &t, s.noteXID(ctx, row.XID)
}

// RevokeToken implements [access.Store].
func (s *Store) RevokeToken(ctx context.Context, uid uuid.UUID, at time.Time, a directory.Audit) (bool, error) {
	var xid string
	err := s.get(ctx, &xid, `WITH t AS (
			UPDATE access_token SET revoked_at = $3 WHERE uid = $2 AND revoked_at IS NULL RETURNING id
		), audited AS (`+auditRows+` WHERE EXISTS (SELECT FROM t)), `+noteToken+`
		SELECT pg_current_xact_id()::text FROM t`, auditJSON(a), uid, at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, s.noteXID(ctx, xid)
}

// NoteUses implements [access.Store]. Rows that another replica is noting are left to it.
func (s *Store) NoteUses(ctx context.Context, ids []int64, at []time.Time) error {
	times := make(pq.StringArray, len(at))
	for i, t := range at {
		times[i] = t.UTC().Format(time.RFC3339Nano)
	}
	_, err := s.direct().exec(ctx, `WITH used AS (
			SELECT * FROM unnest($1::bigint[], $2::timestamptz[]) AS u (id, at)
		), free AS (
			SELECT t.id FROM access_token t JOIN used USING (id)
			WHERE t.last_used_at IS NULL OR t.last_used_at < used.at FOR NO KEY UPDATE OF t SKIP LOCKED
		)
		UPDATE access_token t SET last_used_at = used.at FROM used JOIN free USING (id) WHERE t.id = used.id`,
		pq.Int64Array(ids), times)
	return err
}

// noteXID notes the revision of a committed transaction.
func (s *Store) noteXID(ctx context.Context, xid string) error {
	var r directory.Revision
	if err := setXID(&r, xid); err != nil {
		return err
	}
	s.noteCommit(ctx, r.XID)
	return nil
}
