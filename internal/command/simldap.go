package command

import (
	"fmt"
	"math/rand/v2"

	"github.com/roster-gateway/roster/internal/sim/ldap"
)

type simLDAPCommand struct {
	Users         int    `default:"1000" help:"Number of users at the beginning."`
	Groups        int    `default:"100" help:"Number of groups at the beginning."`
	Seed          uint64 `default:"1" help:"What the domain and the adversary are drawn from."`
	Listen        string `default:"127.0.0.1:0" help:"Loopback address; port 0 is a free one."`
	StartTLS      bool   `name:"start-tls" help:"Have connections begin without TLS, and StartTLS on them."`
	NoReplication bool   `help:"Take the right to replicate from the account, so that every run reads everything."`
	Adversary     bool   `help:"Be as unpleasant as a domain controller may be: fail, split, reorder, refer elsewhere, forget cookies."`
	Churn         churn  `default:"0/min" placeholder:"N/min" help:"Random changes of the domain in a time, such as 5/min or 2/s."`
	CAFile        string `name:"ca-file" placeholder:"FILE" help:"Where to write the certificate (PEM) that clients have to trust. Default: a file in the folder for temporary files."`
}

// Help tells what the simulator is.
func (simLDAPCommand) Help() string {
	return `No domain of Windows is asked: this is a simulator, made from Microsoft's documentation and from trying a domain controller
of Samba. It prints the runtime configuration of a provider instance that reads it, as lines "key = value"; the text of the
file caFile is for tls.caCertificate. Roster reads loopback addresses only with ROSTER_ALLOW_PRIVATE_SOURCES=true.`
}

// Run serves until the stop signal.
func (c *simLDAPCommand) Run(p *program) error {
	if min(c.Users, c.Groups) < 0 {
		return fmt.Errorf("the numbers of users and groups cannot be negative")
	}
	domain := ldap.NewDomain(c.Seed)
	domain.Populate(c.Users, c.Groups, c.Seed)
	config := ldap.Config{Domain: domain, Listen: c.Listen, StartTLS: c.StartTLS, NoReplication: c.NoReplication}
	if c.Adversary {
		config.Adversary = ldap.NewAdversary(c.Seed)
	}
	server, err := ldap.Start(config)
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
		{"ad.urls", server.URL()},
		{"ad.bindDN", server.Account},
		{"ad.password", server.Password},
		{"ad.baseDN", domain.Base},
		{"ad.mode", "auto"},
		{"caFile", file},
	} {
		fmt.Fprintf(p.stdout, "%s = %s\n", line[0], line[1])
	}
	rng := rand.New(rand.NewPCG(c.Seed, 5))
	c.Churn.every(p.ctx, func() { domain.Mutate(rng, 1) })
	return server.Close()
}
