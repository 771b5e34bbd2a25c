package plan

import (
	"fmt"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
)

// connection is what is selected on a page of identities.
type connection struct {
	fields []pageField
	// people are the selections on the rows, by nodes and by the edges' node: usually one.
	people []*people
	// rows and total say what has to be read for the page.
	rows, total bool
}

// The fields of a page.
const (
	pageConstant = iota
	pageNodes
	pageEdges
	pageInfo
	pageTotal
)

type pageField struct {
	name
	what     int
	constant []byte
	people   int // for nodes
	edge     []edgeField
	info     []plainField[standing]
}

// The fields of an edge.
const (
	edgeConstant = iota
	edgeCursor
	edgeNode
	edgeDirect
)

type edgeField struct {
	name
	what     int
	constant []byte
	people   int
}

// connection compiles a field that is a page of identities of some kinds.
func (c *compiler) connection(f graphql.CollectedField, of kinds) *connection {
	object := f.Definition.Type.Name()
	return once(c, fmt.Sprint(object, of), f.Selections, func() *connection {
		conn := &connection{}
		for _, sub := range c.collect(f.Selections, object) {
			out := pageField{name: nameOf(sub)}
			switch sub.Name {
			case "__typename":
				out.constant = appendString(nil, object)
			case "nodes":
				out.what, conn.rows = pageNodes, true
				out.people = conn.add(c.people(sub.Selections, of))
			case "edges":
				out.what, conn.rows = pageEdges, true
				out.edge = c.edge(conn, sub, of)
			case "pageInfo":
				out.what, conn.rows = pageInfo, true
				out.info = c.pageInfo(sub)
			case "totalCount":
				out.what, conn.total = pageTotal, true
			default:
				c.leave()
			}
			conn.fields = append(conn.fields, out)
		}
		return conn
	})
}

// add returns the place of a selection on the rows.
func (conn *connection) add(p *people) int {
	for i, known := range conn.people {
		if known == p {
			return i
		}
	}
	conn.people = append(conn.people, p)
	return len(conn.people) - 1
}

func (c *compiler) edge(conn *connection, f graphql.CollectedField, of kinds) []edgeField {
	object := f.Definition.Type.Name()
	var out []edgeField
	for _, sub := range c.collect(f.Selections, object) {
		e := edgeField{name: nameOf(sub)}
		switch sub.Name {
		case "__typename":
			e.constant = appendString(nil, object)
		case "cursor":
			e.what = edgeCursor
		case "node":
			e.what, e.people = edgeNode, conn.add(c.people(sub.Selections, of))
		case "isDirect":
			e.what = edgeDirect
		default:
			c.leave()
		}
		out = append(out, e)
	}
	return out
}

// standing is where a page stands in its list.
type standing struct {
	pages *pages
	page  *page
}

var pageInfoLeaves = map[string]leaf[standing]{
	"hasNextPage":     func(dst []byte, s standing) []byte { return appendBool(dst, s.page.more) },
	"hasPreviousPage": func(dst []byte, s standing) []byte { return appendBool(dst, s.pages.hasPrevious) },
	"startCursor": func(dst []byte, s standing) []byte {
		if s.page.from == s.page.to {
			return append(dst, "null"...)
		}
		return appendString(dst, string(s.pages.cursor(s.pages.records[s.page.from])))
	},
	"endCursor": func(dst []byte, s standing) []byte {
		if s.page.from == s.page.to {
			return append(dst, "null"...)
		}
		return appendString(dst, string(s.pages.cursor(s.pages.records[s.page.to-1])))
	},
}

func (c *compiler) pageInfo(f graphql.CollectedField) []plainField[standing] {
	var out []plainField[standing]
	for _, sub := range c.collect(f.Selections, "PageInfo") {
		write := pageInfoLeaves[sub.Name]
		if sub.Name == "__typename" {
			write = constant[standing]("PageInfo")
		}
		if write == nil {
			c.leave()
		}
		out = append(out, plainField[standing]{key: nameOf(sub).key, write: write})
	}
	return out
}

// pages are the pages of one field, one for each object that it is selected on, over the rows of all of them.
type pages struct {
	conn        *connection
	hasPrevious bool
	cursor      func(row *directory.Record) directory.Cursor
	at          []page
	records     []*directory.Record
	direct      []bool // nil where the list knows no direct rows
	levels      []*level
}

// page is the rows from one place to another, or why there are none. Refused is about the page as a whole.
type page struct {
	refused, rowsErr, totalErr error
	from, to                   int
	more                       bool
	total                      int
}

// descend reads what is selected on the rows.
func (p *pages) descend(x *execution) {
	p.levels = make([]*level, len(p.conn.people))
	for i, selected := range p.conn.people {
		p.levels[i] = x.level(selected, p.records)
	}
}

func (p *pages) write(w *writer, n *name, i int) bool {
	at := &p.at[i]
	if at.refused != nil {
		return w.fail(at.refused, n)
	}
	valid := true
	w.out = append(w.out, '{')
	for n := range p.conn.fields {
		f := &p.conn.fields[n]
		w.between(n)
		w.out = append(w.out, f.key...)
		w.enter(f.response)
		if !p.writeField(w, f, at) {
			valid = false
		}
		w.exit()
	}
	w.out = append(w.out, '}')
	return valid
}

func (p *pages) writeField(w *writer, f *pageField, at *page) bool {
	switch {
	case f.what == pageConstant:
		w.out = append(w.out, f.constant...)
		return true
	case f.what == pageTotal && at.totalErr != nil:
		return w.fail(at.totalErr, &f.name)
	case f.what == pageTotal:
		w.out = strconv.AppendInt(w.out, int64(at.total), 10)
		return true
	case at.rowsErr != nil:
		return w.fail(at.rowsErr, &f.name)
	}
	switch f.what {
	case pageNodes:
		return p.writeNodes(w, f, at)
	case pageEdges:
		return p.writeEdges(w, f, at)
	default:
		w.out = append(w.out, '{')
		for i := range f.info {
			w.between(i)
			w.out = append(w.out, f.info[i].key...)
			w.out = f.info[i].write(w.out, standing{p, at})
		}
		w.out = append(w.out, '}')
		return true
	}
}

func (p *pages) writeNodes(w *writer, f *pageField, at *page) bool {
	valid := true
	w.out = append(w.out, '[')
	for i := at.from; i < at.to; i++ {
		w.between(i - at.from)
		w.element(i - at.from)
		if !p.levels[f.people].write(w, i) {
			valid = false
		}
		w.exit()
	}
	w.out = append(w.out, ']')
	return valid
}

func (p *pages) writeEdges(w *writer, f *pageField, at *page) bool {
	valid := true
	w.out = append(w.out, '[')
	for i := at.from; i < at.to; i++ {
		w.between(i - at.from)
		w.element(i - at.from)
		w.out = append(w.out, '{')
		for n := range f.edge {
			e := &f.edge[n]
			w.between(n)
			w.out = append(w.out, e.key...)
			switch e.what {
			case edgeConstant:
				w.out = append(w.out, e.constant...)
			case edgeCursor:
				w.out = appendString(w.out, string(p.cursor(p.records[i])))
			case edgeDirect:
				w.out = appendBool(w.out, p.direct[i])
			case edgeNode:
				w.enter(e.response)
				if !p.levels[e.people].write(w, i) {
					valid = false
				}
				w.exit()
			}
		}
		w.out = append(w.out, '}')
		w.exit()
	}
	w.out = append(w.out, ']')
	return valid
}
