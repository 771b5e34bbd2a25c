package schema

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// MutabilityError says that an immutable attribute was to be changed (scimType mutability, RFC 7644 section 3.12).
type MutabilityError struct {
	// Attr is the attribute's name, with its parent's before a dot.
	Attr string
}

func (e *MutabilityError) Error() string {
	return fmt.Sprintf("%s is immutable: it has a value, which cannot be changed", e.Attr)
}

// Removed fails with an [Error] where a required attribute that a resource had is missing now. What was missing before
// may stay so: other schemas may have been in force.
func (rt *ResourceType) Removed(before, now map[string]any) error {
	missing := rt.missing(now, nil)
	if len(missing) == 0 {
		return nil
	}
	known := rt.missing(before, nil)
	for _, m := range missing {
		if !slices.ContainsFunc(known, func(k *Error) bool { return k.Attr == m.Attr }) {
			return m
		}
	}
	return nil
}

// missing lists the required attributes that are not there and were not dropped either.
func (rt *ResourceType) missing(resource map[string]any, dropped map[*Attribute]bool) (out []*Error) {
	for _, use := range rt.SchemaExtensions {
		if use.Required && len(Container(resource, rt.Extension(use.Schema), false)) == 0 {
			out = append(out, &Error{Attr: use.Schema, Msg: "this extension is required"})
		}
	}
	rt.each(func(ref Ref) {
		container := Container(resource, ref.Extension, false)
		if a := ref.Attr; !dropped[a] && (ref.Extension == nil || len(container) > 0) {
			out = append(out, a.missing(container[a.Name])...)
		}
	})
	return out
}

// missing lists the attribute itself, or those of its sub-attributes that a value of it lacks.
func (a *Attribute) missing(value any) (out []*Error) {
	if value == nil || value == "" {
		if a.Required && a.Mutability != ReadOnly {
			out = append(out, &Error{Attr: a.Name, Msg: "it is required, and must not be empty"})
		}
		return out
	}
	for _, sub := range a.SubAttributes {
		if !sub.Required || !sub.kept() {
			continue
		}
		for _, element := range elements(value) {
			if object, ok := element.(map[string]any); ok && len(sub.missing(object[sub.Name])) > 0 {
				out = append(out, &Error{Attr: a.Name + "." + sub.Name, Msg: "it is required, and must not be empty"})
				break
			}
		}
	}
	return out
}

func elements(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// Unchanged fails with a [MutabilityError] where an immutable attribute, or an immutable sub-attribute of an attribute
// with one value, has another value now than before. Elements of multi-valued attributes may come and go; what is
// immutable inside of them is looked after where they are altered.
func (rt *ResourceType) Unchanged(before, now map[string]any) error {
	for _, ref := range rt.fixed(before) {
		holder := ref.holder(now, false)
		if ref.Sub != nil && holder == nil {
			continue // it went with its attribute, which may go
		}
		if leaf := ref.Leaf(); !equal(ref.holder(before, false)[leaf.Name], holder[leaf.Name]) {
			return &MutabilityError{Attr: ref.name()}
		}
	}
	return nil
}

// KeepFixed gives a resource the immutable values that it had before and that a client left out of its new state.
func (rt *ResourceType) KeepFixed(before, now map[string]any) {
	for _, ref := range rt.fixed(before) {
		leaf := ref.Leaf()
		if holder := ref.holder(now, ref.Sub == nil); holder != nil && holder[leaf.Name] == nil {
			holder[leaf.Name] = ref.holder(before, false)[leaf.Name]
		}
	}
}

// fixed lists the immutable places that have a value in a resource.
func (rt *ResourceType) fixed(resource map[string]any) (out []Ref) {
	if !rt.Fixed {
		return nil
	}
	rt.each(func(ref Ref) {
		value := ref.holder(resource, false)[ref.Attr.Name]
		if ref.Attr.Mutability == Immutable && value != nil {
			out = append(out, ref)
			return
		}
		object, _ := value.(map[string]any)
		for _, sub := range ref.Attr.SubAttributes {
			if sub.Mutability == Immutable && object[sub.Name] != nil {
				out = append(out, Ref{Extension: ref.Extension, Attr: ref.Attr, Sub: sub})
			}
		}
	})
	return out
}

// holder is the object of a normalized resource that the place is a member of, nil where there is none.
func (r Ref) holder(resource map[string]any, create bool) map[string]any {
	object := Container(resource, r.Extension, create)
	if r.Sub != nil {
		object, _ = object[r.Attr.Name].(map[string]any)
	}
	return object
}

func (r Ref) name() string {
	if r.Sub != nil {
		return r.Attr.Name + "." + r.Sub.Name
	}
	return r.Attr.Name
}

// equal compares normalized values. The order of the elements of multi-valued attributes has no meaning.
func equal(a, b any) bool {
	x, isList := a.([]any)
	y, both := b.([]any)
	if !isList || !both {
		return reflect.DeepEqual(a, b)
	}
	return slices.Equal(texts(x), texts(y))
}

func texts(list []any) []string {
	out := make([]string, len(list))
	for i, element := range list {
		text, _ := json.Marshal(element) // of decoded JSON: cannot fail
		out[i] = string(text)
	}
	slices.Sort(out)
	return out
}
