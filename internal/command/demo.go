package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"

	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/demo"
	"github.com/roster-gateway/roster/internal/telemetry"
)

type demoCommand struct {
	config.Settings `embed:""`
	Exit            bool `help:"End when the sample organization is there and the questions are answered, instead of going on serving."`
}

// Help says how to read the list of flags.
func (demoCommand) Help() string { return settingsHelp }

// Run serves, fills Roster with the sample organization and asks it, all over HTTP.
func (c *demoCommand) Run(p *program) error {
	if err := c.Complete(); err != nil {
		return err
	}
	if c.TLSCertFile != "" {
		return errors.New("the demo talks to its own Roster without TLS: leave ROSTER_TLS_CERT_FILE and ROSTER_TLS_KEY_FILE out")
	}
	shown := "the admin token of the settings"
	if c.AdminToken == "" { // one for this run: nothing of it is stored
		c.AdminToken = config.Secret("demo_" + rand.Text())
		shown = c.AdminToken.Reveal() + "   (ends with this demo)"
	}
	where := "its own Postgres in " + c.DataDir
	if c.DatabaseURL != "" {
		where = "the configured database"
	}
	fmt.Fprintf(p.stdout, "Starting Roster over %s.\n", where)
	s, err := start(p, &c.Settings)
	if s == nil || err != nil {
		return err
	}
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	told := make(chan error, 1)
	go func() {
		err := demo.Run(ctx, demo.Config{
			URL: localURL(s.address), AdminToken: c.AdminToken.Reveal(), Out: p.stdout, Terminal: telemetry.IsTerminal(p.stdout),
		})
		if err != nil || c.Exit {
			stop()
		} else {
			fmt.Fprintf(p.stdout, "\nRoster goes on serving. Explorer: %s/\nToken:    %s\nStop it with Ctrl-C.\n", c.PublicURLAt(s.address), shown)
		}
		told <- err
	}()
	if err := s.run(ctx); err != nil {
		return err
	}
	if err := <-told; err != nil && p.ctx.Err() == nil {
		return fmt.Errorf("the demo failed: %w", err)
	}
	return nil
}

// localURL is where this machine reaches a listener.
func localURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
