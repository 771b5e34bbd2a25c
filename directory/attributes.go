package directory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// AttributeSet is a JSON object of SCIM attributes: simple values, complex values (objects) and multi-valued ones
// (arrays), extension schemas under their URN (RFC 7643 section 2.3).
type AttributeSet map[string]any

// Attribute is one attribute as text: a dotted path (name.givenName) and its values.
type Attribute struct {
	Name   string
	Values []string
}

// String returns the text at a path of member names, nil where there is none.
func (s AttributeSet) String(path ...string) *string {
	var value any = map[string]any(s)
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	text, ok := value.(string)
	if !ok || text == "" {
		return nil
	}
	return &text
}

// Flatten lists the attributes by dotted path, sorted. The value of a multi-valued complex attribute (emails) stands
// under the attribute's own name, its other sub-attributes under theirs (emails.type).
func (s AttributeSet) Flatten() []Attribute {
	values := map[string][]string{}
	for name, value := range s {
		extension, ok := value.(map[string]any)
		if !ok || !strings.HasPrefix(strings.ToLower(name), "urn:") {
			flatten(values, name, value)
			continue
		}
		for sub, v := range extension {
			flatten(values, name+":"+sub, v) // RFC 7644 section 3.10
		}
	}
	out := make([]Attribute, 0, len(values))
	for name, texts := range values {
		out = append(out, Attribute{Name: name, Values: texts})
	}
	slices.SortFunc(out, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func flatten(into map[string][]string, path string, value any) {
	switch v := value.(type) {
	case nil:
	case string:
		into[path] = append(into[path], v)
	case json.Number:
		into[path] = append(into[path], v.String())
	case map[string]any:
		for name, sub := range v {
			flatten(into, path+"."+name, sub)
		}
	case []any:
		for _, element := range v {
			flattenElement(into, path, element)
		}
	default: // bool, and numbers of a set built in memory
		into[path] = append(into[path], fmt.Sprint(v))
	}
}

func flattenElement(into map[string][]string, path string, element any) {
	object, ok := element.(map[string]any)
	if !ok {
		flatten(into, path, element)
		return
	}
	for name, sub := range object {
		if name == "value" {
			flatten(into, path, sub)
		} else {
			flatten(into, path+"."+name, sub)
		}
	}
}
