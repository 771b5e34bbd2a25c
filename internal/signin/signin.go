// Package signin signs the command line in at an OpenID Connect issuer, and keeps the tokens that it was given.
package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/roster-gateway/roster/internal/outbound"
)

// The bounds of the client that talks to the issuer.
const (
	Timeout   = 20 * time.Second
	MaxAnswer = 1 << 20
)

// Client is who signs in where, and what for.
type Client struct {
	Issuer string `json:"issuer"`
	// ID is the client's at the issuer.
	ID string `json:"clientId"`
	// Service says that the client acts for itself (client credentials), not for a person.
	Service bool `json:"service,omitempty"`
	// Resource is what the access token is to be for (RFC 8707); empty for none.
	Resource string   `json:"resource,omitempty"`
	Scopes   []string `json:"scopes"`
}

// Tokens are what the issuer gave.
type Tokens struct {
	Access string `json:"accessToken"`
	// Expires is when the access token ends; zero where the issuer does not say.
	Expires time.Time `json:"expires,omitzero"`
	// Refresh gets the next access token; empty for none.
	Refresh string `json:"refreshToken,omitempty"`
}

// Ended is the error of a sign-in that does not lead to a token any more, or was never there: somebody has to sign in.
type Ended struct {
	// Reason is a sentence without its full stop.
	Reason string
	// Client is what was signed in; zero where nothing was.
	Client Client
}

// Error says why.
func (e *Ended) Error() string { return e.Reason }

// errEnded is the issuer's word that a grant is over (RFC 6749 section 5.2).
const errEnded = "invalid_grant"

// provider is an issuer's discovery document.
type provider struct {
	*oidc.Provider
	metadata
}

// metadata is what go-oidc leaves to its callers (RFC 8414 section 2, RFC 9207 section 3).
type metadata struct {
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	SendsIssuer bool     `json:"authorization_response_iss_parameter_supported"`
}

// discover reads an issuer's discovery document.
func discover(ctx context.Context, issuer string) (*provider, error) {
	if err := outbound.CheckURL(issuer); err != nil {
		return nil, fmt.Errorf("the issuer %s does not do: %w", issuer, err)
	}
	found, err := oidc.NewProvider(ctx, issuer)
	if mismatch := (*oidc.IssuerMismatchError)(nil); errors.As(err, &mismatch) {
		return nil, fmt.Errorf("the issuer %s calls itself %s: write it like that", issuer, outbound.Printable(mismatch.Discovered))
	}
	if err != nil {
		return nil, fmt.Errorf("the issuer %s cannot be discovered: %w", issuer, network(err))
	}
	p := &provider{Provider: found}
	if err := found.Claims(&p.metadata); err != nil {
		return nil, fmt.Errorf("the discovery document of %s cannot be read", issuer)
	}
	for _, address := range []string{found.Endpoint().AuthURL, found.Endpoint().TokenURL} {
		if address == "" { // an issuer for services alone has no address to authorize at
			continue
		}
		if err := outbound.CheckURL(address); err != nil {
			return nil, fmt.Errorf("the issuer %s names an address that does not do: %w", issuer, err)
		}
	}
	return p, nil
}

// grant asks the token endpoint for tokens. Every grant goes this way, because oauth2's own refresh can not name a
// resource. It fails with *Ended where the issuer says that the grant is over.
func (c Client) grant(ctx context.Context, p *provider, secret string, form url.Values) (*oauth2.Token, error) {
	style := oauth2.AuthStyleInParams
	if secret != "" && (len(p.AuthMethods) == 0 || slices.Contains(p.AuthMethods, "client_secret_basic")) {
		style = oauth2.AuthStyleInHeader
	}
	if c.Resource != "" {
		form.Set("resource", c.Resource)
	}
	ask := clientcredentials.Config{
		ClientID: c.ID, ClientSecret: secret, TokenURL: p.Endpoint().TokenURL, AuthStyle: style, EndpointParams: form,
	}
	token, err := ask.Token(ctx)
	if refusal := (*oauth2.RetrieveError)(nil); errors.As(err, &refusal) {
		switch refusal.ErrorCode {
		case errEnded:
			return nil, &Ended{Reason: "the issuer " + c.Issuer + " says that consent has run out or was taken back (invalid_grant)", Client: c}
		case "":
			return nil, fmt.Errorf("the issuer %s answered with the status %d", c.Issuer, refusal.Response.StatusCode)
		}
		return nil, fmt.Errorf("the issuer %s refused: %s", c.Issuer, described(refusal.ErrorCode, refusal.ErrorDescription))
	}
	if err != nil {
		return nil, fmt.Errorf("the issuer %s did not give a token: %w", c.Issuer, network(err))
	}
	if !strings.EqualFold(token.Type(), "Bearer") {
		return nil, fmt.Errorf("the issuer %s gave a token of the type %s, not Bearer", c.Issuer, outbound.Printable(token.Type()))
	}
	return token, nil
}

func kept(t *oauth2.Token) Tokens {
	return Tokens{Access: t.AccessToken, Expires: t.Expiry.Round(0), Refresh: t.RefreshToken}
}

// service gets tokens for a client that acts for itself.
func (c Client) service(ctx context.Context, secret string) (*Tokens, error) {
	p, err := discover(ctx, c.Issuer)
	if err != nil {
		return nil, err
	}
	token, err := c.grant(ctx, p, secret, url.Values{"scope": {strings.Join(c.Scopes, " ")}})
	if err != nil {
		return nil, err
	}
	tokens := kept(token)
	return &tokens, nil
}

// refresh gets the tokens that follow on others.
func (c Client) refresh(ctx context.Context, secret, refresh string) (*Tokens, error) {
	p, err := discover(ctx, c.Issuer)
	if err != nil {
		return nil, err
	}
	token, err := c.grant(ctx, p, secret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	if err != nil {
		return nil, err
	}
	tokens := kept(token)
	return &tokens, nil
}

// with is a context whose requests to the issuer go through a client.
func with(ctx context.Context, client *http.Client) context.Context {
	return oidc.ClientContext(ctx, client)
}

// network is an error of the way to the issuer, bounded, and without the address that was asked.
func network(err error) error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		return outer.Err
	}
	return errors.New(outbound.Printable(err.Error()))
}

// described joins an error's code and its description.
func described(code, description string) string {
	if description != "" {
		code += " (" + description + ")"
	}
	return outbound.Printable(code)
}
