package command

import (
	"fmt"

	"github.com/roster-gateway/roster/internal/config"
)

type migrateCommand struct {
	config.Database `embed:"" group:"Database"`
	config.Log      `embed:"" group:"Log"`
}

// Run migrates the database and ends. Servers do the same when they start; as a step of its own it lets a deployment
// change the schema before the first new server runs.
func (c *migrateCommand) Run(p *program) error {
	_, end, err := openOnce(p, c.Database, c.Log)
	if err != nil {
		return err
	}
	end()
	fmt.Fprintln(p.stdout, "The database's schema is up to date.")
	return nil
}
