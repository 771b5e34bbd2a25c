package command

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/roster-gateway/roster/internal/sim/graph"
)

// simCommand simulates sources, so that a synchronization can be tried without one.
type simCommand struct {
	Graph      simGraphCommand      `cmd:"" help:"Simulate Microsoft Graph for one tenant of Entra ID, until a stop signal."`
	SharePoint simSharePointCommand `cmd:"" name:"sharepoint" help:"Simulate one site collection of SharePoint Online, until a stop signal."`
	LDAP       simLDAPCommand       `cmd:"" name:"ldap" help:"Simulate one domain controller of Active Directory, until a stop signal."`
}

type simGraphCommand struct {
	Users     int    `default:"1000" help:"Number of users at the beginning."`
	Groups    int    `default:"100" help:"Number of groups at the beginning."`
	Seed      uint64 `default:"1" help:"What the tenant and the adversary are drawn from."`
	Listen    string `default:"127.0.0.1:0" help:"Loopback address; port 0 is a free one."`
	Adversary bool   `help:"Be as unpleasant as Graph may be: throttle, fail, repeat, replay, reorder, expire."`
	Churn     churn  `default:"0/min" placeholder:"N/min" help:"Random changes of the tenant in a time, such as 5/min or 2/s."`
	CAFile    string `name:"ca-file" placeholder:"FILE" help:"Where to write the certificate (PEM) that clients have to trust. Default: a file in the folder for temporary files."`
}

// Help tells what the simulator is and how scripts change its tenant.
func (simGraphCommand) Help() string {
	return `No live tenant is asked: this is a simulator, made from Microsoft's documentation. It prints the runtime configuration
of a provider instance that reads it, as lines "key = value"; the text of the file caFile is for tls.caCertificate.
Roster reads loopback addresses only with ROSTER_ALLOW_PRIVATE_SOURCES=true.

The same server has an interface under /sim/ that changes the tenant, without a sign-in:

  ` + strings.ReplaceAll(graph.Admin, "\n", "\n  ")
}

// Run serves until the stop signal.
func (c *simGraphCommand) Run(p *program) error {
	if c.Users < 0 || c.Groups < 0 {
		return fmt.Errorf("the numbers of users and groups cannot be negative")
	}
	tenant := graph.NewTenant(c.Seed)
	tenant.Populate(c.Users, c.Groups, c.Seed)
	config := graph.Config{Tenant: tenant, Listen: c.Listen}
	if c.Adversary {
		config.Adversary = graph.NewAdversary(c.Seed)
	}
	server, err := graph.Start(config)
	if err != nil {
		return fmt.Errorf("the simulator cannot start: %w", err)
	}
	file, remove, err := writePEM("--ca-file", c.CAFile, "ca.pem", server.CA())
	if err != nil {
		_ = server.Close()
		return err
	}
	defer remove()
	for _, line := range [][2]string{
		{"aad.tenantDomain", tenant.ID},
		{"aad.clientId", server.ClientID},
		{"aad.clientSecret", server.ClientSecret},
		{"aad.authorityHost", server.URL()},
		{"aad.graphEndpoint", server.URL()},
		{"caFile", file},
	} {
		fmt.Fprintf(p.stdout, "%s = %s\n", line[0], line[1])
	}
	rng := rand.New(rand.NewPCG(c.Seed, 5))
	c.Churn.every(p.ctx, func() { tenant.Mutate(rng, 1) })
	return server.Close()
}

// writePEM writes what a client of a simulator needs to the file that a flag names. What it makes by itself where none is
// named, it removes at the end.
func writePEM(flag, file, name string, text []byte) (_ string, remove func(), err error) {
	if file != "" {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return "", nil, fmt.Errorf("the certificate (%s) cannot be written: %w", flag, err)
		}
		return file, func() {}, nil
	}
	folder, err := os.MkdirTemp("", "roster-sim-")
	if err != nil {
		return "", nil, fmt.Errorf("the certificate cannot be written, name a file with %s: %w", flag, err)
	}
	file = filepath.Join(folder, name)
	return file, func() { _ = os.RemoveAll(folder) }, os.WriteFile(file, text, 0o600)
}

// churn is the time between two changes; 0: none happen.
type churn time.Duration

// UnmarshalText reads a number in a time, such as 5/min.
func (c *churn) UnmarshalText(text []byte) error {
	number, unit, _ := strings.Cut(string(text), "/")
	per, known := map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour}[unit]
	n, err := strconv.Atoi(number)
	if !known || err != nil || n < 0 || n > 100_000 {
		return fmt.Errorf("%q is no rate: write a number in a second, minute or hour, such as 5/min", text)
	}
	if *c = 0; n > 0 {
		*c = churn(per) / churn(n)
	}
	return nil
}

// every changes something at the rate, until the context ends.
func (c churn) every(ctx context.Context, change func()) {
	if c == 0 {
		<-ctx.Done()
		return
	}
	next := time.NewTicker(time.Duration(c))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			change()
		}
	}
}
