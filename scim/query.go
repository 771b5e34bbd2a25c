package scim

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/scim/patch"
)

// query holds the query parameters that SCIM knows, by their names in lower case.
type query map[string]string

// parameters are the names that are known (RFC 7644 section 3.4.2, RFC 9865 section 2); whatever else is in a query is ignored.
var parameters = map[string]bool{
	"filter": true, "attributes": true, "excludedattributes": true, "startindex": true, "count": true,
	"sortby": true, "sortorder": true, "cursor": true,
}

// parseQuery reads a query by hand: the standard parser drops what it cannot read, and a dropped filter would let
// everything through.
func parseQuery(raw string) (query, error) {
	if raw == "" {
		return nil, nil
	}
	q := query{}
	for part := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(key)
		if name = strings.ToLower(name); err != nil || !parameters[name] {
			continue
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, badInput(patch.InvalidValue, "The query parameter %s is not encoded properly.", name)
		}
		if _, twice := q[name]; twice {
			return nil, badInput(patch.InvalidValue, "The query parameter %s is given twice.", name)
		}
		q[name] = value
	}
	return q, nil
}

// number reads a whole number, or returns the given one where there is none.
func (q query) number(name string, otherwise int) (int, error) {
	text, ok := q[strings.ToLower(name)]
	if !ok || text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, badInput(patch.InvalidValue, "%s must be a whole number.", name)
	}
	return n, nil
}
