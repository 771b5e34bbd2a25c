package access

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/directory"
)

// Issuer is an OpenID Connect issuer whose access tokens open SCIM (RFC 9068, RFC 6750).
type Issuer struct {
	// URL is the issuer, as its tokens spell it in iss.
	URL string
	// Audience is what tokens have to carry in aud.
	Audience string
	// SCIMScope is what tokens have to carry in scope or scp.
	SCIMScope string
	// Client fetches the issuer's keys, within its bounds; see package outbound.
	Client *http.Client
}

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

// verify returns the principal of an issuer's token. It is named as the issuer names it, and stands for no identity of
// the directory.
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
	case !slices.Contains(claims.Scopes, i.SCIMScope):
		return nil, &directory.Error{
			Code:    directory.CodeForbidden,
			Message: "This access token lacks the scope " + i.SCIMScope + ". Ask its issuer for one with it.",
		}
	}
	return &Principal{Name: claims.Subject + " (" + i.URL + ")", Scopes: []Scope{SCIM}, Issuer: i.URL, Subject: claims.Subject}, nil
}

// InstanceAt returns the SCIM instance whose Tenant URL holds a token, nil where there is none. The token is no
// credential: it names the instance that a principal without one of its own writes to.
func (s *Service) InstanceAt(ctx context.Context, urlToken string) (*directory.Instance, error) {
	if s.held.Load() == nil {
		instances, err := s.store.Instances(ctx)
		if err != nil {
			return nil, err
		}
		return tenants(instances)[urlToken], nil
	}
	if err := s.replica.Fresh(ctx); err != nil {
		return nil, err
	}
	return s.held.Load().byURL[urlToken], nil
}
