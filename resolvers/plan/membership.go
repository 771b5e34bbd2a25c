package plan

import (
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
)

// resolve is Query.resolve.
type resolve struct {
	fields []resolveField
	// identities and users are what is selected on the results, by place; usually one of each.
	identities []*people
	users      []usersBehind
	slot       int
}

type usersBehind struct {
	conn *connection
	slot int
}

// resolution is what a whole resolution holds beside its results.
type resolution struct {
	revision directory.Revision
	asOf     time.Time
}

// resolveField is a field of the resolution: a leaf, or the results.
type resolveField struct {
	name
	leaf    leaf[resolution]
	results []resultField
}

// resultField is a field of a result: a leaf, the identity or its users, by place.
type resultField struct {
	name
	leaf            leaf[result]
	identity, users int
}

type result struct {
	fqn    string
	record *directory.Record
}

var resolutionLeaves = map[string]leaf[resolution]{
	"__typename": constant[resolution]("Resolution"),
	"revision":   func(dst []byte, r resolution) []byte { return appendString(dst, r.revision.String()) },
	"asOf":       func(dst []byte, r resolution) []byte { return appendTime(dst, r.asOf) },
}

var resultLeaves = map[string]leaf[result]{
	"__typename": constant[result]("ResolvedIdentity"),
	"fqn":        func(dst []byte, r result) []byte { return appendString(dst, r.fqn) },
	"status": func(dst []byte, r result) []byte {
		return appendString(dst, string(directory.ResolutionOf(r.record)))
	},
}

func (c *compiler) resolve(f graphql.CollectedField) rootStep {
	s := &resolve{slot: c.slot(f, decodeFQNs)}
	for _, sub := range c.collect(f.Selections, "Resolution") {
		out := resolveField{name: nameOf(sub), leaf: resolutionLeaves[sub.Name]}
		if out.leaf == nil {
			out.results = c.results(s, sub)
		}
		s.fields = append(s.fields, out)
	}
	return s
}

func (c *compiler) results(s *resolve, f graphql.CollectedField) []resultField {
	var out []resultField
	for _, sub := range c.collect(f.Selections, "ResolvedIdentity") {
		r := resultField{name: nameOf(sub), leaf: resultLeaves[sub.Name], identity: -1, users: -1}
		switch sub.Name {
		case "identity":
			r.identity = len(s.identities)
			s.identities = append(s.identities, c.people(sub.Selections, anyKind))
		case "users":
			r.users = len(s.users)
			s.users = append(s.users, usersBehind{c.connection(sub, onlyUser), c.slot(sub, decodePageArgs)})
		default:
			if r.leaf == nil {
				c.leave()
			}
		}
		out = append(out, r)
	}
	return out
}

func (s *resolve) wants(x *execution, l *lookups) {
	l.toldOf = true
	wantFQNs(l, x.args[s.slot].([]string))
}

// resolved is the answer of a resolve.
type resolved struct {
	*resolve
	resolution
	fqns       []string
	records    []*directory.Record
	identities []*level
	users      []*pages
}

func (s *resolve) read(x *execution, l *lookups) rootAnswer {
	fqns := x.args[s.slot].([]string)
	if err := directory.CheckBatch("fqns", len(fqns)); err != nil {
		return refused{err}
	}
	records, err := l.found(len(fqns))
	if l.revisionErr != nil {
		err = l.revisionErr
	}
	if err != nil {
		return refused{err}
	}
	out := &resolved{resolve: s, resolution: resolution{l.revision, x.view.AsOf()}, fqns: fqns, records: records}
	for _, p := range s.identities {
		out.identities = append(out.identities, x.level(p, records))
	}
	for _, u := range s.users {
		list := linkedList{
			conn: u.conn, list: directory.ListMembers, args: x.args[u.slot].(directory.PageArgs), n: len(records),
			edges: x.source.Edges, count: x.source.CountEdges, alone: make([]*directory.Record, len(records)),
		}
		for i, r := range records {
			behind := directory.UsersBehindOf(r)
			list.alone[i] = behind.Alone
			if behind.Query != nil {
				list.queries.add(*behind.Query, i)
			}
		}
		out.users = append(out.users, x.linked(list))
	}
	return out
}

func (r *resolved) write(w *writer, _ *name) bool {
	valid := true
	w.out = append(w.out, '{')
	for i := range r.fields {
		f := &r.fields[i]
		w.between(i)
		w.out = append(w.out, f.key...)
		if f.leaf != nil {
			w.out = f.leaf(w.out, r.resolution)
			continue
		}
		w.enter(f.response)
		w.out = append(w.out, '[')
		for n := range r.records {
			w.between(n)
			w.element(n)
			if !r.writeResult(w, f.results, n) {
				valid = false
			}
			w.exit()
		}
		w.out = append(w.out, ']')
		w.exit()
	}
	w.out = append(w.out, '}')
	return valid
}

func (r *resolved) writeResult(w *writer, fields []resultField, at int) bool {
	valid := true
	w.out = append(w.out, '{')
	for i := range fields {
		f := &fields[i]
		w.between(i)
		w.out = append(w.out, f.key...)
		w.enter(f.response)
		switch {
		case f.leaf != nil:
			w.out = f.leaf(w.out, result{r.fqns[at], r.records[at]})
		case f.identity >= 0:
			r.identities[f.identity].writeOptional(w, at)
		case !r.users[f.users].write(w, &f.name, at):
			valid = false
		}
		w.exit()
	}
	w.out = append(w.out, '}')
	return valid
}
