// Package demo fills a running Roster with a sample organization, as an identity provider would, and asks it what a
// workflow engine would: all of it over HTTP.
package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/roster-gateway/roster/internal/progress"
	"github.com/roster-gateway/roster/internal/scimclient"
)

// Config says which Roster to fill, and where to tell about it.
type Config struct {
	// URL is where the Roster listens, without a slash at its end.
	URL        string
	AdminToken string
	Out        io.Writer
	// Terminal draws a progress bar that moves.
	Terminal bool
}

type demo struct {
	Config
	http     *http.Client
	admin    *asker
	company  *Organization
	partners *Organization
	section  int
}

// Run fills the Roster and asks it. It can be run again: what is there is kept.
func Run(ctx context.Context, cfg Config) error {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections} // no proxy: it is this machine
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	d := &demo{
		Config: cfg, http: client, company: Company(), partners: Partner(),
		admin: &asker{url: cfg.URL + "/graphql", token: cfg.AdminToken, http: client},
	}
	for _, org := range []*Organization{d.company, d.partners} {
		if err := d.provision(ctx, org); err != nil {
			return err
		}
	}
	d.heading("Defining the role %q over both, by GraphQL", Role)
	d.printf("  Its members: %s\n", strings.Join(d.roleMembers(), ", "))
	if err := d.admin.role(ctx, d.roleMembers()); err != nil {
		return err
	}
	return d.questions(ctx)
}

// provision sets an identity provider up and lets it push its organization.
func (d *demo) provision(ctx context.Context, org *Organization) error {
	d.heading("Provisioning %s through SCIM: %d people, %d groups", org.Label, len(org.People), len(org.Groups))
	token, err := d.admin.provider(ctx, org.Label)
	if err != nil {
		return err
	}
	bar := progress.New(d.Out, d.Terminal, org.requests(), "requests")
	to := &scimclient.Client{Base: d.URL + "/scim/v2", Token: scimclient.Fixed(token), HTTP: d.http}
	p := &push{to: to, org: org, done: bar.Step}
	return p.run(ctx)
}

func (d *demo) heading(format string, args ...any) {
	d.section++
	d.printf("\n%d. "+format+"\n\n", append([]any{d.section}, args...)...)
}

func (d *demo) indented(text string) {
	d.printf("  %s\n\n", strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  "))
}

// printf writes to Out. That it cannot is no reason to stop.
func (d *demo) printf(format string, args ...any) { fmt.Fprintf(d.Out, format, args...) }
