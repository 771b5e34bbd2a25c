package directory

import (
	"context"
)

// ByUIDs is ByUID for a batch, in its order and in one statement.
func (r *Reader) ByUIDs(ctx context.Context, ids []string) ([]Identity, error) {
	if err := CheckBatch("ids", len(ids)); err != nil {
		return nil, err
	}
	thunks := make([]func() (*Record, error), len(ids))
	for i, id := range ids {
		if uid, ok := LookupUID(id); ok {
			thunks[i] = r.byUID.LoadThunk(ctx, uid)
		}
	}
	out := make([]Identity, len(ids))
	for i, thunk := range thunks {
		if thunk == nil {
			continue
		}
		identity, err := asIdentity(thunk())
		if err != nil {
			return nil, err
		}
		out[i] = identity
	}
	return out, nil
}
