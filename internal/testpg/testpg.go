// Package testpg gives tests real Postgres databases, each test its own, with no set-up.
//
// The server is the one that ROSTER_TEST_POSTGRES_URL names (any database of it, by a role that may create databases),
// else a throw-away one that the test process starts for itself and that ends with it. `go run ./internal/testpg/run --
// go test ./...` shares one throw-away server between all packages.
package testpg

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"
	"go.uber.org/goleak"

	"github.com/roster-gateway/roster/internal/pgserver"
)

// ServerVariable names the environment variable with a maintenance URL of the server to use.
const ServerVariable = "ROSTER_TEST_POSTGRES_URL"

// limit bounds every step on the server; it is long because the packages of a whole test run may queue for it.
const limit = 2 * time.Minute

// New gives the URL of a fresh database with Roster's schema. When the test ends, the database is looked through for secrets
// and dropped, whoever is connected.
func New(t testing.TB) string {
	t.Helper()
	server, err := maintenanceURL()
	if err != nil {
		t.Fatalf("testpg: %v", err)
	}
	template, err := migrated(server)
	if err != nil {
		t.Fatalf("testpg: %v", err)
	}
	address := create(t, server, template)
	t.Cleanup(func() { look(t, address) })
	return address
}

// Empty gives the URL of a fresh database with nothing in it. It is dropped when the test ends, whoever is connected.
func Empty(t testing.TB) string {
	t.Helper()
	server, err := maintenanceURL()
	if err != nil {
		t.Fatalf("testpg: %v", err)
	}
	return create(t, server, "template0")
}

// IgnoreServer are the options by which goleak passes over the goroutines of a server that the test process runs.
func IgnoreServer() []goleak.Option {
	const pkg = "github.com/roster-gateway/roster/internal/pgserver."
	return []goleak.Option{goleak.IgnoreAnyFunction(pkg + "(*child).run"), goleak.IgnoreAnyFunction(pkg + "(*logPump).pump")}
}

// maintenanceURL is the server's URL. Without a configured one, the first call starts a server for this process.
var maintenanceURL = sync.OnceValues(func() (string, error) {
	if configured := os.Getenv(ServerVariable); configured != "" {
		return configured, nil
	}
	dir, err := os.MkdirTemp("", "roster-test-")
	if err != nil {
		return "", err
	}
	server, err := pgserver.Start(context.Background(), pgserver.Config{
		DataDir: dir, BinDir: os.Getenv("ROSTER_POSTGRES_BIN"), Ephemeral: true,
	})
	if err != nil {
		return "", err
	}
	return server.URL("postgres"), nil // never stopped: it ends, and its folder goes, with this process
})

// create makes a database from a template.
func create(t testing.TB, server, template string) string {
	t.Helper()
	name := "roster_test_" + strings.ToLower(rand.Text())
	statement := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", pq.QuoteIdentifier(name), pq.QuoteIdentifier(template))
	err := maintain(server, func(ctx context.Context, db *sql.Conn) error {
		var version int
		if err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil {
			return err
		}
		if version >= 150000 {
			statement += " STRATEGY wal_log" // no checkpoint; the default today, but not promised
		}
		_, err := db.ExecContext(ctx, statement)
		return err
	})
	if err != nil {
		t.Fatalf("testpg: cannot create a database: %v", err)
	}
	t.Cleanup(func() {
		err := maintain(server, func(ctx context.Context, db *sql.Conn) error {
			_, err := db.ExecContext(ctx, `DROP DATABASE IF EXISTS `+pq.QuoteIdentifier(name)+` WITH (FORCE)`)
			return err
		})
		if err != nil {
			t.Logf("testpg: the database %s stays behind: %v", name, err)
		}
	})
	return withPassword(databaseURL(server, name))
}

// maintain runs work on one connection to the maintenance database and leaves nothing open.
func maintain(server string, work func(context.Context, *sql.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	db, err := sql.Open("postgres", server)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return work(ctx, conn)
}

// databaseURL is the URL of another database of the same server.
func databaseURL(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // unreachable: connecting to it has worked
	}
	u.Path = "/" + name
	return u.String()
}
