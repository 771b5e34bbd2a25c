package store

import (
	"context"
	"database/sql"

	"github.com/roster-gateway/roster/directory"
)

// source is the table that a list reads, and columns what it reads of it: those of a recordRow. Resources that are no
// identities have none of the names.
func source(q directory.ListQuery) (table, columns string) {
	if q.ResourceType == "" {
		return "identity i", recordColumns
	}
	return "resource i", `i.id, i.uid, '' AS kind, i.instance_id, i.external_id, '' AS name, '' AS fqn, '' AS display_name, NULL AS description,
	NULL AS email, '' AS status, NULL AS status_reason, NULL::bigint AS merged_into, i.attributes, i.version, i.created_at, i.updated_at,
	NULL::timestamptz AS synced_at`
}

// claimValues makes the values in $12 to $14 those of resource $7, and no others. It does so where "written" has a row.
const claimValues = `wanted AS (
	SELECT a.* FROM written, unnest($12::text[], $13::bytea[], $14::boolean[]) AS a (attribute, digest, had)
	WHERE NOT EXISTS (SELECT FROM unique_value u WHERE u.uid = $7 AND u.attribute = a.attribute AND u.digest = a.digest)
), freed AS (
	DELETE FROM unique_value u USING written WHERE u.uid = $7
		AND NOT EXISTS (SELECT FROM unnest($12::text[], $13::bytea[]) AS a (attribute, digest) WHERE a.attribute = u.attribute AND a.digest = u.digest)
), claimed AS (
	INSERT INTO unique_value (instance_id, type, attribute, digest, uid)
	SELECT $8, $9, w.attribute, w.digest, $7 FROM wanted w WHERE NOT w.had
), kept AS (
	INSERT INTO unique_value (instance_id, type, attribute, digest, uid)
	SELECT $8, $9, w.attribute, w.digest, $7 FROM wanted w WHERE w.had ON CONFLICT DO NOTHING
)`

// customAudit is the audit row of a statement on one resource, see auditArgs. It is written where "written" has a row.
func customAudit(detail string) string {
	return `audited AS (
	INSERT INTO audit (actor, token, door, request_id, action, target, detail)
	SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, ` + detail + `::jsonb FROM written
)`
}

var insertCustomSQL = `
WITH written AS (
	INSERT INTO resource (uid, instance_id, type, external_id, attributes)
	SELECT $7::uuid, $8::bigint, $9::text, $10::text, $11::jsonb
	RETURNING id, version, created_at, updated_at
), ` + claimValues + `, ` + customAudit("$15") + `
SELECT pg_current_xact_id()::text, id, version, created_at, updated_at FROM written`

// updateCustomSQL writes nothing where the resource is not at version $16.
var updateCustomSQL = `
WITH written AS (
	UPDATE resource SET external_id = $10::text, attributes = $11::jsonb, version = version + 1, updated_at = now()
	WHERE uid = $7::uuid AND instance_id = $8::bigint AND type = $9::text AND version = $16
	RETURNING id, version, created_at, updated_at
), ` + claimValues + `, ` + customAudit("$15") + `
SELECT pg_current_xact_id()::text, id, version, created_at, updated_at FROM written`

var deleteCustomSQL = `
WITH written AS (
	DELETE FROM resource WHERE uid = $7::uuid AND instance_id = $8::bigint AND type = $9::text AND ($10::bigint = 0 OR version = $10)
	RETURNING uid
), freed AS (
	DELETE FROM unique_value u USING written WHERE u.uid = written.uid
), ` + customAudit("$11") + `
SELECT pg_current_xact_id()::text FROM written`

const deleteCustomOfSQL = `
WITH written AS (
	DELETE FROM resource WHERE id IN (SELECT id FROM resource WHERE instance_id = $2 ORDER BY id LIMIT $3)
	RETURNING uid
), freed AS (
	DELETE FROM unique_value u USING written WHERE u.uid = written.uid
), audited AS (` + auditRows + ` WHERE EXISTS (SELECT FROM written))
SELECT count(*) FROM written`

// InsertCustom implements [directory.CustomStore].
func (s *Store) InsertCustom(ctx context.Context, c directory.Custom, attrs directory.Attributes, a directory.Audit) (*directory.Record, error) {
	return s.writeCustom(ctx, c, insertCustomSQL, customArgs(c, attrs, a))
}

// UpdateCustom implements [directory.CustomStore].
func (s *Store) UpdateCustom(ctx context.Context, c directory.Custom, attrs directory.Attributes, a directory.Audit) (*directory.Record, error) {
	return s.writeCustom(ctx, c, updateCustomSQL, append(customArgs(c, attrs, a), c.IfVersion))
}

// customArgs are $1 to $15.
func customArgs(c directory.Custom, attrs directory.Attributes, a directory.Audit) []any {
	names, sums, had := digests(c.Unique)
	return append(auditArgs(a), c.UID.String(), c.Instance.ID, c.Type, c.ExternalID, attrs.JSON(), names, sums, had, auditDetail(&a))
}

func (s *Store) writeCustom(ctx context.Context, c directory.Custom, query string, args []any) (*directory.Record, error) {
	record := &directory.Record{UID: c.UID, InstanceID: c.Instance.ID, ExternalID: c.ExternalID}
	found, err := s.onCustom(ctx, query, args, func(rows *sql.Rows, xid *string) error {
		return rows.Scan(xid, &record.ID, &record.Version, &record.CreatedAt, &record.UpdatedAt)
	})
	switch {
	case err != nil:
		return nil, s.nameTaken(ctx, err, c.Instance.ID, c.Type, c.UID.String(), c.Unique)
	case !found:
		return nil, directory.Clash(directory.ReasonStale, "", "Somebody else changed or deleted this resource in the meantime. Read it again and repeat the change.")
	}
	return record, nil
}

// DeleteCustom implements [directory.CustomStore].
func (s *Store) DeleteCustom(ctx context.Context, c directory.Custom, a directory.Audit) (bool, error) {
	args := append(auditArgs(a), c.UID.String(), c.Instance.ID, c.Type, c.IfVersion, auditDetail(&a))
	return s.onCustom(ctx, deleteCustomSQL, args, func(rows *sql.Rows, xid *string) error { return rows.Scan(xid) })
}

// onCustom runs a statement on one resource, and reports whether there was one.
func (s *Store) onCustom(ctx context.Context, query string, args []any, scan func(rows *sql.Rows, xid *string) error) (found bool, err error) {
	var r directory.Revision
	err = retry(ctx, func() error {
		return s.direct().rows(ctx, func(rows *sql.Rows) error {
			found = true
			var xid string
			if err := scan(rows, &xid); err != nil {
				return err
			}
			return setXID(&r, xid)
		}, query, args...)
	})
	if err == nil && found {
		s.noteCommit(ctx, r.XID)
	}
	return found, err
}

// DeleteCustomOf implements [directory.CustomStore].
func (s *Store) DeleteCustomOf(ctx context.Context, instance int64, limit int, a directory.Audit) (deleted int, err error) {
	return deleted, s.get(ctx, &deleted, deleteCustomOfSQL, auditJSON(a), instance, limit)
}
