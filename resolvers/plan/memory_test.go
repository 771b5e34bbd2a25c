package plan_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// memory is a store of a fixed directory that costs next to nothing, so that benchmarks measure the roads: 8 groups in
// a chain, each with 125 users of its own, so that the first has 1,000 effective members.
type memory struct {
	directory.Store
	byID    map[int64]*directory.Record
	byUID   map[uuid.UUID]*directory.Record
	byKey   map[string]*directory.Record
	users   []*directory.Record
	links   [2]map[int64][]int64 // by way
	closure map[directory.EdgeQuery][]directory.Edge
}

func newMemory() *memory {
	m := &memory{
		byID: map[int64]*directory.Record{}, byUID: map[uuid.UUID]*directory.Record{}, byKey: map[string]*directory.Record{},
		links: [2]map[int64][]int64{{}, {}}, closure: map[directory.EdgeQuery][]directory.Edge{},
	}
	link := func(container, member int64) {
		m.links[directory.Down][container] = append(m.links[directory.Down][container], member)
		m.links[directory.Up][member] = append(m.links[directory.Up][member], container)
	}
	for g := int64(1); g <= 8; g++ {
		m.add(directory.KindGroup, g, fmt.Sprint("group", g))
		if g > 1 {
			link(g-1, g)
		}
		for u := range int64(125) {
			id := 1000*g + u
			m.add(directory.KindUser, id, fmt.Sprint("user", id))
			link(g, id)
		}
	}
	return m
}

func (m *memory) add(kind directory.IdentityKind, id int64, name string) {
	email, external := name+"@example.com", "x-"+name
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	r := &directory.Record{
		ID: id, UID: uid(name), Kind: kind, InstanceID: 1, ExternalID: &external, Name: name, FQN: "HR:" + name,
		DisplayName: "The " + name, Email: &email, Status: directory.StatusActive, Version: 1, CreatedAt: at, UpdatedAt: at,
		Attrs: directory.AttributesOf(fmt.Sprintf(`{"name":{"givenName":"Ann","familyName":%q},"userType":"Member"}`, name)),
	}
	m.byID[id], m.byUID[r.UID], m.byKey[directory.FoldKey(r.FQN)] = r, r, r
	if kind == directory.KindUser {
		m.users = append(m.users, r)
	}
}

func pick[K comparable](of map[K]*directory.Record, keys []K) ([]*directory.Record, error) {
	out := make([]*directory.Record, len(keys))
	for i, key := range keys {
		out[i] = of[key]
	}
	return out, nil
}

func (m *memory) ByIDs(_ context.Context, ids []int64) ([]*directory.Record, error) {
	return pick(m.byID, ids)
}

func (m *memory) ByUIDs(_ context.Context, uids []uuid.UUID) ([]*directory.Record, error) {
	return pick(m.byUID, uids)
}

func (m *memory) ByFQNKeys(_ context.Context, keys []string) ([]*directory.Record, error) {
	return pick(m.byKey, keys)
}

// warm computes a closure, which Edges then only cuts: the graph is not what is measured.
func (m *memory) warm(q directory.EdgeQuery) {
	q.After, q.First = 0, 0
	if _, known := m.closure[q]; known {
		return
	}
	seen := map[int64]bool{}
	next := []int64{q.Of}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		for _, id := range m.links[q.Way][at] {
			if !seen[id] {
				seen[id] = true
				next = append(next, id)
			}
		}
	}
	out := []directory.Edge{}
	for id := range seen {
		if q.Kind == "" || m.byID[id].Kind == q.Kind {
			out = append(out, directory.Edge{ID: id, Direct: slices.Contains(m.links[q.Way][q.Of], id)})
		}
	}
	slices.SortFunc(out, func(a, b directory.Edge) int { return int(a.ID - b.ID) })
	m.closure[q] = out
}

func (m *memory) Edges(_ context.Context, queries []directory.EdgeQuery) ([][]directory.Edge, error) {
	out := make([][]directory.Edge, len(queries))
	for i, q := range queries {
		first := q.First
		q.After, q.First = 0, 0
		out[i] = m.closure[q]
		if first > 0 && len(out[i]) > first {
			out[i] = out[i][:first]
		}
	}
	return out, nil
}

func (m *memory) Paths(_ context.Context, pairs []directory.Pair) ([][]int64, error) {
	out := make([][]int64, len(pairs))
	for i, p := range pairs {
		out[i] = []int64{p.Member, p.Container}
	}
	return out, nil
}

func (m *memory) List(_ context.Context, q directory.ListQuery) ([]*directory.Record, error) {
	return m.users[:q.Limit], nil
}

func (m *memory) Snapshot(context.Context) (directory.Revision, error) {
	return directory.Revision{Epoch: uuid.NameSpaceDNS, Snapshot: "1:1:"}, nil
}
