package command

import (
	"fmt"
	"time"

	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/telemetry"
	"github.com/roster-gateway/roster/store"
)

type epochCommand struct {
	Renew renewCommand `cmd:"" set:"log_level=info" help:"Refuse every revision and cursor of until now as expired; to be run after a restore."`
}

type renewCommand struct {
	config.Database `embed:"" group:"Database"`
	config.Log      `embed:"" group:"Log"`
}

// Help says when to run it.
func (renewCommand) Help() string {
	return "Roster finds out by itself that its database was restored from a dump, recovered to an earlier time, or failed over. " +
		"It cannot where files were put back as they had been, while no Roster was running: then run this, once, before Roster starts."
}

// Run begins a new epoch and ends.
func (c *renewCommand) Run(p *program) error {
	if err := c.Database.Complete(); err != nil {
		return err
	}
	hold := telemetry.NewHold(p.stderr)
	log := newLog(p.stderr, hold, c.Log)
	d, err := openDatabase(p.ctx, c.Database, log)
	if err != nil {
		return err
	}
	hold.Release()
	defer hold.Flush()
	defer func() { d.stopBy(time.Now().Add(stopLimit), log) }()
	s, err := store.Open(p.ctx, store.Config{URL: d.url, MaxConns: 2})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.RenewEpoch(p.ctx); err != nil {
		return fmt.Errorf("the epoch could not be renewed: %w", err)
	}
	fmt.Fprintln(p.stdout, "Revisions and cursors of until now are expired.")
	return nil
}
