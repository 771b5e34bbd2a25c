package scim

import (
	"net/http"
	"strconv"

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
	q := rq.all(c)
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
	p := rq.projection(c)
	found, total, err := rq.page(q, c.wantedBy(p))
	if err != nil {
		return nil, err
	}
	return listAnswer(len(found), total, start, func(out []byte, i int) []byte { return rq.show(out, c, found[i], p) }), nil
}

// page reads a page and the length of the whole list, which is counted only where the page does not tell.
func (rq *request) page(q directory.ListQuery, links directory.LinkSet) (found []*directory.Resource, total int, err error) {
	if q.Limit > 0 {
		if found, err = rq.directory.Resources(rq.ctx(), q, links); err != nil {
			return nil, 0, err
		}
	}
	if n := len(found); n < q.Limit && (n > 0 || q.Offset == 0) {
		return found, q.Offset + n, nil
	}
	total, err = rq.directory.Count(rq.ctx(), q)
	return found, total, err
}

// listAnswer answers with a page of resources, of which show appends one.
func listAnswer(shown, total, start int, show func(out []byte, i int) []byte) *answer {
	out := append(make([]byte, 0, 512+1024*shown), `{"Resources":[`...)
	for i := range shown {
		if i > 0 {
			out = append(out, ',')
		}
		out = show(out, i)
	}
	out = strconv.AppendInt(append(out, `],"itemsPerPage":`...), int64(shown), 10)
	out = append(out, `,"schemas":["`+listURN+`"],"startIndex":`...)
	out = strconv.AppendInt(out, int64(start), 10)
	out = strconv.AppendInt(append(out, `,"totalResults":`...), int64(total), 10)
	return &answer{status: http.StatusOK, body: append(out, '}')}
}
