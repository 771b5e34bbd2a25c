package scim

import (
	"maps"
	"reflect"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

// customResources are those of a type that operators added: what the schemas say about them is all that there is to
// know.
type customResources struct{ rt *schema.ResourceType }

func (c *customResources) all(i *directory.Instance) directory.ListQuery {
	return directory.ListQuery{ResourceType: c.rt.ID, InstanceID: i.ID, Order: directory.Order{Field: directory.OrderID}}
}

func (c *customResources) wantedBy(*projection) directory.LinkSet { return directory.LinkSet{} }

func (c *customResources) fields(r *directory.Record, _ bool, set func(name string, value any)) {
	if r.ExternalID != nil {
		set("externalId", *r.ExternalID)
	}
}

func (c *customResources) create(rq *request, resource map[string]any) (*directory.Record, directory.LinkSet, error) {
	record, err := rq.directory.CreateCustom(rq.ctx(), c.state(rq, resource, "create"))
	return rq.wrote(record), directory.LinkSet{}, err
}

func (c *customResources) replace(rq *request, id string, resource, _ map[string]any) (*directory.Record, error) {
	return rq.change(c, id, directory.LinkSet{}, func(found *directory.Resource) (*directory.Record, error) {
		before, after := c.resourceOf(found.Record), maps.Clone(resource)
		if err := replaced(c.rt, before, after); err != nil {
			return nil, err
		}
		return c.update(rq, found.Record, before, after, "replace")
	})
}

func (c *customResources) patch(rq *request, id string, ops []patch.Op) (*directory.Record, error) {
	return rq.change(c, id, directory.LinkSet{}, func(found *directory.Resource) (*directory.Record, error) {
		before := c.resourceOf(found.Record)
		after, err := patched(c.rt, before, ops)
		if err != nil {
			return nil, err
		}
		return c.update(rq, found.Record, before, after, "patch")
	})
}

// update writes a new state of a resource if it is still in the one that is known.
func (c *customResources) update(rq *request, record *directory.Record, before, after map[string]any, verb string) (*directory.Record, error) {
	if reflect.DeepEqual(before, after) {
		directory.NoteUnchanged(rq.ctx())
		return record, nil
	}
	s := c.state(rq, after, verb)
	s.UID, s.IfVersion, s.Was = record.UID, record.Version, record
	markHad(s.Unique, c.rt, before)
	now, err := rq.directory.UpdateCustom(rq.ctx(), s)
	return rq.wrote(now), err
}

// wrote notes a resource that was written, unless that failed (nil).
func (rq *request) wrote(r *directory.Record) *directory.Record {
	if r != nil {
		rq.note.wrote, rq.note.changed = true, true
		rq.note.found(r)
	}
	return r
}

func (c *customResources) delete(rq *request, found *directory.Record) error {
	return rq.directory.DeleteCustom(rq.ctx(), directory.Custom{
		Instance: rq.instance, Type: c.rt.ID, UID: found.UID, IfVersion: rq.ifVersion(found), Action: action(c.rt, "delete"), Was: found,
	})
}

// state is a normalized resource in the directory's terms.
func (c *customResources) state(rq *request, resource map[string]any, verb string) directory.Custom {
	s := directory.Custom{
		Instance: rq.instance, Type: c.rt.ID, Attrs: maps.Clone(resource), Unique: uniqueValues(c.rt, resource), Action: action(c.rt, verb),
	}
	if id, _ := resource["externalId"].(string); id != "" {
		s.ExternalID = &id
	}
	delete(s.Attrs, "externalId")
	return s
}

// resourceOf is the normalized resource that a record was made from: the reverse of state.
func (c *customResources) resourceOf(r *directory.Record) map[string]any {
	resource := map[string]any(r.Attrs.Set())
	c.fields(r, false, func(name string, value any) { resource[name] = value })
	return resource
}
