package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

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

// userQuery is a filter as the directory takes it. An explicit null is the same as nothing.
func userQuery(f *model.UserFilter) directory.ListQuery {
	if f == nil {
		return directory.ListQuery{}
	}
	return directory.ListQuery{
		Provider: f.Provider.Value(), Instance: f.Instance.Value(), Status: directory.Statuses(f.Status.Value()...),
		NameKey: folded(f.UserName), EmailKey: folded(f.Email), ExternalID: f.ExternalID.Value(),
		UpdatedSince: f.UpdatedSince.Value(),
	}
}

func groupQuery(f *model.GroupFilter) directory.ListQuery {
	if f == nil {
		return directory.ListQuery{}
	}
	return directory.ListQuery{
		Provider: f.Provider.Value(), Instance: f.Instance.Value(), Status: directory.Statuses(f.Status.Value()...),
		NameKey: folded(f.Name), ExternalID: f.ExternalID.Value(), UpdatedSince: f.UpdatedSince.Value(),
	}
}

var userOrders = map[model.UserOrderField]directory.OrderField{
	model.UserOrderFieldUserName:    directory.OrderName,
	model.UserOrderFieldDisplayName: directory.OrderDisplayName,
	model.UserOrderFieldCreatedAt:   directory.OrderCreatedAt,
	model.UserOrderFieldUpdatedAt:   directory.OrderUpdatedAt,
}

func userOrder(o *model.UserOrder) directory.Order {
	if o == nil {
		return directory.Order{}
	}
	return directory.Order{Field: userOrders[o.Field], Desc: o.Direction == model.OrderDirectionDesc}
}

var groupOrders = map[model.GroupOrderField]directory.OrderField{
	model.GroupOrderFieldName:      directory.OrderName,
	model.GroupOrderFieldCreatedAt: directory.OrderCreatedAt,
	model.GroupOrderFieldUpdatedAt: directory.OrderUpdatedAt,
}

func groupOrder(o *model.GroupOrder) directory.Order {
	if o == nil {
		return directory.Order{}
	}
	return directory.Order{Field: groupOrders[o.Field], Desc: o.Direction == model.OrderDirectionDesc}
}

func folded(text graphql.Omittable[*string]) *string {
	if text.Value() == nil {
		return nil
	}
	key := directory.FoldKey(*text.Value())
	return &key
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
