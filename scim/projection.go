package scim

import (
	"encoding/json"
	"strings"

	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

// projection is the choice of attributes that an answer shows (RFC 7644 section 3.9).
type projection struct {
	rt *schema.ResourceType
	// only lists what was asked for; nil is everything that is returned by default.
	only selection
	// without lists what was asked to be left out.
	without selection
	// sent lists what a client has just written: it is told what became of what is returned on request too (RFC 7643
	// section 7).
	sent selection
}

// selection is a set of attributes and sub-attributes by their [filter.Key]; an extension stands under its URN.
type selection map[string]bool

// projection reads attributes and excludedAttributes. Names that are unknown select nothing.
func (rq *request) projection(c *collection) *projection {
	p := &projection{rt: c.rt}
	if text, ok := rq.query["attributes"]; ok && text != "" {
		p.only = selectionOf(text, c.rt)
	}
	if text, ok := rq.query["excludedattributes"]; ok {
		p.without = selectionOf(text, c.rt)
	}
	return p
}

// afterWrite is the projection of the answer to a write that named these places.
func (rq *request) afterWrite(c *collection, written func() []schema.Ref) *projection {
	p := rq.projection(c)
	if !c.rt.Selective {
		return p
	}
	p.sent = selection{}
	for _, ref := range written() {
		p.sent[filter.Key(ref)] = true
	}
	return p
}

func selectionOf(text string, rt *schema.ResourceType) selection {
	s := selection{}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if strings.EqualFold(name, rt.Core.ID) {
			for _, attr := range rt.Core.Attributes {
				s[filter.Key(schema.Ref{Attr: attr})] = true
			}
			continue
		}
		ref, ok := rt.ResolveKey(name)
		switch {
		case !ok:
		case ref.Attr == nil:
			s[ref.Extension.ID] = true
		default:
			s[filter.Key(ref)] = true
		}
	}
	return s
}

// holds reports whether the selection has an attribute or the extension that it is of.
func (s selection) holds(ref schema.Ref) bool {
	return s[filter.Key(ref)] || ref.Extension != nil && s[ref.Extension.ID]
}

// some reports whether the selection has the attribute or one of its sub-attributes.
func (s selection) some(ref schema.Ref) bool {
	if s.holds(ref) {
		return true
	}
	for _, sub := range ref.Attr.SubAttributes {
		if ref.Sub = sub; s[filter.Key(ref)] {
			return true
		}
	}
	return false
}

// has reports whether anything of an attribute, named by its key, is shown.
func (p *projection) has(key string) bool {
	if p.everything() {
		return true
	}
	ref, ok := p.rt.ResolveKey(key)
	return ok && p.shows(ref)
}

func (p *projection) shows(ref schema.Ref) bool {
	switch ref.Attr.Returned {
	case schema.Always:
		return true
	case schema.Never:
		return false
	}
	if p.without.holds(ref) {
		return false
	}
	if p.only == nil {
		return ref.Attr.Returned != schema.OnRequest || p.sent.some(ref)
	}
	return p.only.some(ref)
}

// showsSub is shows for a sub-attribute of what is shown. whole says that its attribute was asked for as such.
func (p *projection) showsSub(ref schema.Ref, whole bool) bool {
	key := filter.Key(ref)
	switch ref.Sub.Returned {
	case schema.Always:
		return true
	case schema.Never:
		return false
	case schema.OnRequest:
		whole = p.only == nil && p.sent[key]
	}
	return !p.without[key] && (whole || p.only[key])
}

// chosen reports whether the request named attributes.
func (rq *request) chosen() bool {
	return rq.query["attributes"] != "" || rq.query["excludedattributes"] != ""
}

// everything reports whether all is shown that there is.
func (p *projection) everything() bool {
	return p.only == nil && len(p.without) == 0 && !p.rt.Selective
}

// apply leaves of the attributes of the core schema, or of an extension, what is to be shown.
func (p *projection) apply(o object, extension *schema.Schema) object {
	if p.everything() {
		return o
	}
	urn := ""
	if extension != nil {
		urn = extension.ID
	}
	shown := object{}
	for _, m := range o {
		ref, ok := p.rt.Resolve(urn, m.name, "")
		if !ok || ref.Attr == nil || !p.shows(ref) {
			continue
		}
		if m, ok = p.part(ref, m); ok {
			shown = append(shown, m)
		}
	}
	return shown
}

// part is what is to be shown of an attribute; false is for nothing.
func (p *projection) part(ref schema.Ref, m member) (member, bool) {
	if ref.Attr.Type != schema.Complex || p.only == nil && len(p.without) == 0 && !ref.Attr.Added() {
		return m, true
	}
	d := json.NewDecoder(strings.NewReader(m.stored + string(m.made)))
	d.UseNumber()
	var decoded any
	if err := d.Decode(&decoded); err != nil {
		return m, false // what is stored is JSON
	}
	shown := p.subAttributes(ref, decoded)
	if shown == nil {
		return m, false
	}
	return member{name: m.name, made: encode(shown)}, true
}

// subAttributes takes parts out of a complex value.
func (p *projection) subAttributes(ref schema.Ref, value any) any {
	switch v := value.(type) {
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			if shown := p.subAttributes(ref, element); shown != nil {
				out = append(out, shown)
			}
		}
		return out
	case map[string]any:
		whole := p.only == nil || p.only.holds(ref) || ref.Attr.Returned == schema.Always
		out := map[string]any{}
		for name, inner := range v {
			sub := ref
			if sub.Sub = ref.Attr.Sub(name); sub.Sub != nil && p.showsSub(sub, whole) {
				out[name] = inner
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return value
}
