package plan

import (
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/graph/model"
	"github.com/roster-gateway/roster/graph/scalar"
)

// UserQuery is a filter as the directory takes it. An explicit null is the same as nothing.
func UserQuery(f *model.UserFilter) directory.ListQuery {
	if f == nil {
		return directory.ListQuery{}
	}
	return directory.ListQuery{
		Provider: f.Provider.Value(), Instance: f.Instance.Value(), Status: directory.Statuses(f.Status.Value()...),
		NameKey: folded(f.UserName), EmailKey: folded(f.Email), ExternalID: f.ExternalID.Value(),
		UpdatedSince: f.UpdatedSince.Value(),
	}
}

// GroupQuery is a filter as the directory takes it. An explicit null is the same as nothing.
func GroupQuery(f *model.GroupFilter) directory.ListQuery {
	if f == nil {
		return directory.ListQuery{}
	}
	return directory.ListQuery{
		Provider: f.Provider.Value(), Instance: f.Instance.Value(), Status: directory.Statuses(f.Status.Value()...),
		NameKey: folded(f.Name), ExternalID: f.ExternalID.Value(), UpdatedSince: f.UpdatedSince.Value(),
	}
}

func folded(text graphql.Omittable[*string]) *string {
	if text.Value() == nil {
		return nil
	}
	key := directory.FoldKey(*text.Value())
	return &key
}

var userOrders = map[model.UserOrderField]directory.OrderField{
	model.UserOrderFieldUserName:    directory.OrderName,
	model.UserOrderFieldDisplayName: directory.OrderDisplayName,
	model.UserOrderFieldCreatedAt:   directory.OrderCreatedAt,
	model.UserOrderFieldUpdatedAt:   directory.OrderUpdatedAt,
}

// UserOrder is an order as the directory takes it; nil is the order of creation.
func UserOrder(o *model.UserOrder) directory.Order {
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

// GroupOrder is an order as the directory takes it; nil is the order of creation.
func GroupOrder(o *model.GroupOrder) directory.Order {
	if o == nil {
		return directory.Order{}
	}
	return directory.Order{Field: groupOrders[o.Field], Desc: o.Direction == model.OrderDirectionDesc}
}

func (a arguments) omittable(name string) graphql.Omittable[*string] {
	return graphql.OmittableOf(a.optional(name))
}

func (a arguments) since(name string) graphql.Omittable[*time.Time] {
	value, given := a.given(name)
	if !given {
		return graphql.OmittableOf[*time.Time](nil)
	}
	t, err := scalar.UnmarshalDateTime(value)
	if err != nil {
		a.refuse()
	}
	return graphql.OmittableOf(&t)
}

// order reads an order's field and its direction, of which the second has a default.
func (a arguments) order() (field string, direction model.OrderDirection) {
	direction = model.OrderDirectionAsc
	if _, given := a.value("direction"); given {
		direction = model.OrderDirection(a.text("direction"))
	}
	return a.text("field"), direction
}

func decodeUsers(a arguments) (any, bool) {
	var filter *model.UserFilter
	if f, ok := a.nested("filter"); ok {
		filter = &model.UserFilter{
			Provider: f.omittable("provider"), Instance: f.omittable("instance"),
			Status:   graphql.OmittableOf(texts[directory.IdentityStatus](f, "status")),
			UserName: f.omittable("userName"), Email: f.omittable("email"), ExternalID: f.omittable("externalId"),
			UpdatedSince: f.since("updatedSince"),
		}
	}
	var order *model.UserOrder
	if o, ok := a.nested("orderBy"); ok {
		field, direction := o.order()
		order = &model.UserOrder{Field: model.UserOrderField(field), Direction: direction}
		if !order.Field.IsValid() || !direction.IsValid() {
			a.refuse()
		}
	}
	args := directory.ListArgs{PageArgs: a.page(), Search: a.optional("search"), Filter: UserQuery(filter), Order: UserOrder(order)}
	return args, !*a.wrong
}

func decodeGroups(a arguments) (any, bool) {
	var filter *model.GroupFilter
	if f, ok := a.nested("filter"); ok {
		filter = &model.GroupFilter{
			Provider: f.omittable("provider"), Instance: f.omittable("instance"),
			Status: graphql.OmittableOf(texts[directory.IdentityStatus](f, "status")),
			Name:   f.omittable("name"), ExternalID: f.omittable("externalId"), UpdatedSince: f.since("updatedSince"),
		}
	}
	var order *model.GroupOrder
	if o, ok := a.nested("orderBy"); ok {
		field, direction := o.order()
		order = &model.GroupOrder{Field: model.GroupOrderField(field), Direction: direction}
		if !order.Field.IsValid() || !direction.IsValid() {
			a.refuse()
		}
	}
	args := directory.ListArgs{PageArgs: a.page(), Search: a.optional("search"), Filter: GroupQuery(filter), Order: GroupOrder(order)}
	return args, !*a.wrong
}

func decodeIdentities(a arguments) (any, bool) {
	args := directory.ListArgs{PageArgs: a.page(), Search: a.optional("search"), Kinds: texts[directory.IdentityKind](a, "kinds")}
	return args, !*a.wrong
}

func decodeRoles(a arguments) (any, bool) {
	args := directory.ListArgs{PageArgs: a.page()}
	return args, !*a.wrong
}
