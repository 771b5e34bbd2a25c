package access

import (
	"context"
	"crypto/subtle"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/directory"
)

// AdminName is the name of the principal that the configured token stands for.
const AdminName = "admin"

// Authenticate returns the principal that the values of a request's Authorization header stand for: exactly one,
// Bearer (in any case) and a live token (RFC 6750 section 2.1), or a good one of an issuer. Whatever else was sent, the error is the same
// CodeUnauthenticated.
func (s *Service) Authenticate(ctx context.Context, authorization []string) (*Principal, error) {
	secret, ok := bearer(authorization)
	if !ok {
		return nil, unauthenticated()
	}
	hash := HashOf(secret)
	if s.admin != nil && subtle.ConstantTimeCompare(hash[:], s.admin[:]) == 1 {
		return &Principal{Name: AdminName, Scopes: AdminScopes}, nil
	}
	if trusted, ok := s.issuerOf(secret); ok {
		return s.verify(ctx, trusted, secret)
	}
	token, err := s.byHash(ctx, hash)
	if err != nil {
		return nil, err
	}
	now := s.now()
	if token == nil || !token.live(now) {
		return nil, unauthenticated()
	}
	s.uses.note(token, now)
	return &Principal{
		Name: token.Name, Scopes: token.Scopes, Token: token.UID, Instance: token.Instance, Within: token.Within, ExpiresAt: token.ExpiresAt,
	}, nil
}

// Recheck reports by an error, CodeUnauthenticated or CodeForbidden, that the principal's token is live no more, or that
// whom it stands for is not; for requests that last.
func (s *Service) Recheck(ctx context.Context, p *Principal) error {
	if p == nil {
		return unauthenticated()
	}
	if p.Issuer != "" {
		return s.recheckIssued(ctx, p)
	}
	if p.Token == uuid.Nil {
		return nil
	}
	token, err := s.byUID(ctx, p.Token)
	if err != nil {
		return err
	}
	if token == nil || !token.live(s.now()) {
		return unauthenticated()
	}
	return nil
}

// recheckIssued is Recheck for an issuer's token. What its issuer took back meanwhile ends with the token at the latest.
func (s *Service) recheckIssued(ctx context.Context, p *Principal) error {
	if p.ExpiresAt != nil && !s.now().Before(p.ExpiresAt.Add(issuer.Leeway)) {
		return unauthenticated()
	}
	if p.Identity == uuid.Nil {
		return nil
	}
	return s.people.ActStill(ctx, p.Identity)
}

// live reports whether the token opens anything.
func (t *Token) live(now time.Time) bool {
	return t.RevokedAt == nil && (t.ExpiresAt == nil || t.ExpiresAt.After(now)) &&
		(t.Instance == nil || t.Instance.DeletedAt == nil && t.Instance.Provider.DeletedAt == nil)
}

// bearer reads the one token that the header carries.
func bearer(authorization []string) (string, bool) {
	if len(authorization) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(authorization[0], " ")
	token = strings.Trim(token, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" || token == "null" || strings.ContainsAny(token, " \t") {
		return "", false
	}
	return token, true
}

func unauthenticated() *directory.Error {
	return &directory.Error{
		Code:    directory.CodeUnauthenticated,
		Message: "A valid access token is required. Send it in the header Authorization: Bearer <token>.",
	}
}
