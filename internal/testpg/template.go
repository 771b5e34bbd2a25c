package testpg

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/store"
)

// templateLock is the advisory lock under which the processes of a test run make the template; the number has no meaning.
const templateLock = 0x726f73746572

// migrated gives the name of the database with the schema of this code's migrations, from which tests are copied.
var migrated = func() func(server string) (string, error) {
	var once sync.Once
	var name string
	var err error
	return func(server string) (string, error) {
		once.Do(func() {
			name = templateName(store.MigrationsHash())
			err = makeTemplate(server, name, store.Migrate)
		})
		return name, err
	}
}()

// templateName carries the migrations' hash, so that a template of other migrations is never taken.
func templateName(hash string) string {
	return "roster_template_" + hash[:min(len(hash), 16)]
}

// makeTemplate creates and migrates the template unless the server has it. Being marked as a template is what says that
// it is complete: a process that was killed in the middle leaves an unmarked one, which is made anew.
func makeTemplate(server, name string, migrate func(ctx context.Context, url string) error) error {
	quoted := pq.QuoteIdentifier(name)
	err := maintain(server, func(ctx context.Context, db *sql.Conn) error {
		// Held until the connection closes.
		if _, err := db.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(templateLock)); err != nil {
			return err
		}
		var complete bool
		err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)`, name).Scan(&complete)
		if err != nil || complete {
			return err
		}
		for _, statement := range []string{
			`DROP DATABASE IF EXISTS ` + quoted + ` WITH (FORCE)`,
			`CREATE DATABASE ` + quoted + ` TEMPLATE template0`,
		} {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		if err := migrate(ctx, databaseURL(server, name)); err != nil {
			return err
		}
		// Nobody may connect: copying needs a template without connections, autovacuum's included.
		_, err = db.ExecContext(ctx, `ALTER DATABASE `+quoted+` WITH ALLOW_CONNECTIONS false IS_TEMPLATE true`)
		return err
	})
	if err != nil {
		return fmt.Errorf("cannot make the template database %s: %w", name, err)
	}
	return nil
}
