package directory

import "context"

// Revision returns the state of the store now: what is read after it reflects at least that.
func (r *Reader) Revision(ctx context.Context) (Revision, error) { return r.d.store.Snapshot(ctx) }

// WritesFrom returns the Writes of a context that WithWrites made, nil in any other.
func WritesFrom(ctx context.Context) *Writes {
	w, _ := ctx.Value(writesKey{}).(*Writes)
	return w
}
