package store

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// feedSQL reads the changes that snapshot $2 sees and snapshot $1 does not (” sees nothing), after change $3 and the
// $4th id of it, in the order in which their rows were locked: for any one identity or link, the causal order. What is not
// wholly of the instances $6 (null: any) is left out, and so is who was purged, whose instance nobody knows.
const feedSQL = `
SELECT c.seq, u.at::int AS index, c.xid::text AS xid, c.kind, coalesce(c.container_id, 0) AS container_id, u.id, c.at
FROM change_log c CROSS JOIN LATERAL unnest(c.ids) WITH ORDINALITY AS u (id, at)
WHERE c.seq >= CASE WHEN $3::bigint > 0 THEN $3::bigint
		ELSE (SELECT coalesce(min(seq), 0) FROM change_log WHERE xid >= pg_snapshot_xmin(coalesce(nullif($1, ''), '1:1:')::pg_snapshot)) END
	AND (c.seq > $3::bigint OR u.at > $4::bigint)
	AND c.xid >= pg_snapshot_xmin(coalesce(nullif($1, ''), '1:1:')::pg_snapshot)
	AND ($1 = '' OR NOT pg_visible_in_snapshot(c.xid, nullif($1, '')::pg_snapshot))
	AND pg_visible_in_snapshot(c.xid, $2::pg_snapshot)
	AND c.kind <> ALL ('{PROVIDER,INSTANCE,TOKEN,ALIASES,PURGED}') -- notes between replicas
	AND ($6::bigint[] IS NULL
		OR EXISTS (SELECT FROM identity i WHERE i.id = u.id AND i.instance_id = ANY ($6))
		AND (c.container_id IS NULL OR EXISTS (SELECT FROM identity i WHERE i.id = c.container_id AND i.instance_id = ANY ($6))))
ORDER BY c.seq, u.at LIMIT $5`

// Feed implements [directory.Store].
func (s *Store) Feed(ctx context.Context, within *directory.Scope, after directory.FeedPosition, first int) ([]directory.ChangeRow, directory.FeedPosition, error) {
	if after.Epoch != uuid.Nil && after.Epoch != s.epoch() {
		return nil, after, s.expired("cursor")
	}
	begun := after
	after.Epoch = s.epoch()
	var out []directory.ChangeRow
	if after.To != after.From { // the rest of a batch that was begun
		rows, err := s.readFeed(ctx, within, after, first)
		if err != nil {
			return nil, after, err
		}
		out = rows
	}
	if len(out) < first {
		var now string
		if err := s.get(ctx, &now, `SELECT pg_current_snapshot()::text`); err != nil {
			return nil, after, err
		}
		after = directory.FeedPosition{Epoch: s.epoch(), From: after.To, To: now}
		rows, err := s.readFeed(ctx, within, after, first-len(out))
		if err != nil {
			return nil, after, err
		}
		out = append(out, rows...)
	}
	if err := s.refuseIncomplete(ctx, begun); err != nil {
		return nil, begun, err
	}
	if len(out) == first {
		return out, out[first-1].Position, nil
	}
	return out, directory.FeedPosition{Epoch: s.epoch(), From: after.To, To: after.To}, nil
}

func (s *Store) readFeed(ctx context.Context, within *directory.Scope, at directory.FeedPosition, first int) ([]directory.ChangeRow, error) {
	var rows []struct {
		Seq       int64     `db:"seq"`
		Index     int       `db:"index"`
		XID       uint64    `db:"xid"`
		Kind      string    `db:"kind"`
		Container int64     `db:"container_id"`
		Identity  int64     `db:"id"`
		At        time.Time `db:"at"`
	}
	if err := s.all(ctx, &rows, feedSQL, at.From, at.To, at.Seq, at.Index, first, pq.Int64Array(within.IDs())); err != nil {
		return nil, err
	}
	out := make([]directory.ChangeRow, len(rows))
	for i, row := range rows {
		at.Seq, at.Index = row.Seq, row.Index
		out[i] = directory.ChangeRow{
			Position: at, XID: row.XID, Kind: directory.ChangeKind(row.Kind), At: row.At,
			Identity: row.Identity, Container: row.Container,
		}
	}
	return out, nil
}

// Snapshot implements [directory.Store].
func (s *Store) Snapshot(ctx context.Context) (directory.Revision, error) {
	r := s.revision(ctx)
	return r, s.get(ctx, &r.Snapshot, `SELECT pg_current_snapshot()::text`)
}

// Reflects implements [directory.Store]. What this database once showed it goes on showing, so that a snapshot is
// reflected as soon as it lies in the past.
func (s *Store) Reflects(ctx context.Context, r directory.Revision) (bool, error) {
	if r.Epoch != s.epoch() {
		return false, s.expired("revision")
	}
	var row struct {
		Reflects sql.NullBool `db:"reflects"`
		Pruned   bool         `db:"pruned"`
	}
	query, arg := `SELECT pg_visible_in_snapshot($1::text::xid8, pg_current_snapshot()) AS reflects,
		$1::text::xid8 <= pruned_xid AS pruned FROM store_epoch`, strconv.FormatUint(r.XID, 10)
	if r.Snapshot != "" {
		query, arg = `SELECT pg_snapshot_xmax($1::text::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AS reflects,
			pg_snapshot_xmax($1::text::pg_snapshot) <= pruned_xid AS pruned FROM store_epoch`, r.Snapshot
	}
	err := s.get(ctx, &row, query, arg)
	if err == nil && row.Pruned {
		err = s.tooOld("revision")
	}
	return row.Reflects.Bool, err
}
