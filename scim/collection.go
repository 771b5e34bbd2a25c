package scim

import (
	"strings"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

// collection ties a resource type to the identities behind it.
type collection struct {
	rt   *schema.ResourceType
	kind directory.IdentityKind
	// links is the attribute that lists the direct links of a resource.
	links   string
	binding filter.Binding
}

// managerKey is the name of the manager attribute, see [filter.Key].
const managerKey = schema.EnterpriseUserURN + ":manager"

func newCollection(rt *schema.ResourceType) *collection {
	c := &collection{rt: rt, kind: directory.KindUser, links: "groups", binding: filter.Binding{
		Columns: map[string]directory.Column{
			"id": directory.ColumnUID, "externalId": directory.ColumnExternalID, "meta.created": directory.ColumnCreatedAt,
			"meta.lastModified": directory.ColumnUpdatedAt, "meta.version": directory.ColumnVersion,
		},
		Constants: map[string]string{"meta.resourceType": rt.Name},
	}}
	switch rt.Schema {
	case schema.GroupURN:
		c.kind, c.links = directory.KindGroup, "members"
		c.binding.Columns["displayName"] = directory.ColumnName
		c.binding.Links = map[string]filter.Link{"members": {Way: directory.Down, Types: memberTypes}}
	default:
		c.binding.Columns["userName"] = directory.ColumnName
		c.binding.Columns["displayName"] = directory.ColumnDisplayName
		c.binding.Columns["active"] = directory.ColumnActive
		c.binding.Links = map[string]filter.Link{"groups": {Way: directory.Up, Types: groupTypes}, managerKey: {Manager: true}}
	}
	c.binding.Kind = c.kind
	return c
}

// memberTypes are the types of a group's members, groupTypes those of the groups that a user is in: only memberships
// that are direct are listed.
var (
	memberTypes = map[directory.IdentityKind]string{directory.KindUser: "User", directory.KindGroup: "Group"}
	groupTypes  = map[directory.IdentityKind]string{directory.KindGroup: "direct"}
)

// all selects every resource of the request's instance, in the order of their creation.
func (rq *request) all(c *collection) directory.ListQuery {
	return directory.ListQuery{
		Kinds: []directory.IdentityKind{c.kind}, InstanceID: rq.instance.ID, Status: c.statuses(),
		Order: directory.Order{Field: directory.OrderID},
	}
}

// find returns the resource of an id, straight from the store.
func (rq *request) find(c *collection, id string, links directory.LinkSet) (*directory.Resource, error) {
	found, err := rq.directory.Resource(rq.ctx(), rq.all(c), id, links)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, notFound()
	}
	rq.note.found(found.Record)
	return found, nil
}

// statuses are those of the resources that clients see. A disabled group is none that a client made: it keeps the name
// that a group of theirs had before (policy DISABLE_OLD).
func (c *collection) statuses() directory.StatusSet {
	if c.kind == directory.KindGroup {
		return directory.OnlyActive
	}
	return directory.AnyLive
}

// locate finds out whose address a text is: the reverse of address.
func (rq *request) locate(address string) (kind directory.IdentityKind, id string, ok bool) {
	for _, c := range rq.collections {
		if id, ok = strings.CutPrefix(address, rq.base+c.rt.Endpoint+"/"); ok {
			return c.kind, id, true
		}
	}
	return "", "", false
}
