package scim

import (
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// links are the links of a resource that are shown with it.
type links struct {
	groups, members []*directory.Record
	manager         *directory.Record
}

// wanted says which links an answer needs; what it does not need is not read.
type wanted struct{ groups, members, manager bool }

// wantedBy is what a projection lets through.
func (c *collection) wantedBy(p *projection) wanted {
	if c.kind == directory.KindGroup {
		return wanted{members: p.has("members")}
	}
	return wanted{groups: p.has("groups"), manager: p.has(managerKey)}
}

// readLinks reads the links of several resources, each kind in one go.
func (rq *request) readLinks(records []*directory.Record, want wanted) ([]links, error) {
	out := make([]links, len(records))
	if len(records) == 0 {
		return out, nil
	}
	ids := make([]int64, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	if want.groups || want.members {
		way := directory.Up
		if want.members {
			way = directory.Down
		}
		lists, err := rq.directory.Linked(rq.ctx(), ids, way)
		if err != nil {
			return nil, err
		}
		for i, list := range lists {
			if want.members {
				out[i].members = rq.visible(list, true)
			} else {
				out[i].groups = rq.visible(list, false)
			}
		}
	}
	if want.manager {
		managers, err := rq.directory.ManagersOf(rq.ctx(), ids)
		if err != nil {
			return nil, err
		}
		for i, m := range managers {
			out[i].manager = m
		}
	}
	return out, nil
}

// visible leaves only what belongs to the request's instance: a token sees nothing of any other.
func (rq *request) visible(list []*directory.Record, users bool) []*directory.Record {
	out := make([]*directory.Record, 0, len(list))
	for _, r := range list {
		if r != nil && r.InstanceID == rq.instance.ID && (r.Kind == directory.KindGroup || users && r.Kind == directory.KindUser) {
			out = append(out, r)
		}
	}
	return out
}

// show is a resource as it is sent.
func (rq *request) show(c *collection, r *directory.Record, l links, p *projection) map[string]any {
	resource := c.resourceOf(r)
	if l.manager != nil && l.manager.InstanceID == rq.instance.ID {
		withManager(resource, map[string]any{
			"value": l.manager.UID.String(), "$ref": rq.address(directory.KindUser, l.manager.UID), "displayName": l.manager.DisplayName,
		})
	}
	if len(l.groups) > 0 {
		list := rq.references(l.groups)
		for _, g := range list {
			g.(map[string]any)["type"] = "direct"
		}
		resource["groups"] = list
	}
	if len(l.members) > 0 {
		resource["members"] = rq.references(l.members)
	}
	schemas := []any{c.rt.Core.ID}
	for _, e := range c.rt.Extensions {
		if resource[e.ID] != nil {
			schemas = append(schemas, e.ID)
		}
	}
	resource["schemas"] = schemas
	resource["id"] = r.UID.String()
	resource["meta"] = map[string]any{
		"resourceType": c.rt.Name,
		"created":      r.CreatedAt.UTC().Format(time.RFC3339Nano),
		"lastModified": r.UpdatedAt.UTC().Format(time.RFC3339Nano),
		"location":     rq.address(c.kind, r.UID),
		"version":      etag(r),
	}
	return p.apply(resource)
}

// references are identities as the values of an attribute.
func (rq *request) references(records []*directory.Record) []any {
	out := make([]any, len(records))
	for i, r := range records {
		kind := "User"
		if r.Kind == directory.KindGroup {
			kind = "Group"
		}
		out[i] = map[string]any{"value": r.UID.String(), "$ref": rq.address(r.Kind, r.UID), "display": r.DisplayName, "type": kind}
	}
	return out
}

// address is where a resource is found.
func (rq *request) address(kind directory.IdentityKind, id uuid.UUID) string {
	name := schema.UserURN
	if kind == directory.KindGroup {
		name = schema.GroupURN
	}
	for _, rt := range rq.registry.ResourceTypes {
		if rt.Schema == name {
			return rq.base + rt.Endpoint + "/" + id.String()
		}
	}
	return ""
}
