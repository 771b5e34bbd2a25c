package scim

import (
	"context"

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
		Constants:   map[string]string{"meta.resourceType": rt.Name},
		Unsupported: map[string]bool{"meta.location": true},
	}}
	switch rt.Schema {
	case schema.GroupURN:
		c.kind, c.links = directory.KindGroup, "members"
		c.binding.Columns["displayName"] = directory.ColumnName
		c.binding.Links = map[string]directory.Linked{"members": {Way: directory.Down}}
	default:
		c.binding.Columns["userName"] = directory.ColumnName
		c.binding.Columns["displayName"] = directory.ColumnDisplayName
		c.binding.Columns["active"] = directory.ColumnActive
		c.binding.Links = map[string]directory.Linked{"groups": {Way: directory.Up}, managerKey: {Manager: true}}
	}
	return c
}

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

// where compiles a filter.
func (rq *request) where(c *collection, text string) (directory.Predicate, error) {
	e, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	f, err := filter.Bind(e, c.rt)
	if err != nil {
		return nil, err
	}
	p, err := f.Compile(c.binding)
	if err != nil {
		return nil, err
	}
	return rq.ownContainers(rq.ctx(), p)
}

// ownContainers makes conditions on containers of other instances and on roles hold for nobody: what a token cannot
// see it cannot ask about either.
func (rq *request) ownContainers(ctx context.Context, p directory.Predicate) (directory.Predicate, error) {
	var err error
	all := func(terms []directory.Predicate) []directory.Predicate {
		out := make([]directory.Predicate, len(terms))
		for i, t := range terms {
			var failed error
			if out[i], failed = rq.ownContainers(ctx, t); failed != nil {
				err = failed
			}
		}
		return out
	}
	switch p := p.(type) {
	case directory.And:
		return directory.And(all(p)), err
	case directory.Or:
		return directory.Or(all(p)), err
	case directory.Not:
		term, err := rq.ownContainers(ctx, p.Term)
		return directory.Not{Term: term}, err
	case directory.Linked:
		if p.Way != directory.Up || p.Manager {
			return p, nil
		}
		groups := directory.ListQuery{Kinds: []directory.IdentityKind{directory.KindGroup}, InstanceID: rq.instance.ID, Status: directory.AnyLive}
		group, err := rq.directory.Resource(ctx, groups, p.UID, directory.LinkSet{})
		if err != nil || group == nil {
			return directory.Or{}, err
		}
	}
	return p, nil
}
