package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/scimclient"
	"github.com/roster-gateway/roster/internal/signin"
)

// scimCommand is a SCIM client: what a custom integration does, from the command line.
type scimCommand struct {
	Login scimLoginCommand `cmd:"" help:"Sign in at an OpenID Connect issuer, and keep the tokens for a Tenant URL."`
	Users scimUsersCommand `cmd:"" help:"List the users of a Tenant URL."`
	Push  scimPushCommand  `cmd:"" help:"Bring a directory of users and groups to a Tenant URL."`
}

// scimRequest bounds one request to the service.
const scimRequest = time.Minute

// scimService says which SCIM service a command talks to.
type scimService struct {
	URL    string `name:"url" env:"ROSTER_SCIM_URL" required:"" placeholder:"URL" help:"Tenant URL: the scimUrl of an instance, or an address that ends in /scim/v2."`
	CAFile string `name:"ca-file" env:"ROSTER_SCIM_CA_FILE" placeholder:"FILE" help:"File with CA certificates (PEM) that are trusted beside the system's."`
}

// complete checks the address and puts it into its one form.
func (s *scimService) complete() error {
	s.URL = strings.TrimRight(s.URL, "/")
	if err := outbound.CheckURL(s.URL); err != nil {
		return fmt.Errorf("the Tenant URL (--url) does not do: %w", err)
	}
	if strings.Contains(s.URL, "?") {
		return errors.New("the Tenant URL (--url) does not do: it holds a question mark")
	}
	return nil
}

// clientSecret says where the client's secret at the issuer is. It is no flag: other users of a machine can read those.
type clientSecret struct {
	ClientSecretFile string `env:"ROSTER_SCIM_CLIENT_SECRET_FILE" placeholder:"FILE" help:"File that holds the client's secret at the issuer, or the secret itself in the variable ROSTER_SCIM_CLIENT_SECRET."`
}

// session is the sign-in for a Tenant URL.
func (s *scimService) session(secret clientSecret) (*signin.Session, error) {
	shared, err := config.ReadSecret("ROSTER_SCIM_CLIENT_SECRET", secret.ClientSecretFile)
	if err != nil {
		return nil, err
	}
	client, err := outbound.NewClient(outbound.Config{CAFile: s.CAFile, Timeout: signin.Timeout, MaxAnswer: signin.MaxAnswer})
	if err != nil {
		return nil, err
	}
	folder, err := signin.DefaultFolder()
	if err != nil {
		return nil, err
	}
	return &signin.Session{Tenant: s.URL, Store: signin.Store{Folder: folder}, HTTP: client, Secret: shared.Reveal()}, nil
}

// scimAccess is what commands need that send SCIM requests.
type scimAccess struct {
	scimService  `embed:""`
	TokenFile    string `env:"ROSTER_SCIM_TOKEN_FILE" placeholder:"FILE" help:"File that holds a bearer token, or the token itself in the variable ROSTER_SCIM_TOKEN. Default: what roster scim login has kept."`
	clientSecret `embed:""`
}

// client is a SCIM client for a number of requests at a time.
func (a *scimAccess) client(connections int) (*scimclient.Client, error) {
	if err := a.complete(); err != nil {
		return nil, err
	}
	client, err := outbound.NewClient(outbound.Config{CAFile: a.CAFile, Timeout: scimRequest, Connections: connections})
	if err != nil {
		return nil, err
	}
	out := &scimclient.Client{Base: a.URL, HTTP: client}
	bearer, err := config.ReadSecret("ROSTER_SCIM_TOKEN", a.TokenFile)
	if err != nil {
		return nil, err
	}
	if bearer != "" {
		out.Token = scimclient.Fixed(bearer.Reveal())
		return out, nil
	}
	session, err := a.session(a.clientSecret)
	if err != nil {
		return nil, err
	}
	out.Token = session.Token
	return out, nil
}

// toSignIn says how to sign in again, for the error of a sign-in that has ended.
func toSignIn(tenant string, ended *signin.Ended) string {
	c := ended.Client
	if c.Issuer == "" {
		return fmt.Sprintf("%s. Sign in with: roster scim login --url %s --issuer URL --client-id ID --resource URL", ended.Reason, shellWord(tenant))
	}
	words := []string{"roster scim login", "--url", shellWord(tenant), "--issuer", shellWord(c.Issuer), "--client-id", shellWord(c.ID)}
	if c.Resource != "" {
		words = append(words, "--resource", shellWord(c.Resource))
	}
	words = append(words, "--scope", shellQuote(strings.Join(c.Scopes, " ")))
	if c.Service {
		words = append(words, "--client-credentials")
	}
	return ended.Reason + ". Its tokens are deleted. Sign in again with: " + strings.Join(words, " ")
}

// shellWord quotes a text where a shell would take it for something else.
func shellWord(text string) string {
	if strings.ContainsAny(text, " \t\"'`$&|;<>()*?[]#~!\\{}") {
		return shellQuote(text)
	}
	return text
}

// signedOut turns the end of a sign-in into what to do about it.
func (a *scimAccess) signedOut(err error) error {
	if ended := (*signin.Ended)(nil); errors.As(err, &ended) {
		return &needsSignIn{toSignIn(a.URL, ended)}
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped")
	}
	return err
}

// needsSignIn is the error of a command that cannot go on before somebody signs in.
type needsSignIn struct{ text string }

func (e *needsSignIn) Error() string { return e.text }
