package access

import (
	"context"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/access/issuer"
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
	case slices.ContainsFunc(t.Scopes, wide):
		return directory.BadInput("restrictTo", "restrictTo is for tokens with the scopes READ and ROLE_ADMIN only.")
	}
	return nil
}

// wide reports whether a scope cannot be narrowed.
func wide(s Scope) bool { return s != Read && s != RoleAdmin }

// partsOf are the instances that an issuer's token sees, of those there are now; nil for everything.
func (s *Service) partsOf(ctx context.Context, i trusted, claims *issuer.Claims) (*directory.Scope, error) {
	if len(i.RestrictTo) == 0 {
		return nil, nil
	}
	var parts []Part
	var lacks []string
	for _, p := range i.RestrictTo {
		if p.Claim == "" || slices.Contains(claims.Texts(p.Claim), p.Value) {
			parts = append(parts, p)
		} else if len(lacks) < 4 {
			lacks = append(lacks, p.Value+" in "+p.Claim)
		}
	}
	if len(parts) == 0 {
		return nil, forbidden("This access token lacks what says which part of the directory it sees. Ask its issuer for one with " + strings.Join(lacks, ", or ") + ".")
	}
	instances, err := s.instances(ctx)
	if err != nil {
		return nil, err
	}
	var seen []int64
	for _, instance := range instances {
		if slices.ContainsFunc(parts, func(p Part) bool { return p.holds(instance) }) {
			seen = append(seen, instance.ID)
		}
	}
	return directory.ScopeOf(seen...), nil
}

func (p Part) holds(i *directory.Instance) bool {
	return directory.FoldKey(p.Provider) == directory.FoldKey(i.Provider.Name) &&
		(p.Instance == nil || directory.FoldKey(*p.Instance) == directory.FoldKey(i.Name))
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
