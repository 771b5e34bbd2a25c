package scim

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

const (
	listURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	// defaultCount is the number of resources in a page where the client names none, maxCount the largest.
	defaultCount = 100
	maxCount     = directory.MaxPage
)

// list answers a query on the resources of some types (RFC 7644 sections 3.4.2 and 3.4.3): those of one endpoint, or all
// of them, one type after the other. Resources are in the order of their creation, or sorted within their type.
func (rq *request) list(types ...*collection) (*answer, error) {
	queries, err := rq.selections(types)
	if err != nil {
		return nil, err
	}
	if cursor, ok := rq.query["cursor"]; ok {
		return rq.listByCursor(queries, cursor)
	}
	return rq.listByIndex(queries)
}

// typeQuery is what a query selects of one type.
type typeQuery struct {
	*collection
	query      directory.ListQuery
	projection *projection
}

// selections compiles the filter and the order for each type.
func (rq *request) selections(types []*collection) ([]typeQuery, error) {
	e, err := filter.Expr(nil), error(nil)
	if text, ok := rq.query["filter"]; ok {
		if e, err = filter.Parse(text); err != nil {
			return nil, err
		}
	}
	out := make([]typeQuery, len(types))
	for i, c := range types {
		out[i] = typeQuery{collection: c, query: rq.all(c), projection: rq.projection(c)}
		if e != nil {
			if out[i].query.Where, err = rq.where(c, e, types); err != nil {
				return nil, err
			}
		}
	}
	return out, rq.sort(out)
}

// where compiles a filter for one of the types that are asked.
func (rq *request) where(c *collection, e filter.Expr, types []*collection) (directory.Predicate, error) {
	others := []*schema.ResourceType{}
	for _, other := range types {
		if other != c {
			others = append(others, other.rt)
		}
	}
	f, err := filter.Bind(e, c.rt, others...)
	if err != nil {
		return nil, err
	}
	return f.Compile(rq.binding(c))
}

// binding says where the attributes of a type are kept.
func (rq *request) binding(c *collection) filter.Binding {
	binding := c.bindingFor(rq.instance)
	binding.Locate = rq.locate
	return binding
}

// sort puts the selections in the order that was asked for. An attribute that none of the types has is refused: it would
// be an order that the client does not expect.
func (rq *request) sort(selections []typeQuery) error {
	desc := false
	switch order := rq.query["sortorder"]; {
	case strings.EqualFold(order, "descending"):
		desc = true
	case order != "" && !strings.EqualFold(order, "ascending"):
		return badInput(patch.InvalidValue, "sortOrder must be ascending or descending.")
	}
	by := rq.query["sortby"]
	if by == "" {
		return nil // RFC 7644 section 3.4.2.3: without sortBy, sortOrder means nothing
	}
	refused, sorted := error(nil), false
	for i := range selections {
		s := &selections[i]
		key, err := filter.SortKey(by, s.rt, rq.binding(s.collection))
		if err != nil {
			refused = badInput(patch.InvalidValue, "sortBy: %s.", err)
			continue
		}
		sorted = true
		s.query.Order.Desc = desc
		s.query.Order.By = key
	}
	if !sorted {
		return refused
	}
	return nil
}

// page is a page of a list, of resources of one type after the other.
type page struct {
	shown []shown
	total int
	// start is the index of the first resource from 1, 0 in a list that is paged by cursors.
	start int
	// next is the cursor of the next page, empty where there is none or it is paged by indexes.
	next string
}

// shown is a resource with what it is shown by.
type shown struct {
	typeQuery
	resource *directory.Resource
}

func (p *page) add(s typeQuery, found []*directory.Resource) {
	for _, r := range found {
		p.shown = append(p.shown, shown{s, r})
	}
}

// listByIndex answers with the page at startIndex (RFC 7644 section 3.4.2.4).
func (rq *request) listByIndex(selections []typeQuery) (*answer, error) {
	start, err := rq.query.number("startIndex", 1)
	if err != nil {
		return nil, err
	}
	count, err := rq.query.number("count", defaultCount)
	if err != nil {
		return nil, err
	}
	p := page{start: max(start, 1)}
	skip, left := p.start-1, min(max(count, 0), maxCount)
	for _, s := range selections {
		s.query.Offset, s.query.Limit = skip, left
		found, total, err := rq.page(s)
		if err != nil {
			return nil, err
		}
		p.add(s, found)
		p.total += total
		skip, left = max(skip-total, 0), left-len(found)
	}
	return rq.listAnswer(&p), nil
}

// page reads a page of one type and the length of the whole list, which is counted only where the page does not tell.
func (rq *request) page(s typeQuery) (found []*directory.Resource, total int, err error) {
	q := s.query
	if q.Limit > 0 {
		if found, err = rq.directory.Resources(rq.ctx(), q, s.wantedBy(s.projection)); err != nil {
			return nil, 0, err
		}
	}
	if n := len(found); n < q.Limit && (n > 0 || q.Offset == 0) {
		return found, q.Offset + n, nil
	}
	total, err = rq.directory.Count(rq.ctx(), q)
	return found, total, err
}

// listAnswer answers with a page (RFC 7644 section 3.4.2, RFC 9865 section 2).
func (rq *request) listAnswer(p *page) *answer {
	out := append(make([]byte, 0, 512+1024*len(p.shown)), `{"Resources":[`...)
	for i, s := range p.shown {
		if i > 0 {
			out = append(out, ',')
		}
		out = rq.show(out, s.collection, s.resource, s.projection)
	}
	return endList(out, len(p.shown), p)
}

// endList appends what stands after the resources.
func endList(out []byte, shown int, p *page) *answer {
	out = strconv.AppendInt(append(out, `],"itemsPerPage":`...), int64(shown), 10)
	if p.next != "" {
		out = append(append(append(out, `,"nextCursor":"`...), p.next...), '"')
	}
	out = append(out, `,"schemas":["`+listURN+`"]`...)
	if p.start > 0 {
		out = strconv.AppendInt(append(out, `,"startIndex":`...), int64(p.start), 10)
	}
	out = strconv.AppendInt(append(out, `,"totalResults":`...), int64(p.total), 10)
	return &answer{status: http.StatusOK, body: append(out, '}')}
}
