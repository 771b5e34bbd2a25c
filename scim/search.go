package scim

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/roster-gateway/roster/scim/patch"
)

// search answers POST on .search, which asks what a query in the address would (RFC 7644 section 3.4.3).
func (rq *request) search(types ...*collection) (*answer, error) {
	if rq.r.Method != http.MethodPost {
		return nil, notAllowed("POST")
	}
	body, err := rq.object()
	if err != nil {
		return nil, err
	}
	if rq.query, err = queryOf(body); err != nil {
		return nil, err
	}
	return rq.list(types...)
}

// queryOf reads the members of a SearchRequest as the parameters that they stand for. Attributes may be a list or a text
// with commas, numbers may be texts.
func queryOf(body map[string]any) (query, error) {
	q := query{}
	for key, value := range body {
		name := strings.ToLower(key)
		if !parameters[name] || value == nil {
			continue
		}
		if _, twice := q[name]; twice {
			return nil, badInput(patch.InvalidValue, "%s is given twice, in different spellings.", name)
		}
		switch v := value.(type) {
		case string:
			q[name] = v
		case json.Number:
			q[name] = v.String()
		case []any:
			names := make([]string, len(v))
			for i, one := range v {
				text, ok := one.(string)
				if !ok {
					return nil, badInput(patch.InvalidValue, "%s must be a list of texts.", name)
				}
				names[i] = text
			}
			q[name] = strings.Join(names, ",")
		default:
			return nil, badInput(patch.InvalidValue, "%s must be a text or a number.", name)
		}
	}
	return q, nil
}

// root answers a query on the base address (RFC 7644 section 3.4.2.1): on the resources of all types.
func (rq *request) root() (*answer, error) {
	if rq.r.Method != http.MethodGet && rq.r.Method != http.MethodHead {
		return nil, notAllowed("GET, HEAD")
	}
	return rq.list(rq.everyType()...)
}

func (rq *request) everyType() []*collection {
	out := make([]*collection, len(rq.registry.ResourceTypes))
	for i, rt := range rq.registry.ResourceTypes {
		out[i] = rq.collections[rt.ID]
	}
	return out
}
