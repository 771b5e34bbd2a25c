package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/syncer"
)

// dueSQL queues a run for every instance that is due, and puts its next one off: by its schedule and up to $1 of it
// more, so that instances which were set up together drift apart. One whose run is still under way waits for its next
// turn; so does one whose sign-in somebody has to renew.
const dueSQL = `
WITH due AS (
	SELECT pi.id, pi.sync_schedule FROM provider_instance pi JOIN provider p ON p.id = pi.provider_id
	WHERE pi.next_run_at <= now() AND pi.deleted_at IS NULL AND pi.enabled AND p.enabled AND p.deleted_at IS NULL AND pi.sync_schedule IS NOT NULL
		AND pi.hold IS DISTINCT FROM 'NEEDS_CONSENT'
	ORDER BY pi.next_run_at LIMIT 100 FOR UPDATE OF pi SKIP LOCKED
), moved AS (
	UPDATE provider_instance pi SET next_run_at = now() + make_interval(secs => pi.sync_schedule * (1 + $1 * random())) FROM due WHERE pi.id = due.id
), queued AS (
	INSERT INTO sync_run (instance_id, mode, scheduled) SELECT id, 'AUTO', true FROM due
	ON CONFLICT (instance_id) WHERE status IN ('QUEUED', 'SYNCHRONIZING') DO NOTHING RETURNING instance_id
), noted AS (
	INSERT INTO change_log (kind, ids) SELECT 'INSTANCE', array_agg(instance_id) FROM queued HAVING count(*) > 0
)
SELECT count(*) FROM queued`

// QueueDue implements [syncer.Leases].
func (s *Store) QueueDue(ctx context.Context, jitter float64) (queued int, err error) {
	err = retry(ctx, func() error { return s.get(ctx, &queued, dueSQL, jitter) })
	return queued, err
}

// claimSQL takes up the oldest run that waits, or whose lease has run out.
const claimSQL = `
WITH next AS (
	SELECT r.id FROM sync_run r LEFT JOIN sync_lease l ON l.run_id = r.id
	WHERE (r.status = 'QUEUED' OR r.status = 'SYNCHRONIZING' AND (l.until < now() OR l.run_id IS NULL)) AND (r.not_before IS NULL OR r.not_before <= now())
	ORDER BY r.id LIMIT 1 FOR UPDATE OF r SKIP LOCKED
), leased AS (
	INSERT INTO sync_lease (run_id, fence, owner, until) SELECT id, nextval('sync_fence'), $1, now() + make_interval(secs => $2) FROM next
	ON CONFLICT (run_id) DO UPDATE SET fence = excluded.fence, owner = excluded.owner, until = excluded.until, cancelled = false
	RETURNING run_id, fence
), taken AS (
	UPDATE sync_run r SET status = 'SYNCHRONIZING', started_at = coalesce(started_at, now()), not_before = NULL
	FROM leased WHERE r.id = leased.run_id RETURNING r.*, leased.fence
), noted AS (
	INSERT INTO change_log (kind, ids) SELECT 'INSTANCE', ARRAY[instance_id] FROM taken
)
SELECT ` + syncRunColumns + `, r.fence, r.full_round, CASE WHEN r.full_round IS NULL THEN pi.sync_state ELSE r.from_state END AS from_state,
	r.resume, r.end_state, r.approved_hash, pi.last_synced_at IS NULL AS first, pi.sync_failures
FROM taken r JOIN provider_instance pi ON pi.id = r.instance_id`

// Claim implements [syncer.Leases].
func (s *Store) Claim(ctx context.Context, owner string, lease time.Duration) (*syncer.Claimed, error) {
	var row struct {
		syncRunRow
		Fence     int64   `db:"fence"`
		Full      *bool   `db:"full_round"`
		FromState []byte  `db:"from_state"`
		Resume    []byte  `db:"resume"`
		EndState  []byte  `db:"end_state"`
		Approved  *string `db:"approved_hash"`
		First     bool    `db:"first"`
		Failures  int     `db:"sync_failures"`
	}
	err := retry(ctx, func() error { return s.get(ctx, &row, claimSQL, owner, lease.Seconds()) })
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.askForHint()
	return &syncer.Claimed{
		Lease: syncer.Lease{Run: row.ID, Fence: row.Fence}, Run: *row.run(), Full: row.Full, FromState: row.FromState, Resume: row.Resume,
		EndState: row.EndState, ApprovedHash: row.Approved, First: row.First, Failures: row.Failures,
	}, nil
}

// Renew implements [syncer.Leases].
func (s *Store) Renew(ctx context.Context, l syncer.Lease, lease time.Duration) error {
	n, err := s.direct().exec(ctx, `UPDATE sync_lease SET until = now() + make_interval(secs => $3)
		WHERE run_id = $1 AND fence = $2 AND NOT cancelled`, l.Run, l.Fence, lease.Seconds())
	if err == nil && n == 0 {
		err = syncer.ErrLost
	}
	return err
}

// Yield implements [syncer.Leases].
func (s *Store) Yield(ctx context.Context, l syncer.Lease, after time.Duration, reason string) error {
	return s.inRun(ctx, l, func(tx bulkTx) error {
		_, err := tx.exec(`WITH released AS (DELETE FROM sync_lease WHERE run_id = $1)
			UPDATE sync_run SET status = 'QUEUED', reason = nullif($3, ''), not_before = now() + make_interval(secs => $2) WHERE id = $1`,
			l.Run, after.Seconds(), reason)
		return err
	})
}

// unseenSQL remembers who was removed softly without being known.
const unseenSQL = `
WITH seen AS (
	DELETE FROM sync_unseen u USING sync_run r, stage_identity_%[1]d s
	WHERE r.id = $1 AND u.instance_id = r.instance_id AND s.kind = u.kind AND s.key = u.key AND s.removal <> 1
)
INSERT INTO sync_unseen (instance_id, kind, key) SELECT r.instance_id, s.kind, s.key FROM stage_identity_%[1]d s JOIN sync_run r ON r.id = $1
WHERE s.removal = 1 AND NOT EXISTS (SELECT FROM identity i
	WHERE i.instance_id = r.instance_id AND i.kind = s.kind AND i.external_id = s.key AND i.status <> 'DELETED')
ON CONFLICT DO NOTHING`

// keepRefused keeps those that a run refused, and those of earlier runs that it did not deal with.
func (t bulkTx) keepRefused(refused []syncer.IdentityRef) error {
	kinds, keys := make(pq.StringArray, len(refused)), make(pq.StringArray, len(refused))
	for i, ref := range refused {
		kinds[i], keys[i] = string(ref.Kind), ref.Key
	}
	_, err := t.exec(`WITH now AS (
			SELECT r.instance_id, n.kind, n.key FROM sync_run r, unnest($2::text[], $3::text[]) AS n (kind, key) WHERE r.id = $1
		), past AS (
			DELETE FROM sync_refused s USING sync_run r WHERE r.id = $1 AND s.instance_id = r.instance_id
				AND NOT EXISTS (SELECT FROM now WHERE now.kind = s.kind AND now.key = s.key)
				AND (r.full_round OR EXISTS (SELECT FROM stage_identity_%[1]d d WHERE d.kind = s.kind AND d.key = s.key))
		)
		INSERT INTO sync_refused (instance_id, kind, key) SELECT instance_id, kind, key FROM now ON CONFLICT DO NOTHING`, t.run, kinds, keys)
	return err
}

// Finish implements [syncer.Leases]. The state of the source moves on in the same transaction, and what the run kept aside
// goes with it: nobody would come back to drop it.
func (s *Store) Finish(ctx context.Context, l syncer.Lease, f syncer.Finish) error {
	err := s.inRun(ctx, l, func(tx bulkTx) error {
		var hold *string
		if f.Hold != nil {
			text := string(*f.Hold)
			hold = &text
		}
		if f.Status != syncer.Failed && f.Status != syncer.Cancelled {
			if _, err := tx.exec(`WITH `+noteFailures+`SELECT $1, key, fqn, problem, problem_text FROM stage_identity_%[1]d
				WHERE problem IS NOT NULL`+countFailures, l.Run); err != nil {
				return err
			}
		}
		if f.Advance {
			if _, err := tx.exec(unseenSQL, l.Run); err != nil {
				return err
			}
			if err := tx.keepRefused(f.Refused); err != nil {
				return err
			}
		}
		if err := tx.overtake(l, &f); err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE provider_instance pi SET
				sync_state = CASE WHEN $2 THEN CASE WHEN r.again_full THEN NULL ELSE nullif(r.end_state, '') END ELSE pi.sync_state END,
				last_full_at = CASE WHEN $2 AND r.full_round THEN now() ELSE pi.last_full_at END,
				last_synced_at = CASE WHEN $2 THEN now() ELSE pi.last_synced_at END,
				sync_failures = CASE WHEN $2 THEN 0 WHEN $3 THEN pi.sync_failures + 1 ELSE pi.sync_failures END,
				hold = CASE WHEN $2 THEN NULL WHEN $4::text IS NOT NULL THEN $4 ELSE pi.hold END,
				hold_reason = CASE WHEN $2 THEN NULL WHEN $4::text IS NOT NULL THEN $5 ELSE pi.hold_reason END,
				next_run_at = CASE WHEN pi.sync_schedule IS NULL THEN NULL WHEN $6::float8 > 0 THEN greatest(pi.next_run_at, now() + make_interval(secs => $6))
					ELSE pi.next_run_at END
			FROM sync_run r WHERE r.id = $1 AND pi.id = r.instance_id`,
			l.Run, f.Advance, f.Failed, hold, f.HoldReason, f.Retry.Seconds()); err != nil {
			return err
		}
		_, err := tx.exec(`WITH released AS (
				DELETE FROM sync_lease WHERE run_id = $1
			), ended AS (
				UPDATE sync_run SET status = CASE WHEN $2 = 'COMPLETE' AND failed > 0 THEN 'PARTIAL' ELSE $2 END,
					reason = CASE WHEN $3 <> '' THEN $3 WHEN $2 = 'COMPLETE' AND failed > 0
						THEN failed || ' things at the source could not be taken over; failures lists them.' END,
					plan_hash = coalesce($4, plan_hash), ended_at = now(), phase = 'end' WHERE id = $1
				RETURNING instance_id, status, created, updated, disabled, deleted, linked, unlinked, failed, uid
			), audited AS (
				INSERT INTO audit (actor, door, action, target, detail)
				SELECT 'synchronization', 'sync', 'sync.run', uid::text, jsonb_build_object('status', status, 'created', created, 'updated', updated,
					'disabled', disabled, 'deleted', deleted, 'linked', linked, 'unlinked', unlinked, 'failed', failed) FROM ended
			) INSERT INTO change_log (kind, ids) SELECT 'INSTANCE', ARRAY[instance_id] FROM ended`, l.Run, string(f.Status), f.Reason, f.PlanHash)
		if err == nil {
			_, err = tx.exec(dropTables)
		}
		return err
	})
	if err == nil {
		s.askForHint()
	}
	return err
}

// overtake ends the run that waits for approval, where this one did its work or waits itself: its plan is no longer what a
// run would do. Where it is, the older one goes on waiting.
func (t bulkTx) overtake(l syncer.Lease, f *syncer.Finish) error {
	if !f.Advance && f.Status != syncer.Quarantined {
		return nil
	}
	if f.Status == syncer.Quarantined {
		var same bool
		if err := t.get(&same, `SELECT EXISTS (SELECT FROM sync_run w JOIN sync_run r ON r.instance_id = w.instance_id
			WHERE r.id = $1 AND w.id <> r.id AND w.status = 'QUARANTINED' AND w.plan_hash = $2 AND w.plan_writes = r.plan_writes)`, l.Run, *f.PlanHash); err != nil {
			return err
		}
		if same {
			f.Status, f.Reason, f.PlanHash = syncer.Cancelled, "An earlier run waits for approval with the same plan.", nil
			_, err := t.exec(`DELETE FROM sync_plan WHERE run_id = $1`, l.Run)
			return err
		}
	}
	_, err := t.exec(`UPDATE sync_run SET status = 'CANCELLED', ended_at = now(),
		reason = 'A newer run has read the source; this plan is no longer what it would do.'
		WHERE status = 'QUARANTINED' AND id <> $1 AND instance_id = (SELECT instance_id FROM sync_run WHERE id = $1)`, l.Run)
	return err
}
