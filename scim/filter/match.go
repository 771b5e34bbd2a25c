package filter

import (
	"encoding/json"
	"math/big"
	"strings"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// Match reports whether a normalized resource, or an element where the filter was bound to one, meets the filter.
func (f *Filter) Match(object map[string]any) bool { return match(f.root, object) }

func match(n node, object map[string]any) bool {
	switch n := n.(type) {
	case allOf:
		for _, t := range n {
			if !match(t, object) {
				return false
			}
		}
		return true
	case anyOf:
		for _, t := range n {
			if match(t, object) {
				return true
			}
		}
		return false
	case notNode:
		return !match(n.term, object)
	case presentNode:
		for _, v := range valuesAt(n.at, object) {
			if isPresent(v) {
				return true
			}
		}
		return false
	case elementNode:
		for _, v := range valuesAt(n.at, object) {
			if element, ok := v.(map[string]any); ok && match(n.where, element) {
				return true
			}
		}
		return false
	case compareNode:
		return n.match(object)
	case truthNode:
		return bool(n)
	}
	return false
}

func (n compareNode) match(object map[string]any) bool {
	if n.op == directory.NotEqual { // also where there is no value, and of several where none is equal
		n.op = directory.Equal
		return !n.match(object)
	}
	if n.value == nil {
		return !match(presentNode{at: n.at}, object)
	}
	for _, v := range valuesAt(n.at, object) {
		if compare(v, n.op, n.value, n.at.Leaf().CaseExact) {
			return true
		}
	}
	return false
}

// valuesAt lists what a place holds, the elements of multi-valued attributes one by one.
func valuesAt(at schema.Ref, object map[string]any) []any {
	values := elements(schema.Container(object, at.Extension, false)[at.Attr.Name])
	if at.Sub == nil {
		return values
	}
	out := []any{}
	for _, v := range values {
		if element, ok := v.(map[string]any); ok {
			out = append(out, elements(element[at.Sub.Name])...)
		}
	}
	return out
}

func elements(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

func isPresent(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// compare compares a stored value with a filter's. Values of different types compare with nothing.
func compare(stored any, op Op, wanted any, caseExact bool) bool {
	switch w := wanted.(type) {
	case bool:
		b, ok := stored.(bool)
		return ok && b == w
	case string:
		s, ok := stored.(string)
		if !ok {
			return false
		}
		if !caseExact {
			s, w = directory.FoldKey(s), directory.FoldKey(w)
		}
		return compareText(s, op, w)
	case json.Number:
		n, ok := stored.(json.Number)
		if !ok {
			return false
		}
		a, okA := new(big.Rat).SetString(n.String())
		b, okB := new(big.Rat).SetString(w.String())
		return okA && okB && ordered(a.Cmp(b), op)
	case time.Time:
		text, _ := stored.(string)
		at, ok := parseTime(text)
		return ok && ordered(at.Compare(w), op)
	}
	return false
}

func compareText(s string, op Op, w string) bool {
	switch op {
	case directory.Contains:
		return strings.Contains(s, w)
	case directory.StartsWith:
		return strings.HasPrefix(s, w)
	case directory.EndsWith:
		return strings.HasSuffix(s, w)
	}
	return ordered(strings.Compare(s, w), op)
}

// ordered says what a comparison's sign (-1, 0, 1) means to an operator.
func ordered(sign int, op Op) bool {
	switch op {
	case directory.Equal:
		return sign == 0
	case directory.Greater:
		return sign > 0
	case directory.GreaterOrEqual:
		return sign >= 0
	case directory.Less:
		return sign < 0
	case directory.LessOrEqual:
		return sign <= 0
	}
	return false
}

// Equalities lists the terms of a filter that is nothing but attr eq value, or several of them with and between, by
// the attribute's name; ok is false where it is anything else. It says what an element must be like that the filter
// is to select (RFC 7644 section 3.5.2.3).
func (f *Filter) Equalities() (terms map[string]any, ok bool) {
	terms = map[string]any{}
	return terms, equalities(f.root, terms)
}

func equalities(n node, into map[string]any) bool {
	switch n := n.(type) {
	case allOf:
		for _, t := range n {
			if !equalities(t, into) {
				return false
			}
		}
		return true
	case compareNode:
		before, twice := into[n.at.Attr.Name]
		into[n.at.Attr.Name] = n.value
		return n.op == directory.Equal && n.value != nil && n.at.Sub == nil && (!twice || before == n.value)
	}
	return false
}

// OneOf lists the values of a filter that is name eq value, or several of them with or between; ok is false where it
// is anything else.
func (f *Filter) OneOf(name string) (values []any, ok bool) {
	return oneOf(f.root, name, nil)
}

func oneOf(n node, name string, values []any) ([]any, bool) {
	switch n := n.(type) {
	case anyOf:
		for _, t := range n {
			var ok bool
			if values, ok = oneOf(t, name, values); !ok {
				return nil, false
			}
		}
		return values, true
	case compareNode:
		return append(values, n.value), n.op == directory.Equal && n.value != nil && n.at.Sub == nil && n.at.Attr.Name == name
	}
	return nil, false
}
