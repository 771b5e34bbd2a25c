package command

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/pgserver"
	"github.com/roster-gateway/roster/internal/telemetry"
	"github.com/roster-gateway/roster/store"
)

// ownDatabase is the name of Roster's database in its own Postgres.
const ownDatabase = "roster"

// database is a migrated database: the one of the settings, or one in a Postgres of our own.
type database struct {
	url   string
	own   *pgserver.Server // nil where the settings name a database
	quiet *atomic.Bool
}

// postgresLog passes on what our Postgres logs. While we stop it, it tells of every connection that it closes: as
// warnings, which they are not then.
type postgresLog struct {
	slog.Handler
	quiet *atomic.Bool
}

func (l postgresLog) Enabled(ctx context.Context, level slog.Level) bool {
	return !l.quiet.Load() && l.Handler.Enabled(ctx, level)
}

// openDatabase finds or starts the database and brings its schema up to date.
func openDatabase(ctx context.Context, settings config.Database, log *slog.Logger) (*database, error) {
	if settings.DatabaseURL != "" {
		d := &database{url: settings.DatabaseURL.Reveal()}
		if err := store.Migrate(ctx, d.url); err != nil {
			return nil, err
		}
		return d, nil
	}
	quiet := &atomic.Bool{}
	server, err := pgserver.Start(ctx, pgserver.Config{
		DataDir: settings.DataDir, BinDir: settings.PostgresBin,
		Log: slog.New(postgresLog{log.With("from", "postgres").Handler(), quiet}),
	})
	if err != nil {
		return nil, err
	}
	d := &database{url: server.URL(ownDatabase), own: server, quiet: quiet}
	err = server.EnsureDatabase(ctx, ownDatabase)
	if err == nil {
		err = store.Migrate(ctx, d.url)
	}
	if err != nil {
		d.stopBy(time.Now().Add(stopLimit), log)
		return nil, err
	}
	return d, nil
}

// exited is closed when our own Postgres has ended; nil where there is none.
func (d *database) exited() <-chan struct{} {
	if d.own == nil {
		return nil
	}
	return d.own.Exited()
}

// stopBy ends our own Postgres, if there is one; at the deadline it is made short.
func (d *database) stopBy(deadline time.Time, log *slog.Logger) {
	if d.own == nil {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	d.quiet.Store(true)
	if err := d.own.Stop(ctx); err != nil {
		log.Warn("Postgres was not stopped cleanly; the next start repairs that", "error", err)
	}
}

// openOnce opens the database, its schema brought up to date, for a command that does one thing and ends. What is logged
// is held back until that has come off; end closes everything.
func openOnce(p *program, settings config.Database, logging config.Log) (d *database, end func(), err error) {
	if err := settings.Complete(); err != nil {
		return nil, nil, err
	}
	hold := telemetry.NewHold(p.stderr)
	log := newLog(p.stderr, hold, logging)
	if d, err = openDatabase(p.ctx, settings, log); err != nil {
		return nil, nil, err
	}
	hold.Release()
	return d, func() {
		d.stopBy(time.Now().Add(stopLimit), log)
		hold.Flush()
	}, nil
}
