package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// scope is what the operands of a predicate are found in: a row of identity, and a JSON document, which is the row's
// attributes or one element of them.
type scope struct {
	*conditions
	row, document string
}

// wholeIdentity is the scope of a predicate on the identity i.
func wholeIdentity(c *conditions) scope {
	return scope{conditions: c, row: "i", document: "i.attributes"}
}

// compile turns a predicate into an SQL condition that is true or false, never null. Values are bound.
func (s scope) compile(p directory.Predicate) (string, error) {
	switch p := p.(type) {
	case directory.And:
		return s.compileAll(p, " AND ", "true")
	case directory.Or:
		return s.compileAll(p, " OR ", "false")
	case directory.Not:
		term, err := s.compile(p.Term)
		return "NOT " + term, err
	case directory.Compare:
		return s.compileCompare(p)
	case directory.Present:
		return s.compilePresent(p.Operand), nil
	case directory.Element:
		return s.compileElement(p)
	case directory.Linked:
		return s.compileLinked(p)
	default:
		return "", fmt.Errorf("predicate %T has no SQL form", p)
	}
}

func (s scope) compileAll(terms []directory.Predicate, operator, empty string) (string, error) {
	if len(terms) == 0 {
		return empty, nil
	}
	parts := make([]string, len(terms))
	for i, t := range terms {
		part, err := s.compile(t)
		if err != nil {
			return "", err
		}
		parts[i] = part
	}
	return "(" + strings.Join(parts, operator) + ")", nil
}

// column is a column of the scope's row.
func (s scope) column(c directory.Column) string { return s.row + "." + string(c) }

// foldedColumns hold the folded form of others.
var foldedColumns = map[directory.Column]directory.Column{
	directory.ColumnName: "name_key", directory.ColumnDisplayName: "display_key", directory.ColumnEmail: "email_key",
}

func (s scope) compileCompare(p directory.Compare) (string, error) {
	column := s.column(p.Operand.Column)
	text, isText := p.Value.(string)
	switch p.Operand.Column {
	case "":
		return s.compileAttribute(p)
	case directory.ColumnActive:
		wanted, ok := p.Value.(bool)
		if !ok {
			return comparesWithNothing(p.Op), nil
		}
		return compareWhole("("+s.row+".status = 'ACTIVE')", p.Op, s.bind(wanted)), nil
	case directory.ColumnCreatedAt, directory.ColumnUpdatedAt:
		at, ok := p.Value.(time.Time)
		if !ok {
			return comparesWithNothing(p.Op), nil
		}
		s.ranged = s.ranged || p.Op != directory.Equal && p.Op != directory.NotEqual
		return compareWhole(column, p.Op, s.bind(at)), nil
	case directory.ColumnVersion:
		return s.compileVersion(p), nil
	case directory.ColumnUID:
		return s.compileUID(p), nil
	case directory.ColumnKind:
		return compareWhole(column, p.Op, s.bind(text)), nil
	case directory.ColumnExternalID, directory.ColumnName, directory.ColumnDisplayName, directory.ColumnEmail:
	default:
		return "", fmt.Errorf("column %q has no SQL form", p.Operand.Column)
	}
	if !isText {
		return comparesWithNothing(p.Op), nil
	}
	if p.Operand.CaseExact {
		return compareText(column, p.Op, s.bind(text)+"::text"), nil
	}
	if folded, ok := foldedColumns[p.Operand.Column]; ok {
		column = s.column(folded)
	} else {
		column = "lower(" + column + ")"
	}
	return compareText(column, p.Op, s.bind(directory.FoldKey(text))+"::text"), nil
}

// compileVersion compares the version itself with a number, and its text as clients see it with a text.
func (s scope) compileVersion(p directory.Compare) string {
	if n, ok := p.Value.(json.Number); ok {
		return compareWhole(s.row+".version", p.Op, s.bind(n.String())+"::bigint")
	}
	return compareText(`('W/"' || `+s.row+`.version || '"')`, p.Op, s.bind(fmt.Sprint(p.Value))+"::text")
}

// compileUID keeps the comparison of whole ids on the column itself, so that its index serves.
func (s scope) compileUID(p directory.Compare) string {
	text := fmt.Sprint(p.Value)
	if p.Op == directory.Equal || p.Op == directory.NotEqual {
		uid, err := uuid.Parse(text)
		if err != nil {
			return comparesWithNothing(p.Op)
		}
		return compareWhole(s.row+".uid", p.Op, s.bind(uid.String())+"::uuid")
	}
	return compareText(s.row+".uid::text", p.Op, s.bind(text)+"::text")
}

func (s scope) compilePresent(o directory.Operand) string {
	switch o.Column {
	case "":
		return "EXISTS (SELECT FROM " + s.values(o.Path) + ` AS v WHERE v NOT IN ('null', '""', '{}', '[]'))`
	case directory.ColumnDisplayName:
		return "(" + s.row + ".display_name <> " + s.row + ".name OR " + s.row + ".attributes ? 'displayName')"
	case directory.ColumnExternalID, directory.ColumnEmail:
		return "(" + s.column(o.Column) + " IS NOT NULL)"
	default:
		return "true"
	}
}

// linkedTo is a FROM and WHERE clause of the identities "other" that the row is linked to by "l", as far as clients of
// its instance can see them, and what the ends of the links are called.
func (s scope) linkedTo(p directory.Linked) (from string, e ends) {
	kind, e := "l.kind = 'member' AND other.kind IN ('USER', 'GROUP')", endsOf(p.Way)
	switch {
	case p.Manager:
		kind, e = "l.kind = 'manager'", endsOf(directory.Up)
	case p.Way == directory.Up:
		kind = "l.kind = 'member' AND other.kind = 'GROUP'"
	}
	return `link l JOIN identity other ON other.id = l.` + e.far + `
		WHERE l.` + e.near + ` = ` + s.row + `.id AND ` + kind + ` AND other.instance_id = ` + s.row + `.instance_id AND other.status <> 'DELETED'`, e
}

func (s scope) compileLinked(p directory.Linked) (string, error) {
	from, _ := s.linkedTo(p)
	if p.Where == nil {
		return "EXISTS (SELECT FROM " + from + ")", nil
	}
	term, err := scope{conditions: s.conditions, row: "other", document: "other.attributes"}.compile(p.Where)
	return "EXISTS (SELECT FROM " + from + " AND " + term + ")", err
}
