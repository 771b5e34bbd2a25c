package push

import (
	"reflect"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/scim/schema"
)

// differing are the attributes of a wanted resource that another one does not have like that. What the wanted one does
// not mention may be anything.
func differing(have, want map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range want {
		if strings.EqualFold(name, "password") { // nobody returns it, so nobody can tell
			continue
		}
		current, _ := schema.Lookup(have, name)
		_, flag := value.(bool)
		if covers(current, value) && (current != nil || !flag) { // active is not false where it is not known
			continue
		}
		// An extension is no attribute: only those of its own that differ are named.
		if inner, ok := value.(map[string]any); ok && strings.Contains(name, ":") {
			before, _ := current.(map[string]any)
			value = differing(before, inner)
		}
		out[name] = value
	}
	return out
}

// covers reports whether a value has all that is wanted of it: an object each attribute, a list the same elements in any
// order.
func covers(have, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, _ := have.(map[string]any)
		for name, value := range want {
			if current, _ := schema.Lookup(object, name); !covers(current, value) {
				return false
			}
		}
		return true
	case []any:
		list, _ := have.([]any)
		return sameElements(list, want)
	}
	return isEmpty(have) && isEmpty(want) || reflect.DeepEqual(have, want)
}

func sameElements(have, want []any) bool {
	if len(have) != len(want) {
		return false
	}
	left := slices.Clone(have)
	for _, w := range want {
		at := slices.IndexFunc(left, func(h any) bool { return covers(h, w) })
		if at < 0 {
			return false
		}
		left = slices.Delete(left, at, at+1)
	}
	return true
}

// isEmpty reports whether a value says no more than a missing one (RFC 7643 section 2.5). false is one: a service may
// leave primary out where it is not true.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == ""
	case []any:
		return len(value) == 0
	case map[string]any:
		for _, inner := range value {
			if !isEmpty(inner) {
				return false
			}
		}
		return true
	}
	return false
}
