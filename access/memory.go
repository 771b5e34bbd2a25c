package access

import (
	"context"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// Replica tells when tokens changed, and whether that can still be told.
type Replica interface {
	OnAccessChange(do func(context.Context) error)
	Fresh(ctx context.Context) error
}

// heldTokens are the tokens that are not revoked, as of one state of the store.
type heldTokens struct {
	byHash map[Hash]*Token
	byUID  map[uuid.UUID]*Token
	// byURL are the SCIM instances by the token of their Tenant URL.
	byURL     map[string]*directory.Instance
	instances []*directory.Instance
}

// HoldInMemory reads the tokens, with their instances, and keeps them up to date: from then on a request is
// authenticated without the store. A token that is revoked, here or on another replica, opens nothing in any state
// that includes its end; a replica that cannot tell how old its state is lets nobody in.
func (s *Service) HoldInMemory(ctx context.Context, r Replica) error {
	r.OnAccessChange(s.reload)
	s.replica = r
	return s.reload(ctx)
}

func (s *Service) reload(ctx context.Context) error {
	tokens, err := s.store.LiveTokens(ctx)
	if err != nil {
		return err
	}
	instances, err := s.store.Instances(ctx)
	if err != nil {
		return err
	}
	held := &heldTokens{byHash: tokens, byUID: make(map[uuid.UUID]*Token, len(tokens)), byURL: tenants(instances), instances: instances}
	for _, t := range tokens {
		held.byUID[t.UID] = t
	}
	s.held.Store(held)
	return nil
}

// byHash finds a token by the hash of its secret, nil where there is none.
func (s *Service) byHash(ctx context.Context, hash Hash) (*Token, error) {
	held := s.held.Load()
	if held == nil {
		return s.store.TokenByHash(ctx, hash)
	}
	if err := s.replica.Fresh(ctx); err != nil {
		return nil, err
	}
	return s.held.Load().byHash[hash], nil
}

// byUID finds a token that is not revoked by its public id, nil where there is none.
func (s *Service) byUID(ctx context.Context, uid uuid.UUID) (*Token, error) {
	if s.held.Load() == nil {
		tokens, err := s.store.TokensByUID(ctx, []uuid.UUID{uid})
		if err != nil {
			return nil, err
		}
		return tokens[0], nil
	}
	if err := s.replica.Fresh(ctx); err != nil {
		return nil, err
	}
	return s.held.Load().byUID[uid], nil
}

// instances lists every instance.
func (s *Service) instances(ctx context.Context) ([]*directory.Instance, error) {
	if s.held.Load() == nil {
		return s.store.Instances(ctx)
	}
	if err := s.replica.Fresh(ctx); err != nil {
		return nil, err
	}
	return s.held.Load().instances, nil
}

// tenants are the SCIM instances by the token of their Tenant URL.
func tenants(instances []*directory.Instance) map[string]*directory.Instance {
	out := map[string]*directory.Instance{}
	for _, i := range instances {
		if i.Provider.Type == directory.TypeSCIM && i.URLToken != "" {
			out[i.URLToken] = i
		}
	}
	return out
}

var _ Replica = (*directory.Directory)(nil)
