package store

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/roster-gateway/roster/directory"
)

// customDocument is what the index resource_attributes has of a resource that is no identity.
const customDocument = `lower(i.attributes::text)::jsonb`

// holding adds to a condition what it implies and an index can find: that a text, in whatever case, stands at a path, as a
// value or among several. inList says that the last but one name is that of a list. Conditions on identities have
// indexes of their own.
func (s scope) holding(path []string, inList bool, text, condition string) string {
	if !s.custom || s.document != "i.attributes" || text == "" {
		return condition
	}
	document := func(value any) string {
		for i, name := range slices.Backward(path) {
			value = map[string]any{name: value}
			if inList && i == len(path)-1 {
				value = []any{value}
			}
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // as Postgres writes it, so that both are folded alike
		_ = e.Encode(value)    // strings only: cannot fail
		return customDocument + " @> lower(" + s.bind(b.String()) + "::text)::jsonb"
	}
	return "((" + document(text) + " OR " + document([]any{text}) + ") AND " + condition + ")"
}

// equalText finds a member that has to be equal to a text, so that a condition holds.
func equalText(p directory.Predicate) (member, text string, ok bool) {
	switch p := p.(type) {
	case directory.And:
		for _, term := range p {
			if member, text, ok := equalText(term); ok {
				return member, text, true
			}
		}
	case directory.Compare:
		text, isText := p.Value.(string)
		if isText && p.Op == directory.Equal && len(p.Operand.Path) == 1 {
			return p.Operand.Path[0], text, true
		}
	}
	return "", "", false
}
