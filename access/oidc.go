package access

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/directory"
)

// trusted is an issuer with its verifier.
type trusted struct {
	Issuer
	verifier *issuer.Issuer
}

func trust(issuers []Issuer, now func() time.Time) map[string]trusted {
	out := make(map[string]trusted, len(issuers))
	for _, i := range issuers {
		out[i.URL] = trusted{i, issuer.New(issuer.Config{URL: i.URL, Audience: i.Audience, Client: i.Client, Now: now})}
	}
	return out
}

// issuerOf finds the issuer that a token claims to be from. Nothing of the token is believed yet.
func (s *Service) issuerOf(token string) (trusted, bool) {
	if len(s.issuers) == 0 {
		return trusted{}, false
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return trusted{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return trusted{}, false
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return trusted{}, false
	}
	found, ok := s.issuers[claims.Issuer]
	return found, ok
}

// verify returns the principal of an issuer's token: named as the issuer names it, with the scopes that the token's claims
// give, and standing for the user that they name where the issuer's settings ask for one.
func (s *Service) verify(ctx context.Context, i trusted, token string) (*Principal, error) {
	claims, err := i.verifier.Verify(ctx, token)
	switch {
	case errors.Is(err, issuer.ErrUnavailable):
		return nil, &directory.Error{
			Code: directory.CodeUnavailable, Cause: err,
			Message: "The access token cannot be checked now, because its issuer does not answer. Try again.",
		}
	case errors.Is(err, issuer.ErrRefused):
		s.log.DebugContext(ctx, "an issuer's access token was refused", "issuer", i.URL, "error", err)
		return nil, unauthenticated()
	case err != nil:
		return nil, err
	}
	p := &Principal{
		Name: claims.Subject + " (" + i.URL + ")", Scopes: i.scopes(claims), Issuer: i.URL, Subject: claims.Subject,
		ExpiresAt: &claims.Expires,
	}
	if len(p.Scopes) == 0 {
		return nil, forbidden("This access token lacks what gives a scope here. Ask its issuer for one with " + i.wanted() + ".")
	}
	if p.Within, err = s.partsOf(ctx, i, claims); err != nil {
		return nil, err
	}
	if i.Identity == nil {
		return p, nil
	}
	names := claims.Texts(i.Identity.Claim)
	if len(names) != 1 {
		return nil, forbidden("This access token names no user in its claim " + i.Identity.Claim + ".")
	}
	user, err := s.people.Act(ctx, directory.Acting{
		Provider: i.Identity.Provider, Instance: i.Identity.Instance, By: i.Identity.Attribute, Value: names[0],
	})
	if err != nil {
		return nil, err
	}
	p.Identity = user.UID
	return p, nil
}

// scopes are all that the claims of a token give.
func (i trusted) scopes(claims *issuer.Claims) []Scope {
	var out []Scope
	for _, g := range i.Grants {
		if slices.Contains(claims.Texts(g.Claim), g.Value) {
			out = append(out, g.Scopes...)
		}
	}
	return inOrder(out)
}

// wanted tells some of what gives scopes.
func (i trusted) wanted() string {
	var out []string
	for _, g := range i.Grants[:min(len(i.Grants), 4)] {
		out = append(out, g.Value+" in "+g.Claim)
	}
	return strings.Join(out, ", or ")
}

// InstanceAt returns the SCIM instance whose Tenant URL holds a token, nil where there is none. The token is no
// credential: it names the instance that a principal without one of its own writes to.
func (s *Service) InstanceAt(ctx context.Context, urlToken string) (*directory.Instance, error) {
	if s.held.Load() == nil {
		instances, err := s.instances(ctx)
		return tenants(instances)[urlToken], err
	}
	if err := s.replica.Fresh(ctx); err != nil {
		return nil, err
	}
	return s.held.Load().byURL[urlToken], nil
}
