package plan

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// writer appends an answer, in the order of the document, and notes what failed.
type writer struct {
	out  []byte
	path []segment
	errs gqlerror.List
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

// fail notes that the field that the writer is in failed. It is no answer.
func (w *writer) fail(err error, n *name) bool {
	path := make(ast.Path, len(w.path))
	for i, s := range w.path {
		if s.name == "" {
			path[i] = ast.PathIndex(s.index)
		} else {
			path[i] = ast.PathName(s.name)
		}
	}
	failure := gqlerror.WrapPath(path, err)
	if n != nil {
		failure.Locations = n.locations()
	}
	w.errs = append(w.errs, failure)
	return false
}

// answer appends the whole answer: null where a field that must not be null is.
func (w *writer) answer(p *plan, answers []rootAnswer) {
	valid, start := true, len(w.out)
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
		w.out = append(w.out[:start], "null"...)
	}
}
