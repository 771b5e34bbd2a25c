package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

var _ syncer.Store = (*Store)(nil)

// syncRunRow is a run as it is read.
type syncRunRow struct {
	ID          int64      `db:"id"`
	UID         uuid.UUID  `db:"uid"`
	Instance    int64      `db:"instance_id"`
	Mode        string     `db:"mode"`
	Status      string     `db:"status"`
	DryRun      bool       `db:"dry_run"`
	SkipDeleted bool       `db:"skip_deleted"`
	Scheduled   bool       `db:"scheduled"`
	RequestedAt time.Time  `db:"requested_at"`
	StartedAt   *time.Time `db:"started_at"`
	EndedAt     *time.Time `db:"ended_at"`
	Reason      *string    `db:"reason"`
	PlanHash    *string    `db:"plan_hash"`
	Phase       string     `db:"phase"`
	Pages       int        `db:"pages"`
	Identities  int        `db:"identity_count"`
	Links       int        `db:"link_count"`
	Properties  int        `db:"property_count"`
	Created     int        `db:"created"`
	Updated     int        `db:"updated"`
	Disabled    int        `db:"disabled"`
	Deleted     int        `db:"deleted"`
	Linked      int        `db:"linked"`
	Unlinked    int        `db:"unlinked"`
	Skipped     int        `db:"skipped"`
	Failed      int        `db:"failed"`
}

// syncRunColumns are the columns of a syncRunRow, of a table called r.
const syncRunColumns = `r.id, r.uid, r.instance_id, r.mode, r.status, r.dry_run, r.skip_deleted, r.scheduled, r.requested_at, r.started_at,
	r.ended_at, r.reason, r.plan_hash, r.phase, r.pages, r.identity_count, r.link_count, r.property_count, r.created, r.updated, r.disabled,
	r.deleted, r.linked, r.unlinked, r.skipped, r.failed`

func (r *syncRunRow) run() *syncer.Run {
	return &syncer.Run{
		ID: r.ID, UID: r.UID, InstanceID: r.Instance, Mode: syncer.Mode(r.Mode), Status: syncer.Status(r.Status), DryRun: r.DryRun,
		SkipDeleted: r.SkipDeleted, Scheduled: r.Scheduled, RequestedAt: r.RequestedAt, StartedAt: r.StartedAt, EndedAt: r.EndedAt,
		Reason: r.Reason, PlanHash: r.PlanHash, Phase: r.Phase, Pages: r.Pages,
		Counts: syncer.Counts{
			IdentityCount: r.Identities, LinkCount: r.Links, PropertyCount: r.Properties, Created: r.Created, Updated: r.Updated,
			Disabled: r.Disabled, Deleted: r.Deleted, Linked: r.Linked, Unlinked: r.Unlinked, Skipped: r.Skipped, Failed: r.Failed,
		},
	}
}

func (s *Store) findRuns(ctx context.Context, query string, args ...any) ([]*syncer.Run, error) {
	var rows []syncRunRow
	err := s.all(ctx, &rows, query, args...)
	out := make([]*syncer.Run, len(rows))
	for i := range rows {
		out[i] = rows[i].run()
	}
	return out, err
}

// InsertRun implements [syncer.Runs].
func (s *Store) InsertRun(ctx context.Context, r syncer.Run, a directory.Audit) (*syncer.Run, error) {
	_, err := s.change(ctx, "INSTANCE", a, `INSERT INTO sync_run (uid, instance_id, mode, dry_run, skip_deleted)
		VALUES ($3, $4, $5, $6, $7) RETURNING instance_id AS id`, r.UID.String(), r.InstanceID, string(r.Mode), r.DryRun, r.SkipDeleted)
	if err != nil {
		return nil, err
	}
	found, err := s.RunsByUID(ctx, []uuid.UUID{r.UID})
	return found[0], err
}

// RunsByUID implements [syncer.Runs].
func (s *Store) RunsByUID(ctx context.Context, uids []uuid.UUID) ([]*syncer.Run, error) {
	found, err := s.findRuns(ctx, `SELECT `+syncRunColumns+` FROM sync_run r WHERE r.uid = ANY($1::uuid[])`, uidArray(uids))
	return align(uids, found, func(r *syncer.Run) uuid.UUID { return r.UID }), err
}

// runsWhere are the conditions of a filter; runArgs their arguments, $1 to $4.
const runsWhere = `(cardinality($1::bigint[]) = 0 OR r.instance_id = ANY($1)) AND (cardinality($2::text[]) = 0 OR r.status = ANY($2))
	AND ($3::timestamptz IS NULL OR r.started_at > $3) AND ($4::timestamptz IS NULL OR r.started_at < $4)`

func runArgs(f syncer.RunFilter) []any {
	statuses := make(pq.StringArray, len(f.Status))
	for i, status := range f.Status {
		statuses[i] = string(status)
	}
	return []any{pq.Int64Array(append([]int64{}, f.InstanceIDs...)), statuses, f.StartedAfter, f.StartedBefore}
}

// ListRuns implements [syncer.Runs].
func (s *Store) ListRuns(ctx context.Context, f syncer.RunFilter, before int64, limit int) ([]*syncer.Run, error) {
	return s.findRuns(ctx, `SELECT `+syncRunColumns+` FROM sync_run r WHERE `+runsWhere+` AND ($5 = 0 OR r.id < $5) ORDER BY r.id DESC LIMIT $6`,
		append(runArgs(f), before, limit)...)
}

// CountRuns implements [syncer.Runs].
func (s *Store) CountRuns(ctx context.Context, f syncer.RunFilter) (n int, err error) {
	err = s.get(ctx, &n, `SELECT count(*) FROM sync_run r WHERE `+runsWhere, runArgs(f)...)
	return n, err
}

// Failures implements [syncer.Runs].
func (s *Store) Failures(ctx context.Context, run, after int64, limit int) ([]*syncer.Failure, error) {
	var rows []struct {
		ID         int64   `db:"id"`
		ExternalID string  `db:"external_id"`
		FQN        *string `db:"fqn"`
		Code       string  `db:"code"`
		Message    string  `db:"message"`
	}
	err := s.all(ctx, &rows, `SELECT id, external_id, fqn, code, message FROM sync_failure WHERE run_id = $1 AND id > $2 ORDER BY id LIMIT $3`, run, after, limit)
	out := make([]*syncer.Failure, len(rows))
	for i, r := range rows {
		out[i] = &syncer.Failure{ID: r.ID, ExternalID: r.ExternalID, FQN: r.FQN, Code: directory.SyncFailureCode(r.Code), Message: r.Message}
	}
	return out, err
}

// CountFailures implements [syncer.Runs].
func (s *Store) CountFailures(ctx context.Context, run int64) (n int, err error) {
	err = s.get(ctx, &n, `SELECT count(*) FROM sync_failure WHERE run_id = $1`, run)
	return n, err
}

// PlannedChanges implements [syncer.Runs].
func (s *Store) PlannedChanges(ctx context.Context, run, after int64, limit int) ([]*syncer.PlannedChange, error) {
	var rows []struct {
		N      int64   `db:"n"`
		Action string  `db:"action"`
		FQN    string  `db:"fqn"`
		Detail *string `db:"detail"`
	}
	err := s.all(ctx, &rows, `SELECT n, action, fqn, detail FROM sync_plan WHERE run_id = $1 AND n > $2 ORDER BY n LIMIT $3`, run, after, limit)
	out := make([]*syncer.PlannedChange, len(rows))
	for i, r := range rows {
		out[i] = &syncer.PlannedChange{N: r.N, Action: syncer.Action(r.Action), FQN: r.FQN, Detail: r.Detail}
	}
	return out, err
}

// CountPlannedChanges implements [syncer.Runs].
func (s *Store) CountPlannedChanges(ctx context.Context, run int64) (n int, err error) {
	err = s.get(ctx, &n, `SELECT count(*) FROM sync_plan WHERE run_id = $1`, run)
	return n, err
}

// ApproveRun implements [syncer.Runs]. The run reads the source anew: what it is going to do has to be what was approved.
func (s *Store) ApproveRun(ctx context.Context, uid uuid.UUID, planHash string, a directory.Audit) (bool, error) {
	_, err := s.change(ctx, "INSTANCE", a, `UPDATE sync_run SET status = 'QUEUED', approved_hash = plan_hash, ended_at = NULL, reason = NULL,
		full_round = NULL, from_state = NULL, resume = NULL, end_state = NULL, phase = 'read', pages = 0
		WHERE uid = $3 AND status = 'QUARANTINED' AND plan_hash = $4 RETURNING instance_id AS id`, uid.String(), planHash)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// CancelRun implements [syncer.Runs]. Whoever works on the run learns it by the lease, and gives up what it is writing;
// until then it waits, so that nothing is written after it. Where the run could not be ended, its audit row for one, whoever works
// on it goes on, or the next one to take it up.
func (s *Store) CancelRun(ctx context.Context, uid uuid.UUID, from []syncer.Status, reason string, a directory.Audit) (bool, error) {
	statuses := make(pq.StringArray, len(from))
	for i, status := range from {
		statuses[i] = string(status)
	}
	tell := func(ctx context.Context, cancelled bool) error {
		_, err := s.direct().exec(ctx, `UPDATE sync_lease l SET cancelled = $3 FROM sync_run r
			WHERE r.id = l.run_id AND r.uid = $1 AND r.status = ANY($2)`, uid.String(), statuses, cancelled)
		return err
	}
	if err := tell(ctx, true); err != nil {
		return false, err
	}
	_, err := s.change(ctx, "INSTANCE", a, `UPDATE sync_run SET status = 'CANCELLED', ended_at = now(), reason = $5
		WHERE uid = $3 AND status = ANY($4) RETURNING instance_id AS id, id AS run_id, plan_hash
	), released AS (
		DELETE FROM sync_lease WHERE run_id IN (SELECT run_id FROM changed)
	), lifted AS (
		UPDATE provider_instance SET hold = NULL, hold_reason = NULL
		WHERE hold = 'QUARANTINED' AND id IN (SELECT id FROM changed WHERE plan_hash IS NOT NULL)`, uid.String(), statuses, reason)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		err = errors.Join(err, tell(context.WithoutCancel(ctx), false))
	}
	return err == nil, err
}

// PlanStands implements [syncer.Runs].
func (s *Store) PlanStands(ctx context.Context, run int64) (stands bool, err error) {
	err = s.get(ctx, &stands, `SELECT r.plan_writes = pi.sync_writes FROM sync_run r JOIN provider_instance pi ON pi.id = r.instance_id WHERE r.id = $1`, run)
	return stands, err
}

// SetSchedule implements [syncer.Runs].
func (s *Store) SetSchedule(ctx context.Context, instance int64, every *time.Duration, next *time.Time, a directory.Audit) error {
	var seconds *int64
	if every != nil {
		n := int64(*every / time.Second)
		seconds = &n
	}
	_, err := s.change(ctx, "INSTANCE", a, `UPDATE provider_instance SET sync_schedule = $4, next_run_at = $5, updated_at = now()
		WHERE id = $3 AND deleted_at IS NULL RETURNING id`, instance, seconds, next)
	return notThere(err, "provider instance")
}

// ResetState implements [syncer.Runs]. A run that is under way ends with its own state, which is not that of the next.
func (s *Store) ResetState(ctx context.Context, instance int64, a directory.Audit) error {
	_, err := s.change(ctx, "INSTANCE", a, `UPDATE provider_instance SET sync_state = NULL, updated_at = now()
		WHERE id = $3 AND deleted_at IS NULL RETURNING id
	), again AS (
		UPDATE sync_run SET again_full = true WHERE instance_id = $3 AND status IN ('QUEUED', 'SYNCHRONIZING')`, instance)
	return notThere(err, "provider instance")
}

// SyncSecrets implements [syncer.Store].
func (s *Store) SyncSecrets(ctx context.Context, instance int64) (map[string][]byte, error) {
	var rows []struct {
		Key    string `db:"key"`
		Sealed []byte `db:"sealed"`
	}
	err := s.all(ctx, &rows, `SELECT key, sealed FROM runtime_config WHERE instance_id = $1 AND sealed IS NOT NULL`, instance)
	out := make(map[string][]byte, len(rows))
	for _, row := range rows {
		out[row.Key] = row.Sealed
	}
	return out, err
}
