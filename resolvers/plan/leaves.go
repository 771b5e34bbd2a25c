package plan

import (
	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/graph/scalar"
)

// leaf appends a value that needs no further reading and cannot fail.
type leaf[T any] func(dst []byte, of T) []byte

// identityLeaves are the fields that users, groups and roles have in common.
var identityLeaves = map[string]leaf[*directory.Record]{
	"id":           func(dst []byte, r *directory.Record) []byte { return appendUUID(dst, r.UID) },
	"fqn":          func(dst []byte, r *directory.Record) []byte { return appendString(dst, r.FQN) },
	"kind":         func(dst []byte, r *directory.Record) []byte { return appendString(dst, string(r.Kind)) },
	"name":         func(dst []byte, r *directory.Record) []byte { return appendString(dst, r.Name) },
	"displayName":  func(dst []byte, r *directory.Record) []byte { return appendString(dst, r.DisplayName) },
	"description":  func(dst []byte, r *directory.Record) []byte { return appendOptional(dst, r.Description) },
	"email":        func(dst []byte, r *directory.Record) []byte { return appendOptional(dst, r.Email) },
	"status":       func(dst []byte, r *directory.Record) []byte { return appendString(dst, string(r.Status)) },
	"statusReason": func(dst []byte, r *directory.Record) []byte { return appendOptional(dst, r.StatusReason) },
	"externalId":   func(dst []byte, r *directory.Record) []byte { return appendOptional(dst, r.ExternalID) },
	"createdAt":    func(dst []byte, r *directory.Record) []byte { return appendTime(dst, r.CreatedAt) },
	"updatedAt":    func(dst []byte, r *directory.Record) []byte { return appendTime(dst, r.UpdatedAt) },
}

// userLeaves are those that only users have.
var userLeaves = map[string]leaf[*directory.Record]{
	"userName":   identityLeaves["name"], // the schema promises that they are the same
	"givenName":  func(dst []byte, r *directory.Record) []byte { return appendOptional(dst, r.Attrs.GivenName()) },
	"familyName": func(dst []byte, r *directory.Record) []byte { return appendOptional(dst, r.Attrs.FamilyName()) },
	"userType":   func(dst []byte, r *directory.Record) []byte { return appendOptional(dst, r.Attrs.UserType()) },
}

var attributeLeaves = map[string]leaf[directory.Attribute]{
	"name":   func(dst []byte, a directory.Attribute) []byte { return appendString(dst, a.Name) },
	"values": func(dst []byte, a directory.Attribute) []byte { return appendStrings(dst, a.Values) },
}

var providerLeaves = map[string]leaf[*directory.Provider]{
	"id":      func(dst []byte, p *directory.Provider) []byte { return appendUUID(dst, p.UID) },
	"name":    func(dst []byte, p *directory.Provider) []byte { return appendString(dst, p.Name) },
	"type":    func(dst []byte, p *directory.Provider) []byte { return appendString(dst, string(p.Type)) },
	"enabled": func(dst []byte, p *directory.Provider) []byte { return appendBool(dst, p.Enabled) },
}

var instanceLeaves = map[string]leaf[*directory.Instance]{
	"id":          func(dst []byte, i *directory.Instance) []byte { return appendUUID(dst, i.UID) },
	"name":        func(dst []byte, i *directory.Instance) []byte { return appendString(dst, i.Name) },
	"enabled":     func(dst []byte, i *directory.Instance) []byte { return appendBool(dst, i.Enabled) },
	"state":       func(dst []byte, i *directory.Instance) []byte { return appendString(dst, string(i.State())) },
	"stateReason": func(dst []byte, i *directory.Instance) []byte { return appendOptional(dst, i.StateReason()) },
	"syncSchedule": func(dst []byte, i *directory.Instance) []byte {
		if i.SyncSchedule == nil {
			return append(dst, "null"...)
		}
		return appendString(dst, scalar.FormatDuration(*i.SyncSchedule))
	},
	"nextRunAt":      func(dst []byte, i *directory.Instance) []byte { return appendOptionalTime(dst, i.NextRunAt) },
	"lastSyncedAt":   func(dst []byte, i *directory.Instance) []byte { return appendOptionalTime(dst, i.LastSyncedAt) },
	"duplicateNames": func(dst []byte, i *directory.Instance) []byte { return appendString(dst, string(i.DuplicateNames)) },
	"renames":        func(dst []byte, i *directory.Instance) []byte { return appendString(dst, string(i.Renames)) },
}

// constant is the leaf of a value that is known when the plan is made, such as __typename.
func constant[T any](text string) leaf[T] {
	quoted := appendString(nil, text)
	return func(dst []byte, _ T) []byte { return append(dst, quoted...) }
}

// plainField is a field of an object that has leaves only.
type plainField[T any] struct {
	key   []byte
	write leaf[T]
}

// plain compiles an object of leaves into one leaf. Nested finds leaves that are not in the table, nil for none.
func plain[T any](c *compiler, object string, f graphql.CollectedField, leaves map[string]leaf[T], nested func(graphql.CollectedField) leaf[T]) leaf[T] {
	var fields []plainField[T]
	for _, sub := range c.collect(f.Selections, object) {
		write := leaves[sub.Name]
		if sub.Name == "__typename" {
			write = constant[T](object)
		}
		if write == nil && nested != nil {
			write = nested(sub)
		}
		if write == nil {
			c.leave()
		}
		fields = append(fields, plainField[T]{key: nameOf(sub).key, write: write})
	}
	return func(dst []byte, of T) []byte {
		dst = append(dst, '{')
		for i := range fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, fields[i].key...)
			dst = fields[i].write(dst, of)
		}
		return append(dst, '}')
	}
}

func (c *compiler) provider(f graphql.CollectedField) leaf[*directory.Provider] {
	return plain(c, "Provider", f, providerLeaves, nil)
}

func (c *compiler) instance(f graphql.CollectedField) leaf[*directory.Instance] {
	return plain(c, "ProviderInstance", f, instanceLeaves, func(sub graphql.CollectedField) leaf[*directory.Instance] {
		if sub.Name != "provider" {
			return nil
		}
		provider := c.provider(sub)
		return func(dst []byte, i *directory.Instance) []byte { return provider(dst, i.Provider) }
	})
}

// attributes compiles the list of further attributes, which the record carries.
func (c *compiler) attributes(f graphql.CollectedField) leaf[*directory.Record] {
	attribute := plain(c, "Attribute", f, attributeLeaves, nil)
	return func(dst []byte, r *directory.Record) []byte {
		dst = append(dst, '[')
		for i, a := range r.Attributes() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = attribute(dst, a)
		}
		return append(dst, ']')
	}
}
