package directory

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory/links"
)

// records holds identity records from one operation to the next. It may lose any of them, and take any up late; what get
// returns has at least the version that was asked for.
type records interface {
	get(id, version int64) *Record
	put(r *Record)
	stats() CacheStats
}

// memory is a source that answers about links and keys from a replica's graph, and about records from the hot cache.
// What neither holds it asks the store for. All of its answers are of one state: the one that it is first asked in.
//
// Narrowed to a scope, it answers as if nobody else were there: the walks over links keep within it at each hop.
type memory struct {
	Source
	directory *Directory
	scope     *Scope

	once  sync.Once
	state *state
	err   error
}

// pin returns the state that all answers are of, unless the operation is over.
func (m *memory) pin(ctx context.Context) (*state, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if m.directory.replica == nil {
		return nil, errNotNarrowed
	}
	m.once.Do(func() { m.state, m.err = m.directory.replica.pin(ctx) })
	return m.state, m.err
}

// stillWanted is asked before each walk of many, and looks at the context now and then: walks ask nobody who would.
func stillWanted(ctx context.Context, walk int) error {
	if walk%32 != 31 {
		return nil
	}
	return ctx.Err()
}

var graphKinds = map[IdentityKind]links.Kind{KindUser: links.User, KindGroup: links.Group, KindRole: links.Role}

func (m *memory) question(q EdgeQuery) links.Question {
	return links.Question{
		Of: q.Of, Up: q.Way == Up, Effective: q.Scope == ScopeEffective, Kind: graphKinds[q.Kind],
		Status: links.Status(q.Status), // a StatusSet has the bits of links.Status
		Within: m.scope,
	}
}

// Edges implements [Links].
func (m *memory) Edges(ctx context.Context, queries []EdgeQuery) ([][]Edge, error) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]Edge, len(queries))
	for i, q := range queries {
		if err := stillWanted(ctx, i); err != nil {
			return nil, err
		}
		out[i] = s.graph.Page(m.question(q), q.After, q.First, nil)
	}
	return out, nil
}

// CountEdges implements [Links].
func (m *memory) CountEdges(ctx context.Context, queries []EdgeQuery) ([]int, error) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]int, len(queries))
	for i, q := range queries {
		if err := stillWanted(ctx, i); err != nil {
			return nil, err
		}
		out[i] = s.graph.Count(m.question(q))
	}
	return out, nil
}

// Paths implements [Links].
func (m *memory) Paths(ctx context.Context, pairs []Pair) ([][]int64, error) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]int64, len(pairs))
	for i, p := range pairs {
		if err := stillWanted(ctx, i); err != nil {
			return nil, err
		}
		out[i] = s.graph.Path(p.Member, p.Container, m.scope, nil)
	}
	return out, nil
}

// ByIDs implements [Source].
func (m *memory) ByIDs(ctx context.Context, ids []int64) ([]*Record, error) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*Record, len(ids))
	var missing []int64
	for i, id := range ids {
		n := s.graph.ByID(id)
		if n == nil || !m.scope.Has(n.Instance) {
			continue
		}
		if out[i] = m.directory.cache.get(id, n.Version); out[i] == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	found, err := m.directory.flights.read(ctx, missing, m.fetch, func(r *Record) bool { return r.Version >= s.graph.ByID(r.ID).Version })
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if out[i] == nil {
			out[i] = found[id]
		}
	}
	return out, nil
}

// fetch reads records from the store into the cache.
func (m *memory) fetch(ctx context.Context, ids []int64) ([]*Record, error) {
	found, err := m.Source.ByIDs(ctx, ids)
	for _, r := range found {
		if r != nil {
			m.directory.cache.put(r)
		}
	}
	return found, err
}

// ByUIDs implements [Source].
func (m *memory) ByUIDs(ctx context.Context, uids []uuid.UUID) ([]*Record, error) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, 0, 8)
	for _, uid := range uids {
		id := int64(0)
		if n := s.graph.ByUID(uid); n != nil {
			id = n.ID
		}
		ids = append(ids, id)
	}
	return m.ByIDs(ctx, ids)
}

// ByFQNKeys implements [Source]. Tombstones have no names in the graph: the store finds them. Whoever is not deleted in
// this state has another name in it.
func (m *memory) ByFQNKeys(ctx context.Context, keys []string) ([]*Record, error) {
	s, err := m.pin(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(keys))
	var dead []string
	for i, key := range keys {
		if n := s.graph.ByName(key); n != nil {
			ids[i] = n.ID
		} else {
			dead = append(dead, key)
		}
	}
	out, err := m.ByIDs(ctx, ids)
	if err != nil || len(dead) == 0 {
		return out, err
	}
	found, err := m.Source.Tombstones(ctx, dead)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if ids[i] != 0 {
			continue
		}
		if found[0] != nil {
			if n := s.graph.ByID(found[0].ID); n != nil && n.Status == links.Deleted && m.scope.Has(n.Instance) {
				out[i] = found[0]
			}
		}
		found = found[1:]
	}
	return out, nil
}

// InstancesByID implements [Source].
func (m *memory) InstancesByID(ctx context.Context, ids []int64) ([]*Instance, error) {
	if _, err := m.pin(ctx); err != nil {
		return nil, err
	}
	held := m.directory.replica.instances.Load()
	out := make([]*Instance, len(ids))
	var missing []int64
	var at []int
	for i, id := range ids {
		if instance, ok := held.byID.Load(id); ok {
			out[i] = instance.(*Instance)
		} else {
			missing, at = append(missing, id), append(at, i)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	found, err := m.Source.InstancesByID(ctx, missing)
	if err != nil {
		return nil, err
	}
	for i, instance := range found {
		if instance != nil {
			held.byID.Store(missing[i], instance)
			out[at[i]] = instance
		}
	}
	return out, nil
}

// Managers implements [Source].
func (m *memory) Managers(ctx context.Context, users []int64) ([]int64, error) {
	managers, err := m.Source.Managers(ctx, users)
	if err != nil || m.scope == nil {
		return managers, err
	}
	s, err := m.pin(ctx)
	if err != nil {
		return nil, err
	}
	for i, id := range managers {
		if n := s.graph.ByID(id); n == nil || !m.scope.Has(n.Instance) {
			managers[i] = 0
		}
	}
	return managers, nil
}

// Reports implements [Source].
func (m *memory) Reports(ctx context.Context, queries []EdgeQuery) ([][]Edge, error) {
	if m.scope == nil {
		return m.Source.Reports(ctx, queries)
	}
	out := make([][]Edge, len(queries))
	for i, q := range queries {
		err := m.eachReport(ctx, q, func(e Edge) bool {
			out[i] = append(out[i], e)
			return len(out[i]) != q.First
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// CountReports implements [Source].
func (m *memory) CountReports(ctx context.Context, managers []int64) ([]int, error) {
	if m.scope == nil {
		return m.Source.CountReports(ctx, managers)
	}
	out := make([]int, len(managers))
	for i, id := range managers {
		err := m.eachReport(ctx, ReportsQuery(id), func(Edge) bool {
			out[i]++
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// eachReport goes through those reports of a manager that are in scope, until do returns false.
func (m *memory) eachReport(ctx context.Context, q EdgeQuery, do func(Edge) bool) error {
	s, err := m.pin(ctx)
	if err != nil {
		return err
	}
	for q.First = MaxPage; ; {
		pages, err := m.Source.Reports(ctx, []EdgeQuery{q})
		if err != nil {
			return err
		}
		for _, e := range pages[0] {
			if n := s.graph.ByID(e.ID); n != nil && m.scope.Has(n.Instance) && !do(e) {
				return nil
			}
			q.After = e.ID
		}
		if len(pages[0]) < q.First {
			return nil
		}
	}
}
