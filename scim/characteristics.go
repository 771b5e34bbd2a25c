package scim

import (
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

// patched is what a normalized resource becomes by a request's operations, as far as the schemas let it.
func patched(rt *schema.ResourceType, before map[string]any, ops []patch.Op) (map[string]any, error) {
	after, err := patch.Apply(before, ops)
	if err != nil {
		return nil, err
	}
	if err := rt.Removed(before, after); err != nil {
		return nil, err
	}
	return after, rt.Unchanged(before, after)
}

// replaced completes the new state of a resource by immutable values that the client left out, and refuses others (RFC
// 7644 section 3.5.1).
func replaced(rt *schema.ResourceType, before, after map[string]any) error {
	rt.KeepFixed(before, after)
	return rt.Unchanged(before, after)
}

// uniqueValues are the values of a normalized resource that no other one may have (RFC 7643 section 2.2). The directory
// sees to those of the built-in schemas itself.
func uniqueValues(rt *schema.ResourceType, resource map[string]any) (out []directory.UniqueValue) {
	if len(rt.Unique) > 0 {
		out = []directory.UniqueValue{}
	}
	for _, ref := range rt.Unique {
		for _, value := range valuesAt(ref, resource) {
			v := directory.UniqueValue{Attribute: filter.Key(ref), Value: uniqueText(ref.Leaf(), value)}
			if v.Value != "" && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// markHad marks the unique values that a resource had before.
func markHad(now []directory.UniqueValue, rt *schema.ResourceType, before map[string]any) {
	if len(now) == 0 {
		return
	}
	had := uniqueValues(rt, before)
	for i, v := range now {
		now[i].Had = slices.Contains(had, v)
	}
}

// valuesAt lists the simple values at a place.
func valuesAt(at schema.Ref, resource map[string]any) (out []any) {
	for _, value := range listed(schema.Container(resource, at.Extension, false)[at.Attr.Name]) {
		if at.Sub == nil {
			out = append(out, value)
		} else if object, ok := value.(map[string]any); ok {
			out = append(out, listed(object[at.Sub.Name])...)
		}
	}
	return out
}

func listed(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{value}
}

// uniqueText is the text of a value that equal values share.
func uniqueText(a *schema.Attribute, value any) string {
	switch v := value.(type) {
	case json.Number:
		if exact, ok := new(big.Rat).SetString(v.String()); ok {
			return exact.RatString()
		}
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil && a.Type == schema.DateTime {
			return at.UTC().Format(time.RFC3339Nano)
		}
		if a.Type == schema.Binary {
			return strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(v, "="))
		}
		if !a.CaseExact {
			return directory.FoldKey(v)
		}
		return v
	}
	return ""
}
