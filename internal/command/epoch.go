package command

import (
	"fmt"

	"github.com/roster-gateway/roster/internal/config"
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
	d, end, err := openOnce(p, c.Database, c.Log)
	if err != nil {
		return err
	}
	defer end()
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
