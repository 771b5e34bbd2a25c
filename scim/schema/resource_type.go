package schema

import (
	"fmt"
	"strings"
)

// ResourceType ties an endpoint to its schemas (RFC 7643 section 6).
type ResourceType struct {
	ID               string         `json:"id"`
	Name             string         `json:"name"`
	Description      string         `json:"description"`
	Endpoint         string         `json:"endpoint"`
	Schema           string         `json:"schema"`
	SchemaExtensions []ExtensionUse `json:"schemaExtensions,omitempty"`

	// Common, Core and Extensions are the schemas themselves, set by [Parse].
	Common     *Schema   `json:"-"`
	Core       *Schema   `json:"-"`
	Extensions []*Schema `json:"-"`

	// Selective says that there are attributes of files, so that not everything that is stored may be shown; Fixed that
	// there are immutable ones; Unique are those whose values are unique. What the built-in schemas say of this kind is
	// the directory's business and not counted.
	Selective, Fixed bool  `json:"-"`
	Unique           []Ref `json:"-"`
}

// link finds the schemas of the type.
func (rt *ResourceType) link(r *Registry) error {
	if rt.Core = r.Schema(rt.Schema); rt.Core == nil {
		return fmt.Errorf("there is no schema %q", rt.Schema)
	}
	rt.Common, rt.Extensions = r.common, nil
	for _, use := range rt.SchemaExtensions {
		e := r.Schema(use.Schema)
		if e == nil {
			return fmt.Errorf("there is no schema %q", use.Schema)
		}
		rt.Extensions = append(rt.Extensions, e)
	}
	rt.Selective, rt.Fixed, rt.Unique = false, false, nil
	rt.each(func(ref Ref) {
		rt.mark(ref)
		for _, sub := range ref.Attr.SubAttributes {
			rt.mark(Ref{Extension: ref.Extension, Attr: ref.Attr, Sub: sub})
		}
	})
	return nil
}

// mark notes which characteristics there are.
func (rt *ResourceType) mark(ref Ref) {
	a := ref.Leaf()
	if !a.strict {
		return
	}
	rt.Selective = true
	rt.Fixed = rt.Fixed || a.Mutability == Immutable
	if a.Uniqueness != UniqueNowhere {
		rt.Unique = append(rt.Unique, ref)
	}
}

// Places lists the attributes and sub-attributes that a normalized resource has values of.
func (rt *ResourceType) Places(resource map[string]any) (out []Ref) {
	rt.each(func(ref Ref) {
		value := Container(resource, ref.Extension, false)[ref.Attr.Name]
		if value == nil {
			return
		}
		out = append(out, ref)
		for _, sub := range ref.Attr.SubAttributes {
			for _, element := range elements(value) {
				if object, ok := element.(map[string]any); ok && object[sub.Name] != nil {
					out = append(out, Ref{Extension: ref.Extension, Attr: ref.Attr, Sub: sub})
					break
				}
			}
		}
	})
	return out
}

// each calls do for every attribute of the core schema and of the extensions.
func (rt *ResourceType) each(do func(ref Ref)) {
	for _, a := range rt.Core.Attributes {
		do(Ref{Attr: a})
	}
	for _, e := range rt.Extensions {
		for _, a := range e.Attributes {
			do(Ref{Extension: e, Attr: a})
		}
	}
}

// ExtensionUse names a schema that extends a resource type.
type ExtensionUse struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

// Ref is a place in the resources of a type: an attribute, or with Sub one of its sub-attributes.
type Ref struct {
	// Extension is the extension schema that defines the attribute; nil for core and common attributes.
	Extension *Schema
	// Attr is nil where the reference is to the extension as a whole.
	Attr *Attribute
	Sub  *Attribute
}

// Leaf is the definition of what the reference is to.
func (r Ref) Leaf() *Attribute {
	if r.Sub != nil {
		return r.Sub
	}
	return r.Attr
}

// ReadOnly reports whether clients cannot write the place.
func (r Ref) ReadOnly() bool {
	return r.Attr != nil && (r.Attr.Mutability == ReadOnly || r.Sub != nil && r.Sub.Mutability == ReadOnly)
}

// Resolve finds an attribute by URN (empty for none), name and sub-attribute name (empty for none), all in any case
// (RFC 7644 section 3.10). A name without URN is looked up among the common attributes, the core schema and then the
// extensions: clients leave the URN out. It reports false where there is no such attribute.
func (rt *ResourceType) Resolve(urn, name, sub string) (Ref, bool) {
	if urn == "" {
		for _, s := range []*Schema{rt.Common, rt.Core} {
			if ref, ok := within(s, nil, name, sub); ok {
				return ref, true
			}
		}
		for _, e := range rt.Extensions {
			if ref, ok := within(e, e, name, sub); ok {
				return ref, true
			}
		}
		return Ref{}, false
	}
	if strings.EqualFold(urn, rt.Core.ID) {
		if ref, ok := within(rt.Core, nil, name, sub); ok {
			return ref, true
		}
		return within(rt.Common, nil, name, sub)
	}
	if e := rt.Extension(urn); e != nil {
		return within(e, e, name, sub)
	}
	// The last part of a URN looks like an attribute name: the path may be the URN itself, or go on after a dot.
	if e := rt.Extension(urn + ":" + name); e != nil {
		if sub == "" {
			return Ref{Extension: e}, true
		}
		return within(e, e, sub, "")
	}
	return Ref{}, false
}

// Extension returns the extension schema of a URN in any case, nil where the type has none.
func (rt *ResourceType) Extension(urn string) *Schema {
	for _, e := range rt.Extensions {
		if strings.EqualFold(e.ID, urn) {
			return e
		}
	}
	return nil
}

func within(s, extension *Schema, name, sub string) (Ref, bool) {
	ref := Ref{Extension: extension, Attr: s.Attribute(name)}
	if ref.Attr == nil {
		return Ref{}, false
	}
	if sub == "" {
		return ref, true
	}
	ref.Sub = ref.Attr.Sub(sub)
	return ref, ref.Sub != nil
}
