package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// was is the manager that user u had.
const was = `(SELECT i.uid FROM link l JOIN u ON l.member_id = u.id JOIN identity i ON i.id = l.container_id WHERE l.kind = 'manager') AS was`

// setManagerSQL makes $2 the manager of user $1, and logs the user as updated where that changes something.
const setManagerSQL = `
WITH u AS (
	SELECT id FROM identity WHERE uid = $1 AND kind = 'USER' AND status <> 'DELETED' AND ($3 = 0 OR instance_id = $3) FOR NO KEY UPDATE
), m AS (
	SELECT id FROM identity WHERE uid = $2 AND kind = 'USER' AND status <> 'DELETED' AND ($3 = 0 OR instance_id = $3) FOR KEY SHARE
), changed AS (
	INSERT INTO link (container_id, kind, member_id) SELECT m.id, 'manager', u.id FROM u, m
	ON CONFLICT (member_id) WHERE kind = 'manager'
	DO UPDATE SET container_id = excluded.container_id WHERE link.container_id <> excluded.container_id
	RETURNING member_id
), ` + noteManager + `
SELECT (SELECT count(*) FROM u) AS users, (SELECT count(*) FROM m) AS managers, ` + was

const clearManagerSQL = `
WITH u AS (
	SELECT id FROM identity WHERE uid = $1 AND kind = 'USER' AND status <> 'DELETED' AND ($2 = 0 OR instance_id = $2) FOR NO KEY UPDATE
), changed AS (
	DELETE FROM link l USING u WHERE l.kind = 'manager' AND l.member_id = u.id RETURNING l.member_id
), ` + noteManager + `
SELECT (SELECT count(*) FROM u) AS users, 1 AS managers, ` + was

const noteManager = `bumped AS (
	UPDATE identity SET version = version + 1, updated_at = now() WHERE id IN (SELECT member_id FROM changed)
), logged AS (
	INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_UPDATED', array_agg(member_id) FROM changed HAVING count(*) > 0
)`

// writeManagers sets and clears managers. An unknown manager is listed; the user has none then.
func writeManagers(ctx context.Context, r runner, b directory.Batch, out *directory.Committed) error {
	for _, change := range b.Managers {
		var done struct {
			Users    int        `db:"users"`
			Managers int        `db:"managers"`
			Was      *uuid.UUID `db:"was"`
		}
		var err error
		if change.Manager == nil {
			err = r.get(ctx, &done, clearManagerSQL, change.User.String(), b.Within)
		} else {
			err = r.get(ctx, &done, setManagerSQL, change.User.String(), change.Manager.String(), b.Within)
		}
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return err
		case done.Users == 0:
			return directory.NotFound("", "There is no user with the id %s.", change.User)
		case done.Managers == 0:
			out.Unknown = append(out.Unknown, *change.Manager)
			if err := r.get(ctx, &done, clearManagerSQL, change.User.String(), b.Within); err != nil {
				return err
			}
			change.Manager = nil
		}
		if len(out.Managers) < directory.MaxAuditIDs {
			out.Managers = append(out.Managers, directory.ManagerDone{User: change.User, Before: done.Was, After: change.Manager})
		}
	}
	return nil
}
