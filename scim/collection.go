package scim

import (
	"strings"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

// collection is the resources of one type: how they look to clients, and what keeps them.
type collection struct {
	keeper
	rt      *schema.ResourceType
	binding filter.Binding
}

// keeper keeps the resources of one type: [identities] are users or groups of the directory, [customResources] are all
// others. What a keeper selects is read by one and the same code.
type keeper interface {
	// all selects every resource of an instance, in the order of their creation.
	all(i *directory.Instance) directory.ListQuery
	// wantedBy are the links that a projection lets through; no others are read.
	wantedBy(p *projection) directory.LinkSet
	// fields are the attributes that are kept in fields of their own; kept says that a display name is kept elsewhere.
	fields(r *directory.Record, kept bool, set func(name string, value any))

	// create stores a new resource. Its answer shows the links of those kinds.
	create(rq *request, resource map[string]any) (*directory.Record, directory.LinkSet, error)
	// replace gives a resource another state; body is that state as the client sent it.
	replace(rq *request, id string, resource, body map[string]any) (*directory.Record, error)
	// patch applies operations to a resource. It returns nil where that took no look at the resource.
	patch(rq *request, id string, ops []patch.Op) (*directory.Record, error)
	delete(rq *request, found *directory.Record) error
}

func newCollection(rt *schema.ResourceType) *collection {
	c := &collection{rt: rt, binding: filter.Binding{
		Columns: map[string]directory.Column{
			"id": directory.ColumnUID, "externalId": directory.ColumnExternalID, "meta.created": directory.ColumnCreatedAt,
			"meta.lastModified": directory.ColumnUpdatedAt, "meta.version": directory.ColumnVersion,
		},
		Constants: map[string]string{"meta.resourceType": rt.Name},
	}}
	switch rt.Schema {
	case schema.UserURN:
		c.keeper = newUsers(c)
	case schema.GroupURN:
		c.keeper = newGroups(c)
	default:
		c.keeper = &customResources{rt: rt}
		c.binding.Kind = directory.IdentityKind(rt.ID)
	}
	return c
}

// all selects every resource of the request's instance, in the order of their creation.
func (rq *request) all(k keeper) directory.ListQuery { return k.all(rq.instance) }

// find returns the resource of an id, straight from the store.
func (rq *request) find(k keeper, id string, links directory.LinkSet) (*directory.Resource, error) {
	found, err := rq.directory.Resource(rq.ctx(), rq.all(k), id, links)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, notFound()
	}
	rq.note.found(found.Record)
	return found, nil
}

// locate finds out whose address a text is: the reverse of address.
func (rq *request) locate(address string) (kind directory.IdentityKind, id string, ok bool) {
	for _, c := range rq.collections {
		if id, ok = strings.CutPrefix(address, rq.base+c.rt.Endpoint+"/"); ok {
			return c.binding.Kind, id, true
		}
	}
	return "", "", false
}
