package directory

import (
	"context"

	"github.com/google/uuid"
)

// Lookup returns one live identity of an instance and kind straight from the store, nil where there is none.
func (d *Directory) Lookup(ctx context.Context, instance *Instance, kind IdentityKind, id string) (*Record, error) {
	uid, ok := LookupUID(id)
	if !ok {
		return nil, nil
	}
	records, err := d.store.ByUIDs(ctx, []uuid.UUID{uid})
	if err != nil {
		return nil, err
	}
	r := records[0]
	if r == nil || r.InstanceID != instance.ID || r.Kind != kind || r.Status == StatusDeleted {
		return nil, nil
	}
	return r, nil
}

// List selects identities straight from the store; q.Limit bounds it.
func (d *Directory) List(ctx context.Context, q ListQuery) ([]*Record, error) {
	return d.store.List(ctx, q)
}

// Count counts what List without paging would return.
func (d *Directory) Count(ctx context.Context, q ListQuery) (int, error) {
	return d.store.Count(ctx, q)
}

// Linked lists for each identity its direct members (Down) or containers (Up), active and disabled, in id order.
func (d *Directory) Linked(ctx context.Context, ids []int64, way Way) ([][]*Record, error) {
	queries := make([]EdgeQuery, len(ids))
	for i, id := range ids {
		queries[i] = EdgeQuery{Of: id, Way: way, Scope: ScopeDirect, Status: AnyLive}
	}
	edges, err := d.store.Edges(ctx, queries)
	if err != nil {
		return nil, err
	}
	keys := []int64{}
	for _, list := range edges {
		for _, e := range list {
			keys = append(keys, e.ID)
		}
	}
	records, err := d.store.ByIDs(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make([][]*Record, len(ids))
	for i, list := range edges {
		out[i] = records[:len(list):len(list)]
		records = records[len(list):]
	}
	return out, nil
}

// ManagersOf returns the manager of each user, nil where there is none.
func (d *Directory) ManagersOf(ctx context.Context, users []int64) ([]*Record, error) {
	ids, err := d.store.Managers(ctx, users)
	if err != nil {
		return nil, err
	}
	return d.store.ByIDs(ctx, ids)
}
