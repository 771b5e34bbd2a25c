package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/roster-gateway/roster/connector"
)

// What is read at most. More of it is a mistake in a query, such as a join without a condition.
const (
	// maxRowBytes is how much may come before a row is whole, in bytes.
	maxRowBytes = 32 << 20
	// maxValue is the longest value of a column that is asked for, in bytes.
	maxValue = 1 << 20
	// maxRows is how many rows a query may have.
	maxRows = 50_000_000
)

// grace is how long after its end a query waits for the server to say that it was ended.
const grace = time.Second

// session is one connection, and the one transaction on it in which everything is read.
type session struct {
	source *source
	dialer *dialer
	db     *sql.DB
	conn   *sql.Conn
	tx     *sql.Tx
	// statements are the queries that were prepared.
	statements map[*query]*sql.Stmt
	// lacks says what the transaction does not hold what others do.
	lacks string
}

// open connects, signs in and begins the transaction.
func (s *source) open(ctx context.Context) (*session, error) {
	n := &session{source: s, dialer: newDialer(s.network), statements: map[*query]*sql.Stmt{}}
	n.db = sql.OpenDB(s.dialect.connector(s.at, n.dialer))
	n.db.SetMaxOpenConns(1)
	limited, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	defer context.AfterFunc(limited, n.dialer.hangUp)()
	var err error
	if n.conn, err = n.db.Conn(limited); err == nil {
		n.tx, n.lacks, err = s.dialect.begin(ctx, n.conn, s.timeout)
	}
	if err != nil {
		n.close()
		if limited.Err() != nil {
			err = limited.Err() // and not that the connection was closed then
		}
		return nil, s.unreachable(ctx, err)
	}
	return n, nil
}

// close takes leave. Nothing that the session did stays.
func (n *session) close() {
	defer time.AfterFunc(grace, n.dialer.hangUp).Stop()
	if n.tx != nil {
		_ = n.tx.Rollback()
	}
	if n.conn != nil {
		_ = n.conn.Close()
	}
	_ = n.db.Close()
	n.dialer.hangUp()
}

// prepare has the server look at queries. Prepared, a text is one statement for it, too.
func (n *session) prepare(ctx context.Context, queries ...*query) error {
	for _, q := range queries {
		if q == nil || n.statements[q] != nil {
			continue
		}
		if err := n.limited(ctx, q, func(ctx context.Context) (err error) {
			n.statements[q], err = n.tx.PrepareContext(ctx, q.text)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a query of which no more rows are wanted. The session is good for nothing any more then.
var errEnough = errors.New("no more rows are wanted")

// each reads the rows of a query one by one, until one of them is not taken. That error comes back as it is.
func (n *session) each(ctx context.Context, q *query, each func(*row) error) error {
	if err := n.prepare(ctx, q); err != nil {
		return err
	}
	var given error
	err := n.limited(ctx, q, func(ctx context.Context) error {
		return n.rows(ctx, q, func(r *row) error {
			given = each(r)
			return given
		})
	})
	switch {
	case given == errEnough:
		return nil
	case given != nil:
		return given
	}
	return err
}

// limited does something with a query within its time, and says why it did not come off.
func (n *session) limited(ctx context.Context, q *query, do func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, n.source.timeout+time.Second)
	defer cancel()
	defer context.AfterFunc(limited, func() { time.AfterFunc(grace, n.dialer.hangUp) })()
	n.dialer.allow(maxRowBytes)
	err := do(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return n.source.explain(q, limited, n.dialer, err)
}

func (n *session) rows(ctx context.Context, q *query, each func(*row) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	rows, err := n.statements[q].QueryContext(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	defer stop() // before it: the server does not send first what nobody reads
	r, err := rowOf(q, rows)
	if err != nil {
		return err
	}
	for n.dialer.allow(maxRowBytes); rows.Next(); n.dialer.allow(maxRowBytes) {
		if r.number++; r.number > n.source.maxRows {
			return connector.Errorf(connector.Misconfigured, "The %s has more than %d rows, which is more than are read. Look at how its tables are joined. Nothing was changed. (%s)", q.noun, n.source.maxRows, q.key)
		}
		if err := r.scan(rows); err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if rows.NextResultSet() {
		return connector.Errorf(connector.Misconfigured, "The %s has more than one result. Make it one statement. (%s)", q.noun, q.key)
	}
	return rows.Err()
}
