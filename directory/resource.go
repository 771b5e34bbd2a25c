package directory

import "context"

// Resource is an identity as provisioning clients see it: its row, and those of its links that were asked for, read in
// one go straight from the store.
type Resource struct {
	*Record
	// Links are the identities that it is linked to, in the order of their creation.
	Links []Reference
	// SortKey is the key of the order that the resource was listed in, nil where it has none.
	SortKey *string
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
	UID         string
	DisplayName string
}

// LinkSet says which links are read with a resource. They lead to live users and groups of its own instance.
type LinkSet struct{ Groups, Members, Manager bool }

// Manager is the manager's id, empty where there is none or none was asked for.
func (r *Resource) Manager() string {
	for _, l := range r.Links {
		if r.Kind == KindUser && l.Kind == KindUser {
			return l.UID
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
	return d.store.Resources(ctx, q, links)
}

// Resource returns the identity with a public id, if it is one of those that q selects; else nil.
func (d *Directory) Resource(ctx context.Context, q ListQuery, id string, links LinkSet) (*Resource, error) {
	uid, ok := LookupUID(id)
	if !ok {
		return nil, nil
	}
	return d.store.Resource(ctx, q, uid, links)
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
