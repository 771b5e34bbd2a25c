package plan

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// writer appends an answer, in the order of the document, and notes where it failed.
type writer struct {
	out      []byte
	path     []segment
	failures []failure
}

// segment is a part of a path: a response name, or an index where there is no name.
type segment struct {
	name  string
	index int
}

func (w *writer) enter(name string) { w.path = append(w.path, segment{name: name}) }
func (w *writer) element(i int)     { w.path = append(w.path, segment{index: i}) }
func (w *writer) exit()             { w.path = w.path[:len(w.path)-1] }
func (w *writer) null() bool        { w.out = append(w.out, "null"...); return true }
func (w *writer) between(i int)     { w.outIf(i > 0, ',') }
func (w *writer) outIf(b bool, c byte) {
	if b {
		w.out = append(w.out, c)
	}
}

// failure is an error of one field.
type failure struct {
	err       error
	path      ast.Path
	locations []gqlerror.Location
}

// fail notes that the field that the writer is in failed. It is no answer.
func (w *writer) fail(err error, n *name) bool {
	f := failure{err: err, path: make(ast.Path, len(w.path))}
	for i, s := range w.path {
		if s.name == "" {
			f.path[i] = ast.PathIndex(s.index)
		} else {
			f.path[i] = ast.PathName(s.name)
		}
	}
	if n != nil {
		f.locations = n.locations()
	}
	w.failures = append(w.failures, f)
	return false
}

// report adds the failure to the response, by way of the executor's error presenter.
func (f failure) report(ctx context.Context) {
	err := gqlerror.WrapPath(f.path, f.err)
	err.Locations = f.locations
	graphql.AddError(ctx, err)
}

// answer appends the whole answer: null where a field that must not be null is.
func (w *writer) answer(p *plan, answers []rootAnswer) {
	valid := true
	w.out = append(w.out, '{')
	for i := range p.roots {
		r := &p.roots[i]
		w.between(i)
		w.out = append(w.out, r.key...)
		if r.reads == nil {
			w.out = append(w.out, r.constant...)
			continue
		}
		w.enter(r.response)
		if !answers[i].write(w, &r.name) {
			valid = false
		}
		w.exit()
	}
	w.out = append(w.out, '}')
	if !valid {
		w.out = append(w.out[:0], "null"...)
	}
}
