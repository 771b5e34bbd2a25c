package resolvers

import (
	"context"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// nodes finds identities, providers, instances and access tokens by public id, in the order of the ids: null where an
// id is malformed, unknown, or of a token and the caller may not see tokens. Each kind is one statement at most.
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
	if err := r.runs(ctx, missing, out); err != nil {
		return nil, err
	}
	return out, r.tokens(ctx, missing, out)
}

// runs puts the runs of synchronization among the missing nodes into their places.
func (r *Resolver) runs(ctx context.Context, missing map[int]uuid.UUID, out []directory.Node) error {
	if len(missing) == 0 || !access.PrincipalFrom(ctx).Has(access.SyncAdmin) {
		return nil
	}
	places, uids := []int{}, []uuid.UUID{}
	for i, uid := range missing {
		places, uids = append(places, i), append(uids, uid)
	}
	runs, err := r.Sync.RunsByUID(ctx, uids)
	if err != nil {
		return err
	}
	for n, run := range runs {
		if run != nil {
			out[places[n]] = run
			delete(missing, places[n])
		}
	}
	return nil
}

// tokens puts the access tokens among the missing nodes into their places.
func (r *Resolver) tokens(ctx context.Context, missing map[int]uuid.UUID, out []directory.Node) error {
	if len(missing) == 0 || !access.PrincipalFrom(ctx).Has(access.TokenAdmin) {
		return nil
	}
	places, uids := []int{}, []uuid.UUID{}
	for i, uid := range missing {
		places, uids = append(places, i), append(uids, uid)
	}
	tokens, err := r.Access.TokensByUID(ctx, uids)
	if err != nil {
		return err
	}
	for n, token := range tokens {
		if token != nil {
			out[places[n]] = token
		}
	}
	return nil
}
