package directory

import (
	"context"

	"github.com/google/uuid"
)

// Resource is an identity as provisioning clients see it: its row, straight from the store, and those of its links that
// were asked for.
type Resource struct {
	// Record is without what clients are not shown: the FQN, the description, MergedInto and SyncedAt.
	*Record
	// Links are the identities that it is linked to, in the order of their creation.
	Links []Reference
	// SortKey is the key of the order that the resource was listed in, nil where it has none.
	SortKey *string
	// Snapshot is the state that the row was read in, where [LinkSet.Snapshot] asks for it.
	Snapshot string
}

// Position is the resource's place in the order that it was listed in.
func (r *Resource) Position() Position {
	if r.SortKey == nil {
		return Position{ID: r.ID, Absent: true}
	}
	return Position{ID: r.ID, Key: *r.SortKey}
}

// Reference is the end of a link, as much of it as a list shows.
type Reference struct {
	// Kind of the end of a user's link is KindGroup for a group that the user is in, and KindUser for the manager. At a
	// group's link stands a member.
	Kind        IdentityKind
	UID         uuid.UUID
	DisplayName string
}

// LinkSet says what is read with a resource: links of a kind, which lead to live users and groups of its own instance, and
// the state of the store.
type LinkSet struct{ Groups, Members, Manager, Snapshot bool }

// Manager is the manager's id, empty where there is none or none was asked for.
func (r *Resource) Manager() string {
	for _, l := range r.Links {
		if r.Kind == KindUser && l.Kind == KindUser {
			return l.UID.String()
		}
	}
	return ""
}

// deepOffset is from how many rows on it is worth while to find out where they end: the database would read them all.
const deepOffset = 1000

// Resources selects identities; q.Limit bounds them.
func (d *Directory) Resources(ctx context.Context, q ListQuery, links LinkSet) ([]*Resource, error) {
	if q.Offset >= deepOffset {
		m, err := d.latest(ctx, q)
		if err != nil {
			return nil, err
		}
		if m != nil {
			f, err := m.filter(ctx, q)
			if err != nil {
				return nil, err
			}
			if last, ok := m.state.graph.Nth(f, q.Offset); ok {
				q.Offset, q.After = 0, &Position{ID: last}
			}
		}
	}
	return d.linked(ctx, links, func(links LinkSet) ([]*Resource, error) { return d.store.Resources(ctx, q, links) })
}

// Resource returns the identity with a public id, if it is one of those that q selects; else nil.
func (d *Directory) Resource(ctx context.Context, q ListQuery, id string, links LinkSet) (*Resource, error) {
	uid, ok := LookupUID(id)
	if !ok {
		return nil, nil
	}
	found, err := d.linked(ctx, links, func(links LinkSet) ([]*Resource, error) {
		one, err := d.store.Resource(ctx, q, uid, links)
		if one == nil {
			return nil, err
		}
		return []*Resource{one}, err
	})
	if len(found) == 0 {
		return nil, err
	}
	return found[0], err
}

// Count counts what Resources without paging would return. What depends on kinds, statuses and instances alone is counted
// in memory, by a state that has all that was committed before.
func (d *Directory) Count(ctx context.Context, q ListQuery) (int, error) {
	q.Order = Order{}
	m, err := d.latest(ctx, q)
	if err != nil {
		return 0, err
	}
	if m == nil {
		return d.store.Count(ctx, q)
	}
	f, err := m.filter(ctx, q)
	if err != nil {
		return 0, err
	}
	return m.state.graph.CountAll(f), nil
}

// latest is a state in memory that has all that was committed before, nil where a query asks for what no such state knows.
func (d *Directory) latest(ctx context.Context, q ListQuery) (*memory, error) {
	q.Offset, q.After = 0, nil
	if d.replica == nil || !q.inMemory() {
		return nil, nil
	}
	m := &memory{Source: d.store, directory: d}
	m.once.Do(func() { m.state, m.err = d.replica.latest(ctx) })
	return m, m.err
}
