package directory

import "context"

// WritesFrom returns the Writes of a context that WithWrites made, nil in any other.
func WritesFrom(ctx context.Context) *Writes {
	w, _ := ctx.Value(writesKey{}).(*Writes)
	return w
}
