package command

import (
	"fmt"
	"time"

	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/telemetry"
)

type migrateCommand struct {
	config.Database `embed:"" group:"Database"`
	config.Log      `embed:"" group:"Log"`
}

// Run migrates the database and ends. Servers do the same when they start; as a step of its own it lets a deployment
// change the schema before the first new server runs.
func (c *migrateCommand) Run(p *program) error {
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
	d.stopBy(time.Now().Add(stopLimit), log)
	fmt.Fprintln(p.stdout, "The database's schema is up to date.")
	return nil
}
