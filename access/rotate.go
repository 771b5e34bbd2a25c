package access

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

const (
	// DefaultOverlap is how long a token goes on beside its successor where nothing else is said.
	DefaultOverlap = 24 * time.Hour
	maxOverlap     = 30 * 24 * time.Hour
)

// RotateTokenInput says how to replace a token.
type RotateTokenInput struct {
	// ID is the public id of the token to replace.
	ID string
	// Overlap is how long it still opens what it does; nil is [DefaultOverlap].
	Overlap *time.Duration
	// ExpiresAt is when the successor ends; nil means never.
	ExpiresAt *time.Time
}

// RotateToken creates a token with the name, scopes and parts of the directory of another one, which ends after the overlap.
// The secret is returned this once.
func (s *Service) RotateToken(ctx context.Context, in RotateTokenInput) (*Token, string, error) {
	now := s.now()
	overlap := DefaultOverlap
	if in.Overlap != nil {
		overlap = *in.Overlap
	}
	switch {
	case overlap < 0 || overlap > maxOverlap:
		return nil, "", directory.BadInput("overlap", "overlap must be from PT0S to P30D.")
	case in.ExpiresAt != nil && !in.ExpiresAt.After(now):
		return nil, "", directory.BadInput("expiresAt", "expiresAt must be in the future; leave it out for a token that does not expire.")
	}
	missing := directory.NotFound("id", "There is no access token with this id, or it is revoked or expired.")
	uid, ok := directory.LookupUID(in.ID)
	if !ok {
		return nil, "", missing
	}
	found, err := s.store.TokensByUID(ctx, []uuid.UUID{uid})
	if err != nil {
		return nil, "", err
	}
	old := found[0]
	if old == nil || !old.live(now) {
		return nil, "", missing
	}
	if err := mayGive(PrincipalFrom(ctx), old.Scopes); err != nil {
		return nil, "", err
	}
	t := Token{UID: uuid.New(), Name: old.Name, Scopes: old.Scopes, Instance: old.Instance, RestrictTo: old.RestrictTo, ExpiresAt: in.ExpiresAt}
	audit := created(ctx, t)
	audit.Action, audit.Detail["successorOf"] = "token.rotate", uid.String()
	secret := newSecret()
	token, err := s.store.RotateToken(ctx, uid, now, now.Add(overlap), t, HashOf(secret), audit)
	if err != nil {
		return nil, "", err
	}
	if token == nil {
		return nil, "", missing
	}
	return token, secret, nil
}
