package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// conditions builds a WHERE clause with bound arguments.
type conditions struct {
	terms []string
	args  []any
	// ranged says that how many rows there are depends on the values, so that no plan is good for all of them.
	ranged bool
	// custom says that the rows are resources that are no identities.
	custom bool
}

// bind adds an argument and returns its placeholder.
func (c *conditions) bind(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *conditions) add(format string, values ...any) {
	placeholders := make([]any, len(values))
	for i, v := range values {
		placeholders[i] = c.bind(v)
	}
	c.terms = append(c.terms, fmt.Sprintf(format, placeholders...))
}

// oneOf adds the condition that a column has one of the values, which are among the known ones.
func oneOf[T ~string](c *conditions, column string, values []T, known ...T) {
	var texts []string
	for _, k := range known {
		if slices.Contains(values, k) {
			texts = append(texts, "'"+string(k)+"'")
		}
	}
	if texts == nil {
		texts = []string{"NULL"} // which nothing is equal to
	}
	c.terms = append(c.terms, column+" IN ("+strings.Join(texts, ", ")+")")
}

// equal adds the condition that a column has a value.
func (c *conditions) equal(column string, value any) {
	c.terms = append(c.terms, column+" = "+c.bind(value))
}

func (c *conditions) where() string { return " WHERE " + strings.Join(c.terms, " AND ") }

// List implements [directory.Store].
func (s *Store) List(ctx context.Context, q directory.ListQuery) ([]*directory.Record, error) {
	c, _, order, err := selection(q)
	if err != nil {
		return nil, err
	}
	table, columns := source(q)
	return s.find(ctx, `SELECT `+columns+` FROM `+table+c.page(q, order), c.args...)
}

// selection is what a list selects, and the order that it is in.
func selection(q directory.ListQuery) (c *conditions, key orderKey, order string, err error) {
	if c, err = listConditions(q); err != nil {
		return nil, key, "", err
	}
	if key, err = c.orderKey(q.Order); err != nil {
		return nil, key, "", err
	}
	if q.After != nil {
		if err := c.after(key, q.Order.Desc, *q.After); err != nil {
			return nil, key, "", err
		}
	}
	return c, key, key.orderBy(q.Order.Desc), nil
}

// page is the part of a statement that selects the rows of a page.
func (c *conditions) page(q directory.ListQuery, order string) string {
	text := c.where() + order + " LIMIT " + c.bind(q.Limit)
	if q.Offset > 0 {
		text += " OFFSET " + c.bind(q.Offset)
	}
	return text
}

// Count implements [directory.Store].
func (s *Store) Count(ctx context.Context, q directory.ListQuery) (int, error) {
	c, err := listConditions(q)
	if err != nil {
		return 0, err
	}
	var n int
	table, _ := source(q)
	return n, s.fitting(c).get(ctx, &n, `SELECT count(*) FROM `+table+c.where(), c.args...)
}

func listConditions(q directory.ListQuery) (*conditions, error) {
	c := &conditions{}
	if q.ResourceType != "" {
		c.custom = true
		c.equal("i.type", q.ResourceType)
	} else {
		c.identities(q)
	}
	if q.InstanceID != 0 {
		c.equal("i.instance_id", q.InstanceID)
	}
	if q.Within != nil {
		c.add("i.instance_id = ANY(%s)", pq.Int64Array(q.Within.IDs()))
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
		c.equal("i.name_key", *q.NameKey)
	}
	if q.EmailKey != nil {
		c.equal("i.email_key", *q.EmailKey)
	}
	if q.ExternalID != nil {
		c.equal("i.external_id", *q.ExternalID)
	}
	if q.UpdatedSince != nil {
		c.add("i.updated_at >= %s", *q.UpdatedSince)
	}
	if q.Where != nil {
		term, err := wholeIdentity(c).compile(q.Where)
		if err != nil {
			return nil, err
		}
		c.terms = append(c.terms, term)
	}
	return c, nil
}

// identities adds the conditions that only identities can meet.
func (c *conditions) identities(q directory.ListQuery) {
	// Statuses and kinds are few and written out, so that a plan for any other value can still use the indexes of the
	// living and of one kind.
	oneOf(c, "i.status", q.Status.List(), directory.StatusActive, directory.StatusDisabled, directory.StatusDeleted)
	if len(q.Kinds) > 0 {
		oneOf(c, "i.kind", q.Kinds, directory.KindUser, directory.KindGroup, directory.KindRole)
	}
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
