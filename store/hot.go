package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// The writes that provisioning clients send one by one have a statement of their own that does what can be done without
// a look at anything else. It takes the usual case, or writes nothing: then the statements for whole sets find out why.

// insertOneSQL adds an identity under its plain FQN, unless that is the name or the alias of another one. Looking for the
// name is no waste beside the unique index: a rename that is under way leaves an alias that this statement cannot see,
// and the index would let it in as soon as that has committed.
const insertOneSQL = `
WITH named AS (
	INSERT INTO identity (uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key,
		description, email, email_key, status, status_reason, attributes, words)
	SELECT $7::uuid, $8::text, $9::bigint, $10::text, $11::text, $12::text, $13::text, $14::text, $14::text, $15::text, $16::text,
		$17::text, $18::text, $19::text, $20::text, $21::text, $22::jsonb, array_to_tsvector($23::text[])
	WHERE NOT EXISTS (SELECT FROM alias WHERE fqn_key = $14 AND retired_at IS NULL)
		AND NOT EXISTS (SELECT FROM identity WHERE fqn_key = $14 AND status <> 'DELETED')
	RETURNING id, version, created_at, updated_at
), audited AS (
	INSERT INTO audit (actor, token, door, request_id, action, target)
	SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text FROM named
), logged AS (
	INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_CREATED', ARRAY[id] FROM named
)
SELECT pg_current_xact_id()::text, id, version, created_at, updated_at FROM named`

// addOneSQL puts the identity with uid $7 into the container with uid $8, if that is at version $9 (0: any) inside
// instance $10 (0: any), and the member inside of $11. See addMembersSQL for the locks.
const addOneSQL = `
WITH c AS (
	SELECT id FROM identity
	WHERE uid = $8 AND kind IN ('GROUP', 'ROLE') AND status <> 'DELETED' AND ($9 = 0 OR version = $9) AND ($10 = 0 OR instance_id = $10)
	FOR NO KEY UPDATE
), m AS (
	SELECT id FROM identity WHERE uid = $7 AND status <> 'DELETED' AND ($11 = 0 OR instance_id = $11) FOR KEY SHARE
), changed AS (
	INSERT INTO link (container_id, kind, member_id) SELECT c.id, 'member', m.id FROM c, m
	ON CONFLICT DO NOTHING RETURNING container_id, member_id
), bumped AS (
	UPDATE identity SET version = version + 1, updated_at = now() WHERE id = (SELECT container_id FROM changed)
), logged AS (
	INSERT INTO change_log (kind, container_id, ids) SELECT 'MEMBER_ADDED', container_id, ARRAY[member_id] FROM changed
), audited AS (
	INSERT INTO audit (actor, token, door, request_id, action, target)
	SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::text FROM c
)
SELECT pg_current_xact_id()::text, (SELECT id FROM m) IS NOT NULL, (SELECT member_id FROM changed) IS NOT NULL FROM c`

// commitHot commits a batch that is one hot write. It reports false, and has written nothing, where the batch is no
// such write, or where it does not come off.
func (s *Store) commitHot(ctx context.Context, b directory.Batch, out *directory.Committed) (done bool, err error) {
	if len(b.Updates)+len(b.Tombstones)+len(b.Managers)+len(b.Unique) > 0 || b.RefuseUnknown || b.Audit.Detail != nil || b.Fence != nil {
		return false, nil
	}
	switch {
	case len(b.Inserts) == 1 && len(b.Members) == 0 && !b.Inserts[0].MergeWithHolder:
		done, err = s.insertOne(ctx, b.Inserts[0], auditArgs(b.Audit), out)
	case len(b.Inserts) == 0 && len(b.Members) == 1 && !b.Members[0].Replace && len(b.Members[0].Add) == 1 && len(b.Members[0].Remove) == 0:
		done, err = s.addOne(ctx, b.Members[0], b.Within, auditArgs(b.Audit), out)
	}
	if lost := (*lostRace)(nil); errors.As(err, &lost) {
		return false, nil
	}
	return done, err
}

// auditArgs are $1 to $6.
func auditArgs(a directory.Audit) []any {
	return []any{a.Actor.Name, a.Actor.Token, a.Actor.Door, a.Actor.RequestID, a.Action, a.Target}
}

func (s *Store) insertOne(ctx context.Context, in directory.Insert, args []any, out *directory.Committed) (done bool, err error) {
	row := identityRow(0, in.Record, in.FQNs[:1])
	args = append(args, row.UID.String(), string(row.Kind), row.InstanceID, row.ExternalID, row.Name, row.NameKey, row.FQNs[0], row.FQNKeys[0],
		row.DisplayName, row.DisplayKey, row.Description, row.Email, row.EmailKey, row.Status, row.Reason, string(row.Attributes), pq.StringArray(row.Words))
	record := in.Record
	record.FQN = row.FQNs[0]
	err = s.direct().rows(ctx, func(rows *sql.Rows) error {
		done = true
		var xid string
		if err := rows.Scan(&xid, &record.ID, &record.Version, &record.CreatedAt, &record.UpdatedAt); err != nil {
			return err
		}
		return setXID(&out.Revision, xid)
	}, insertOneSQL, args...)
	out.Inserted = []*directory.Record{&record}
	return done, err
}

func (s *Store) addOne(ctx context.Context, m directory.MemberWrite, within int64, args []any, out *directory.Committed) (done bool, err error) {
	members := within
	if m.AnyInstance {
		members = 0
	}
	args = append(args, m.Add[0].String(), m.Container.String(), m.IfVersion, within, members)
	err = s.direct().rows(ctx, func(rows *sql.Rows) error {
		done = true
		var xid string
		var known, linked bool
		if err := rows.Scan(&xid, &known, &linked); err != nil {
			return err
		}
		if !known {
			out.Unknown = []uuid.UUID{m.Add[0]}
		}
		if linked {
			out.Linked = 1
		}
		return setXID(&out.Revision, xid)
	}, addOneSQL, args...)
	return done, err
}
