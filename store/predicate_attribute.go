package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/roster-gateway/roster/directory"
)

// compileAttribute compares a value in a JSON document. Any of several values may match; "not equal" is the negation
// of "equal", so that an absent attribute is not equal to anything.
func (s scope) compileAttribute(p directory.Compare) (string, error) {
	if p.Op == directory.NotEqual {
		p.Op = directory.Equal
		term, err := s.compileAttribute(p)
		return "NOT " + term, err
	}
	values := s.values(p.Operand.Path)
	var term string
	switch v := p.Value.(type) {
	case string:
		// Folding is the database's on both sides: what it cannot fold still equals itself.
		text, value := "(v #>> '{}')", s.bind(v)+"::text"
		if !p.Operand.CaseExact {
			text, value = "lower("+text+")", "lower("+value+")"
		}
		term = "jsonb_typeof(v) = 'string' AND " + compareText(text, p.Op, value)
	case bool:
		term = "jsonb_typeof(v) = 'boolean' AND " + compareOrdered("(v #>> '{}')::boolean", p.Op, s.bind(v))
	case json.Number:
		term = compareOrdered(numberOf("v"), p.Op, s.bind(v.String())+"::numeric")
	case time.Time:
		term = compareOrdered(instantOf("v"), p.Op, s.bind(v)+"::timestamptz")
	default:
		return "", fmt.Errorf("value %T has no SQL form", p.Value)
	}
	exists := "EXISTS (SELECT FROM " + values + " AS v WHERE " + term + ")"
	if text, ok := p.Value.(string); ok && p.Op == directory.Equal {
		exists = s.holding(p.Operand.Path, false, text, exists)
	}
	return exists, nil
}

// numberOf is a JSON value as a number, null where it is none.
func numberOf(value string) string {
	return "(CASE WHEN jsonb_typeof(" + value + ") = 'number' THEN (" + value + " #>> '{}')::numeric END)"
}

// instantOf is a JSON value as an instant, null where it is none. Offsets and years that Postgres does not know are none
// either; without an offset it is UTC.
func instantOf(value string) string {
	text := "(" + value + " #>> '{}')"
	const pattern = `'^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-](0\d|1[0-5]):\d\d)?$'`
	zone := "CASE WHEN " + text + " ~ '(Z|[+-]..:..)$' THEN '' ELSE 'Z' END"
	return "(CASE WHEN " + text + " ~ " + pattern + " THEN (" + text + " || " + zone + ")::timestamptz END)"
}

// values is a set of the values at a path of member names, going through arrays (lax mode). The names are bound as a
// JSON path built from quoted members.
func (s scope) values(path []string) string {
	return "jsonb_path_query(" + s.document + ", " + s.bind(jsonPath(path...)+"[*]") + "::jsonpath)"
}

func jsonPath(path ...string) string {
	text := "lax $"
	for _, name := range path {
		quoted, _ := json.Marshal(name) // cannot fail
		text += "." + string(quoted)
	}
	return text
}

// emailValues are the addresses of an identity without case, as the index identity_words has them.
const emailValues = `lower(jsonb_path_query_array(i.attributes, '$."emails"[*]."value"')::text)::jsonb`

// compileElement looks for one element that meets a condition. Where it has to have a certain e-mail address, an index
// finds the identities that have it at all.
func (s scope) compileElement(p directory.Element) (string, error) {
	inner := s
	inner.document = "element"
	term, err := inner.compile(p.Where)
	exists := "EXISTS (SELECT FROM " + s.values(p.Path) + " AS element WHERE " + term + ")"
	if address, ok := equalTo("value", p.Where); ok && slices.Equal(p.Path, []string{"emails"}) && s.document == "i.attributes" {
		exists = "(" + emailValues + " @> jsonb_build_array(lower(" + s.bind(address) + "::text)) AND " + exists + ")"
	}
	if member, text, ok := equalText(p.Where); ok {
		exists = s.holding(append(slices.Clone(p.Path), member), true, text, exists)
	}
	return exists, err
}

// equalTo finds the text that a member has to be equal to, so that a condition holds.
func equalTo(member string, p directory.Predicate) (string, bool) {
	switch p := p.(type) {
	case directory.And:
		for _, term := range p {
			if text, ok := equalTo(member, term); ok {
				return text, true
			}
		}
	case directory.Compare:
		text, ok := p.Value.(string)
		return text, ok && p.Op == directory.Equal && slices.Equal(p.Operand.Path, []string{member})
	}
	return "", false
}
