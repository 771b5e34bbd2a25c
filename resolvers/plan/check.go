package plan

import (
	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
)

// checkMembership is Query.checkMembership.
type checkMembership struct {
	fields []checkField
	paths  []*people // what is selected on the paths, by place; usually one
	slot   int
}

// checkField is a field of a check: a leaf, or the path by its place.
type checkField struct {
	name
	leaf leaf[check]
	path int
}

// check is one pair with what was found out about it.
type check struct {
	directory.MembershipCheckInput
	member, container *directory.Record
	path              []int64
}

var checkLeaves = map[string]leaf[check]{
	"__typename": constant[check]("MembershipCheck"),
	"member":     func(dst []byte, c check) []byte { return appendString(dst, c.Member) },
	"container":  func(dst []byte, c check) []byte { return appendString(dst, c.Container) },
	"isMember":   func(dst []byte, c check) []byte { return appendBool(dst, c.path != nil) },
	"memberStatus": func(dst []byte, c check) []byte {
		return appendString(dst, string(directory.ResolutionOf(c.member)))
	},
	"containerStatus": func(dst []byte, c check) []byte {
		return appendString(dst, string(directory.ResolutionOf(c.container)))
	},
}

func (c *compiler) checkMembership(f graphql.CollectedField) rootStep {
	s := &checkMembership{slot: c.slot(f, decodeChecks)}
	for _, sub := range c.collect(f.Selections, "MembershipCheck") {
		out := checkField{name: nameOf(sub), leaf: checkLeaves[sub.Name]}
		switch {
		case sub.Name == "path":
			out.path = len(s.paths)
			s.paths = append(s.paths, c.people(sub.Selections, anyKind))
		case out.leaf == nil:
			c.leave()
		}
		s.fields = append(s.fields, out)
	}
	return s
}

func (s *checkMembership) wants(x *execution, l *lookups) {
	pairs := x.args[s.slot].([]directory.MembershipCheckInput)
	if directory.CheckBatch("checks", len(pairs)) != nil {
		return
	}
	for _, pair := range pairs {
		l.fqn(pair.Member)
		l.fqn(pair.Container)
	}
}

// checked is the answer of a checkMembership. The identities of all paths lie one after the other; from holds where
// each path begins.
type checked struct {
	*checkMembership
	checks   []check
	from     []int
	levels   []*level
	pathErrs []error
}

func (s *checkMembership) read(x *execution, l *lookups) rootAnswer {
	pairs := x.args[s.slot].([]directory.MembershipCheckInput)
	if err := directory.CheckBatch("checks", len(pairs)); err != nil {
		return refused{err}
	}
	records, err := l.found(2 * len(pairs))
	if err != nil {
		return refused{err}
	}
	out := &checked{checkMembership: s, checks: make([]check, len(pairs))}
	var asks batch[directory.Pair]
	for i, pair := range pairs {
		out.checks[i] = check{MembershipCheckInput: pair, member: records[2*i], container: records[2*i+1]}
		if ask, ok := directory.CheckPair(records[2*i], records[2*i+1]); ok {
			asks.add(ask, i)
		}
	}
	paths, err := spread(x.ctx, asks, len(pairs), x.source.Paths)
	if err != nil {
		return refused{err}
	}
	for i := range paths {
		out.checks[i].path = paths[i]
	}
	if len(s.paths) > 0 {
		out.follow(x)
	}
	return out
}

// follow reads the identities of the paths.
func (c *checked) follow(x *execution) {
	c.from, c.pathErrs = make([]int, len(c.checks)), make([]error, len(c.checks))
	var ids []int64
	for i := range c.checks {
		c.from[i] = len(ids)
		ids = append(ids, c.checks[i].path...)
	}
	var records []*directory.Record
	var err error
	if len(ids) > 0 {
		records, err = x.source.ByIDs(x.ctx, ids)
	}
	for i := range c.checks {
		path := c.checks[i].path
		if c.pathErrs[i] = err; err == nil {
			c.pathErrs[i] = directory.CheckPath(path, records[c.from[i]:c.from[i]+len(path)])
		}
	}
	for _, p := range c.paths {
		c.levels = append(c.levels, x.level(p, records))
	}
}

func (c *checked) write(w *writer, _ *name) bool {
	w.out = append(w.out, '[')
	for i := range c.checks {
		w.between(i)
		w.element(i)
		w.out = append(w.out, '{')
		for n := range c.fields {
			f := &c.fields[n]
			w.between(n)
			w.out = append(w.out, f.key...)
			if f.leaf != nil {
				w.out = f.leaf(w.out, c.checks[i])
				continue
			}
			w.enter(f.response)
			c.writePath(w, f, i)
			w.exit()
		}
		w.out = append(w.out, '}')
		w.exit()
	}
	w.out = append(w.out, ']')
	return true
}

// writePath appends the path of a check, which may be null.
func (c *checked) writePath(w *writer, f *checkField, at int) {
	path := c.checks[at].path
	if path == nil {
		w.null()
		return
	}
	if c.pathErrs[at] != nil {
		w.fail(c.pathErrs[at], &f.name)
		w.null()
		return
	}
	start, valid := len(w.out), true
	w.out = append(w.out, '[')
	for i := range path {
		w.between(i)
		w.element(i)
		if !c.levels[f.path].write(w, c.from[at]+i) {
			valid = false
		}
		w.exit()
	}
	w.out = append(w.out, ']')
	if !valid {
		w.out = append(w.out[:start], "null"...)
	}
}
