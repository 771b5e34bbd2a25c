package store

import (
	"context"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// tombstoneSQL marks identities, once nobody is linking them any more; their links are dropped by a later statement, which sees every link that was
// committed before the rows were locked.
const tombstoneSQL = `
WITH t AS (
	SELECT i.id FROM unnest($1::uuid[], $2::bigint[]) AS x (uid, version)
	JOIN identity i ON i.uid = x.uid AND i.status <> 'DELETED' AND (x.version = 0 OR i.version = x.version)
	ORDER BY i.id FOR UPDATE OF i
)
UPDATE identity i SET status = 'DELETED', status_reason = r.reason, merged_into = NULL, version = i.version + 1, updated_at = now()
FROM t, unnest($1::uuid[], $3::text[]) AS r (uid, reason)
WHERE i.id = t.id AND i.uid = r.uid RETURNING i.id`

// dropLinksSQL drops every link of the tombstones $1 and logs what that changes: memberships, reports that lost their
// manager, groups that were merged into one of them, and the deletions themselves, last.
const dropLinksSQL = `
WITH dropped AS (
	DELETE FROM link WHERE container_id = ANY($1) OR member_id = ANY($1) RETURNING container_id, member_id, kind
), unmerged AS (
	UPDATE identity SET merged_into = NULL, version = version + 1, updated_at = now() WHERE merged_into = ANY($1) RETURNING id
), touched AS (
	UPDATE identity SET version = version + 1, updated_at = now()
	WHERE status <> 'DELETED' AND (merged_into IS NULL OR merged_into <> ALL($1)) AND id IN (
		SELECT container_id FROM dropped WHERE kind = 'member' UNION SELECT member_id FROM dropped WHERE kind = 'manager')
), freed AS (
	DELETE FROM unique_value u USING identity i WHERE i.id = ANY($1) AND u.uid = i.uid
)
INSERT INTO change_log (kind, container_id, ids)
SELECT kind, container_id, ids FROM (
	SELECT 1 AS rank, 'MEMBER_REMOVED' AS kind, container_id, array_agg(member_id ORDER BY member_id) AS ids
	FROM (
		SELECT *, (row_number() OVER (PARTITION BY container_id ORDER BY member_id) - 1) / 1000 AS part FROM dropped WHERE kind = 'member'
	) AS parts
	GROUP BY container_id, part
	UNION ALL
	SELECT 2, 'IDENTITY_UPDATED', NULL, array_agg(id)
	FROM (
		SELECT member_id AS id FROM dropped WHERE kind = 'manager' AND member_id <> ALL($1) UNION SELECT id FROM unmerged
	) AS others HAVING count(*) > 0
	UNION ALL
	SELECT 3, 'IDENTITY_DELETED', NULL, $1
) AS changes ORDER BY rank, container_id`

func writeTombstones(ctx context.Context, r runner, tombstones []directory.Tombstone) error {
	for start := 0; start < len(tombstones); start += chunk {
		part := tombstones[start:min(start+chunk, len(tombstones))]
		uids := make(pq.StringArray, len(part))
		versions := make(pq.Int64Array, len(part))
		reasons := make(pq.StringArray, len(part))
		for i, t := range part {
			uids[i], versions[i], reasons[i] = t.UID.String(), t.Version, t.Reason
		}
		var ids pq.Int64Array
		if err := r.all(ctx, &ids, tombstoneSQL, uids, versions, reasons); err != nil {
			return err
		}
		if len(ids) != len(part) {
			return directory.Clash(directory.ReasonStale, "", "Somebody else changed or deleted this identity in the meantime. Read it again and repeat the deletion.")
		}
		if _, err := r.exec(ctx, dropLinksSQL, ids); err != nil {
			return err
		}
	}
	return nil
}
