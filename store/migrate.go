package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/roster-gateway/roster/directory"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrate brings the schema of the database at url up to this program's version. Starters at the same time wait for
// each other; a schema newer than the program is refused.
func Migrate(ctx context.Context, url string) error {
	db, pc, _, err := open(Config{URL: url})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.PingContext(ctx); err != nil {
		return startError(ctx, pc, err)
	}
	if err := refuseOldServer(ctx, db); err != nil {
		return err
	}
	provider, err := migrations(db)
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, provider); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("the database could not be migrated: %w", mapError(ctx, err))
	}
	return ensureBuiltIns(ctx, db)
}

func migrations(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 30)) // seconds, tries
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
}

// minimumServer is the oldest Postgres that has every function the statements use, as server_version_num.
const minimumServer = 140000

func refuseOldServer(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil {
		return mapError(ctx, err)
	}
	if version < minimumServer {
		return fmt.Errorf("the database runs Postgres %d: Roster needs Postgres 14 or newer", version/10000)
	}
	return nil
}

// refuseNewer refuses a database that a newer program has migrated.
func refuseNewer(ctx context.Context, provider *goose.Provider) error {
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return mapError(ctx, err)
	}
	if current > target {
		return fmt.Errorf("the database has schema version %d, but this program knows only up to %d: run the newer program", current, target)
	}
	return nil
}

// MigrationsHash identifies what Migrate makes of an empty database, so that a template database can be named after it.
func MigrationsHash() string {
	sum := sha256.New()
	err := fs.WalkDir(migrationFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := migrationFiles.ReadFile(path)
		sum.Write([]byte(path))
		sum.Write(text)
		return err
	})
	if err != nil {
		panic(errors.Join(errors.New("embedded migrations"), err)) // the files are part of the program
	}
	fmt.Fprint(sum, directory.BuiltInProviders)
	return hex.EncodeToString(sum.Sum(nil))[:16]
}
