package schema

import "strings"

// Lookup finds a member of a JSON object by its name in any case (RFC 7643 section 2.1): the one that is spelt so, else
// any. It tells null from nothing.
func Lookup(object map[string]any, name string) (value any, ok bool) {
	if value, ok = object[name]; ok {
		return value, true
	}
	for key, value := range object {
		if strings.EqualFold(key, name) {
			return value, true
		}
	}
	return nil, false
}

// Member is Lookup for where null is nothing.
func Member(object map[string]any, name string) any {
	value, _ := Lookup(object, name)
	return value
}
