package command

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/internal/sim/graph"
	"github.com/roster-gateway/roster/internal/sim/sharepoint"
)

type simSharePointCommand struct {
	Users           int    `default:"1000" help:"Number of users of the tenant, as the Graph simulator has them."`
	Groups          int    `default:"100" help:"Number of its groups."`
	Seed            uint64 `default:"1" help:"What the tenant, the site and the adversary are drawn from."`
	SiteGroups      int    `default:"20" help:"Number of site groups at the beginning."`
	Members         int    `default:"10" help:"Members of each of them."`
	Listen          string `default:"127.0.0.1:0" help:"Loopback address; port 0 is a free one."`
	Adversary       bool   `help:"Be as unpleasant as SharePoint may be: throttle, fail, split and repeat answers."`
	Churn           churn  `default:"0/min" placeholder:"N/min" help:"Random changes of the site in a time, such as 5/min or 2/s."`
	CAFile          string `name:"ca-file" placeholder:"FILE" help:"Where to write the certificate (PEM) that clients have to trust. Default: a file in the folder for temporary files."`
	CertificateFile string `placeholder:"FILE" help:"Where to write the certificate and key (PEM) that clients sign in with. Default: a file in the folder for temporary files."`
}

// Help tells what the simulator is and how scripts change its site.
func (simSharePointCommand) Help() string {
	return `No live site is asked: this is a simulator, made from Microsoft's documentation. It prints the runtime configuration of
a provider instance that reads it, as lines "key = value"; the text of the file caFile is for tls.caCertificate, that of
certificateFile for sp.certificate. Roster reads loopback addresses only with ROSTER_ALLOW_PRIVATE_SOURCES=true.

Its members are people and groups of the tenant that roster sim graph makes of the same --users, --groups and --seed,
beside some whom no tenant knows.

The same server has an interface under /sim/ that changes the site, without a sign-in:

  ` + strings.ReplaceAll(sharepoint.Admin, "\n", "\n  ")
}

// Run serves until the stop signal.
func (c *simSharePointCommand) Run(p *program) error {
	if min(c.Users, c.Groups, c.SiteGroups, c.Members) < 0 {
		return fmt.Errorf("the numbers of users, groups and members cannot be negative")
	}
	server := &sharepoint.Server{Site: sharepoint.NewSite(c.Seed), Directory: c.directory()}
	server.Site.Populate(server.Directory, c.SiteGroups, c.Members, c.Seed)
	if c.Adversary {
		server.Adversary = sharepoint.NewAdversary(c.Seed)
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("the simulator cannot start: %w", err)
	}
	if err := server.Start(listener, c.Seed); err != nil {
		_ = listener.Close()
		return fmt.Errorf("the simulator cannot start: %w", err)
	}
	defer server.Close()
	ca, remove, err := writePEM("--ca-file", c.CAFile, "ca.pem", []byte(server.CA))
	if err != nil {
		return err
	}
	defer remove()
	certificate, remove, err := writePEM("--certificate-file", c.CertificateFile, "certificate.pem", []byte(server.Certificate))
	if err != nil {
		return err
	}
	defer remove()
	for _, line := range [][2]string{
		{"sp.siteUrl", server.SiteURL()},
		{"sp.tenant", server.Tenant},
		{"sp.clientId", server.ClientID},
		{"sp.authorityHost", server.Origin},
		{"caFile", ca},
		{"certificateFile", certificate},
	} {
		fmt.Fprintf(p.stdout, "%s = %s\n", line[0], line[1])
	}
	rng := rand.New(rand.NewPCG(c.Seed, 5))
	c.Churn.every(p.ctx, func() { server.Site.Mutate(rng, server.Directory, 1) })
	return nil
}

// directory is whom the tenant of the Graph simulator has.
func (c *simSharePointCommand) directory() (d sharepoint.Directory) {
	tenant := graph.NewTenant(c.Seed)
	tenant.Populate(c.Users, c.Groups, c.Seed)
	state := tenant.State()
	for _, user := range state.Users {
		if name, ok := user.Attributes["userPrincipalName"].(string); ok {
			d.Users = append(d.Users, name)
		}
	}
	for id := range state.Groups {
		d.Groups = append(d.Groups, id)
	}
	slices.Sort(d.Users)
	slices.Sort(d.Groups)
	return d
}
