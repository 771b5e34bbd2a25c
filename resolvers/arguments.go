package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/graph/model"
)

func linkArgs(scope directory.MembershipScope, kind *directory.IdentityKind, status []directory.IdentityStatus, first int, after *directory.Cursor) directory.LinkArgs {
	args := directory.LinkArgs{PageArgs: directory.PageArgs{First: first, After: after}, Scope: scope, Status: status}
	if kind != nil {
		args.Kind = *kind
	}
	return args
}

// clearable is an input where null clears the value and leaving it out keeps it, in the form where an empty text
// clears and nil keeps.
func clearable(text graphql.Omittable[*string]) *string {
	if text.IsSet() && text.Value() == nil {
		empty := ""
		return &empty
	}
	return text.Value()
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// as narrows an identity to one noun: nil where it is another.
func as[T directory.Identity](identity directory.Identity, err error) (T, error) {
	noun, _ := identity.(T)
	return noun, err
}

// providerOf is the provider of the instance that owns an identity.
func (r *reads) providerOf(ctx context.Context, identity *directory.Record) (*directory.Provider, error) {
	instance, err := r.Reader.Instance(ctx, identity.InstanceID)
	if err != nil || instance == nil {
		return nil, err
	}
	return instance.Provider, nil
}

// restrictions are what a token is to be narrowed to; nil for everything.
func restrictions(named []*model.AccessRestrictionInput) []access.Restriction {
	if named == nil {
		return nil
	}
	out := make([]access.Restriction, len(named))
	for i, r := range named {
		out[i] = access.Restriction{Provider: r.Provider, Instance: r.Instance.Value()}
	}
	return out
}
