package sharepoint

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// row is one element of a collection. The properties of its expanded ones are slices of rows.
type row map[string]any

func (r row) id() int { return r["Id"].(int) }

// query is what is asked of a collection; see "Use OData query operations in SharePoint REST requests". Known is what the
// simulator knows of it; the rest is refused.
type query struct {
	selected []string
	expanded bool // Users
	filter   func(row) bool
	byID     bool
	top      int // 0 where all is asked for
	after    int // the id that a $skiptoken names
}

var (
	idFilter    = regexp.MustCompile(`^Id (eq|ne|gt|ge|lt|le) (\d{1,9})$`)
	titleFilter = regexp.MustCompile(`^Title eq '((?:[^']|'')*)'$`)
	skipToken   = regexp.MustCompile(`^Paged=TRUE&p_ID=(\d{1,9})$`)
)

// parseQuery reads the query of an address for a collection whose rows have the properties.
func parseQuery(values url.Values, properties []string) (q query, err error) {
	for name, all := range values {
		value := all[0]
		switch name {
		case "$select":
			for _, property := range strings.Split(value, ",") {
				if !slices.Contains(properties, property) {
					return q, fmt.Errorf("the property %q does not exist", property)
				}
				q.selected = append(q.selected, property)
			}
		case "$expand":
			if q.expanded = value == "Users" && slices.Contains(properties, "Users/Id"); !q.expanded {
				return q, fmt.Errorf("the property %q cannot be expanded", value)
			}
		case "$filter":
			q.filter = parseFilter(value)
		case "$orderby":
			q.byID = value == "Id" || value == "Id asc"
		case "$top":
			q.top, _ = strconv.Atoi(value)
		case "$skiptoken":
			if found := skipToken.FindStringSubmatch(value); found != nil {
				q.after, _ = strconv.Atoi(found[1])
			}
		}
		understood := map[string]bool{"$select": true, "$expand": true, "$filter": q.filter != nil, "$orderby": q.byID, "$top": q.top > 0, "$skiptoken": q.after > 0}
		if !understood[name] {
			return q, fmt.Errorf("the expression %q of %s is not valid", value, name)
		}
	}
	return q, nil
}

func parseFilter(text string) func(row) bool {
	if found := titleFilter.FindStringSubmatch(text); found != nil {
		title := strings.ReplaceAll(found[1], "''", "'")
		return func(r row) bool { return strings.EqualFold(r["Title"].(string), title) }
	}
	found := idFilter.FindStringSubmatch(text)
	if found == nil {
		return nil
	}
	number, _ := strconv.Atoi(found[2])
	holds := map[string]func(int) bool{
		"eq": func(c int) bool { return c == 0 }, "ne": func(c int) bool { return c != 0 },
		"gt": func(c int) bool { return c > 0 }, "ge": func(c int) bool { return c >= 0 },
		"lt": func(c int) bool { return c < 0 }, "le": func(c int) bool { return c <= 0 },
	}[found[1]]
	return func(r row) bool { return holds(cmp.Compare(r.id(), number)) }
}

// run picks the rows. Without an order they come as SharePoint keeps them: by their titles.
func (q query) run(rows []row) []row {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b row) int {
		if q.byID {
			return cmp.Compare(a.id(), b.id())
		}
		return cmp.Or(cmp.Compare(a["Title"].(string), b["Title"].(string)), cmp.Compare(a.id(), b.id()))
	})
	rows = slices.DeleteFunc(rows, func(r row) bool { return q.filter != nil && !q.filter(r) })
	if q.top > 0 && len(rows) > q.top {
		rows = rows[:q.top]
	}
	return rows
}

// shape leaves of a row what was selected.
func (q query) shape(r row) row {
	out := row{}
	for name, value := range r {
		if inner, ok := value.([]row); ok {
			if q.expanded {
				out[name] = q.inner(name + "/").each(inner)
			}
		} else if len(q.selected) == 0 || slices.Contains(q.selected, name) {
			out[name] = value
		}
	}
	return out
}

func (q query) each(rows []row) []row {
	out := make([]row, len(rows))
	for i, r := range rows {
		out[i] = q.shape(r)
	}
	return out
}

// inner is what was selected of an expanded property.
func (q query) inner(prefix string) query {
	var in query
	for _, name := range q.selected {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			in.selected = append(in.selected, rest)
		}
	}
	return in
}
