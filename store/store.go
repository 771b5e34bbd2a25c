// Package store keeps the directory in Postgres. It holds all of Roster's SQL and knows neither GraphQL nor SCIM.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// Config says which database to use, and how hard.
type Config struct {
	// URL is a libpq connection URL or keyword string.
	URL string
	// MaxConns bounds the pool; 0 is 32.
	MaxConns int
	// Timeout ends any statement; 0 is none. Any wait for an answer on a dead connection ends half a second later, or
	// half a second after the deadline of the context if that is sooner.
	Timeout time.Duration
	// Trace begins to record a statement, whose text has placeholders for all values, and returns what ends that; nil
	// records nothing.
	Trace func(ctx context.Context, text string) (end func(error))
	// workMem is what a sort or a hash table of a statement may take; empty is what the database says.
	workMem string
}

// Store is the directory's and the access service's storage. It is safe for concurrent use.
type Store struct {
	db          *sqlx.DB
	connections *connections
	places      places
	url         string
	self        string // tells this store's hints from those of others
	life        atomic.Pointer[seenLife]
	commits     chan struct{} // asks for a hint to other replicas
	// onCommit is called after each commit, before the writer is told; nil for nothing.
	onCommit func(ctx context.Context, r directory.Revision)

	statements atomic.Uint64
	trace      func(ctx context.Context, text string) (end func(error)) // nil for none
	hotWrites  hotWrites
	lookups    gatherer[lookup, *directory.Resource]

	mu       sync.Mutex
	prepared map[string]*sqlx.Stmt
	bulkDB   *sqlx.DB // of synchronization; nil until it is needed
}

var (
	_ directory.Store       = (*Store)(nil)
	_ directory.GraphStore  = (*Store)(nil)
	_ directory.Housekeeper = (*Store)(nil)
	_ access.Store          = (*Store)(nil)

	_ directory.ProvisioningStore = (*Store)(nil)
)

// Open connects to a migrated database.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	db, pc, connections, err := open(cfg)
	if err != nil {
		return nil, err
	}
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, startError(ctx, pc, err)
	}
	s := &Store{
		db: sqlx.NewDb(db, "postgres"), connections: connections, places: newPlaces(cfg.conns()), url: cfg.URL, self: rand.Text(),
		trace: cfg.Trace, commits: make(chan struct{}, 1), prepared: map[string]*sqlx.Stmt{},
	}
	s.gather()
	if _, err := s.Life(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("the database cannot be used: %w", err)
	}
	for _, query := range hot {
		if _, err := s.statement(ctx, query, true); err != nil {
			db.Close()
			return nil, fmt.Errorf("the database cannot be used: %w", mapError(ctx, err))
		}
	}
	return s, nil
}

// Close closes every connection.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bulkDB != nil {
		return errors.Join(s.bulkDB.Close(), s.db.Close())
	}
	return s.db.Close()
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return mapError(ctx, s.db.PingContext(ctx)) }

// Statements counts the statements sent since the store was opened.
func (s *Store) Statements() uint64 { return s.statements.Load() }

// Stats describes the connection pool.
func (s *Store) Stats() sql.DBStats { return s.db.Stats() }
