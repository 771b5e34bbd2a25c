package graphqlhttp

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// scale says what the fields of a schema cost.
type scale struct {
	// listSize is the length assumed of a list whose size no argument tells, at least 1.
	listSize int64
	// weights are what leaf fields cost that are worked out when they are asked for. The others cost nothing.
	weights map[*ast.FieldDefinition]int64
}

// newScale asks weigh, which may be nil, about every field of the schema.
func newScale(schema *ast.Schema, listSize int64, weigh func(*ast.FieldDefinition) int64) scale {
	s := scale{listSize: max(1, listSize), weights: map[*ast.FieldDefinition]int64{}}
	if weigh == nil {
		return s
	}
	for _, def := range schema.Types {
		for _, field := range def.Fields {
			if weight := weigh(field); weight > 0 {
				s.weights[field] = weight
			}
		}
	}
	return s
}

// measure counts the objects that an operation of a validated document may make the server produce. It saturates
// at [math.MaxInt64] and looks at each fragment once, so its own work is linear in the length of the document.
//
// A field of an object type counts 1 and what is selected in it. A list counts its elements, each as an object. The
// length of a list is the `first` argument, or the length of a list argument, of the field itself or of the
// field that the list is directly inside of (a connection's nodes); where there is none it is listSize. A leaf field
// costs its weight. Variables holds the coerced variables. Fields that a directive skips count all the same, and so
// does each repetition of a field.
func (s scale) measure(op *ast.OperationDefinition, variables map[string]any) int64 {
	m := &meter{scale: s, variables: variables}
	return m.set(op.SelectionSet).of(m.listSize)
}

// selectionCost is the cost of a selection set as a function of how long the lists directly in it are, which only
// the field around it knows: fixed + perElement * length.
type selectionCost struct {
	fixed, perElement int64
}

func (c selectionCost) of(length int64) int64 {
	return addSaturating(c.fixed, multiplySaturating(c.perElement, length))
}

type meter struct {
	scale
	variables map[string]any
	fragments map[string]selectionCost
}

func (m *meter) set(set ast.SelectionSet) selectionCost {
	sum := selectionCost{}
	for _, sel := range set {
		var c selectionCost
		switch sel := sel.(type) {
		case *ast.Field:
			c = m.field(sel)
		case *ast.InlineFragment:
			c = m.set(sel.SelectionSet)
		case *ast.FragmentSpread:
			c = m.fragment(sel)
		}
		sum.fixed = addSaturating(sum.fixed, c.fixed)
		sum.perElement = addSaturating(sum.perElement, c.perElement)
	}
	return sum
}

func (m *meter) fragment(spread *ast.FragmentSpread) selectionCost {
	c, known := m.fragments[spread.Name]
	if known || spread.Definition == nil {
		return c
	}
	c = m.set(spread.Definition.SelectionSet)
	if m.fragments == nil {
		m.fragments = map[string]selectionCost{}
	}
	m.fragments[spread.Name] = c
	return c
}

func (m *meter) field(f *ast.Field) selectionCost {
	if len(f.SelectionSet) == 0 || f.Definition == nil {
		return selectionCost{fixed: m.weights[f.Definition]}
	}
	children := m.set(f.SelectionSet)
	length := m.length(f)
	if !isList(f.Definition.Type) {
		inner := length
		if inner == 0 {
			inner = m.listSize
		}
		return selectionCost{fixed: addSaturating(1, children.of(inner))}
	}
	element := addSaturating(1, children.of(m.listSize))
	if length == 0 {
		return selectionCost{perElement: element}
	}
	return selectionCost{fixed: multiplySaturating(length, element)}
}

// length is what a field's arguments say about the number of its elements, 0 where they say nothing.
func (m *meter) length(f *ast.Field) int64 {
	longest := int64(0)
	for _, def := range f.Definition.Arguments {
		if def.Name != "first" && !isList(def.Type) {
			continue
		}
		given := f.Arguments.ForName(def.Name)
		value := def.DefaultValue
		if given != nil {
			value = given.Value
		}
		if def.Name == "first" {
			longest = max(longest, m.number(value, def.DefaultValue))
		} else {
			longest = max(longest, m.elements(value))
		}
	}
	return longest
}

// number is the value of an integer argument, at least 1; fallback stands in for a variable that was left out.
func (m *meter) number(v, fallback *ast.Value) int64 {
	if v == nil {
		return 0
	}
	if v.Kind != ast.Variable {
		n, err := strconv.ParseInt(v.Raw, 10, 64)
		if err != nil {
			return overflow(v.Raw)
		}
		return max(1, n)
	}
	switch given := m.variables[v.Raw].(type) {
	case int64:
		return max(1, given)
	case int:
		return max(1, int64(given))
	case json.Number:
		n, err := given.Int64()
		if err != nil {
			return overflow(given.String())
		}
		return max(1, n)
	case string: // coercion lets a decimal string pass for an Int
		n, err := strconv.ParseInt(given, 10, 64)
		if err != nil {
			return overflow(given)
		}
		return max(1, n)
	}
	if fallback != nil && fallback.Kind != ast.Variable {
		return m.number(fallback, nil)
	}
	return 1
}

// overflow is the value of an integer that does not parse: huge when it is made of digits, else 1.
func overflow(raw string) int64 {
	if raw != "" && raw[0] >= '0' && raw[0] <= '9' {
		return math.MaxInt64
	}
	return 1
}

func (m *meter) elements(v *ast.Value) int64 {
	if v == nil {
		return 0
	}
	if v.Kind != ast.Variable {
		return int64(len(v.Children))
	}
	list, _ := m.variables[v.Raw].([]any)
	return int64(len(list))
}

func isList(t *ast.Type) bool { return t != nil && t.Elem != nil }

func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func multiplySaturating(a, b int64) int64 {
	if a != 0 && b > math.MaxInt64/a {
		return math.MaxInt64
	}
	return a * b
}
