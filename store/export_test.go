package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/audit"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// The statements of every write.
var (
	ChangesSQL       = changesSQL
	InsertPlainSQL   = insertPlainSQL
	InsertSQL        = insertSQL
	UpdateSQL        = updateSQL
	AddPlainSQL      = addPlainSQL
	AddMembersSQL    = addMembersSQL
	RemoveMembersSQL = removeMembersSQL
)

// FreshAuditSQL finds what is to be sealed.
var FreshAuditSQL = freshSQL

// AuditSQLFor is the statement of [Store.AuditEvents], with its arguments.
func AuditSQLFor(f audit.Filter, after int64, limit int) (string, []any) {
	return auditSQLFor(f, after, limit)
}

// ResourcesSQL is the statement of [Store.Resources], with its arguments.
func ResourcesSQL(q directory.ListQuery, links directory.LinkSet) (string, []any, error) {
	query, c, err := resourcesSQL(q, links)
	if err != nil {
		return "", nil, err
	}
	return query, c.args, nil
}

// ResourceSQL is the statement of [Store.Resource], with its arguments.
func ResourceSQL(q directory.ListQuery, uid uuid.UUID, links directory.LinkSet) (string, []any, error) {
	query, c, err := resourceSQL(q, uid, links)
	if err != nil {
		return "", nil, err
	}
	return query, c.args, nil
}

// KeptPlans are the plans of the statements that the store keeps prepared and that contain a text, by their text. It needs
// a store of one connection. The arguments of a statement are those under a text that it contains.
func (s *Store) KeptPlans(t *testing.T, text string, args map[string]string) map[string]string {
	t.Helper()
	var prepared []struct{ Name, Statement string }
	if err := s.db.Select(&prepared, `SELECT name, statement FROM pg_prepared_statements WHERE strpos(statement, $1) > 0`, text); err != nil {
		t.Fatal(err)
	}
	plans := map[string]string{}
	for _, p := range prepared {
		for part, list := range args {
			if !strings.Contains(p.Statement, part) {
				continue
			}
			var lines []string
			if err := s.db.Select(&lines, `EXPLAIN EXECUTE "`+p.Name+`" (`+list+`)`); err != nil {
				t.Fatal(err)
			}
			plans[p.Statement] = strings.Join(lines, "\n")
		}
	}
	if len(plans) != len(args) {
		t.Fatalf("%d statements of %d are prepared", len(plans), len(args))
	}
	return plans
}

// Copied is a row of all the types that are copied.
type Copied struct {
	N     int64          `db:"n"`
	Yes   bool           `db:"yes"`
	Text  string         `db:"text"`
	Maybe *string        `db:"maybe"`
	List  pq.StringArray `db:"list"`
}

// CopyThere copies rows into a table, and reads them back.
func (s *Store) CopyThere(ctx context.Context, rows []Copied) (back []Copied, err error) {
	err = s.inBulk(ctx, func(t bulkTx) error {
		if _, err := t.exec(`CREATE TABLE copied (n bigint, yes boolean, text text, maybe text, list text[])`); err != nil {
			return err
		}
		err := t.copyIn("copied", []string{"n", "yes", "text", "maybe", "list"}, len(rows), func(to *copyRow, i int) error {
			r := rows[i]
			to.int(r.N)
			to.bool(r.Yes)
			to.text(r.Text)
			to.optional(r.Maybe)
			to.array(len(r.List), func(i int) string { return r.List[i] })
			return nil
		})
		if err != nil {
			return err
		}
		return t.all(&back, `SELECT * FROM copied`)
	})
	return back, err
}

// StageLinks stages links, sets them apart or not, and reads them back one by one, and how many rows they are in.
func (s *Store) StageLinks(ctx context.Context, links []syncer.StagedLink, apart bool) (back []syncer.StagedLink, rows int, err error) {
	err = s.inBulk(ctx, func(t bulkTx) error {
		if _, err := t.exec(stageTables); err != nil {
			return err
		}
		if err := t.stage(nil, links); err != nil {
			return err
		}
		if apart {
			if _, err := t.exec(apartSQL); err != nil {
				return err
			}
		}
		if err := t.get(&rows, `SELECT count(*) FROM stage_link_%[1]d`); err != nil {
			return err
		}
		read, err := t.QueryContext(ctx, t.text(`SELECT seq, kind, owner_kind, owner_key, target, ref_kind, ref_key, ref_name, removed FROM `+toldLinks+` AS r ORDER BY seq`))
		if err != nil {
			return err
		}
		defer read.Close()
		for read.Next() {
			var l syncer.StagedLink
			if err := read.Scan(&l.Seq, &l.Type, &l.OwnerKind, &l.OwnerKey, &l.Other.Provider, &l.Other.Kind, &l.Other.Key, &l.Other.Name, &l.Removed); err != nil {
				return err
			}
			back = append(back, l)
		}
		return read.Err()
	})
	return back, rows, err
}

// inBulk runs do in a transaction of synchronization that is taken back.
func (s *Store) inBulk(ctx context.Context, do func(t bulkTx) error) error {
	db, err := s.bulk()
	if err != nil {
		return err
	}
	conn, err := db.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return do(bulkTx{Tx: tx, conn: conn, ctx: ctx})
}

// CopyOnABrokenLine copies rows, and ends the server's side of the connection in the middle.
func (s *Store) CopyOnABrokenLine(ctx context.Context) error {
	return s.inBulk(ctx, func(t bulkTx) error {
		if _, err := t.exec(`CREATE TABLE copied (text text)`); err != nil {
			return err
		}
		var pid int
		if err := t.get(&pid, `SELECT pg_backend_pid()`); err != nil {
			return err
		}
		return t.copyIn("copied", []string{"text"}, 200_000, func(to *copyRow, i int) error {
			to.text("long enough to be sent at some time")
			if i == 5000 {
				if _, err := s.db.ExecContext(ctx, `SELECT pg_terminate_backend($1, 5000)`, pid); err != nil {
					return err
				}
				time.Sleep(100 * time.Millisecond) // until the driver has heard of it
			}
			return nil
		})
	})
}
