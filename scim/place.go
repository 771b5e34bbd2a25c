package scim

import (
	"fmt"

	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

// place is where a path such as emails[type eq "work"].value leads to in the resources of a type. Settings name
// attributes in this way.
type place struct {
	ref   schema.Ref
	where *filter.Filter // nil is every element
}

// placeOf resolves a path. Its error completes a sentence about the path.
func placeOf(rt *schema.ResourceType, text string) (place, error) {
	path, err := filter.ParsePath(text)
	if err != nil {
		return place{}, fmt.Errorf("%s is no SCIM path: %w", text, err)
	}
	sub := path.Attr.Sub
	if path.Where != nil {
		sub = path.Sub
	}
	ref, ok := rt.Resolve(path.Attr.URN, path.Attr.Name, sub)
	if !ok || ref.Attr == nil || ref.Attr.Returned == schema.Never {
		return place{}, fmt.Errorf("%s has no attribute %s", rt.Name, text)
	}
	p := place{ref: ref}
	if path.Where != nil {
		if p.where, err = filter.BindElement(path.Where, ref.Attr); err != nil {
			return place{}, fmt.Errorf("%s: %w", text, err)
		}
	}
	return p, nil
}

// values lists what a resource has at the place, the primary element's first. Nothing empty is among it.
func (p place) values(resource map[string]any) []any {
	var out []any
	container := schema.Container(resource, p.ref.Extension, false)
	elements, ok := container[p.ref.Attr.Name].([]any)
	if !ok {
		elements = []any{container[p.ref.Attr.Name]}
	}
	for _, element := range elements {
		object, complex := element.(map[string]any)
		if p.where != nil && (!complex || !p.where.Match(object)) {
			continue
		}
		value := element
		switch {
		case p.ref.Sub != nil:
			value = object[p.ref.Sub.Name]
		case complex && object["value"] != nil:
			value = object["value"]
		}
		if value == nil || value == "" {
			continue
		}
		out = append(out, value)
		if schema.IsPrimary(element) {
			out[0], out[len(out)-1] = value, out[0]
		}
	}
	return out
}

// text is the first value as a text, empty for none and for what is no simple value.
func (p place) text(resource map[string]any) string {
	for _, value := range p.values(resource) {
		switch v := value.(type) {
		case string:
			return v
		case fmt.Stringer: // a number
			return v.String()
		}
	}
	return ""
}
