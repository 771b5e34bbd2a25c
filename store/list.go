package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// conditions builds a WHERE clause with bound arguments.
type conditions struct {
	terms []string
	args  []any
}

// bind adds an argument and returns its placeholder.
func (c *conditions) bind(value any) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *conditions) add(format string, values ...any) {
	placeholders := make([]any, len(values))
	for i, v := range values {
		placeholders[i] = c.bind(v)
	}
	c.terms = append(c.terms, fmt.Sprintf(format, placeholders...))
}

func (c *conditions) where() string { return " WHERE " + strings.Join(c.terms, " AND ") }

// List implements [directory.Store].
func (s *Store) List(ctx context.Context, q directory.ListQuery) ([]*directory.Record, error) {
	c, err := listConditions(q)
	if err != nil {
		return nil, err
	}
	key := orderKeys[q.Order.Field]
	direction, beyond := "ASC", ">"
	if q.Order.Desc {
		direction, beyond = "DESC", "<"
	}
	if q.After != nil {
		if key.column == "" {
			c.add("i.id "+beyond+" %s", q.After.ID)
		} else {
			value, err := key.parse(q.After.Key)
			if err != nil {
				return nil, directory.BadInput("after", "This is no cursor of this list. Begin the list again.")
			}
			c.add("("+key.column+", i.id) "+beyond+" (%s, %s)", value, q.After.ID)
		}
	}
	order := "i.id " + direction
	if key.column != "" {
		order = key.column + " " + direction + ", " + order
	}
	query := `SELECT ` + recordColumns + ` FROM identity i` + c.where() + ` ORDER BY ` + order + ` LIMIT ` + c.bind(q.Limit)
	if q.Offset > 0 {
		query += ` OFFSET ` + c.bind(q.Offset)
	}
	return s.find(ctx, query, c.args...)
}

// Count implements [directory.Store].
func (s *Store) Count(ctx context.Context, q directory.ListQuery) (int, error) {
	c, err := listConditions(q)
	if err != nil {
		return 0, err
	}
	var n int
	return n, s.get(ctx, &n, `SELECT count(*) FROM identity i`+c.where(), c.args...)
}

// orderKey is the column that a list is sorted by and the type of its cursor's key.
type orderKey struct {
	column string
	parse  func(text string) (any, error)
}

func textKey(text string) (any, error) { return text, nil }
func timeKey(text string) (any, error) { return time.Parse(time.RFC3339Nano, text) }

var orderKeys = map[directory.OrderField]orderKey{
	directory.OrderID:          {},
	"":                         {},
	directory.OrderName:        {"i.name_key", textKey},
	directory.OrderDisplayName: {"i.display_key", textKey},
	directory.OrderCreatedAt:   {"i.created_at", timeKey},
	directory.OrderUpdatedAt:   {"i.updated_at", timeKey},
}

func listConditions(q directory.ListQuery) (*conditions, error) {
	c := &conditions{}
	c.add("i.status = ANY(%s)", statusArray(q.Status))
	if len(q.Kinds) > 0 {
		kinds := pq.StringArray{}
		for _, k := range q.Kinds {
			kinds = append(kinds, string(k))
		}
		c.add("i.kind = ANY(%s)", kinds)
	}
	if q.InstanceID != 0 {
		c.add("i.instance_id = %s", q.InstanceID)
	}
	if q.Provider != nil || q.Instance != nil {
		c.add(`i.instance_id IN (SELECT pi.id FROM provider_instance pi JOIN provider p ON p.id = pi.provider_id
			WHERE (%[1]s::text IS NULL OR p.name_key = %[1]s) AND (%[2]s::text IS NULL OR pi.name_key = %[2]s))`,
			foldPointer(q.Provider), foldPointer(q.Instance))
	}
	if len(q.Words) > 0 {
		c.add("i.words @@ to_tsquery('simple', %s)", prefixQuery(q.Words))
	}
	if q.NameKey != nil {
		c.add("i.name_key = %s", *q.NameKey)
	}
	if q.EmailKey != nil {
		c.add("i.email_key = %s", *q.EmailKey)
	}
	if q.ExternalID != nil {
		c.add("i.external_id = %s", *q.ExternalID)
	}
	if q.UpdatedSince != nil {
		c.add("i.updated_at >= %s", *q.UpdatedSince)
	}
	if q.Where != nil {
		term, err := compile(c, q.Where, wholeIdentity)
		if err != nil {
			return nil, err
		}
		c.terms = append(c.terms, term)
	}
	return c, nil
}

func foldPointer(text *string) *string {
	if text == nil {
		return nil
	}
	key := directory.FoldKey(*text)
	return &key
}

// prefixQuery is a tsquery text that matches documents with a word beginning with each of the words, which hold
// letters, marks and digits only.
func prefixQuery(words []string) string {
	terms := make([]string, len(words))
	for i, w := range words {
		terms[i] = "'" + w + "':*"
	}
	return strings.Join(terms, " & ")
}
