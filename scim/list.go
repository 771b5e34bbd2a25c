package scim

import (
	"net/http"

	"github.com/roster-gateway/roster/directory"
)

const (
	listURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	// defaultCount is the number of resources in a page where the client names none, maxCount the largest.
	defaultCount = 100
	maxCount     = directory.MaxPage
)

// list answers GET on an endpoint (RFC 7644 section 3.4.2). Resources are in the order of their creation.
func (rq *request) list(c *collection) (*answer, error) {
	q := directory.ListQuery{
		Kinds: []directory.IdentityKind{c.kind}, InstanceID: rq.instance.ID, Status: c.statuses(),
		Order: directory.Order{Field: directory.OrderID},
	}
	start, err := rq.query.number("startIndex", 1)
	if err != nil {
		return nil, err
	}
	if q.Limit, err = rq.query.number("count", defaultCount); err != nil {
		return nil, err
	}
	start, q.Limit = max(start, 1), min(max(q.Limit, 0), maxCount)
	q.Offset = start - 1
	if text, ok := rq.query["filter"]; ok {
		if q.Where, err = rq.where(c, text); err != nil {
			return nil, err
		}
	}
	records, total, err := rq.page(q)
	if err != nil {
		return nil, err
	}
	p := rq.projection(c)
	read, err := rq.readLinks(records, c.wantedBy(p))
	if err != nil {
		return nil, err
	}
	resources := make([]any, len(records))
	for i, r := range records {
		resources[i] = rq.show(c, r, read[i], p)
	}
	return listAnswer(resources, total, start), nil
}

// page reads a page and the length of the whole list, which is counted only where the page does not tell.
func (rq *request) page(q directory.ListQuery) (records []*directory.Record, total int, err error) {
	if q.Limit > 0 {
		if records, err = rq.directory.List(rq.ctx(), q); err != nil {
			return nil, 0, err
		}
	}
	if n := len(records); n < q.Limit && (n > 0 || q.Offset == 0) {
		return records, q.Offset + n, nil
	}
	total, err = rq.directory.Count(rq.ctx(), q)
	return records, total, err
}

func listAnswer(resources []any, total, start int) *answer {
	return &answer{status: http.StatusOK, body: map[string]any{
		"schemas": []string{listURN}, "totalResults": total, "startIndex": start, "itemsPerPage": len(resources), "Resources": resources,
	}}
}
