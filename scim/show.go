package scim

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// drawing is what the members of one resource are gathered in. Drawings are used again.
type drawing struct {
	core       object
	extensions []object
	made       []byte // the values that were made here, one after the other
}

var drawings = sync.Pool{New: func() any { return &drawing{core: make(object, 0, 32), made: make([]byte, 0, 2048)} }}

// done clears the drawing, but for its memory, unless that has grown large.
func (d *drawing) done() {
	if cap(d.made) > largeBody {
		return
	}
	clear(d.core[:cap(d.core)])
	for _, e := range d.extensions {
		clear(e[:cap(e)])
	}
	d.core, d.extensions, d.made = d.core[:0], d.extensions[:0], d.made[:0]
	drawings.Put(d)
}

// since is the value that was made from a place on.
func (d *drawing) since(begin int) []byte { return d.made[begin:len(d.made):len(d.made)] }

// set gives a member of the core schema what was made from a place on.
func (d *drawing) set(name string, begin int) { d.core.set(name, d.since(begin)) }

// show appends a resource as it is sent.
func (rq *request) show(out []byte, c *collection, r *directory.Resource, p *projection) []byte {
	d := drawings.Get().(*drawing)
	defer d.done()
	d.stored(c, r)
	kept := slices.ContainsFunc(d.core, func(m member) bool { return m.name == "displayName" })
	d.core = slices.DeleteFunc(d.core, func(m member) bool { return m.stored == "null" })
	c.fields(r.Record, kept, func(name string, value any) {
		begin := len(d.made)
		d.made = appendScalar(d.made, value)
		d.set(name, begin)
	})
	rq.drawLinks(d, c, r)
	begin := len(d.made)
	d.made = appendText(append(d.made, '['), c.rt.Core.ID)
	for i, e := range c.rt.Extensions {
		if len(d.extensions[i]) > 0 {
			d.made = appendText(append(d.made, ','), e.ID)
		}
	}
	d.made = append(d.made, ']')
	d.set("schemas", begin)
	begin = len(d.made)
	d.made = append(appendUID(append(d.made, '"'), r.UID), '"')
	d.set("id", begin)
	begin = len(d.made)
	d.made = rq.appendMeta(d.made, c, r.Record)
	d.set("meta", begin)
	o := p.apply(d.core, nil)
	for i, e := range c.rt.Extensions {
		if shown := p.apply(d.extensions[i], e); len(shown) > 0 {
			begin := len(d.made)
			d.made = shown.appendTo(d.made)
			o.set(e.ID, d.since(begin))
		}
	}
	return o.appendTo(out)
}

// stored gathers the stored attributes of a resource, those of extensions by themselves.
func (d *drawing) stored(c *collection, r *directory.Resource) {
	d.core = appendMembers(d.core, r.Attrs.JSON())
	d.extensions = slices.Grow(d.extensions, len(c.rt.Extensions))[:len(c.rt.Extensions)]
	for i := range d.extensions {
		d.extensions[i] = d.extensions[i][:0]
	}
	d.core = slices.DeleteFunc(d.core, func(m member) bool {
		i := c.extension(m.name)
		if i >= 0 {
			d.extensions[i] = appendMembers(d.extensions[i], m.stored)
		}
		return i >= 0 || strings.IndexByte(m.name, ':') >= 0 // an extension, perhaps one that the type has no more
	})
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

// appendScalar appends a text or a boolean as JSON.
func appendScalar(out []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendText(out, v)
	case bool:
		return strconv.AppendBool(out, v)
	}
	return append(out, encode(value)...)
}

// drawLinks shows links: the groups that a user is in and the manager, or the members of a group.
func (rq *request) drawLinks(d *drawing, c *collection, r *directory.Resource) {
	manager := func(l directory.Reference) bool { return r.Kind == directory.KindUser && l.Kind == directory.KindUser }
	if i := slices.IndexFunc(r.Links, manager); i >= 0 {
		begin := len(d.made)
		d.made = rq.appendReference(d.made, "displayName", "", r.Links[i])
		d.extensions[c.extension(schema.EnterpriseUserURN)].set("manager", d.since(begin))
	}
	name := "groups"
	if r.Kind == directory.KindGroup {
		name = "members"
	}
	begin := len(d.made)
	for _, l := range r.Links {
		if manager(l) {
			continue
		}
		d.made = append(d.made, ',')
		d.made = rq.appendReference(d.made, "display", c.binding.Links[name].Types[l.Kind], l)
	}
	if len(d.made) > begin {
		d.made[begin] = '[' // in the place of the first comma
		d.made = append(d.made, ']')
		d.set(name, begin)
	}
}

// appendReference appends a linked identity as the value of an attribute.
func (rq *request) appendReference(out []byte, nameKey, kind string, l directory.Reference) []byte {
	out = append(out, `{"$ref":`...)
	out = rq.appendAddress(out, rq.collections[kindType[l.Kind]], l.UID)
	out = append(append(append(out, `,"`...), nameKey...), `":`...)
	out = appendText(out, l.DisplayName)
	if kind != "" {
		out = append(append(append(out, `,"type":"`...), kind...), '"')
	}
	return append(appendUID(append(out, `,"value":"`...), l.UID), `"}`...)
}

func (rq *request) appendMeta(out []byte, c *collection, r *directory.Record) []byte {
	out = append(out, `{"created":"`...)
	out = r.CreatedAt.UTC().AppendFormat(out, time.RFC3339Nano)
	out = append(out, `","lastModified":"`...)
	out = r.UpdatedAt.UTC().AppendFormat(out, time.RFC3339Nano)
	out = append(out, `","location":`...)
	out = rq.appendAddress(out, c, r.UID)
	out = append(out, `,"resourceType":`...)
	out = appendText(out, c.rt.Name)
	out = append(out, `,"version":"W/\"`...)
	return append(strconv.AppendInt(out, r.Version, 10), `\""}`...)
}

// kindType is the resource type of the identities of a kind.
var kindType = map[directory.IdentityKind]string{directory.KindUser: "User", directory.KindGroup: "Group"}

// address is where a resource is found.
func (rq *request) address(c *collection, id string) string {
	return rq.base + c.rt.Endpoint + "/" + id
}

// appendAddress appends the address of a resource as a JSON string.
func (rq *request) appendAddress(out []byte, c *collection, id uuid.UUID) []byte {
	out = appendEscaped(append(out, '"'), rq.base)
	out = append(append(out, c.rt.Endpoint...), '/')
	return append(appendUID(out, id), '"')
}
