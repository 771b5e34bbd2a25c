package graphqlhttp

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// shape is what is counted in a parsed document before it is validated. It needs no schema, visits each fragment's
// definition once and ends on fragments that spread themselves.
type shape struct {
	limits     Limits
	selections int
	aliases    int
	directives int
	names      map[string]int
	fragments  map[string]*ast.FragmentDefinition
	depths     map[string]int
}

// checkShape refuses a document that is too large, too wide or too deep to be worth validating.
func checkShape(doc *ast.QueryDocument, limits Limits) error {
	s := &shape{
		limits:    limits,
		names:     map[string]int{},
		fragments: map[string]*ast.FragmentDefinition{},
		depths:    map[string]int{},
	}
	for _, f := range doc.Fragments {
		if s.fragments[f.Name] == nil {
			s.fragments[f.Name] = f
		}
	}
	for _, op := range doc.Operations {
		if err := s.variables(op.VariableDefinitions); err != nil {
			return err
		}
		if err := s.count(op.SelectionSet, op.Directives); err != nil {
			return err
		}
	}
	for _, f := range doc.Fragments {
		if err := s.count(f.SelectionSet, f.Directives); err != nil {
			return err
		}
	}
	if pairs := s.pairs(); pairs > limits.Repeats {
		return overLimit("The query selects the same names too often: %d pairs of fields would have to be compared, the limit is %d.", pairs, limits.Repeats)
	}
	if walk := s.walk(doc); walk > limits.Walk {
		return overLimit("The query's operations and fragments reach the same fragments too often: validation would visit %d fields, the limit is %d.", walk, limits.Walk)
	}
	for _, op := range doc.Operations {
		if depth := s.depth(op.SelectionSet); depth > limits.Depth {
			return overLimit("The query is %d fields deep, the limit is %d.", depth, limits.Depth)
		}
	}
	return nil
}

// count adds one selection set, and what is inside it, to the totals.
func (s *shape) count(set ast.SelectionSet, directives ast.DirectiveList) error {
	if len(set) > s.limits.Selections {
		return overLimit("A selection set holds %d fields, the limit is %d.", len(set), s.limits.Selections)
	}
	if s.selections += len(set); s.selections > s.limits.TotalSelections {
		return overLimit("The query holds more than %d fields, which is the limit.", s.limits.TotalSelections)
	}
	if err := s.applied(directives); err != nil {
		return err
	}
	for _, sel := range set {
		var err error
		switch sel := sel.(type) {
		case *ast.Field:
			err = s.field(sel)
		case *ast.InlineFragment:
			err = s.count(sel.SelectionSet, sel.Directives)
		case *ast.FragmentSpread:
			err = s.applied(sel.Directives)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *shape) field(f *ast.Field) error {
	s.names[f.Alias]++
	if f.Alias != f.Name {
		if s.aliases++; s.aliases > s.limits.Aliases {
			return overLimit("The query holds more than %d aliases, which is the limit.", s.limits.Aliases)
		}
	}
	if err := s.arguments(f.Arguments); err != nil {
		return err
	}
	return s.count(f.SelectionSet, f.Directives)
}

func (s *shape) applied(directives ast.DirectiveList) error {
	if s.directives += len(directives); s.directives > s.limits.Directives {
		return overLimit("The query holds more than %d directives, which is the limit.", s.limits.Directives)
	}
	for _, d := range directives {
		if d.Name == "defer" {
			return refuse("The directive @defer is not supported: an operation is answered in one piece.")
		}
		if err := s.arguments(d.Arguments); err != nil {
			return err
		}
	}
	return nil
}

func (s *shape) arguments(args ast.ArgumentList) error {
	for _, a := range args {
		if err := s.value(a.Value, 0); err != nil {
			return err
		}
	}
	return nil
}

func (s *shape) variables(defs ast.VariableDefinitionList) error {
	for _, v := range defs {
		if err := s.value(v.DefaultValue, 0); err != nil {
			return err
		}
		if err := s.applied(v.Directives); err != nil {
			return err
		}
	}
	return nil
}

// value refuses literals that nest too deep, and the NUL character, which no text of the directory may hold.
func (s *shape) value(v *ast.Value, depth int) error {
	if v == nil {
		return nil
	}
	if strings.IndexByte(v.Raw, 0) >= 0 {
		return refuse("A string in the query holds the NUL character.")
	}
	if len(v.Children) == 0 {
		return nil
	}
	if depth++; depth > s.limits.InputDepth {
		return overLimit("A value in the query nests more than %d levels deep, which is the limit.", s.limits.InputDepth)
	}
	for _, child := range v.Children {
		if err := s.value(child.Value, depth); err != nil {
			return err
		}
	}
	return nil
}

// pairs bounds how many pairs of fields the rule on mergeable fields compares.
func (s *shape) pairs() int {
	pairs := 0
	for _, n := range s.names {
		pairs += n * (n - 1) / 2
	}
	return pairs
}

// depth is the number of fields on the longest path down from a selection set.
func (s *shape) depth(set ast.SelectionSet) int {
	deepest := 0
	for _, sel := range set {
		depth := 0
		switch sel := sel.(type) {
		case *ast.Field:
			depth = 1 + s.depth(sel.SelectionSet)
		case *ast.InlineFragment:
			depth = s.depth(sel.SelectionSet)
		case *ast.FragmentSpread:
			depth = s.fragment(sel.Name)
		}
		deepest = max(deepest, depth)
	}
	return deepest
}

func (s *shape) fragment(name string) int {
	depth, known := s.depths[name]
	if known {
		return depth
	}
	def := s.fragments[name]
	if def == nil {
		return 0
	}
	s.depths[name] = 0 // a cycle adds nothing; validation refuses it
	depth = s.depth(def.SelectionSet)
	s.depths[name] = depth
	return depth
}

// walk is the number of selections that validation visits.
func (s *shape) walk(doc *ast.QueryDocument) int {
	visits := 0
	for _, op := range doc.Operations {
		visits += s.reach(op.SelectionSet, map[string]bool{})
	}
	for _, f := range doc.Fragments {
		visits += s.reach(f.SelectionSet, map[string]bool{})
	}
	return visits
}

// reach is the number of selections in a set and in the fragments that it reaches, each of these once.
func (s *shape) reach(set ast.SelectionSet, seen map[string]bool) int {
	visits := len(set)
	for _, sel := range set {
		switch sel := sel.(type) {
		case *ast.Field:
			visits += s.reach(sel.SelectionSet, seen)
		case *ast.InlineFragment:
			visits += s.reach(sel.SelectionSet, seen)
		case *ast.FragmentSpread:
			if def := s.fragments[sel.Name]; def != nil && !seen[sel.Name] {
				seen[sel.Name] = true
				visits += s.reach(def.SelectionSet, seen)
			}
		}
	}
	return visits
}
