package command

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/roster-gateway/roster/internal/signin"
)

type scimLoginCommand struct {
	scimService       `embed:""`
	Issuer            string `env:"ROSTER_SCIM_ISSUER" required:"" placeholder:"URL" help:"The OpenID Connect issuer, as its discovery document spells it."`
	ClientID          string `name:"client-id" env:"ROSTER_SCIM_CLIENT_ID" required:"" placeholder:"ID" help:"This client's id at the issuer."`
	ClientCredentials bool   `help:"Sign in as a service, with the client's secret and nobody at a browser."`
	Resource          string `env:"ROSTER_SCIM_RESOURCE" placeholder:"URL" help:"What the token is for (RFC 8707): the audience that Roster is configured with."`
	Scope             string `env:"ROSTER_SCIM_SCOPE" placeholder:"TEXT" help:"Scopes to ask for; {resource} stands for the resource. Default: openid profile offline_access {resource}/write, for a service {resource}/write."`
	NoBrowser         bool   `help:"Open no browser; the address to open is printed anyway."`
	clientSecret      `embed:""`
}

// Help says how signing in works.
func (scimLoginCommand) Help() string {
	return "Signs in by Authorization Code with PKCE: your browser shows the issuer's page and comes back to a port of this machine. " +
		"The tokens are kept in your configuration folder, readable by you alone. An access token is renewed by itself until consent " +
		"runs out; then the commands say so and end with exit code 3."
}

// Run signs in.
func (c *scimLoginCommand) Run(p *program) error {
	if err := c.complete(); err != nil {
		return err
	}
	scopes, err := c.scopes()
	if err != nil {
		return err
	}
	session, err := c.session(c.clientSecret)
	if err != nil {
		return err
	}
	if c.ClientCredentials && session.Secret == "" {
		return errors.New("a service signs in with a secret: set ROSTER_SCIM_CLIENT_SECRET or ROSTER_SCIM_CLIENT_SECRET_FILE")
	}
	client := signin.Client{Issuer: c.Issuer, ID: c.ClientID, Service: c.ClientCredentials, Resource: c.Resource, Scopes: scopes}
	err = session.SignIn(p.ctx, client, func(address string) {
		fmt.Fprintf(p.stdout, "Open this address to sign in:\n\n  %s\n\n", address)
		if !c.NoBrowser {
			_ = browse(address) // the address is printed for this case
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "Signed in. Next: roster scim push FILE --url", shellWord(c.URL))
	return nil
}

func (c *scimLoginCommand) scopes() ([]string, error) {
	scope := c.Scope
	if scope == "" {
		scope = "openid profile offline_access {resource}/write"
		if c.ClientCredentials {
			scope = "{resource}/write"
		}
	}
	if strings.Contains(scope, "{resource}") && c.Resource == "" {
		return nil, errors.New("the scope names the resource, which is not set: add --resource, the audience that Roster is configured with, or choose another --scope")
	}
	return strings.Fields(strings.ReplaceAll(scope, "{resource}", strings.TrimRight(c.Resource, "/"))), nil
}

// browse opens an address, and does not wait for what comes of it.
func browse(address string) error {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	}
	opener := exec.Command(name, address)
	if err := opener.Start(); err != nil {
		return err
	}
	go func() { _ = opener.Wait() }()
	return nil
}
