package schema

import "strings"

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
