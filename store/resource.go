package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// linkList is a column that lists links of identity i: for each the first letter of the kind of its other end, its uid
// and its display name. Links lead to live users and groups of the same instance.
func linkList(links directory.LinkSet) string {
	near, far, which := "member_id", "container_id", ""
	switch {
	case links.Members:
		near, far, which = "container_id", "member_id", "l.kind = 'member' AND o.kind IN ('USER', 'GROUP')"
	case links.Groups && links.Manager:
		which = "(l.kind = 'manager' OR o.kind = 'GROUP')"
	case links.Groups:
		which = "l.kind = 'member' AND o.kind = 'GROUP'"
	case links.Manager:
		which = "l.kind = 'manager'"
	default:
		return ""
	}
	return `, ARRAY(
		SELECT left(o.kind, 1) || o.uid || o.display_name FROM link l JOIN identity o ON o.id = l.` + far + `
		WHERE l.` + near + ` = i.id AND ` + which + ` AND o.instance_id = i.instance_id AND o.status <> 'DELETED'
		ORDER BY l.kind, l.` + far + `)`
}

// Resource implements [directory.Store].
func (s *Store) Resource(ctx context.Context, q directory.ListQuery, uid uuid.UUID, links directory.LinkSet) (*directory.Resource, error) {
	query, c, err := resourceSQL(q, uid, links)
	if err != nil {
		return nil, err
	}
	found, err := s.resources(ctx, links, query, c, false)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func resourceSQL(q directory.ListQuery, uid uuid.UUID, links directory.LinkSet) (query string, c *conditions, err error) {
	if c, err = listConditions(q); err != nil {
		return "", nil, err
	}
	c.add("i.uid = %s", uid.String())
	table, columns := source(q)
	return `SELECT ` + columns + linkList(links) + ` FROM ` + table + c.where(), c, nil
}

// Resources implements [directory.Store].
func (s *Store) Resources(ctx context.Context, q directory.ListQuery, links directory.LinkSet) ([]*directory.Resource, error) {
	query, c, err := resourcesSQL(q, links)
	if err != nil {
		return nil, err
	}
	return s.resources(ctx, links, query, c, q.Order.By != nil)
}

// resourcesSQL reads no links of rows outside of the page: a LIMIT sees to that, but with an OFFSET the page has to be
// cut out first.
func resourcesSQL(q directory.ListQuery, links directory.LinkSet) (query string, c *conditions, err error) {
	c, key, order, err := selection(q)
	if err != nil {
		return "", nil, err
	}
	table, columns := source(q)
	from := table + c.page(q, order)
	if q.Offset > 0 {
		from = `(SELECT * FROM ` + from + `) AS i` + order
	}
	sortKey := ""
	if q.Order.By != nil {
		sortKey = ", " + key.sql + "::text"
	}
	return `SELECT ` + columns + linkList(links) + sortKey + ` FROM ` + from, c, nil
}

func (s *Store) resources(ctx context.Context, links directory.LinkSet, query string, c *conditions, sorted bool) ([]*directory.Resource, error) {
	var out []*directory.Resource
	err := s.fitting(c).rows(ctx, func(rows *sql.Rows) error {
		var row recordRow
		var linked pq.StringArray
		var sortKey *string
		into := row.into()
		if links != (directory.LinkSet{}) {
			into = append(into, &linked)
		}
		if sorted {
			into = append(into, &sortKey)
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		list, err := references(linked)
		record := row.bare()
		record.Attrs = directory.AttributesOf(string(row.Attributes))
		out = append(out, &directory.Resource{Record: record, Links: list, SortKey: sortKey})
		return err
	}, query, c.args...)
	return out, err
}

// referenceKinds are the kinds by their first letters.
var referenceKinds = map[byte]directory.IdentityKind{'U': directory.KindUser, 'G': directory.KindGroup}

// references takes the elements of a linkList apart.
func references(list pq.StringArray) ([]directory.Reference, error) {
	const name = 1 + 36 // where the display name begins
	out := make([]directory.Reference, len(list))
	for i, text := range list {
		if len(text) < name {
			return nil, fmt.Errorf("a link reads %.50q", text)
		}
		out[i] = directory.Reference{Kind: referenceKinds[text[0]], UID: text[1:name], DisplayName: text[name:]}
	}
	return out, nil
}
