package patch

import (
	"maps"
	"slices"

	"github.com/roster-gateway/roster/scim/schema"
)

// Limits of a request, members of groups apart.
const (
	MaxOperations = 1000
	// MaxElements is how many values an attribute may have after an operation added to it.
	MaxElements = 1000
)

// Apply returns what a normalized resource becomes by the operations, in their order. The resource itself stays as it
// is. An error of type [Error] means that nothing of the request is to be kept.
func Apply(resource map[string]any, ops []Op) (map[string]any, error) {
	if len(ops) > MaxOperations {
		return nil, refuse(InvalidValue, "The request has %d operations; at most %d are taken.", len(ops), MaxOperations)
	}
	out := clone(resource).(map[string]any)
	for _, op := range ops {
		container := schema.Container(out, op.Ref.Extension, op.Kind != Remove)
		if container == nil {
			continue
		}
		if err := op.apply(container); err != nil {
			return nil, numbered(err, op.number)
		}
		if op.Ref.Extension != nil && len(container) == 0 {
			delete(out, op.Ref.Extension.ID)
		}
	}
	return out, nil
}

func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = clone(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = clone(inner)
		}
		return out
	}
	return value
}

// apply alters the attribute in the object that holds it.
func (op Op) apply(container map[string]any) error {
	switch {
	case op.Where != nil:
		return op.onElements(container)
	case op.Ref.Sub == nil:
		return op.onAttribute(container)
	case op.Ref.Attr.MultiValued:
		return op.onEverySub(container)
	default:
		return op.onSub(container)
	}
}

// set stores an attribute, or takes it away where there is nothing left of it.
func set(container map[string]any, a *schema.Attribute, value any) {
	switch v := value.(type) {
	case nil:
		delete(container, a.Name)
		return
	case []any:
		if len(v) == 0 {
			delete(container, a.Name)
			return
		}
	case map[string]any:
		if len(v) == 0 {
			delete(container, a.Name)
			return
		}
	}
	container[a.Name] = value
}

// onAttribute is for a path that is an attribute.
func (op Op) onAttribute(container map[string]any) error {
	a := op.Ref.Attr
	if op.Kind == Remove {
		if !a.MultiValued || op.Value == nil {
			delete(container, a.Name)
			return nil
		}
		return op.removeValues(container)
	}
	op.Value = completed(a, op.Value, container[a.Name])
	value, err := a.Normalize(op.Value)
	if err != nil {
		return err
	}
	switch {
	case a.MultiValued && op.Kind == Add:
		added, _ := value.([]any)
		return addElements(container, a, added)
	case a.Type == schema.Complex && !a.MultiValued:
		op.merge(container, value)
	default:
		set(container, a, value)
	}
	return nil
}

// completed gives an object for a single complex attribute the value that it has, if the object says something and
// nothing of the value: what describes a value is changed without it, and does not take it away.
func completed(a *schema.Attribute, sent, old any) any {
	before, _ := old.(map[string]any)
	if a.MultiValued || before["value"] == nil || a.Sub("value") == nil {
		return sent
	}
	if list, ok := sent.([]any); ok && len(list) == 1 {
		sent = list[0]
	}
	now, _ := sent.(map[string]any)
	_, named := schema.Lookup(now, "value")
	says := slices.ContainsFunc(slices.Collect(maps.Values(now)), func(v any) bool { return v != nil && v != "" })
	if named || !says {
		return sent
	}
	out := maps.Clone(now)
	out["value"] = before["value"]
	return out
}

// merge sets the sub-attributes that a value of a single complex attribute has and leaves the others (RFC 7644
// section 3.5.2.3); those that are null go.
func (op Op) merge(container map[string]any, value any) {
	a := op.Ref.Attr
	sent, _ := op.Value.(map[string]any)
	object, _ := container[a.Name].(map[string]any)
	if value == nil && (sent == nil || a.Sub("value") != nil) {
		delete(container, a.Name) // no value at all
		return
	}
	if object == nil {
		object = map[string]any{}
	}
	for key, v := range sent {
		if sub := a.Sub(key); sub != nil && v == nil {
			delete(object, sub.Name)
		}
	}
	news, _ := value.(map[string]any)
	for name, v := range news {
		object[name] = v
	}
	set(container, a, object)
}

// onSub is for a path that is a sub-attribute of a single complex attribute.
func (op Op) onSub(container map[string]any) error {
	a := op.Ref.Attr
	object, _ := container[a.Name].(map[string]any)
	if object == nil {
		object = map[string]any{}
	}
	value, err := op.subValue()
	if err != nil {
		return err
	}
	set(object, op.Ref.Sub, value)
	if op.Ref.Sub.Name == "value" && value == nil {
		object = nil // the rest describes a value that is gone
	}
	set(container, a, object)
	return nil
}

// subValue is the new value of a sub-attribute, nil where it goes.
func (op Op) subValue() (any, error) {
	if op.Kind == Remove {
		return nil, nil
	}
	value, err := op.Ref.Sub.Normalize(op.Value)
	if value == "" && op.Ref.Sub.Name == "value" {
		value = nil
	}
	return value, err
}

// onEverySub is for a path that is a sub-attribute of a multi-valued attribute: it means that of every element.
func (op Op) onEverySub(container map[string]any) error {
	a := op.Ref.Attr
	value, err := op.subValue()
	if err != nil {
		return err
	}
	list, _ := container[a.Name].([]any)
	if len(list) == 0 && value != nil {
		if op.Ref.Sub.Name != "value" && a.Sub("value") != nil {
			return refuse(NoTarget, "%s has no value whose %s could be set.", a.Name, op.Ref.Sub.Name)
		}
		list = []any{map[string]any{}}
	}
	if op.Ref.Sub.Name == "primary" && value == true && len(list) > 1 {
		return refuse(InvalidValue, "one value of %s may be primary, not all of them.", a.Name)
	}
	if err := op.setSub(list, all(len(list)), value); err != nil {
		return err
	}
	set(container, a, pruned(list, a, value == nil))
	return nil
}
