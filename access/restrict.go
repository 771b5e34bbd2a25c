package access

import (
	"context"
	"slices"

	"github.com/roster-gateway/roster/directory"
)

// maxRestrictions bounds what a token is narrowed to.
const maxRestrictions = 100

// checkRestriction refuses to narrow tokens whose scopes have no narrow form: whoever administers providers or tokens could
// undo it.
func checkRestriction(t Token, in CreateTokenInput) error {
	switch {
	case in.RestrictTo == nil:
		return nil
	case len(in.RestrictTo) == 0:
		return directory.BadInput("restrictTo", "restrictTo names nothing, so that the token would see nobody; leave it out for a token that sees everything.")
	case len(in.RestrictTo) > maxRestrictions:
		return directory.BadInput("restrictTo", "restrictTo holds %d entries; at most %d are allowed.", len(in.RestrictTo), maxRestrictions)
	case slices.ContainsFunc(t.Scopes, func(s Scope) bool { return s != Read && s != RoleAdmin }):
		return directory.BadInput("restrictTo", "restrictTo is for tokens with the scopes READ and ROLE_ADMIN only.")
	}
	return nil
}

// restrictions finds what the names of restrictions stand for.
func (s *Service) restrictions(ctx context.Context, named []Restriction) ([]Restriction, error) {
	var out []Restriction
	for _, r := range named {
		p, err := s.provider(ctx, "restrictTo", r.Provider)
		if err != nil {
			return nil, err
		}
		found := Restriction{Provider: p.Name, ProviderID: p.ID}
		if r.Instance != nil {
			i, err := s.instanceOf(ctx, p, *r.Instance)
			if err != nil {
				return nil, err
			}
			if i == nil {
				return nil, directory.NotFound("restrictTo", "The provider %q has no instance %q.", r.Provider, *r.Instance)
			}
			found = Restriction{Provider: p.Name, Instance: &i.Name, InstanceID: i.ID}
		}
		out = append(out, found)
	}
	return out, nil
}
