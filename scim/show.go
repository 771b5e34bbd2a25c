package scim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// show appends a resource as it is sent.
func (rq *request) show(out []byte, c *collection, r *directory.Resource, p *projection) []byte {
	o := appendMembers(make(object, 0, 20), r.Attrs.JSON())
	extensions := make([]object, len(c.rt.Extensions))
	o = slices.DeleteFunc(o, func(m member) bool {
		i := c.extension(m.name)
		if i >= 0 {
			extensions[i] = appendMembers(nil, m.stored)
		}
		return i >= 0 || strings.IndexByte(m.name, ':') >= 0 // an extension, perhaps one that the type has no more
	})
	kept := slices.ContainsFunc(o, func(m member) bool { return m.name == "displayName" })
	o = slices.DeleteFunc(o, func(m member) bool { return m.stored == "null" })
	c.fields(r.Record, kept, func(name string, value any) { o.set(name, scalar(value)) })
	rq.setLinks(&o, extensions, c, r)
	schemas := appendText([]byte{'['}, c.rt.Core.ID)
	for i, e := range c.rt.Extensions {
		if len(extensions[i]) > 0 {
			schemas = appendText(append(schemas, ','), e.ID)
		}
	}
	o.set("schemas", append(schemas, ']'))
	o.set("id", appendText(nil, r.UID.String()))
	o.set("meta", rq.meta(c, r.Record))
	o = p.apply(o, nil)
	for i, e := range c.rt.Extensions {
		if shown := p.apply(extensions[i], e); len(shown) > 0 {
			o.set(e.ID, shown.appendTo(nil))
		}
	}
	return o.appendTo(out)
}

// extension is the place of an extension among those of the type, -1 for a name that is none.
func (c *collection) extension(name string) int {
	for i, e := range c.rt.Extensions {
		if e.ID == name {
			return i
		}
	}
	return -1
}

// scalar is a text or a boolean as JSON.
func scalar(value any) []byte {
	switch v := value.(type) {
	case string:
		return appendText(make([]byte, 0, len(v)+2), v)
	case bool:
		return strconv.AppendBool(nil, v)
	}
	return encode(value)
}

// setLinks shows links: the groups that a user is in and the manager, or the members of a group.
func (rq *request) setLinks(o *object, extensions []object, c *collection, r *directory.Resource) {
	if len(r.Links) == 0 {
		return
	}
	name := "groups"
	if r.Kind == directory.KindGroup {
		name = "members"
	}
	list := make([]byte, 1, 256*len(r.Links))
	list[0] = '['
	for _, l := range r.Links {
		switch {
		case r.Kind == directory.KindUser && l.Kind == directory.KindUser:
			extensions[c.extension(schema.EnterpriseUserURN)].set("manager", rq.reference(nil, "displayName", "", l))
			continue
		case len(list) > 1:
			list = append(list, ',')
		}
		list = rq.reference(list, "display", c.binding.Links[name].Types[l.Kind], l)
	}
	if len(list) > 1 {
		o.set(name, append(list, ']'))
	}
}

// reference appends a linked identity as the value of an attribute.
func (rq *request) reference(out []byte, nameKey, kind string, l directory.Reference) []byte {
	out = append(out, `{"$ref":`...)
	out = appendText(out, rq.address(rq.collections[kindType[l.Kind]], l.UID.String()))
	out = append(append(append(out, `,"`...), nameKey...), `":`...)
	out = appendText(out, l.DisplayName)
	if kind != "" {
		out = append(append(append(out, `,"type":"`...), kind...), '"')
	}
	out = append(append(out, `,"value":"`...), l.UID.String()...)
	return append(out, `"}`...)
}

func (rq *request) meta(c *collection, r *directory.Record) []byte {
	out := append(make([]byte, 0, 320), `{"created":"`...)
	out = r.CreatedAt.UTC().AppendFormat(out, time.RFC3339Nano)
	out = append(out, `","lastModified":"`...)
	out = r.UpdatedAt.UTC().AppendFormat(out, time.RFC3339Nano)
	out = append(out, `","location":`...)
	out = appendText(out, rq.address(c, r.UID.String()))
	out = append(out, `,"resourceType":`...)
	out = appendText(out, c.rt.Name)
	out = append(out, `,"version":`...)
	return append(appendText(out, etag(r)), '}')
}

// kindType is the resource type of the identities of a kind.
var kindType = map[directory.IdentityKind]string{directory.KindUser: "User", directory.KindGroup: "Group"}

// address is where a resource is found.
func (rq *request) address(c *collection, id string) string {
	return rq.base + c.rt.Endpoint + "/" + id
}
