package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// gatherer runs calls of one sort together. A call that comes alone runs at once; those that come while a statement is
// under way wait for it and share the next one, so that the more there are, the less each costs. A statement begins after
// all calls that it answers: what was committed before a call is seen by it. One that takes long, as for a lock, is no
// longer waited for.
type gatherer[Q, A any] struct {
	// wide is how many statements run at a time, beside up to maxSlow that take long; most is how many calls one takes, and
	// few how many it has at least where another one runs.
	wide, few, most int
	// run answers calls, in their order, all or none of them.
	run func(ctx context.Context, calls []Q) ([]A, error)

	mu            sync.Mutex
	waiting       []*gathered[Q, A]
	running, slow int
}

// slowAfter is how long a statement counts among those that run, and maxSlow how many go on beside them.
const (
	slowAfter = 100 * time.Millisecond
	maxSlow   = 4
)

// gather says which calls are gathered, and how.
func (s *Store) gather() {
	s.hotWrites.inserts = gatherer[insertPlain, *committed]{wide: hotWide, most: hotMost, run: s.insertPlain}
	s.hotWrites.adds = gatherer[addPlain, *committed]{wide: hotWide, most: hotMost, run: s.addPlain}
	s.lookups = gatherer[lookup, *directory.Resource]{wide: lookupWide, few: lookupFew, most: lookupMost, run: s.lookUp}
}

// gathered is a call that waits.
type gathered[Q, A any] struct {
	ctx    context.Context
	call   Q
	answer A
	err    error
	done   chan struct{}
}

// do makes a call. One whose context ends before its statement begins is not made.
func (g *gatherer[Q, A]) do(ctx context.Context, call Q) (A, error) {
	g.mu.Lock()
	if g.running == 0 {
		g.running++
		g.mu.Unlock()
		defer g.watch()()
		return g.alone(ctx, call)
	}
	waits := &gathered[Q, A]{ctx: ctx, call: call, done: make(chan struct{})}
	g.waiting = append(g.waiting, waits)
	another := g.running < g.wide && len(g.waiting) >= g.few
	if another {
		g.running++
	}
	g.mu.Unlock()
	if another {
		g.next()
	}
	select {
	case <-waits.done:
		return waits.answer, waits.err
	case <-ctx.Done():
		var none A
		return none, mapError(ctx, ctx.Err())
	}
}

func (g *gatherer[Q, A]) alone(ctx context.Context, call Q) (answer A, err error) {
	answers, err := g.run(ctx, []Q{call})
	if err != nil {
		return answer, err
	}
	return answers[0], nil
}

// watch lets others run where a statement takes long. What it returns is called at the statement's end, and lets them run
// then where that was not so.
func (g *gatherer[Q, A]) watch() (ended func()) {
	slow, over := false, false // guarded by mu
	timer := time.AfterFunc(slowAfter, func() {
		g.mu.Lock()
		if slow = !over && g.slow < maxSlow; slow {
			g.slow++
		}
		others := slow
		g.mu.Unlock()
		if others {
			g.next()
		}
	})
	return func() {
		timer.Stop()
		g.mu.Lock()
		if over = true; slow {
			g.slow--
		}
		others := !slow
		g.mu.Unlock()
		if others {
			g.next()
		}
	}
}

// next goes on with the calls that have come in the meantime.
func (g *gatherer[Q, A]) next() {
	if calls := g.take(); len(calls) > 0 {
		go g.answer(calls)
	}
}

// answer answers calls, then those that have come in the meantime.
func (g *gatherer[Q, A]) answer(calls []*gathered[Q, A]) {
	defer g.watch()()
	g.together(calls)
}

// take returns the calls of the next statement; where there are none, one statement less is running.
func (g *gatherer[Q, A]) take() []*gathered[Q, A] {
	g.mu.Lock()
	defer g.mu.Unlock()
	var calls []*gathered[Q, A]
	taken := 0
	if g.running > 1 && len(g.waiting) < g.few {
		g.running-- // the others take them along
		return nil
	}
	for ; taken < len(g.waiting) && len(calls) < g.most; taken++ {
		if w := g.waiting[taken]; w.ctx.Err() == nil { // else nobody waits for it
			calls = append(calls, w)
		}
		g.waiting[taken] = nil
	}
	g.waiting = g.waiting[taken:]
	if len(calls) == 0 {
		g.running--
	}
	return calls
}

// together answers calls by one statement, or each by its own where one of them fails them all.
func (g *gatherer[Q, A]) together(waiting []*gathered[Q, A]) {
	defer func() {
		if r := recover(); r != nil { // nobody above this goroutine could
			for _, w := range waiting {
				w.err = fmt.Errorf("a gathered statement panicked: %v", r)
			}
		}
		for _, w := range waiting {
			close(w.done)
		}
	}()
	if len(waiting) == 1 {
		w := waiting[0]
		w.answer, w.err = g.alone(w.ctx, w.call)
		return
	}
	calls := make([]Q, len(waiting))
	for i, w := range waiting {
		calls[i] = w.call
	}
	ctx, cancel := lasting(waiting)
	defer cancel()
	answers, err := g.run(ctx, calls)
	switch {
	case err == nil:
		for i, w := range waiting {
			w.answer = answers[i]
		}
	case refused(err):
		for _, w := range waiting {
			w.answer, w.err = g.alone(w.ctx, w.call)
		}
	default:
		for _, w := range waiting {
			w.err = err
		}
	}
}

// lasting is a context that ends when the last of the calls has to have ended: one that goes away takes no other with it.
func lasting[Q, A any](waiting []*gathered[Q, A]) (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(waiting[0].ctx)
	var last time.Time
	for _, w := range waiting {
		deadline, ok := w.ctx.Deadline()
		if !ok {
			return context.WithCancel(ctx)
		}
		if deadline.After(last) {
			last = deadline
		}
	}
	return context.WithDeadline(ctx, last)
}

// refused reports whether the database has refused a statement for what one of its calls wants, and so has done nothing.
func refused(err error) bool {
	if e := (*directory.Error)(nil); errors.As(err, &e) && e.Code == directory.CodeUnavailable {
		return false
	}
	p := (*pq.Error)(nil)
	return errors.As(err, &p)
}
