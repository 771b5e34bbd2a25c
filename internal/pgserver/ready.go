package pgserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// awaitReady returns when the server takes connections and answers, or says why it does not.
func (s *Server) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	last := errors.New("its start goes on")
	for {
		if state := readPostmaster(s.layout.cluster()); state.ready && state.pid == s.child.pid {
			if last = s.ping(ctx); last == nil {
				return nil
			}
		}
		select {
		case <-s.child.exited:
			<-s.child.log.ended
			return fmt.Errorf("the Postgres server in %s did not start: %s", s.layout.cluster(), s.child.log.reason())
		case <-ctx.Done():
			return fmt.Errorf("the Postgres server in %s was not ready in time (%w): %w", s.layout.cluster(), ctx.Err(), last)
		case <-tick.C:
		}
	}
}

func (s *Server) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	db, err := sql.Open("postgres", s.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

// EnsureDatabase creates the database if the server has none of that name.
func (s *Server) EnsureDatabase(ctx context.Context, name string) error {
	db, err := sql.Open("postgres", s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("cannot connect to the local Postgres: %w", err)
	}
	defer db.Close()
	var exists bool
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists)
	if err == nil && !exists {
		_, err = db.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(name))
	}
	if err != nil {
		return fmt.Errorf("cannot create the database %s: %w", name, err)
	}
	return nil
}
