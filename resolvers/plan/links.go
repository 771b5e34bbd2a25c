package plan

import (
	"context"

	"github.com/roster-gateway/roster/directory"
)

// links is Container.members and Identity.memberOf.
type links struct {
	conn *connection
	list string
	way  directory.Way
	slot int
}

func (s *links) read(x *execution, records []*directory.Record, of kinds) answers {
	args := x.args[s.slot].(directory.LinkArgs)
	return x.linked(linkedList{
		conn: s.conn, list: s.list, args: args.PageArgs, n: len(records), edges: x.source.Edges, count: x.source.CountEdges,
		queries: gather(records, of, func(r *directory.Record) directory.EdgeQuery { return args.Query(r.ID, s.way) }),
	})
}

// reports is User.reports.
type reports struct {
	conn *connection
	slot int
}

func (s *reports) read(x *execution, records []*directory.Record, of kinds) answers {
	return x.linked(linkedList{
		conn: s.conn, list: directory.ListReports, args: x.args[s.slot].(directory.PageArgs), n: len(records),
		edges: x.source.Reports,
		count: func(ctx context.Context, queries []directory.EdgeQuery) ([]int, error) {
			ids := make([]int64, len(queries))
			for i, q := range queries {
				ids[i] = q.Of
			}
			return x.source.CountReports(ctx, ids)
		},
		queries: gather(records, of, func(r *directory.Record) directory.EdgeQuery { return directory.ReportsQuery(r.ID) }),
	})
}

// linkedList is a field whose pages are what is linked to each of n objects.
type linkedList struct {
	conn    *connection
	list    string
	args    directory.PageArgs
	n       int
	queries batch[directory.EdgeQuery]
	edges   func(context.Context, []directory.EdgeQuery) ([][]directory.Edge, error)
	count   func(context.Context, []directory.EdgeQuery) ([]int, error)
	// alone are the only rows of some pages, which need no question; nil where there are none such.
	alone []*directory.Record
}

// linked reads the pages of a list in id order, and all that is selected on their rows.
func (x *execution) linked(l linkedList) *pages {
	out := &pages{
		conn: l.conn, hasPrevious: l.args.After != nil, at: make([]page, l.n),
		cursor: func(row *directory.Record) directory.Cursor { return directory.IDCursor(l.list, row.ID) },
	}
	within, err := l.args.Within(l.list, directory.EdgeQuery{})
	if err != nil {
		for i := range out.at {
			out.at[i].refused = err
		}
		return out
	}
	if l.conn.total {
		x.linkTotals(l, out)
	}
	if l.conn.rows {
		x.linkRows(l, within, out)
		out.descend(x)
	}
	return out
}

func (x *execution) linkTotals(l linkedList, out *pages) {
	totals, err := spread(x.ctx, l.queries, l.n, l.count)
	for _, place := range l.queries.places {
		if out.at[place].totalErr = err; err == nil {
			out.at[place].total = totals[place]
		}
	}
	for i, r := range l.alone {
		if r != nil {
			out.at[i].total = 1
		}
	}
}

// linkRows reads the edges of all pages in one call, and their records in another.
func (x *execution) linkRows(l linkedList, within directory.EdgeQuery, out *pages) {
	asks := batch[directory.EdgeQuery]{places: l.queries.places, keys: make([]directory.EdgeQuery, len(l.queries.keys))}
	for i, q := range l.queries.keys {
		q.After, q.First = within.After, within.First
		asks.keys[i] = q
	}
	edges, err := spread(x.ctx, asks, l.n, l.edges)
	if err != nil {
		for _, place := range l.queries.places {
			out.at[place].rowsErr = err
		}
		edges = make([][]directory.Edge, l.n)
	}
	size := 0
	for i := range edges {
		edges[i], out.at[i].more = l.args.Cut(edges[i])
		size += len(edges[i])
	}
	var found []*directory.Record
	if size > 0 {
		ids := make([]int64, 0, size)
		for _, list := range edges {
			for _, e := range list {
				ids = append(ids, e.ID)
			}
		}
		if found, err = x.source.ByIDs(x.ctx, ids); err != nil {
			for i := range edges {
				if len(edges[i]) > 0 {
					out.at[i].rowsErr, edges[i] = err, nil
				}
			}
		}
	}
	l.put(out, edges, found, within.After)
}

// put lays the rows of all pages out one after the other. A row that was purged since its edge was read is left out.
func (l linkedList) put(out *pages, edges [][]directory.Edge, found []*directory.Record, after int64) {
	out.records = found[:0] // a row is written where it was found or before
	if l.alone != nil {
		out.records = make([]*directory.Record, 0, len(found)+len(l.alone))
	}
	out.direct = make([]bool, 0, cap(out.records))
	next := 0
	for i := range out.at {
		out.at[i].from = len(out.records)
		for _, e := range edges[i] {
			if record := found[next]; record != nil {
				out.records, out.direct = append(out.records, record), append(out.direct, e.Direct)
			}
			next++
		}
		if l.alone != nil && l.alone[i] != nil && l.alone[i].ID > after {
			out.records, out.direct = append(out.records, l.alone[i]), append(out.direct, false)
		}
		out.at[i].to = len(out.records)
	}
}
