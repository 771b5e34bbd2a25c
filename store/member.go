package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// lockContainer locks the live container $2 at version $3 (0: any) inside instance $4 (0: any).
const lockContainer = `c AS (
	SELECT id FROM identity
	WHERE uid = $2 AND kind IN ('GROUP', 'ROLE') AND status <> 'DELETED' AND ($3 = 0 OR version = $3) AND ($4 = 0 OR instance_id = $4)
	FOR NO KEY UPDATE
)`

// noteLinks bumps the container's version, logs the links in "changed", at most 1,000 ids a row, and audits them. It names
// the first members.
const noteLinks = `bumped AS (
	UPDATE identity SET version = version + 1, updated_at = now() WHERE id IN (SELECT container_id FROM changed)
), logged AS (
	INSERT INTO change_log (kind, container_id, ids)
	SELECT $6, container_id, array_agg(member_id ORDER BY member_id)
	FROM (SELECT *, (row_number() OVER (ORDER BY member_id) - 1) / 1000 AS part FROM changed) AS parts
	GROUP BY container_id, part
), named AS (
	SELECT coalesce(jsonb_agg(i.uid), '[]') AS ids, coalesce(array_agg(i.uid), '{}') AS uids
	FROM (SELECT member_id FROM changed ORDER BY member_id LIMIT 20) AS first JOIN identity i ON i.id = first.member_id
), audited AS (` + memberAudit + ` WHERE EXISTS (SELECT FROM c))
SELECT pg_current_xact_id()::text AS xid, (SELECT count(*) FROM c) AS containers, (SELECT count(*) FROM changed) AS links,
	(SELECT uids FROM named) AS named`

// addMembersSQL and removeMembersSQL have the ids in a sub-select, which hides their number from the planner: a plan for any
// number is kept, where one for few would be made anew each time.
//
// addMembersSQL locks members so that none of them can become a tombstone before the links are there. The lock is the
// weakest that a tombstone waits for: groups may be put into each other from both sides at once.
const addMembersSQL = `
WITH ` + lockContainer + `, m AS (
	SELECT id, uid FROM identity WHERE uid = ANY((SELECT $5::uuid[])::uuid[]) AND status <> 'DELETED' AND ($7 = 0 OR instance_id = $7)
	ORDER BY id FOR KEY SHARE
), changed AS (
	INSERT INTO link (container_id, kind, member_id)
	SELECT c.id, 'member', m.id FROM c, m ORDER BY m.id
	ON CONFLICT DO NOTHING RETURNING container_id, member_id
), ` + noteLinks + `, (SELECT coalesce(array_agg(uid), '{}') FROM m) AS known`

const removeMembersSQL = `
WITH ` + lockContainer + `, changed AS (
	DELETE FROM link l USING c, identity m
	WHERE l.container_id = c.id AND l.kind = 'member' AND l.member_id = m.id AND m.uid = ANY((SELECT $5::uuid[])::uuid[])
	RETURNING l.container_id, l.member_id
), ` + noteLinks + `, '{}'::uuid[] AS known`

// keepMembersSQL removes every member that is not in $5.
const keepMembersSQL = `
WITH ` + lockContainer + `, changed AS (
	DELETE FROM link l USING c
	WHERE l.container_id = c.id AND l.kind = 'member'
		AND NOT EXISTS (SELECT FROM identity m WHERE m.id = l.member_id AND m.uid = ANY($5::uuid[]))
	RETURNING l.container_id, l.member_id
), ` + noteLinks + `, '{}'::uuid[] AS known`

// linkChange is what a statement on a container's members did.
type linkChange struct {
	XID        string         `db:"xid"`
	Containers int            `db:"containers"`
	Links      int            `db:"links"`
	Known      pq.StringArray `db:"known"`
	Named      pq.StringArray `db:"named"`
}

// writeMembers alters the members of one container: additions in chunks, then removals.
func writeMembers(ctx context.Context, r runner, b directory.Batch, m directory.MemberWrite, audit any, out *directory.Committed) error {
	version := m.IfVersion
	step := func(query string, kind directory.ChangeKind, uids []uuid.UUID) (linkChange, error) {
		var done linkChange
		args := []any{audit, m.Container.String(), version, b.Within, uidArray(uids), string(kind)}
		if query == addMembersSQL {
			members := b.Within
			if m.AnyInstance {
				members = 0
			}
			args = append(args, members)
		}
		if err := r.get(ctx, &done, query, args...); err != nil {
			return done, err
		}
		if done.Containers == 0 {
			return done, missingContainer(ctx, r, m, b.Within)
		}
		version = 0 // locked now
		return done, setXID(&out.Revision, done.XID)
	}
	if m.Replace || len(m.Add)+len(m.Remove) == 0 { // lock first, so that what follows sees every earlier change
		if _, err := step(removeMembersSQL, directory.MemberRemoved, nil); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(m.Add, chunk) {
		done, err := step(addMembersSQL, directory.MemberAdded, part)
		if err != nil {
			return err
		}
		out.Linked += done.Links
		out.Added = nameFirst(out.Added, done.Named)
		out.Unknown = append(out.Unknown, unknown(part, done.Known)...)
	}
	if m.Replace {
		done, err := step(keepMembersSQL, directory.MemberRemoved, m.Add)
		out.Unlinked += done.Links
		out.Removed = nameFirst(out.Removed, done.Named)
		return err
	}
	for part := range slices.Chunk(m.Remove, chunk) {
		done, err := step(removeMembersSQL, directory.MemberRemoved, part)
		if err != nil {
			return err
		}
		out.Unlinked += done.Links
		out.Removed = nameFirst(out.Removed, done.Named)
	}
	return nil
}

// nameFirst adds identities to those that the audit row names, as many as there is room for.
func nameFirst(names []uuid.UUID, more pq.StringArray) []uuid.UUID {
	for _, text := range more[:max(0, min(len(more), directory.MaxAuditIDs-len(names)))] {
		uid, _ := uuid.Parse(text) // the database's own
		names = append(names, uid)
	}
	return names
}

func unknown(asked []uuid.UUID, known pq.StringArray) []uuid.UUID {
	if len(known) == len(asked) {
		return nil
	}
	set := make(map[string]bool, len(known))
	for _, uid := range known {
		set[uid] = true
	}
	var out []uuid.UUID
	for _, uid := range asked {
		if !set[uid.String()] {
			out = append(out, uid)
		}
	}
	return out
}

// missingContainer says why a container could not be locked: it is not there, or at another version.
func missingContainer(ctx context.Context, r runner, m directory.MemberWrite, within int64) error {
	var id int64
	err := r.get(ctx, &id, `SELECT id FROM identity WHERE uid = $1 AND kind IN ('GROUP', 'ROLE') AND status <> 'DELETED'
		AND ($2 = 0 OR instance_id = $2)`, m.Container.String(), within)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return directory.NotFound("", "There is no container with the id %s.", m.Container)
	case err != nil:
		return err
	default:
		return directory.Clash(directory.ReasonStale, "", "Somebody else changed this container in the meantime. Read it again and repeat the change.")
	}
}
