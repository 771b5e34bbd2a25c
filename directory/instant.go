package directory

import (
	"context"

	"github.com/google/uuid"
)

// What a state answers at once, one key at a time, for readers that would wait for others of its kind otherwise. The
// second result is false where the store has to be asked, or where there is no state to answer from.

func (m *memory) page(ctx context.Context, q EdgeQuery) ([]Edge, bool) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, false
	}
	return s.graph.Page(m.question(q), q.After, q.First, nil), true
}

func (m *memory) count(ctx context.Context, q EdgeQuery) (int, bool) {
	s, err := m.pin(ctx)
	if err != nil {
		return 0, false
	}
	return s.graph.Count(m.question(q)), true
}

func (m *memory) path(ctx context.Context, p Pair) ([]int64, bool) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, false
	}
	return s.graph.Path(p.Member, p.Container, m.scope, nil), true
}

func (m *memory) record(ctx context.Context, id int64) (*Record, bool) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, false
	}
	n := s.graph.ByID(id)
	if n == nil || !m.scope.Has(n.Instance) {
		return nil, true
	}
	r := m.directory.cache.get(id, n.Version)
	return r, r != nil
}

func (m *memory) recordByUID(ctx context.Context, uid uuid.UUID) (*Record, bool) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, false
	}
	n := s.graph.ByUID(uid)
	if n == nil {
		return nil, true
	}
	return m.record(ctx, n.ID)
}

// recordByFQNKey leaves what no living identity is called to the store, which knows the tombstones.
func (m *memory) recordByFQNKey(ctx context.Context, key string) (*Record, bool) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, false
	}
	n := s.graph.ByName(key)
	if n == nil {
		return nil, false
	}
	return m.record(ctx, n.ID)
}

func (m *memory) instance(_ context.Context, id int64) (*Instance, bool) {
	instance, ok := m.directory.replica.instances.Load().byID.Load(id)
	if !ok {
		return nil, false
	}
	return instance.(*Instance), true
}
