package directory

import (
	"context"
	"sync"

	"github.com/roster-gateway/roster/directory/links"
)

// maxListVisits bounds the identities that a page looks at in memory. Where so few of them fit that it takes more, the
// store's indexes find them sooner.
const maxListVisits = 20_000

// inMemory reports whether a graph knows all that a query asks for: kinds, statuses and instances, in the order of ids.
// Tombstones are the store's, which also knows those of deleted instances by name.
func (q *ListQuery) inMemory() bool {
	return q.ResourceType == "" && q.Order.By == nil && (q.Order.Field == OrderID || q.Order.Field == "") && !q.Order.Desc &&
		q.Offset == 0 && q.Status&Statuses(StatusDeleted) == 0 &&
		len(q.Words) == 0 && q.NameKey == nil && q.EmailKey == nil && q.ExternalID == nil && q.UpdatedSince == nil && q.Where == nil
}

// filter returns a query's conditions as the graph takes them.
func (m *memory) filter(ctx context.Context, q ListQuery) (links.Filter, error) {
	f := links.Filter{Status: links.Status(q.Status)} // a StatusSet has the bits of links.Status
	for _, kind := range q.Kinds {
		f.Kinds = append(f.Kinds, graphKinds[kind])
	}
	if q.InstanceID == 0 && q.Provider == nil && q.Instance == nil && q.Within == nil {
		return f, nil
	}
	instances, err := m.directory.replica.instances.Load().all(ctx, m.directory.store.Instances)
	if err != nil {
		return f, err
	}
	f.Instances = map[int64]bool{}
	for _, i := range instances {
		if (q.InstanceID == 0 || i.ID == q.InstanceID) && q.Within.Has(i.ID) && named(i.Provider.Name, q.Provider) && named(i.Name, q.Instance) {
			f.Instances[i.ID] = true
		}
	}
	return f, nil
}

// named compares without case; nil is any name.
func named(name string, wanted *string) bool {
	return wanted == nil || name == *wanted || FoldKey(name) == FoldKey(*wanted)
}

// list answers a page of a list from the graph. It reports false where the store has to.
func (m *memory) list(ctx context.Context, q ListQuery) ([]*Record, bool, error) {
	if !q.inMemory() {
		return nil, false, nil
	}
	s, err := m.pin(ctx)
	if err != nil {
		return nil, false, err
	}
	f, err := m.filter(ctx, q)
	if err != nil {
		return nil, false, err
	}
	after := int64(0)
	if q.After != nil {
		after = q.After.ID
	}
	ids, whole := s.graph.List(f, after, q.Limit, maxListVisits, make([]int64, 0, q.Limit))
	if !whole {
		return nil, false, nil
	}
	records, err := m.ByIDs(ctx, ids)
	if err != nil {
		return nil, false, err
	}
	for _, r := range records {
		// A record may be younger than the graph: what was purged or has another status by now would make the page too
		// short. Kinds and instances never change.
		if r == nil || Statuses(r.Status)&q.Status == 0 {
			return nil, false, nil
		}
	}
	return records, true, nil
}

// total counts a list in the graph. It reports false where the store has to.
func (m *memory) total(ctx context.Context, q ListQuery) (int, bool, error) {
	if !q.inMemory() {
		return 0, false, nil
	}
	s, err := m.pin(ctx)
	if err != nil {
		return 0, false, err
	}
	f, err := m.filter(ctx, q)
	if err != nil {
		return 0, false, err
	}
	return s.graph.CountAll(f), true, nil
}

// heldInstances are the instances that were read since providers or instances last changed. A change begins a new set:
// who read before it fills the old one, which nobody looks at any more.
type heldInstances struct {
	byID sync.Map // *Instance by id, deleted ones too

	mu   sync.Mutex
	live []*Instance
}

// all lists every instance that is not deleted.
func (h *heldInstances) all(ctx context.Context, read func(context.Context) ([]*Instance, error)) ([]*Instance, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.live == nil {
		live, err := read(ctx)
		if err != nil {
			return nil, err
		}
		h.live = live
	}
	return h.live, nil
}
