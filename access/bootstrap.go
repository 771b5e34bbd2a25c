package access

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
)

// errNobody is one sentence for the operator.
var errNobody = errors.New("every access token but those for SCIM is revoked or expired and no admin token is configured, so nobody could sign in: set ROSTER_ADMIN_TOKEN")

// Bootstrap creates the first token, named "admin" and with [AdminScopes], and returns its secret: only where no token
// is configured and none was ever stored. Else it returns "", and an error where nobody could authenticate at all. SCIM
// tokens do not count: nobody administers with them.
func (s *Service) Bootstrap(ctx context.Context) (string, error) {
	if s.admin != nil {
		return "", nil
	}
	t := Token{UID: uuid.New(), Name: AdminName, Scopes: AdminScopes}
	secret := newSecret()
	token, err := s.store.InsertFirstToken(ctx, t, HashOf(secret), created(ctx, t))
	if err != nil {
		return "", err
	}
	if token != nil {
		return secret, nil
	}
	if s.issuersLetIn() {
		return "", nil
	}
	live, err := s.store.AnyLiveToken(ctx, s.now())
	if err == nil && !live {
		err = errNobody
	}
	return "", err
}

// issuersLetIn reports whether an issuer's tokens may be more than SCIM ones.
func (s *Service) issuersLetIn() bool {
	for _, i := range s.issuers {
		for _, g := range i.Grants {
			if slices.ContainsFunc(g.Scopes, func(given Scope) bool { return given != SCIM }) {
				return true
			}
		}
	}
	return false
}
