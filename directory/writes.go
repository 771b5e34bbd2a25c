package directory

import (
	"context"
	"sync"
)

// Writes notes the revisions that one request's writes committed, so that its answer can carry the last.
type Writes struct {
	mu   sync.Mutex
	last *Revision
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
		w.last = &r
	}
}

// Last returns the revision of the last write, nil where there was none.
func (w *Writes) Last() *Revision {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}
