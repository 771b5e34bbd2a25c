package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// Synchronization has connections of its own: its statements look at whole directories, and take longer than any request
// may, and requests must not wait for a connection because a source is being read.
const (
	bulkConns   = 8
	bulkTimeout = 30 * time.Minute
	// bulkMemory is what a hash table of theirs may take.
	bulkMemory = "64MB"
)

// bulk returns the connections of synchronization.
func (s *Store) bulk() (*sqlx.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bulkDB == nil {
		db, _, _, err := open(Config{URL: s.url, MaxConns: bulkConns, Timeout: bulkTimeout, workMem: bulkMemory})
		if err != nil {
			return nil, err
		}
		s.bulkDB = sqlx.NewDb(db, "postgres")
	}
	return s.bulkDB, nil
}

// bulkTx is a transaction of a run.
type bulkTx struct {
	*sqlx.Tx
	conn *sqlx.Conn
	ctx  context.Context
	run  int64
}

// exec runs a statement and returns the number of rows that it touched. %[1]d in it is the run.
func (t bulkTx) exec(query string, args ...any) (int64, error) {
	result, err := t.ExecContext(t.ctx, t.text(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t bulkTx) get(dest any, query string, args ...any) error {
	return t.GetContext(t.ctx, dest, t.text(query), args...)
}

func (t bulkTx) all(dest any, query string, args ...any) error {
	return t.SelectContext(t.ctx, dest, t.text(query), args...)
}

// unlessTaken does one thing, or the other instead where a unique index refuses the first.
func (t bulkTx) unlessTaken(do, otherwise func() error) error {
	if _, err := t.exec(`SAVEPOINT taken`); err != nil {
		return err
	}
	err := do()
	if p := (*pq.Error)(nil); !errors.As(err, &p) || p.Code != "23505" { // unique_violation
		return err
	}
	if _, err := t.exec(`ROLLBACK TO SAVEPOINT taken`); err != nil {
		return err
	}
	return otherwise()
}

// look has the database look at tables of the run, as far as it takes to tell large ones from small ones.
func (t bulkTx) look(tables string) error {
	_, err := t.exec(`SET LOCAL default_statistics_target = 10; ANALYZE ` + tables + `; SET LOCAL default_statistics_target TO DEFAULT`)
	return err
}

// text names the run's own tables in a statement: stage_identity_%[1]d.
func (t bulkTx) text(query string) string {
	return strings.ReplaceAll(query, "%[1]d", strconv.FormatInt(t.run, 10))
}

// fenceSQL keeps the lease $1 with the fence $2 from being taken until the transaction ends.
const fenceSQL = `SELECT FROM sync_lease WHERE run_id = $1 AND fence = $2 FOR KEY SHARE`

// inRun runs do in one transaction that holds the run against its fence.
func (s *Store) inRun(ctx context.Context, l syncer.Lease, do func(tx bulkTx) error) error {
	db, err := s.bulk()
	if err != nil {
		return err
	}
	return retry(ctx, func() error {
		s.statements.Add(1)
		conn, err := db.Connx(ctx)
		if err != nil {
			return mapError(ctx, err)
		}
		defer conn.Close()
		tx, err := conn.BeginTxx(ctx, nil)
		if err != nil {
			return mapError(ctx, err)
		}
		t := bulkTx{Tx: tx, conn: conn, ctx: ctx, run: l.Run}
		held, err := t.exec(fenceSQL, l.Run, l.Fence)
		if err == nil && held == 0 {
			err = syncer.ErrLost
		}
		if err == nil {
			err = do(t)
		}
		if err != nil {
			_ = tx.Rollback() // the first error tells more
			return mapError(ctx, err)
		}
		return mapError(ctx, tx.Commit())
	})
}

// holdFence makes a batch one of a run.
func holdFence(ctx context.Context, r runner, b directory.Batch) error {
	f := b.Fence
	if f == nil {
		return nil
	}
	held, err := r.exec(ctx, fenceSQL, f.Run, f.Number)
	if err == nil && held == 0 {
		err = syncer.ErrLost
	}
	if err != nil {
		return err
	}
	_, err = r.exec(ctx, `WITH written AS (UPDATE provider_instance SET sync_writes = sync_writes + 1 WHERE id = $7)
		UPDATE sync_run SET phase = 'apply', created = created + $2, updated = updated + $3, disabled = disabled + $4, deleted = deleted + $5,
			property_count = property_count + $6 WHERE id = $1`, f.Run, f.Created, f.Updated, f.Disabled, f.Deleted, f.Properties, b.Within)
	return err
}
