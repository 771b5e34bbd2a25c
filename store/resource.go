package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// resourceColumns are the columns of a resourceRow, of a table or query named i, by their order.
const resourceColumns = `i.id, i.uid, i.name, i.display_name, i.external_id, i.email, i.status, i.status_reason, i.attributes,
	i.version, i.created_at, i.updated_at`

// customColumns are those of resources that are no identities, which have none of the names.
const customColumns = `i.id, i.uid, '' AS name, '' AS display_name, i.external_id, NULL AS email, '' AS status, NULL AS status_reason,
	i.attributes, i.version, i.created_at, i.updated_at`

func resourceSource(q directory.ListQuery) (table, columns string) {
	if q.ResourceType == "" {
		return "identity i", resourceColumns
	}
	return "resource i", customColumns
}

// linkLists are columns that list links of identity i, by which are wanted: for each the first letter of the kind of its
// other end, its uid and its display name. Links lead to live users and groups of the same instance.
var linkLists = map[directory.LinkSet]string{
	{Members: true}:               linkList("container_id", "member_id", "l.kind = 'member' AND o.kind IN ('USER', 'GROUP')"),
	{Groups: true, Manager: true}: linkList("member_id", "container_id", "(l.kind = 'manager' OR o.kind = 'GROUP')"),
	{Groups: true}:                linkList("member_id", "container_id", "l.kind = 'member' AND o.kind = 'GROUP'"),
	{Manager: true}:               linkList("member_id", "container_id", "l.kind = 'manager'"),
}

func linkList(near, far, which string) string {
	return `, ARRAY(
		SELECT left(o.kind, 1) || o.uid || o.display_name FROM link l JOIN identity o ON o.id = l.` + far + `
		WHERE l.` + near + ` = i.id AND ` + which + ` AND o.instance_id = i.instance_id AND o.status <> 'DELETED'
		ORDER BY l.kind, l.` + far + `)`
}

// snapshotColumn is the state that a row is read in, where that is wanted.
func snapshotColumn(links directory.LinkSet) string {
	if links.Snapshot {
		return ", pg_current_snapshot()::text"
	}
	return ""
}

func onlyLinks(links directory.LinkSet) directory.LinkSet {
	links.Snapshot = false
	return links
}

// Resource implements [directory.Store].
func (s *Store) Resource(ctx context.Context, q directory.ListQuery, uid uuid.UUID, links directory.LinkSet) (*directory.Resource, error) {
	if l, ok := lookupOf(q, links); ok && q.Where == nil {
		l.key = uid.String()
		return s.lookups.do(ctx, l)
	}
	query, c, err := resourceSQL(q, uid, links)
	if err != nil {
		return nil, err
	}
	found, err := s.resources(ctx, q, links, query, c)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func resourceSQL(q directory.ListQuery, uid uuid.UUID, links directory.LinkSet) (query string, c *conditions, err error) {
	if c, err = listConditions(q); err != nil {
		return "", nil, err
	}
	c.equal("i.uid", uid.String())
	table, columns := resourceSource(q)
	return `SELECT ` + columns + snapshotColumn(links) + linkLists[onlyLinks(links)] + ` FROM ` + table + c.where(), c, nil
}

// Resources implements [directory.Store].
func (s *Store) Resources(ctx context.Context, q directory.ListQuery, links directory.LinkSet) ([]*directory.Resource, error) {
	if l, ok := lookupByName(q, links); ok {
		found, err := s.lookups.do(ctx, l)
		if found == nil || err != nil {
			return nil, err
		}
		return []*directory.Resource{found}, nil
	}
	query, c, err := resourcesSQL(q, links)
	if err != nil {
		return nil, err
	}
	return s.resources(ctx, q, links, query, c)
}

// resourcesSQL reads no links of rows outside of the page: a LIMIT sees to that, but with an OFFSET the page has to be
// cut out first.
func resourcesSQL(q directory.ListQuery, links directory.LinkSet) (query string, c *conditions, err error) {
	c, key, order, err := selection(q)
	if err != nil {
		return "", nil, err
	}
	table, columns := resourceSource(q)
	from := table + c.page(q, order)
	if q.Offset > 0 {
		from = `(SELECT * FROM ` + from + `) AS i` + order
	}
	sortKey := ""
	if q.Order.By != nil {
		sortKey = ", " + key.sql + "::text"
	}
	return `SELECT ` + columns + snapshotColumn(links) + linkLists[onlyLinks(links)] + sortKey + ` FROM ` + from, c, nil
}

func (s *Store) resources(ctx context.Context, q directory.ListQuery, links directory.LinkSet, query string, c *conditions) ([]*directory.Resource, error) {
	row := &resourceRow{instance: q.InstanceID}
	if len(q.Kinds) == 1 {
		row.kind = q.Kinds[0]
	}
	into := row.into(links, q.Order.By != nil)
	var out []*directory.Resource
	err := s.fitting(c).rows(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		one, err := row.resource()
		out = append(out, one)
		return err
	}, query, c.args...)
	return out, err
}

// resourceRow is a row of a resource as it is scanned, one after the other. The kind and the instance are those that are
// asked for.
type resourceRow struct {
	kind                      directory.IdentityKind
	instance, id, version     int64
	uid, attributes           sql.RawBytes // read in place
	name, displayName, status string
	externalID, email, reason sql.NullString
	created, updated          time.Time

	snapshot string
	linked   pq.StringArray
	sortKey  *string
}

// into are where a row is scanned to, in the order of resourceColumns and of what is beside them.
func (r *resourceRow) into(links directory.LinkSet, sorted bool) []any {
	into := append(make([]any, 0, 16), &r.id, &r.uid, &r.name, &r.displayName, &r.externalID, &r.email, &r.status, &r.reason,
		&r.attributes, &r.version, &r.created, &r.updated)
	if links.Snapshot {
		into = append(into, &r.snapshot)
	}
	if onlyLinks(links) != (directory.LinkSet{}) {
		into = append(into, &r.linked)
	}
	if sorted {
		into = append(into, &r.sortKey)
	}
	return into
}

// keptResource is a resource with what it points to, in one allocation.
type keptResource struct {
	directory.Resource
	record                    directory.Record
	externalID, email, reason string
}

func (r *resourceRow) resource() (*directory.Resource, error) {
	uid, err := uuid.ParseBytes(r.uid)
	if err != nil {
		return nil, err
	}
	list, err := references(r.linked)
	if err != nil {
		return nil, err
	}
	kept := &keptResource{
		Resource:   directory.Resource{Links: list, SortKey: r.sortKey, Snapshot: r.snapshot},
		externalID: r.externalID.String, email: r.email.String, reason: r.reason.String,
		record: directory.Record{
			ID: r.id, UID: uid, Kind: r.kind, InstanceID: r.instance, Name: r.name, DisplayName: r.displayName,
			Status: constant(r.status, recordStatuses), Attrs: directory.AttributesOf(string(r.attributes)),
			Version: r.version, CreatedAt: r.created, UpdatedAt: r.updated,
		},
	}
	kept.Record = &kept.record
	if r.externalID.Valid {
		kept.ExternalID = &kept.externalID
	}
	if r.email.Valid {
		kept.Email = &kept.email
	}
	if r.reason.Valid {
		kept.StatusReason = &kept.reason
	}
	return &kept.Resource, nil
}

// referenceKinds are the kinds by their first letters.
var referenceKinds = map[byte]directory.IdentityKind{'U': directory.KindUser, 'G': directory.KindGroup}

// references takes the elements of a link list apart.
func references(list pq.StringArray) ([]directory.Reference, error) {
	if len(list) == 0 {
		return nil, nil
	}
	const name = 1 + 36 // where the display name begins
	out := make([]directory.Reference, len(list))
	for i, text := range list {
		if len(text) < name {
			return nil, fmt.Errorf("a link reads %.50q", text)
		}
		uid, err := uuid.Parse(text[1:name])
		if err != nil {
			return nil, fmt.Errorf("a link reads %.50q", text)
		}
		out[i] = directory.Reference{Kind: referenceKinds[text[0]], UID: uid, DisplayName: text[name:]}
	}
	return out, nil
}
