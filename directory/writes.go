package directory

import (
	"context"
	"sync"
)

// Writes notes what one request's writes committed, so that its answer can carry a revision that holds all of it.
type Writes struct {
	mu   sync.Mutex
	last *Revision
	// unchanged says that since the last commit a write found everything as it wants it.
	unchanged bool
}

type writesKey struct{}

// WithWrites returns a context whose writes are noted.
func WithWrites(ctx context.Context) (context.Context, *Writes) {
	w := &Writes{}
	return context.WithValue(ctx, writesKey{}, w), w
}

// NoteRevision is called by the store after each commit.
func NoteRevision(ctx context.Context, r Revision) {
	if w, ok := ctx.Value(writesKey{}).(*Writes); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last, w.unchanged = &r, false // a state with this commit holds all that was committed, and read, before it
	}
}

// NoteUnchanged is called where a write found everything as it wants it, and so committed nothing.
func NoteUnchanged(ctx context.Context) {
	if w, ok := ctx.Value(writesKey{}).(*Writes); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.unchanged = true
	}
}

// Unchanged reports whether a write after the last commit found everything as it wants it: what it read may have been
// committed by others after that, and [Writes.Last] need not hold it.
func (w *Writes) Unchanged() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unchanged
}

// Last returns the revision of the last write that committed something, nil where there was none.
func (w *Writes) Last() *Revision {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}
