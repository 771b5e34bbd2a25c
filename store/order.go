package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// orderKey is what a list is sorted by before the id: an SQL expression, empty for the id alone, and its type. A key may
// be null where maybe is set.
type orderKey struct {
	sql   string
	kind  string
	maybe bool
}

var orderKeys = map[directory.OrderField]orderKey{
	directory.OrderID:          {},
	"":                         {},
	directory.OrderName:        {sql: "i.name_key", kind: "text"},
	directory.OrderDisplayName: {sql: "i.display_key", kind: "text"},
	directory.OrderCreatedAt:   {sql: "i.created_at", kind: "timestamptz"},
	directory.OrderUpdatedAt:   {sql: "i.updated_at", kind: "timestamptz"},
}

// orderBy sorts absent keys as if they were greater than all others, as Postgres does by itself.
func (k orderKey) orderBy(desc bool) string {
	direction := " ASC"
	if desc {
		direction = " DESC"
	}
	if k.sql == "" {
		return " ORDER BY i.id" + direction
	}
	return " ORDER BY " + k.sql + direction + ", i.id" + direction
}

// after adds the condition that a row comes after a position.
func (c *conditions) after(k orderKey, desc bool, at directory.Position) error {
	beyond := " > "
	if desc {
		beyond = " < "
	}
	id := func() string { return "i.id" + beyond + c.bind(at.ID) }
	switch {
	case k.sql == "":
		c.terms = append(c.terms, id())
		return nil
	case at.Absent && desc:
		c.terms = append(c.terms, "("+k.sql+" IS NOT NULL OR "+id()+")")
		return nil
	case at.Absent:
		c.terms = append(c.terms, "("+k.sql+" IS NULL AND "+id()+")")
		return nil
	}
	value, err := k.parse(at.Key)
	if err != nil {
		return directory.BadInput("after", "This is no cursor of this list. Begin the list again.")
	}
	term := "(" + k.sql + ", i.id)" + beyond + "(" + c.bind(value) + "::" + k.kind + ", " + c.bind(at.ID) + ")"
	if k.maybe {
		if term = "coalesce(" + term + ", false)"; !desc {
			term = "(" + term + " OR " + k.sql + " IS NULL)"
		}
	}
	c.terms = append(c.terms, term)
	return nil
}

// parse checks the text of a key, which a client may have made up.
func (k orderKey) parse(text string) (any, error) {
	switch k.kind {
	case "timestamptz":
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00"} {
			if at, err := time.Parse(layout, text); err == nil {
				return at, nil
			}
		}
		return nil, fmt.Errorf("%q is no time", text)
	case "uuid":
		return uuid.Parse(text)
	case "boolean":
		return strconv.ParseBool(text)
	case "bigint":
		return strconv.ParseInt(text, 10, 64)
	case "numeric":
		return json.Number(text), json.Unmarshal([]byte(text), new(json.Number))
	}
	return text, nil
}

// orderKey finds the key of an order.
func (c *conditions) orderKey(o directory.Order) (orderKey, error) {
	by := o.By
	if by == nil {
		return orderKeys[o.Field], nil
	}
	s := wholeIdentity(c)
	if by.Link == nil {
		return s.sortKey(by)
	}
	other := s
	other.row = "other"
	key, err := other.sortKey(by)
	from, e := s.linkedTo(*by.Link)
	key.sql, key.maybe = "(SELECT "+key.sql+" FROM "+from+" ORDER BY l."+e.far+" LIMIT 1)", true
	return key, err
}

// sortKey is a sort key of the row or of its attributes.
func (s scope) sortKey(by *directory.SortKey) (orderKey, error) {
	column := s.column(by.Operand.Column)
	switch by.Operand.Column {
	case "":
		return s.attributeKey(by), nil
	case directory.ColumnUID:
		return orderKey{sql: column, kind: "uuid"}, nil
	case directory.ColumnVersion:
		return orderKey{sql: column, kind: "bigint"}, nil
	case directory.ColumnActive:
		return orderKey{sql: "(" + s.row + ".status = 'ACTIVE')", kind: "boolean"}, nil
	case directory.ColumnCreatedAt, directory.ColumnUpdatedAt:
		return orderKey{sql: column, kind: "timestamptz"}, nil
	case directory.ColumnName:
		return orderKey{sql: s.row + ".name_key", kind: "text"}, nil
	case directory.ColumnDisplayName:
		if s.row != "i" {
			return orderKey{sql: s.row + ".display_key", kind: "text"}, nil
		}
		return orderKey{sql: "CASE WHEN " + s.compilePresent(by.Operand) + " THEN i.display_key END", kind: "text", maybe: true}, nil
	case directory.ColumnExternalID:
		return orderKey{sql: column, kind: "text", maybe: true}, nil
	}
	return orderKey{}, fmt.Errorf("nothing is sorted by column %q", by.Operand.Column)
}

// attributeKey is a sort key in the attributes.
func (s scope) attributeKey(by *directory.SortKey) orderKey {
	value := s.keyValue(by)
	switch by.Type {
	case directory.SortNumber:
		return orderKey{sql: numberOf(value), kind: "numeric", maybe: true}
	case directory.SortBoolean:
		return orderKey{sql: "(CASE WHEN jsonb_typeof(" + value + ") = 'boolean' THEN (" + value + " #>> '{}')::boolean END)", kind: "boolean", maybe: true}
	case directory.SortInstant:
		return orderKey{sql: instantOf(value), kind: "timestamptz", maybe: true}
	}
	text := "nullif(" + value + " #>> '{}', '')"
	if !by.Operand.CaseExact {
		text = "lower(" + text + ")"
	}
	return orderKey{sql: "(" + text + ` COLLATE "C")`, kind: "text", maybe: true}
}

// keyValue is the JSON value that a resource is sorted by.
func (s scope) keyValue(by *directory.SortKey) string {
	if !by.Several {
		return "(" + s.document + " #> " + s.bind(pq.Array(by.Operand.Path)) + "::text[])"
	}
	list, sub := jsonPath(by.Operand.Path...)+"[*]", ""
	if by.Sub != "" {
		sub = strings.TrimPrefix(jsonPath(by.Sub), jsonPath())
	}
	first := func(path string) string {
		return "jsonb_path_query_first(" + s.document + ", " + s.bind(path) + "::jsonpath)"
	}
	return "coalesce(" + first(list+" ? (@.primary == true)"+sub) + ", " + first(list+sub) + ")"
}
