package store

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// housekeepingLock is the advisory lock of whoever keeps house; the number has no meaning. It is held for one
// transaction.
const housekeepingLock = 0x726f7374

// How many rows one transaction of housekeeping deletes at most.
const (
	pruneBatch = 5000
	purgeBatch = 1000
	runBatch   = 100
	// leftoverBatch is how many runs it drops the tables of: a transaction holds a lock for each table.
	leftoverBatch = 20
)

// pruneSQL deletes the oldest changes, where they are older than $1 seconds, and notes how far it came.
const pruneSQL = `
WITH oldest AS (
	SELECT seq FROM change_log ORDER BY seq LIMIT $2
), gone AS (
	DELETE FROM change_log c USING oldest WHERE c.seq = oldest.seq
		AND c.at < now() - make_interval(secs => $1)
	RETURNING c.seq, c.xid
), noted AS (
	UPDATE store_epoch SET
		pruned_seq = greatest(pruned_seq, (SELECT max(seq) FROM gone)),
		pruned_xid = greatest(pruned_xid, (SELECT xid FROM gone ORDER BY xid DESC LIMIT 1)),
		pruned_at = pg_snapshot_xmax(pg_current_snapshot())
	WHERE EXISTS (SELECT FROM gone)
)
SELECT count(*) FROM gone`

// purgeSQL takes the oldest tombstones of more than $1 seconds. Nobody can link to a tombstone, so that nobody waits.
const purgeSQL = `SELECT id FROM identity WHERE status = 'DELETED' AND updated_at < now() - make_interval(secs => $1)
	ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED`

// forgetSQL deletes identities with all that could lead to them, and tells the replicas.
const forgetSQL = `
WITH aliases AS (
	DELETE FROM alias WHERE identity_id = ANY($1)
), links AS (
	DELETE FROM link WHERE container_id = ANY($1) OR member_id = ANY($1)
), mergers AS (
	UPDATE identity SET merged_into = NULL WHERE merged_into = ANY($1) AND id <> ALL($1)
), gone AS (
	DELETE FROM identity WHERE id = ANY($1)
)
INSERT INTO change_log (kind, ids) VALUES ('PURGED', $1)`

// PruneChanges implements [directory.Housekeeper].
func (s *Store) PruneChanges(ctx context.Context, age time.Duration) (deleted int, err error) {
	err = s.inTurn(ctx, func(tx runner) error { return tx.get(ctx, &deleted, pruneSQL, age.Seconds(), pruneBatch) })
	return deleted, err
}

// PurgeTombstones implements [directory.Housekeeper].
func (s *Store) PurgeTombstones(ctx context.Context, age time.Duration) (deleted int, err error) {
	var ids pq.Int64Array
	err = s.inTurn(ctx, func(tx runner) error {
		if err := tx.all(ctx, &ids, purgeSQL, age.Seconds(), purgeBatch); err != nil || len(ids) == 0 {
			return err
		}
		_, err := tx.exec(ctx, forgetSQL, ids)
		return err
	})
	if err != nil {
		return 0, err
	}
	if len(ids) > 0 {
		s.askForHint()
	}
	return len(ids), nil
}

// overRuns are the runs that ended longer than $1 seconds ago, each with a later one of its instance.
const overRuns = `SELECT r.id FROM sync_run r WHERE r.status NOT IN ('QUEUED', 'SYNCHRONIZING', 'QUARANTINED')
	AND coalesce(r.ended_at, r.requested_at) < now() - make_interval(secs => $1)
	AND EXISTS (SELECT FROM sync_run later WHERE later.instance_id = r.instance_id AND later.id > r.id)`

// pruneRunsSQL are deletions of at most $2 rows each. A run can have a failure and a line of its plan for every identity, so
// that these go before it: the runs that the last one takes have none left.
var pruneRunsSQL = []struct {
	statement string
	batch     int
}{
	{`DELETE FROM sync_failure WHERE id IN (SELECT id FROM sync_failure WHERE run_id IN (` + overRuns + `) LIMIT $2)`, pruneBatch},
	{`DELETE FROM sync_plan WHERE (run_id, n) IN (SELECT run_id, n FROM sync_plan WHERE run_id IN (` + overRuns + `) LIMIT $2)`, pruneBatch},
	{`DELETE FROM sync_run WHERE id IN (` + overRuns + ` ORDER BY r.id LIMIT $2)`, runBatch},
}

// PruneRuns implements [directory.Housekeeper].
func (s *Store) PruneRuns(ctx context.Context, age time.Duration) (deleted int, err error) {
	err = s.inTurn(ctx, func(tx runner) error {
		for _, prune := range pruneRunsSQL {
			n, err := tx.exec(ctx, prune.statement, age.Seconds(), prune.batch)
			if err != nil || n > 0 {
				deleted = int(n)
				return err
			}
		}
		return nil
	})
	return deleted, err
}

// leftoverSQL lists runs that have tables and are not under way. Those that exist are locked: one that waited for approval
// can be under way again, with new tables of the same names, as soon as they are not.
const leftoverSQL = `
WITH kept AS MATERIALIZED (
	SELECT DISTINCT substring(relname from '[0-9]+$')::bigint AS run FROM pg_class
	WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname ~ '^(stage_identity|stage_link|todo|todo_link|want)_[0-9]{1,18}$'
), ended AS MATERIALIZED (
	SELECT id FROM sync_run WHERE id IN (SELECT run FROM kept) AND status NOT IN ('QUEUED', 'SYNCHRONIZING') FOR UPDATE SKIP LOCKED
)
SELECT run FROM kept WHERE run IN (SELECT id FROM ended) OR NOT EXISTS (SELECT FROM sync_run WHERE id = run) ORDER BY run LIMIT $1`

// DropLeftovers implements [directory.Housekeeper].
func (s *Store) DropLeftovers(ctx context.Context) (dropped int, err error) {
	err = s.inTurn(ctx, func(tx runner) error {
		var runs pq.Int64Array
		if err := tx.all(ctx, &runs, leftoverSQL, leftoverBatch); err != nil {
			return err
		}
		for _, run := range runs {
			if _, err := tx.exec(ctx, bulkTx{run: run}.text(dropTables)); err != nil {
				return err
			}
		}
		dropped = len(runs)
		return nil
	})
	return dropped, err
}

// inTurn runs do in a transaction, unless another replica is keeping house.
func (s *Store) inTurn(ctx context.Context, do func(tx runner) error) error {
	return s.inTransaction(ctx, func(tx runner) error {
		var ours bool
		if err := tx.get(ctx, &ours, `SELECT pg_try_advisory_xact_lock($1)`, housekeepingLock); err != nil || !ours {
			return err
		}
		return do(tx)
	})
}
