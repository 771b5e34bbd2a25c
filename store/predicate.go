package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// wholeIdentity is the document that a predicate outside of elements looks at.
const wholeIdentity = "i.attributes"

// compile turns a predicate into an SQL condition that is true or false, never null. Operands are columns of identity
// i and paths in a JSON document: the identity's attributes, or one element of one of them. Values are bound.
func compile(c *conditions, p directory.Predicate, document string) (string, error) {
	switch p := p.(type) {
	case directory.And:
		return compileAll(c, p, document, " AND ", "true")
	case directory.Or:
		return compileAll(c, p, document, " OR ", "false")
	case directory.Not:
		term, err := compile(c, p.Term, document)
		return "NOT " + term, err
	case directory.Compare:
		return compileCompare(c, p, document)
	case directory.Present:
		return compilePresent(c, p.Operand, document), nil
	case directory.Element:
		term, err := compile(c, p.Where, "element")
		return "EXISTS (SELECT FROM " + jsonValues(c, p.Path, document) + " AS element WHERE " + term + ")", err
	case directory.Linked:
		return compileLinked(c, p), nil
	default:
		return "", fmt.Errorf("predicate %T has no SQL form", p)
	}
}

func compileAll(c *conditions, terms []directory.Predicate, document, operator, empty string) (string, error) {
	if len(terms) == 0 {
		return empty, nil
	}
	parts := make([]string, len(terms))
	for i, t := range terms {
		part, err := compile(c, t, document)
		if err != nil {
			return "", err
		}
		parts[i] = part
	}
	return "(" + strings.Join(parts, operator) + ")", nil
}

// column describes how a column is compared.
type column struct {
	exact, folded string // SQL for the two kinds of comparison
}

var predicateColumns = map[directory.Column]column{
	directory.ColumnUID:         {"i.uid::text", "i.uid::text"},
	directory.ColumnExternalID:  {"i.external_id", "lower(i.external_id)"},
	directory.ColumnName:        {"i.name", "i.name_key"},
	directory.ColumnDisplayName: {"i.display_name", "i.display_key"},
	directory.ColumnEmail:       {"i.email", "i.email_key"},
}

func compileCompare(c *conditions, p directory.Compare, document string) (string, error) {
	switch p.Operand.Column {
	case "":
		return compileAttribute(c, p, document)
	case directory.ColumnActive:
		return compileActive(c, p)
	case directory.ColumnCreatedAt, directory.ColumnUpdatedAt:
		at, ok := p.Value.(time.Time)
		if !ok {
			return comparesWithNothing(p.Op), nil
		}
		return compareWhole("i."+string(p.Operand.Column), p.Op, c.bind(at)), nil
	case directory.ColumnVersion:
		return compareWhole("i.version::text", p.Op, c.bind(fmt.Sprint(p.Value))), nil
	case directory.ColumnUID:
		return compileUID(c, p), nil
	}
	col, ok := predicateColumns[p.Operand.Column]
	if !ok {
		return "", fmt.Errorf("column %q has no SQL form", p.Operand.Column)
	}
	text, ok := p.Value.(string)
	if !ok {
		return comparesWithNothing(p.Op), nil
	}
	if p.Operand.CaseExact {
		return compareText(col.exact, p.Op, c.bind(text)+"::text"), nil
	}
	return compareText(col.folded, p.Op, c.bind(directory.FoldKey(text))+"::text"), nil
}

// compileUID keeps the comparison of whole ids on the column itself, so that its index serves.
func compileUID(c *conditions, p directory.Compare) string {
	text := fmt.Sprint(p.Value)
	if p.Op == directory.Equal || p.Op == directory.NotEqual {
		uid, err := uuid.Parse(text)
		if err != nil {
			return comparesWithNothing(p.Op)
		}
		return compareWhole("i.uid", p.Op, c.bind(uid.String())+"::uuid")
	}
	return compareText("i.uid::text", p.Op, c.bind(text)+"::text")
}

func compileActive(c *conditions, p directory.Compare) (string, error) {
	wanted, ok := p.Value.(bool)
	if !ok {
		return comparesWithNothing(p.Op), nil
	}
	return compareWhole("(i.status = 'ACTIVE')", p.Op, c.bind(wanted)), nil
}

// comparesWithNothing is the answer where value and operand are of different types: only "not equal" holds.
func comparesWithNothing(op directory.CompareOp) string {
	if op == directory.NotEqual {
		return "true"
	}
	return "false"
}

var sqlOperators = map[directory.CompareOp]string{
	directory.Equal: "=", directory.NotEqual: "IS DISTINCT FROM",
	directory.Greater: ">", directory.GreaterOrEqual: ">=", directory.Less: "<", directory.LessOrEqual: "<=",
}

// compareWhole compares what is never null, as it stands, so that an index serves.
func compareWhole(left string, op directory.CompareOp, right string) string {
	if operator, ok := sqlOperators[op]; ok {
		return "(" + left + " " + operator + " " + right + ")"
	}
	return "false"
}

// compareOrdered compares values that SQL orders as SCIM does. Absent values compare with nothing.
func compareOrdered(left string, op directory.CompareOp, right string) string {
	operator, ok := sqlOperators[op]
	switch {
	case !ok:
		return "false"
	case op == directory.NotEqual:
		return "(" + left + " IS DISTINCT FROM " + right + ")"
	default:
		return "coalesce(" + left + " " + operator + " " + right + ", false)"
	}
}

// compareText compares text; LIKE's metacharacters are literal because LIKE is not used.
func compareText(left string, op directory.CompareOp, right string) string {
	switch op {
	case directory.Contains:
		return "coalesce(strpos(" + left + ", " + right + ") > 0, false)"
	case directory.StartsWith:
		return "coalesce(starts_with(" + left + ", " + right + "), false)"
	case directory.EndsWith:
		return "coalesce(right(" + left + ", length(" + right + ")) = " + right + ", false)"
	case directory.Equal:
		return "(" + left + " IS NOT NULL AND " + left + " = " + right + ")"
	default:
		return compareOrdered(left+` COLLATE "C"`, op, right)
	}
}

// compileAttribute compares a value in a JSON document. Any of several values may match; "not equal" is the negation
// of "equal", so that an absent attribute is not equal to anything.
func compileAttribute(c *conditions, p directory.Compare, document string) (string, error) {
	if p.Op == directory.NotEqual {
		p.Op = directory.Equal
		term, err := compileAttribute(c, p, document)
		return "NOT " + term, err
	}
	values := jsonValues(c, p.Operand.Path, document)
	var term string
	switch v := p.Value.(type) {
	case string:
		// Folding is the database's on both sides: what it cannot fold still equals itself.
		text, value := "(v #>> '{}')", c.bind(v)+"::text"
		if !p.Operand.CaseExact {
			text, value = "lower("+text+")", "lower("+value+")"
		}
		term = "jsonb_typeof(v) = 'string' AND " + compareText(text, p.Op, value)
	case bool:
		term = "jsonb_typeof(v) = 'boolean' AND " + compareOrdered("(v #>> '{}')::boolean", p.Op, c.bind(v))
	case json.Number:
		term = "CASE WHEN jsonb_typeof(v) = 'number' THEN " + compareOrdered("(v #>> '{}')::numeric", p.Op, c.bind(v.String())+"::numeric") + " ELSE false END"
	case time.Time:
		// Dates are kept as text; RFC 3339 in UTC orders as text does.
		term = "jsonb_typeof(v) = 'string' AND " + compareText("(v #>> '{}')", p.Op, c.bind(v.UTC().Format(time.RFC3339Nano))+"::text")
	default:
		return "", fmt.Errorf("value %T has no SQL form", p.Value)
	}
	return "EXISTS (SELECT FROM " + values + " AS v WHERE " + term + ")", nil
}

// jsonValues is a set of the values at a path of member names, going through arrays (lax mode). The names are bound
// as a JSON path built from quoted members.
func jsonValues(c *conditions, path []string, document string) string {
	text := "lax $"
	for _, name := range path {
		quoted, _ := json.Marshal(name)
		text += "." + string(quoted)
	}
	text += "[*]"
	return "jsonb_path_query(" + document + ", " + c.bind(text) + "::jsonpath)"
}

func compilePresent(c *conditions, o directory.Operand, document string) string {
	switch o.Column {
	case "":
		return "EXISTS (SELECT FROM " + jsonValues(c, o.Path, document) + ` AS v WHERE v NOT IN ('null', '""', '{}', '[]'))`
	case directory.ColumnExternalID:
		return "(i.external_id IS NOT NULL)"
	case directory.ColumnEmail:
		return "(i.email IS NOT NULL)"
	default:
		return "true"
	}
}

func compileLinked(c *conditions, p directory.Linked) string {
	uid, err := uuid.Parse(p.UID)
	if err != nil {
		return "false"
	}
	kind, e := "member", endsOf(p.Way)
	if p.Manager {
		kind, e = "manager", endsOf(directory.Up)
	}
	return `EXISTS (SELECT FROM link l JOIN identity other ON other.id = l.` + e.far + `
		WHERE l.kind = ` + c.bind(kind) + `::link_kind AND l.` + e.near + ` = i.id AND other.uid = ` + c.bind(uid.String()) + `::uuid)`
}
