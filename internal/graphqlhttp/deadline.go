package graphqlhttp

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// deadline is a context that ends at a time with the cause errDeadline. Its timers start when somebody first waits for
// its end: most reads are answered from memory and over before anybody would.
type deadline struct {
	context.Context // the request's
	at              time.Time
	// late is called when the time and the grace are up and finish has not been called; nil where nobody is to be told.
	late func()

	mu      sync.Mutex
	started atomic.Pointer[startedDeadline]
	over    bool
}

type startedDeadline struct {
	context.Context
	cancel context.CancelFunc
	watch  *time.Timer
}

func newDeadline(parent context.Context, after time.Duration, late func()) *deadline {
	return &deadline{Context: parent, at: time.Now().Add(after), late: late}
}

// start starts the timers.
func (d *deadline) start() *startedDeadline {
	if s := d.started.Load(); s != nil {
		return s
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.started.Load(); s != nil {
		return s
	}
	s := &startedDeadline{}
	s.Context, s.cancel = context.WithDeadlineCause(d.Context, d.at, errDeadline)
	if d.over {
		s.cancel()
	} else if d.late != nil {
		s.watch = time.AfterFunc(time.Until(d.at)+grace, d.late)
	}
	d.started.Store(s)
	return s
}

// finish ends the context and its timers.
func (d *deadline) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if s := d.started.Load(); s != nil {
		s.cancel()
		if s.watch != nil {
			s.watch.Stop()
		}
	}
}

// Deadline implements [context.Context].
func (d *deadline) Deadline() (time.Time, bool) {
	if earlier, ok := d.Context.Deadline(); ok && earlier.Before(d.at) {
		return earlier, true
	}
	return d.at, true
}

// Done implements [context.Context].
func (d *deadline) Done() <-chan struct{} { return d.start().Done() }

// Err implements [context.Context].
func (d *deadline) Err() error {
	if s := d.started.Load(); s != nil {
		return s.Err()
	}
	if err := d.Context.Err(); err != nil {
		return err
	}
	if time.Now().Before(d.at) {
		return nil
	}
	return d.start().Err()
}

// Value implements [context.Context]. What package context keeps among the values, such as the cause of an end, is that
// of the started deadline.
func (d *deadline) Value(key any) any {
	if s := d.started.Load(); s != nil {
		return s.Value(key)
	}
	return d.Context.Value(key)
}
