package resolvers

import (
	"context"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// nodes finds identities, providers, instances, synchronization runs and access tokens by public id, in the order of the
// ids: null where an id is malformed, unknown, or of a run or a token that the caller may not see. Each kind is one statement at most.
func (r *Resolver) nodes(ctx context.Context, ids []string) ([]directory.Node, error) {
	identities, err := readsFrom(ctx).ByUIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]directory.Node, len(ids))
	missing := map[int]uuid.UUID{}
	for i, identity := range identities {
		if identity != nil {
			out[i] = identity
		} else if uid, err := uuid.Parse(ids[i]); err == nil && len(ids[i]) == 36 {
			missing[i] = uid
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	sources, err := readsFrom(ctx).sources(ctx)
	if err != nil {
		return nil, err
	}
	for i, uid := range missing {
		if source, ok := sources[uid]; ok {
			out[i] = source
			delete(missing, i)
		}
	}
	if err := place(ctx, access.SyncAdmin, missing, out, r.Sync.RunsByUID); err != nil {
		return nil, err
	}
	return out, place(ctx, access.TokenAdmin, missing, out, r.Access.TokensByUID)
}

// place puts those of the missing nodes into their places that a look-up finds, which takes a scope.
func place[N any, P interface {
	*N
	directory.Node
}](ctx context.Context, needed access.Scope, missing map[int]uuid.UUID, out []directory.Node, byUID func(context.Context, []uuid.UUID) ([]P, error),
) error {
	if len(missing) == 0 || !access.PrincipalFrom(ctx).Has(needed) {
		return nil
	}
	places, uids := []int{}, []uuid.UUID{}
	for i, uid := range missing {
		places, uids = append(places, i), append(uids, uid)
	}
	found, err := byUID(ctx, uids)
	if err != nil {
		return err
	}
	for n, node := range found {
		if node != nil {
			out[places[n]] = node
			delete(missing, places[n])
		}
	}
	return nil
}
