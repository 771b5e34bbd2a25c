package graphqlhttp

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// Visit calls fn for every field that an operation of a validated document selects, with the type that it is
// selected on: an object, or an interface where the selection stands on one. Fields inside a fragment are visited
// once, however often the fragment is spread; fields that a directive skips are visited too.
func Visit(op *ast.OperationDefinition, fn func(on *ast.Definition, field *ast.Field)) {
	v := visitor{fn: fn, seen: map[string]bool{}}
	v.set(op.SelectionSet)
}

// Coordinates lists the schema coordinates (Type.field) that an operation of a validated document selects, sorted,
// each once. A field selected on an interface is listed under the interface: a rule for it is a rule for every
// object that implements it. `__typename` is left out.
func Coordinates(op *ast.OperationDefinition) []string {
	var out []string
	Visit(op, func(on *ast.Definition, field *ast.Field) {
		if on != nil && field.Name != "__typename" {
			out = append(out, on.Name+"."+field.Name)
		}
	})
	slices.Sort(out)
	return slices.Compact(out)
}

type visitor struct {
	fn   func(*ast.Definition, *ast.Field)
	seen map[string]bool
}

func (v *visitor) set(set ast.SelectionSet) {
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			v.fn(sel.ObjectDefinition, sel)
			v.set(sel.SelectionSet)
		case *ast.InlineFragment:
			v.set(sel.SelectionSet)
		case *ast.FragmentSpread:
			if v.seen[sel.Name] || sel.Definition == nil {
				continue
			}
			v.seen[sel.Name] = true
			v.set(sel.Definition.SelectionSet)
		}
	}
}
