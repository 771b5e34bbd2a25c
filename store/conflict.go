package store

import (
	"context"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// conflictRows derives the conflicts from the names as they are. A conflict began when its second claimant got its
// name, or when the alias was retired.
const conflictRows = `
WITH claims AS (
	SELECT d.plain_key, x.id, x.kind, x.instance_id, x.named_at
	FROM (SELECT DISTINCT plain_key FROM identity WHERE plain_key <> fqn_key AND status <> 'DELETED') AS d
	CROSS JOIN LATERAL (
		SELECT id, kind, instance_id, named_at FROM identity WHERE fqn_key = d.plain_key AND status <> 'DELETED'
		UNION ALL
		SELECT id, kind, instance_id, named_at FROM identity
		WHERE plain_key = d.plain_key AND plain_key <> fqn_key AND status <> 'DELETED'
	) AS x
), conflicts AS (
	SELECT 'name:' || plain_key AS key,
		CASE WHEN count(DISTINCT (kind, instance_id)) = 1 THEN 'DUPLICATE_NAME' ELSE 'AMBIGUOUS_NAME' END AS kind,
		array_agg(id ORDER BY id) AS ids, (array_agg(named_at ORDER BY named_at))[2] AS since
	FROM claims GROUP BY plain_key HAVING count(*) > 1
	UNION ALL
	SELECT 'alias:' || a.fqn_key || ':' || max(a.id), 'NAME_TAKEN_FROM_ALIAS', ARRAY[i.id, h.id], max(a.retired_at)
	FROM alias a
	JOIN identity h ON h.id = a.retired_by AND h.status <> 'DELETED' AND h.fqn_key = a.fqn_key
	JOIN identity i ON i.id = a.identity_id AND i.status <> 'DELETED' AND i.id <> h.id
	WHERE a.retired_at IS NOT NULL
	GROUP BY a.fqn_key, i.id, h.id
)`

// conflictsWithin holds for conflicts whose identities are all of the instances $1; null is any.
const conflictsWithin = `($1::bigint[] IS NULL OR NOT EXISTS (
	SELECT FROM identity i WHERE i.id = ANY (ids) AND i.instance_id <> ALL ($1)))`

// Conflicts implements [directory.Store].
func (s *Store) Conflicts(ctx context.Context, within *directory.Scope, after string, first int) ([]directory.ConflictRow, error) {
	var rows []struct {
		Key   string        `db:"key"`
		Kind  string        `db:"kind"`
		IDs   pq.Int64Array `db:"ids"`
		Since time.Time     `db:"since"`
	}
	err := s.all(ctx, &rows, conflictRows+` SELECT key, kind, ids, since FROM conflicts
		WHERE `+conflictsWithin+` AND key COLLATE "C" > $2 ORDER BY key COLLATE "C" LIMIT $3`, pq.Int64Array(within.IDs()), after, first)
	out := make([]directory.ConflictRow, len(rows))
	for i, row := range rows {
		out[i] = directory.ConflictRow{Key: row.Key, Kind: directory.ConflictKind(row.Kind), IDs: row.IDs, Since: row.Since}
	}
	return out, err
}

// CountConflicts implements [directory.Store].
func (s *Store) CountConflicts(ctx context.Context, within *directory.Scope) (int, error) {
	var n int
	return n, s.get(ctx, &n, conflictRows+` SELECT count(*) FROM conflicts WHERE `+conflictsWithin, pq.Int64Array(within.IDs()))
}
