package plan

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
)

// execution is one run of a plan, with what it reads first and what it writes: most operations need no more memory.
type execution struct {
	ctx    context.Context
	view   *directory.View
	source directory.Source
	args   []any

	lookups lookups
	writer  writer
	path    [16]segment // the writer's at first
}

var executions = sync.Pool{New: func() any { return new(execution) }}

func newExecution(ctx context.Context, view *directory.View, args []any, dst []byte) *execution {
	x := executions.Get().(*execution)
	x.ctx, x.view, x.source, x.args = ctx, view, view.Source(), args
	x.writer = writer{out: dst, path: x.path[:0]}
	x.lookups.begin()
	return x
}

// end gives the memory of an execution to another one. What it read and wrote is not part of that.
func (x *execution) end() {
	*x = execution{}
	executions.Put(x)
}

// batch is the keys of one call, with the places of the records that they belong to.
type batch[K any] struct {
	keys   []K
	places []int
}

func (b *batch[K]) add(key K, place int) {
	b.keys, b.places = append(b.keys, key), append(b.places, place)
}

// gather makes a batch of one key for each record that a step is about.
func gather[K any](records []*directory.Record, of kinds, key func(*directory.Record) K) batch[K] {
	b := batch[K]{keys: make([]K, 0, len(records)), places: make([]int, 0, len(records))}
	for i, r := range records {
		if asked(r, of) {
			b.add(key(r), i)
		}
	}
	return b
}

// spread reads a batch, if it holds anything, and puts the values into the places of a list of n.
func spread[K, V any](ctx context.Context, b batch[K], n int, read func(context.Context, []K) ([]V, error)) ([]V, error) {
	if len(b.keys) == n && n > 0 {
		return read(ctx, b.keys) // a place each, in their order
	}
	out := make([]V, n)
	if len(b.keys) == 0 {
		return out, nil
	}
	values, err := read(ctx, b.keys)
	if err != nil {
		return nil, err
	}
	for i, place := range b.places {
		out[place] = values[i]
	}
	return out, nil
}

// leaves are answers that were read for each record and are written by a leaf.
type leaves[V any] struct {
	values []V
	err    error
	leaf   leaf[V]
}

func (l leaves[V]) write(w *writer, n *name, i int) bool {
	if l.err != nil {
		return w.fail(l.err, n)
	}
	w.out = l.leaf(w.out, l.values[i])
	return true
}

// aliases is Identity.aliases.
type aliases struct{}

func (aliases) read(x *execution, records []*directory.Record, of kinds) answers {
	b := gather(records, of, func(r *directory.Record) int64 { return r.ID })
	values, err := spread(x.ctx, b, len(records), x.source.Aliases)
	return leaves[[]string]{values, err, appendStrings}
}

// memberCount is Container.memberCount.
type memberCount struct{ slot int }

func (s *memberCount) read(x *execution, records []*directory.Record, of kinds) answers {
	args := x.args[s.slot].(directory.LinkArgs)
	b := gather(records, of, func(r *directory.Record) directory.EdgeQuery { return args.Query(r.ID, directory.Down) })
	values, err := spread(x.ctx, b, len(records), x.source.CountEdges)
	return leaves[int]{values, err, func(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }}
}

// hasMember is Container.hasMember.
type hasMember struct{ slot int }

func (s *hasMember) read(x *execution, records []*directory.Record, of kinds) answers {
	args := x.args[s.slot].(hasMemberArgs)
	out := verdicts{of: make([]bool, len(records)), errs: make([]error, len(records))}
	found, err := x.byFQN([]string{args.fqn})
	if err != nil {
		for i := range out.errs {
			out.errs[i] = err
		}
		return out
	}
	member := found[0]
	var direct batch[directory.EdgeQuery]
	var pairs batch[directory.Pair]
	for i, r := range records {
		switch {
		case !asked(r, of) || !directory.CanHold(member, r):
		case args.scope == directory.ScopeDirect:
			direct.add(directory.DirectLink(member.ID, r.ID), i)
		default:
			pairs.add(directory.Pair{Member: member.ID, Container: r.ID}, i)
		}
	}
	edges, err := spread(x.ctx, direct, len(records), x.source.Edges)
	for _, i := range direct.places {
		if out.errs[i] = err; err == nil {
			out.of[i] = directory.IsDirectLink(edges[i], member.ID)
		}
	}
	paths, err := spread(x.ctx, pairs, len(records), x.source.Paths)
	for _, i := range pairs.places {
		if out.errs[i] = err; err == nil {
			out.of[i] = paths[i] != nil
		}
	}
	return out
}

// verdicts are answers of yes and no, each of which may have failed.
type verdicts struct {
	of   []bool
	errs []error
}

func (v verdicts) write(w *writer, n *name, i int) bool {
	if v.errs[i] != nil {
		return w.fail(v.errs[i], n)
	}
	w.out = appendBool(w.out, v.of[i])
	return true
}

// byFQN looks FQNs up in one call, with nil for unknown ones.
func (x *execution) byFQN(fqns []string) ([]*directory.Record, error) {
	var b batch[string]
	for i, fqn := range fqns {
		if key, ok := directory.LookupKey(fqn); ok {
			b.add(key, i)
		}
	}
	return spread(x.ctx, b, len(fqns), x.source.ByFQNKeys)
}

// source compiles Identity.provider and Identity.instance.
func (c *compiler) source(f graphql.CollectedField) *source {
	return once(c, f.Name, f.Selections, func() *source {
		if f.Name == "instance" {
			return &source{leaf: c.instance(f)}
		}
		provider := c.provider(f)
		return &source{leaf: func(dst []byte, i *directory.Instance) []byte { return provider(dst, i.Provider) }}
	})
}

type source struct{ leaf leaf[*directory.Instance] }

// errNoSource is what the generated executor says of a field that is null and must not be.
var errNoSource = errors.New("the requested element is null which the schema does not allow")

func (s *source) read(x *execution, records []*directory.Record, of kinds) answers {
	out := sources{of: make([]*directory.Instance, len(records)), leaf: s.leaf}
	var b batch[int64]
	at := map[int64]int{} // few instances own many identities
	for i, r := range records {
		if _, known := at[instanceOf(r)]; known || !asked(r, of) {
			continue
		}
		at[r.InstanceID] = len(b.keys)
		b.add(r.InstanceID, i)
	}
	if len(b.keys) == 0 {
		return out
	}
	var found []*directory.Instance
	if found, out.err = x.source.InstancesByID(x.ctx, b.keys); out.err != nil {
		return out
	}
	for i, r := range records {
		if asked(r, of) {
			out.of[i] = found[at[r.InstanceID]]
		}
	}
	return out
}

func instanceOf(r *directory.Record) int64 {
	if r == nil {
		return 0
	}
	return r.InstanceID
}

type sources struct {
	of   []*directory.Instance
	err  error
	leaf leaf[*directory.Instance]
}

func (s sources) write(w *writer, n *name, i int) bool {
	switch {
	case s.err != nil:
		return w.fail(s.err, n)
	case s.of[i] == nil:
		return w.fail(errNoSource, nil)
	}
	w.out = s.leaf(w.out, s.of[i])
	return true
}

// manager is User.manager.
type manager struct{ people *people }

func (s *manager) read(x *execution, records []*directory.Record, of kinds) answers {
	b := gather(records, of, func(r *directory.Record) int64 { return r.ID })
	ids, err := spread(x.ctx, b, len(records), x.source.Managers)
	if err != nil {
		return someone{errs: errorsAt(err, b.places, len(records))}
	}
	var known batch[int64]
	for i, id := range ids {
		if id != 0 {
			known.add(id, i)
		}
	}
	managers, err := spread(x.ctx, known, len(records), x.source.ByIDs)
	if err != nil {
		return someone{errs: errorsAt(err, known.places, len(records)), level: x.level(s.people, make([]*directory.Record, len(records)))}
	}
	return someone{level: x.level(s.people, only(managers, onlyUser))}
}

// errorsAt is the error of one call at each place that it was about.
func errorsAt(err error, places []int, n int) []error {
	out := make([]error, n)
	for _, i := range places {
		out[i] = err
	}
	return out
}

// only leaves out the records of other kinds.
func only(records []*directory.Record, of kinds) []*directory.Record {
	for i, r := range records {
		if !asked(r, of) {
			records[i] = nil
		}
	}
	return records
}

// someone are answers that are one identity, or null. Errs is nil where none failed.
type someone struct {
	level *level
	errs  []error
}

func (s someone) write(w *writer, n *name, i int) bool {
	if s.errs != nil && s.errs[i] != nil {
		w.fail(s.errs[i], n)
		return w.null()
	}
	return s.level.writeOptional(w, i)
}
