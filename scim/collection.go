package scim

import (
	"context"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

// collection ties a resource type to the identities behind it.
type collection struct {
	rt      *schema.ResourceType
	kind    directory.IdentityKind
	binding filter.Binding
}

// managerKey is the name of the manager attribute, see [filter.Key].
const managerKey = schema.EnterpriseUserURN + ":manager"

func newCollection(rt *schema.ResourceType) *collection {
	c := &collection{rt: rt, kind: directory.KindUser, binding: filter.Binding{
		Columns: map[string]directory.Column{
			"id": directory.ColumnUID, "externalId": directory.ColumnExternalID, "meta.created": directory.ColumnCreatedAt,
			"meta.lastModified": directory.ColumnUpdatedAt, "meta.version": directory.ColumnVersion,
		},
		Constants:   map[string]string{"meta.resourceType": rt.Name},
		Unsupported: map[string]bool{"meta.location": true},
	}}
	switch rt.Schema {
	case schema.GroupURN:
		c.kind = directory.KindGroup
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

// lookup returns the resource of an id, straight from the store.
func (rq *request) lookup(c *collection, id string) (*directory.Record, error) {
	record, err := rq.directory.Lookup(rq.ctx(), rq.instance, c.kind, id)
	if err == nil && (record == nil || !c.shows(record)) {
		err = notFound()
	}
	return record, err
}

// statuses are those of the resources that clients see. A disabled group is none that a client made: it keeps the name
// that a group of theirs had before (policy DISABLE_OLD).
func (c *collection) statuses() directory.StatusSet {
	if c.kind == directory.KindGroup {
		return directory.OnlyActive
	}
	return directory.AnyLive
}

func (c *collection) shows(r *directory.Record) bool {
	return c.statuses()&directory.Statuses(r.Status) != 0
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
		group, err := rq.directory.Lookup(ctx, rq.instance, directory.KindGroup, p.UID)
		if err != nil || group == nil {
			return directory.Or{}, err
		}
	}
	return p, nil
}
