package testpg

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lib/pq"
)

// Many processes of a test run want the template at once: it is migrated once, and copies of it are complete.
func TestTemplateIsMadeOnce(t *testing.T) {
	server, err := maintenanceURL()
	if err != nil {
		t.Fatal(err)
	}
	name := "roster_template_once_" + strings.ToLower(t.Name())
	t.Cleanup(func() { dropTemplate(t, server, name) })
	// A process was killed in the middle of it.
	change(t, server, `CREATE DATABASE `+pq.QuoteIdentifier(name))

	var migrations atomic.Int32
	migrate := func(ctx context.Context, url string) error {
		migrations.Add(1)
		change(t, url, `CREATE TABLE migrated (id int)`)
		return nil
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := makeTemplate(server, name, migrate); err != nil {
				t.Error(err)
			}
			change(t, create(t, server, name), `INSERT INTO migrated VALUES (1)`)
		})
	}
	all.Wait()
	if got := migrations.Load(); got != 1 {
		t.Errorf("migrated %d times", got)
	}
}

func TestTemplateOfOtherMigrationsIsNotTaken(t *testing.T) {
	if a, b := templateName("aaaaaaaaaaaaaaaaaaaa"), templateName("b"); a == b || len(a) > 63 {
		t.Errorf("%s and %s", a, b)
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	server, err := maintenanceURL()
	if err != nil {
		t.Fatal(err)
	}
	var url string
	t.Run("its user", func(t *testing.T) {
		url = Empty(t)
		db, err := sql.Open("postgres", url) // never closed before the drop
		if err != nil {
			t.Fatal(err)
		}
		if err := db.PingContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
	})
	db, err := sql.Open("postgres", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var exists bool
	name := url[strings.Index(url, "roster_test_"):]
	name, _, _ = strings.Cut(name, "?")
	if err := db.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists); err != nil {
		t.Fatal(err)
	}
	if exists {
		t.Errorf("%s is still there", name)
	}
}

func change(t *testing.T, url, statement string) {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Error(err)
	}
}

func dropTemplate(t *testing.T, server, name string) {
	change(t, server, `ALTER DATABASE `+pq.QuoteIdentifier(name)+` IS_TEMPLATE false`)
	change(t, server, `DROP DATABASE `+pq.QuoteIdentifier(name))
}
