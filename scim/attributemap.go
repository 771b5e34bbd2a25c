package scim

import (
	"maps"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

// The runtime configuration keys that say from which SCIM attribute a field of the directory is taken, instead of from
// the usual one: the attribute map of an instance. What the client reads back by SCIM does not depend on it.
const (
	MapUserDisplayName  = "map.user.displayName"
	MapUserEmail        = "map.user.email"
	MapUserDescription  = "map.user.description"
	MapGroupEmail       = "map.group.email"
	MapGroupDescription = "map.group.description"
)

// mapped are the fields of a kind by their keys.
var mapped = map[directory.IdentityKind]map[string]func(*directory.Put, *string){
	directory.KindUser: {
		MapUserDisplayName: setDisplayName,
		MapUserEmail:       func(p *directory.Put, text *string) { p.Email = text },
		MapUserDescription: func(p *directory.Put, text *string) { p.Description = text },
	},
	directory.KindGroup: {
		MapGroupEmail:       func(p *directory.Put, text *string) { p.Email = text },
		MapGroupDescription: func(p *directory.Put, text *string) { p.Description = text },
	},
}

// setDisplayName sets a display name that is not the client's. The client's own is kept beside it, also where there is
// none: that is what tells it from one that the client did not map.
func setDisplayName(p *directory.Put, text *string) {
	if _, kept := p.Attrs["displayName"]; !kept {
		p.Attrs["displayName"] = nil
		if p.DisplayName != "" {
			p.Attrs["displayName"] = p.DisplayName
		}
	}
	p.DisplayName = ""
	if text != nil {
		p.DisplayName = *text
	}
}

// applyMap sets the fields that an instance maps. A path that the resource has no value at leaves its field empty.
func (c *identities) applyMap(i *directory.Instance, resource map[string]any, p *directory.Put) {
	for key, set := range mapped[c.kind] {
		path, ok := i.Config[key]
		if !ok {
			continue
		}
		at, err := placeOf(c.rt, path)
		if err != nil {
			continue // the schemas have changed since it was set: as if it was not
		}
		var text *string
		if value := at.text(resource); value != "" {
			text = &value
		}
		set(p, text)
	}
}

// bindingFor says where the attributes of an instance's resources are kept: a display name that is not the client's is
// none that clients ask for.
func (c *collection) bindingFor(i *directory.Instance) filter.Binding {
	b := c.binding
	if c.rt.Schema == schema.UserURN && i.Config[MapUserDisplayName] != "" {
		b.Columns = maps.Clone(b.Columns)
		delete(b.Columns, "displayName")
	}
	return b
}

// Reevaluator makes the change sets that bring identities up to date with the attribute map of their instance, for
// [directory.Directory.Reevaluate].
func Reevaluator(types *schema.Registry) func(*directory.Instance, []*directory.Record) (directory.Changes, error) {
	return func(i *directory.Instance, records []*directory.Record) (directory.Changes, error) {
		changes := directory.Changes{Instance: i, Action: "scim.map"}
		for _, rt := range types.ResourceTypes {
			c, ok := newCollection(rt).keeper.(*identities)
			if !ok {
				continue
			}
			if err := c.reevaluate(records, &changes); err != nil {
				return changes, err
			}
		}
		return changes, nil
	}
}

// reevaluate adds the identities that are another state now.
func (c *identities) reevaluate(records []*directory.Record, changes *directory.Changes) error {
	for _, r := range records {
		if r.Kind != c.kind {
			continue
		}
		s, err := c.stateOf(changes.Instance, c.resourceOf(r))
		if err != nil {
			return err
		}
		if put := s.over(r, r.Version); !same(put, r) {
			put.Unique = nil // they do not depend on the map
			changes.Put = append(changes.Put, put)
		}
	}
	return nil
}
