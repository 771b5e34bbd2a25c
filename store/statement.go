package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/roster-gateway/roster/directory"
)

// maxPrepared bounds how many statement texts are kept prepared; lists build their text from their conditions.
const maxPrepared = 512

// runner runs statements: the pool itself, or a transaction.
type runner interface {
	// get scans the first row into dest; no row is sql.ErrNoRows.
	get(ctx context.Context, dest any, query string, args ...any) error
	// all scans every row into the slice dest.
	all(ctx context.Context, dest any, query string, args ...any) error
	// rows calls scan for every row. It costs less than all, and is for the statements of every request.
	rows(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error
	// exec runs a statement and returns the number of rows that it touched.
	exec(ctx context.Context, query string, args ...any) (int64, error)
}

// hot are the statements that transactions run. They are prepared at the start: a transaction holds a connection, and
// would wait for a second one to prepare them on while others in its place wait for it.
var hot = []string{
	insertSQL, updateSQL, aliasSQL, addMembersSQL, removeMembersSQL, keepMembersSQL,
	setManagerSQL, clearManagerSQL, tombstoneSQL, dropLinksSQL, auditSQL, byIDsSQL,
}

// statement returns the prepared form of a text, nil where there is none and none is wanted or too many are kept.
func (s *Store) statement(ctx context.Context, query string, prepare bool) (*sqlx.Stmt, error) {
	s.mu.Lock()
	stmt, ok := s.prepared[query]
	full := len(s.prepared) >= maxPrepared
	s.mu.Unlock()
	if ok || full || !prepare {
		return stmt, nil
	}
	stmt, err := s.db.PreparexContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.prepared[query]; ok {
		_ = stmt.Close()
		return other, nil
	}
	s.prepared[query] = stmt
	return stmt, nil
}

// direct runs statements on the pool, each in a transaction of its own.
func (s *Store) direct() runner { return session{s: s} }

// reserved runs the statements by which the replica follows the change log: they take no place of requests, see [places].
func (s *Store) reserved() runner { return session{s: s, reserved: true} }

// fitting runs a statement of some conditions with a plan that fits them: one for their very values, where no plan is
// good for all values.
func (s *Store) fitting(c *conditions) runner { return session{s: s, unprepared: c.ranged} }

func (s *Store) get(ctx context.Context, dest any, query string, args ...any) error {
	return s.direct().get(ctx, dest, query, args...)
}

func (s *Store) all(ctx context.Context, dest any, query string, args ...any) error {
	return s.direct().all(ctx, dest, query, args...)
}

// session is a runner: inside tx, or on the pool where tx is nil.
type session struct {
	s  *Store
	tx *sqlx.Tx
	// unprepared keeps no statements, so that each is planned for its arguments.
	unprepared bool
	// reserved takes no place of requests.
	reserved bool
}

func (r session) get(ctx context.Context, dest any, query string, args ...any) error {
	return r.run(ctx, query, func(stmt *sqlx.Stmt, q sqlx.ExtContext) error {
		if stmt != nil {
			return stmt.GetContext(ctx, dest, args...)
		}
		return sqlx.GetContext(ctx, q, dest, query, args...)
	})
}

func (r session) all(ctx context.Context, dest any, query string, args ...any) error {
	return r.run(ctx, query, func(stmt *sqlx.Stmt, q sqlx.ExtContext) error {
		if stmt != nil {
			return stmt.SelectContext(ctx, dest, args...)
		}
		return sqlx.SelectContext(ctx, q, dest, query, args...)
	})
}

func (r session) rows(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	return r.run(ctx, query, func(stmt *sqlx.Stmt, q sqlx.ExtContext) error {
		var rows *sql.Rows
		var err error
		if stmt != nil {
			rows, err = stmt.QueryContext(ctx, args...)
		} else {
			rows, err = q.QueryContext(ctx, query, args...)
		}
		if err != nil {
			return err
		}
		return each(rows, func() error { return scan(rows) })
	})
}

func (r session) exec(ctx context.Context, query string, args ...any) (touched int64, err error) {
	err = r.run(ctx, query, func(stmt *sqlx.Stmt, q sqlx.ExtContext) error {
		var result sql.Result
		if stmt != nil {
			result, err = stmt.ExecContext(ctx, args...)
		} else {
			result, err = q.ExecContext(ctx, query, args...)
		}
		if err != nil {
			return err
		}
		touched, err = result.RowsAffected()
		return err
	})
	return touched, err
}

// run counts a statement, finds its prepared form and maps its error.
func (r session) run(ctx context.Context, query string, do func(*sqlx.Stmt, sqlx.ExtContext) error) (err error) {
	r.s.statements.Add(1)
	if r.s.trace != nil {
		end := r.s.trace(ctx, query)
		defer func() { end(err) }()
	}
	if r.tx == nil && !r.reserved {
		if err := r.s.places.take(ctx); err != nil {
			return err
		}
		defer r.s.places.leave()
	}
	stmt, err := r.s.statement(ctx, query, r.tx == nil && !r.unprepared)
	switch {
	case err != nil:
	case r.tx == nil:
		err = do(stmt, r.s.db)
	case stmt != nil:
		stmt = r.tx.StmtxContext(ctx, stmt)
		defer stmt.Close()
		fallthrough
	default:
		err = do(stmt, r.tx)
	}
	if isReadOnly(err) {
		r.s.connections.doubtAll()
	}
	return mapError(ctx, err)
}

// inTransaction runs do in one transaction, and again, a bounded number of times, where it lost a race that a new try
// can win.
func (s *Store) inTransaction(ctx context.Context, do func(tx runner) error) error {
	return retry(ctx, func() error {
		if err := s.places.take(ctx); err != nil {
			return err
		}
		defer s.places.leave()
		tx, err := s.db.BeginTxx(ctx, nil)
		if err != nil {
			return mapError(ctx, err)
		}
		if err := do(session{s: s, tx: tx}); err != nil {
			return errors.Join(err, ignoreDone(tx.Rollback()))
		}
		return mapError(ctx, tx.Commit())
	})
}

// maxTries bounds how often a write that lost a race is tried.
const maxTries = 8

// retry tries do again, after a short random wait, while it loses races.
func retry(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		var lost *lostRace
		if !errors.As(err, &lost) {
			return err
		}
		if try == maxTries {
			return &directory.Error{Code: directory.CodeUnavailable, Message: "Too many writes meet at the same identities. Try again in a moment.", Cause: err}
		}
		wait := time.NewTimer(time.Duration(rand.Int64N(int64(time.Duration(try) * 10 * time.Millisecond))))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return mapError(ctx, ctx.Err())
		}
	}
}
