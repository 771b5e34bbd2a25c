package graph

import "slices"

// property is one that can be selected.
type property struct {
	name string
	bool bool
}

// properties are those of each kind, as Graph calls them (user resource type, group resource type).
var properties = map[Kind][]property{
	User: {
		{name: "userPrincipalName"},
		{name: "displayName"},
		{name: "givenName"},
		{name: "surname"},
		{name: "mail"},
		{name: "mailNickname"},
		{name: "accountEnabled", bool: true},
		{name: "userType"},
		{name: "signInSessionsValidFromDateTime"},
		{name: "deletedDateTime"},
	},
	Group: {
		{name: "displayName"},
		{name: "mail"},
		{name: "mailNickname"},
		{name: "mailEnabled", bool: true},
		{name: "securityEnabled", bool: true},
		{name: "description"},
		{name: "visibility"},
		{name: "deletedDateTime"},
	},
}

// relation is the property of a kind that its links are.
var relation = map[Kind]string{User: "manager", Group: "members"}

// position finds a property; -1 where a kind has none of that name.
func position(kind Kind, name string) int {
	return slices.IndexFunc(properties[kind], func(p property) bool { return p.name == name })
}

// takes says whether a value is of the property's type.
func (p property) takes(v any) bool {
	switch v.(type) {
	case nil:
		return p.name != "userPrincipalName"
	case bool:
		return p.bool
	case string:
		return !p.bool
	}
	return false
}
