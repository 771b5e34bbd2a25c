package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// The writes that provisioning clients send one by one have statements of their own, which do what can be done without a
// look at anything else, for one write or for those of several requests. Such a statement takes the usual case and leaves
// the others out: then the statements for whole sets find out why. (One array of each is in a sub-select, which hides the
// number of its rows from the planner, so that a plan is kept.)

// insertPlainSQL adds identities, each under its plain FQN unless that is the name or the alias of another one. Looking for
// the name is no waste beside the unique index: a rename that is under way leaves an alias that this statement cannot see,
// and the index would let it in as soon as that has committed. (The OFFSETs keep the planner from joining whole tables.)
const insertPlainSQL = `
WITH r AS (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], (SELECT $7::uuid[]), $8::text[], $9::bigint[],
		$10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
		$20::text[], $21::text[], $22::text[], $23::text[], $24::text[])
	AS r (actor, token, door, request_id, action, target, uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key,
		display_name, display_key, description, email, email_key, status, status_reason, attributes, words, detail)
), named AS (
	INSERT INTO identity (uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key,
		description, email, email_key, status, status_reason, attributes, words)
	SELECT uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, fqn_key, display_name, display_key,
		description, email, email_key, status, status_reason, attributes::jsonb, array_to_tsvector(string_to_array(words, ' '))
	FROM r
	WHERE NOT EXISTS (SELECT FROM alias a WHERE a.fqn_key = r.fqn_key AND retired_at IS NULL OFFSET 0)
		AND NOT EXISTS (SELECT FROM identity i WHERE i.fqn_key = r.fqn_key AND status <> 'DELETED' OFFSET 0)
	RETURNING id, uid, version, created_at, updated_at
), audited AS (
	INSERT INTO audit (actor, token, door, request_id, action, target, detail)
	SELECT actor, token, door, request_id, action, target, detail::jsonb FROM r JOIN named USING (uid)
), logged AS (
	INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_CREATED', array_agg(id ORDER BY id) FROM named HAVING count(*) > 0
)
SELECT pg_current_xact_id()::text, uid, id, version, created_at, updated_at FROM named`

// addPlainSQL puts identities into containers, each member ($7) into one ($8) that is inside its instance $9 (0: any), the
// member inside of $10. See addMembersSQL for the locks; a container that somebody else holds is left out, so that nobody
// waits for another one's container.
const addPlainSQL = `
WITH r AS (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], (SELECT $7::uuid[]), $8::uuid[], $9::bigint[], $10::bigint[])
	WITH ORDINALITY AS r (actor, token, door, request_id, action, target, member, container, within, inside, n)
), c AS (
	SELECT id, uid, instance_id FROM identity
	WHERE uid = ANY((SELECT $8::uuid[])::uuid[]) AND kind IN ('GROUP', 'ROLE') AND status <> 'DELETED'
	ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
), m AS (
	SELECT id, uid, instance_id FROM identity WHERE uid = ANY((SELECT $7::uuid[])::uuid[]) AND status <> 'DELETED'
	ORDER BY id FOR KEY SHARE
), wanted AS (
	SELECT r.*, c.id AS container_id, m.id AS member_id
	FROM r JOIN c ON c.uid = r.container AND r.within IN (0, c.instance_id)
	LEFT JOIN m ON m.uid = r.member AND r.inside IN (0, m.instance_id)
), changed AS (
	INSERT INTO link (container_id, kind, member_id)
	SELECT DISTINCT container_id, 'member'::link_kind, member_id FROM wanted WHERE member_id IS NOT NULL ORDER BY 1, 3
	ON CONFLICT DO NOTHING RETURNING container_id, member_id
), bumped AS (
	UPDATE identity i SET version = version + links, updated_at = now()
	FROM (SELECT container_id, count(*) AS links FROM changed GROUP BY container_id) AS t WHERE i.id = t.container_id
), logged AS (
	INSERT INTO change_log (kind, container_id, ids)
	SELECT 'MEMBER_ADDED', container_id, array_agg(member_id ORDER BY member_id) FROM changed GROUP BY container_id
), audited AS (
	INSERT INTO audit (actor, token, door, request_id, action, target, detail)
	SELECT actor, token, door, request_id, action, target,
		CASE WHEN (container_id, member_id) IN (SELECT container_id, member_id FROM changed)
			THEN jsonb_build_object('added', jsonb_build_object('count', 1, 'ids', jsonb_build_array(member)))
			ELSE '{"added": {"count": 0, "ids": []}}' END
	FROM wanted
)
SELECT pg_current_xact_id()::text, n, member_id IS NOT NULL, (container_id, member_id) IN (SELECT container_id, member_id FROM changed) FROM wanted`

// hotWrites gathers the hot writes of requests that come at about the same time.
type hotWrites struct {
	inserts gatherer[insertPlain, *committed]
	adds    gatherer[addPlain, *committed]
}

// hotWide and hotMost are how many statements of hot writes run at a time, and how many writes each takes.
const (
	hotWide = 1
	hotMost = 64
)

// insertPlain is a new identity, addPlain a new member of a container, and who wants it.
type (
	insertPlain struct {
		directory.Insert
		audit directory.Audit
	}
	addPlain struct {
		directory.MemberWrite
		within int64
		audit  directory.Audit
	}
	// committed is what a hot write did, nil where it was left out.
	committed = directory.Committed
)

// commitHot commits a batch that is one hot write. It reports false, and has written nothing, where the batch is no
// such write, or where it does not come off.
func (s *Store) commitHot(ctx context.Context, b directory.Batch, out *directory.Committed) (done bool, err error) {
	if len(b.Updates)+len(b.Tombstones)+len(b.Managers)+len(b.Unique) > 0 || b.RefuseUnknown || b.Audit.Detail != nil || b.Audit.Before != nil || b.Fence != nil {
		return false, nil
	}
	var one *committed
	switch {
	case len(b.Inserts) == 1 && len(b.Members) == 0 && !b.Inserts[0].MergeWithHolder:
		one, err = s.hotWrites.inserts.do(ctx, insertPlain{b.Inserts[0], b.Audit})
	case len(b.Inserts) == 0 && len(b.Members) == 1 && isPlainAddition(b.Members[0]):
		one, err = s.hotWrites.adds.do(ctx, addPlain{b.Members[0], b.Within, b.Audit})
	}
	if lost := (*lostRace)(nil); errors.As(err, &lost) {
		return false, nil
	}
	if one == nil || err != nil {
		return false, err
	}
	*out = *one
	return true, nil
}

// isPlainAddition reports whether a write adds one member and asks for no version of the container: of several writes that
// do, all but one have to fail.
func isPlainAddition(m directory.MemberWrite) bool {
	return !m.Replace && len(m.Add) == 1 && len(m.Remove) == 0 && m.IfVersion == 0
}

// texts are the values of a text column, each nil for null.
type texts []*string

// Value implements [driver.Valuer] by an array in the form that Postgres reads.
func (t texts) Value() (driver.Value, error) {
	out := []byte{'{'}
	for i, text := range t {
		if i > 0 {
			out = append(out, ',')
		}
		if text == nil {
			out = append(out, "NULL"...)
			continue
		}
		out = append(out, '"')
		for j := range len(*text) {
			if c := (*text)[j]; c == '"' || c == '\\' {
				out = append(out, '\\')
			}
			out = append(out, (*text)[j])
		}
		out = append(out, '"')
	}
	return string(append(out, '}')), nil
}

// column makes an argument of one field of all calls.
func column[Q any](calls []Q, field func(*Q) *string) texts {
	out := make(texts, len(calls))
	for i := range calls {
		out[i] = field(&calls[i])
	}
	return out
}

func numbers[Q any](calls []Q, field func(*Q) int64) pq.Int64Array {
	out := make(pq.Int64Array, len(calls))
	for i := range calls {
		out[i] = field(&calls[i])
	}
	return out
}

// auditArgs are $1 to $6 of a statement that writes one resource.
func auditArgs(a directory.Audit) []any {
	return []any{a.Actor.Name, a.Actor.Token, a.Actor.Door, a.Actor.RequestID, a.Action, a.Target}
}

// auditColumns are $1 to $6 of a statement that writes several.
func auditColumns[Q any](calls []Q, of func(*Q) *directory.Audit) []any {
	return []any{
		column(calls, func(q *Q) *string { return &of(q).Actor.Name }),
		column(calls, func(q *Q) *string { return &of(q).Actor.Token }),
		column(calls, func(q *Q) *string { return &of(q).Actor.Door }),
		column(calls, func(q *Q) *string { return &of(q).Actor.RequestID }),
		column(calls, func(q *Q) *string { return &of(q).Action }),
		column(calls, func(q *Q) *string { return &of(q).Target }),
	}
}

func (s *Store) insertPlain(ctx context.Context, calls []insertPlain) ([]*committed, error) {
	rows := make([]identityJSON, len(calls))
	byUID := make(map[uuid.UUID]int, len(calls))
	for i, c := range calls {
		rows[i] = identityRow(0, c.Record, c.FQNs[:1])
		byUID[c.Record.UID] = i
	}
	type row = identityJSON
	text := func(field func(*row) string) texts {
		return column(rows, func(r *row) *string { t := field(r); return &t })
	}
	args := append(auditColumns(calls, func(q *insertPlain) *directory.Audit { return &q.audit }),
		text(func(r *row) string { return r.UID.String() }),
		text(func(r *row) string { return string(r.Kind) }),
		numbers(rows, func(r *row) int64 { return r.InstanceID }),
		column(rows, func(r *row) *string { return r.ExternalID }),
		column(rows, func(r *row) *string { return &r.Name }),
		column(rows, func(r *row) *string { return &r.NameKey }),
		column(rows, func(r *row) *string { return &r.FQNs[0] }),
		column(rows, func(r *row) *string { return &r.FQNKeys[0] }),
		column(rows, func(r *row) *string { return &r.DisplayName }),
		column(rows, func(r *row) *string { return &r.DisplayKey }),
		column(rows, func(r *row) *string { return r.Description }),
		column(rows, func(r *row) *string { return r.Email }),
		column(rows, func(r *row) *string { return r.EmailKey }),
		column(rows, func(r *row) *string { return &r.Status }),
		column(rows, func(r *row) *string { return r.Reason }),
		text(func(r *row) string { return string(r.Attributes) }),
		text(func(r *row) string { return strings.Join(r.Words, " ") }),
		column(calls, func(q *insertPlain) *string { return auditDetail(&q.audit) }),
	)
	out := make([]*committed, len(calls))
	err := s.direct().rows(ctx, func(rows *sql.Rows) error {
		var xid string
		var uid uuid.UUID
		var seen directory.Record
		if err := rows.Scan(&xid, &uid, &seen.ID, &seen.Version, &seen.CreatedAt, &seen.UpdatedAt); err != nil {
			return err
		}
		i := byUID[uid]
		record := calls[i].Record
		record.ID, record.Version, record.CreatedAt, record.UpdatedAt = seen.ID, seen.Version, seen.CreatedAt, seen.UpdatedAt
		record.FQN = calls[i].FQNs[0]
		out[i] = &committed{Inserted: []*directory.Record{&record}}
		return setXID(&out[i].Revision, xid)
	}, insertPlainSQL, args...)
	return out, err
}

func (s *Store) addPlain(ctx context.Context, calls []addPlain) ([]*committed, error) {
	args := append(auditColumns(calls, func(q *addPlain) *directory.Audit { return &q.audit }),
		column(calls, func(q *addPlain) *string { t := q.Add[0].String(); return &t }),
		column(calls, func(q *addPlain) *string { t := q.Container.String(); return &t }),
		numbers(calls, func(q *addPlain) int64 { return q.within }),
		numbers(calls, func(q *addPlain) int64 {
			if q.AnyInstance {
				return 0
			}
			return q.within
		}),
	)
	out := make([]*committed, len(calls))
	err := s.direct().rows(ctx, func(rows *sql.Rows) error {
		var xid string
		var n int
		var known, linked sql.NullBool
		if err := rows.Scan(&xid, &n, &known, &linked); err != nil {
			return err
		}
		one := &committed{}
		if !known.Bool {
			one.Unknown = []uuid.UUID{calls[n-1].Add[0]}
		}
		if linked.Bool {
			one.Linked = 1
		}
		out[n-1] = one
		return setXID(&one.Revision, xid)
	}, addPlainSQL, args...)
	return out, err
}
