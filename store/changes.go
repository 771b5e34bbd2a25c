package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// maxDelta is how many ids of changes a replica takes up one by one; beyond that it loads the graph anew.
const maxDelta = 100_000

// changesSQL is one look at the change log: one statement sees one snapshot, and every writer waits for the next look.
// Its rows are of three kinds: the snapshot with the number of ids that changed since snapshot $1, the changes, and the
// identities that they name as they are now. Where there are too many, the snapshot stands alone.
//
// The plan is the same whatever $1 is, so that Postgres keeps it: $1 stands in sub-selects, which hide it from the
// planner; xid has two bounds, which are taken for few rows of any number; and identities are looked up one by one.
var changesSQL = `
WITH fresh AS MATERIALIZED (
	SELECT seq, kind, coalesce(container_id, 0) AS container_id, ids FROM change_log
	WHERE xid >= pg_snapshot_xmin((SELECT $1::pg_snapshot)) AND xid < pg_snapshot_xmax(pg_current_snapshot())
		AND NOT pg_visible_in_snapshot(xid, (SELECT $1::pg_snapshot))
), amount AS (
	SELECT coalesce(sum(cardinality(ids)), 0)::bigint AS ids FROM fresh
), touched AS (
	SELECT DISTINCT t.id
	FROM fresh CROSS JOIN LATERAL unnest(CASE WHEN kind IN ('MEMBER_ADDED', 'MEMBER_REMOVED') THEN ARRAY[container_id] ELSE ids END) AS t (id)
	WHERE kind NOT IN ('PROVIDER', 'INSTANCE', 'TOKEN') AND (SELECT ids FROM amount) <= ` + strconv.Itoa(maxDelta) + `
)
SELECT 'SNAPSHOT' AS row, ids AS id, pg_current_snapshot()::text AS text, 0::bigint AS seq, '{}'::bigint[] AS ids,
	'00000000-0000-0000-0000-000000000000'::uuid AS uid, '' AS kind, '' AS status, 0::bigint AS instance_id, 0::bigint AS version,
	0::bigint AS merged_into, '{}'::text[] AS aliases
FROM amount
UNION ALL
SELECT 'CHANGE', container_id, kind, seq, ids, '00000000-0000-0000-0000-000000000000', '', '', 0, 0, 0, '{}'
FROM fresh WHERE (SELECT ids FROM amount) <= ` + strconv.Itoa(maxDelta) + `
UNION ALL
SELECT 'NODE', n.id, n.fqn_key, 0, '{}', n.uid, n.kind, n.status, n.instance_id, n.version, n.merged_into, n.aliases
FROM touched CROSS JOIN LATERAL (
	SELECT ` + graphColumns + `, ARRAY(SELECT fqn_key FROM alias a WHERE a.identity_id = i.id AND a.retired_at IS NULL) AS aliases
	FROM identity i WHERE i.id = touched.id OFFSET 0
) AS n`

// loggedChange is a row of the change log.
type loggedChange struct {
	seq, container int64
	kind           directory.ChangeKind
	ids            pq.Int64Array
}

// GraphChanges implements [directory.GraphStore].
func (s *Store) GraphChanges(ctx context.Context, since directory.Revision) (directory.GraphDelta, error) {
	delta := directory.GraphDelta{Revision: directory.Revision{Epoch: s.epoch()}}
	var changes []loggedChange
	var nodes []graphRow
	err := s.reserved().rows(ctx, func(rows *sql.Rows) error {
		var kind, text string
		var seq int64
		var ids pq.Int64Array
		var n graphRow
		err := rows.Scan(&kind, &n.ID, &text, &seq, &ids, &n.UID, &n.Kind, &n.Status, &n.InstanceID, &n.Version, &n.MergedInto, &n.Aliases)
		switch kind {
		case "SNAPSHOT":
			delta.Revision.Snapshot, delta.Reload = text, n.ID > maxDelta
		case "CHANGE":
			changes = append(changes, loggedChange{seq: seq, container: n.ID, kind: directory.ChangeKind(text), ids: ids})
		default:
			n.FQNKey = text
			nodes = append(nodes, n)
		}
		return err
	}, changesSQL, since.Snapshot)
	if err != nil {
		return directory.GraphDelta{}, err
	}
	// A survivor comes before the groups that are merged into it.
	slices.SortFunc(nodes, func(a, b graphRow) int {
		return cmp.Or(cmp.Compare(min(a.MergedInto, 1), min(b.MergedInto, 1)), cmp.Compare(a.ID, b.ID))
	})
	for i := range nodes {
		delta.Nodes = append(delta.Nodes, nodes[i].node())
	}
	slices.SortFunc(changes, func(a, b loggedChange) int { return cmp.Compare(a.seq, b.seq) })
	for _, c := range changes {
		switch c.kind {
		case directory.MemberAdded, directory.MemberRemoved:
			delta.Links = append(delta.Links, directory.LinkDelta{Container: c.container, Members: c.ids, Removed: c.kind == directory.MemberRemoved})
		case "PROVIDER", "INSTANCE", "TOKEN":
			delta.Access = true
		case "PURGED":
			delta.Purged = append(delta.Purged, c.ids...)
		}
	}
	return delta, nil
}
