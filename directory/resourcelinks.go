package directory

import (
	"context"

	"github.com/roster-gateway/roster/directory/links"
)

// linked reads resources with links. The groups that users are in take the store as long as the users themselves: they are
// read with them only where this replica's graph does not know them yet.
func (d *Directory) linked(ctx context.Context, wanted LinkSet, read func(LinkSet) ([]*Resource, error)) ([]*Resource, error) {
	if !wanted.Groups || d.replica == nil || d.cache == nil {
		return read(wanted)
	}
	without := wanted
	without.Groups, without.Snapshot = false, true
	found, err := read(without)
	if err != nil || len(found) == 0 {
		return found, err
	}
	s := d.replica.current.Load()
	if !d.replica.sameLife(s) || !s.shows(found[0].Snapshot) {
		return read(wanted)
	}
	return found, d.addGroups(ctx, s, found)
}

// shows reports whether the state has everything that a snapshot of the store sees.
func (s *state) shows(snapshot string) bool {
	if snapshot == s.revision.Snapshot {
		return true
	}
	other, err := parseVisibility(snapshot)
	return err == nil && s.seen.includes(other)
}

// addGroups adds to users the groups that they are in, in a state that is not older than their rows.
func (d *Directory) addGroups(ctx context.Context, s *state, users []*Resource) error {
	ids, ends := make([]int64, 0, 16), make([]int, len(users))
	var few [16]links.Linked
	for i, u := range users {
		in := links.Question{Of: u.ID, Up: true, Kind: links.Group, Status: links.Active | links.Disabled}
		for _, group := range s.graph.Page(in, 0, 0, few[:0]) {
			if s.graph.ByID(group.ID).Instance == u.InstanceID {
				ids = append(ids, group.ID)
			}
		}
		ends[i] = len(ids)
	}
	m := &memory{Source: d.store, directory: d}
	m.once.Do(func() { m.state = s })
	groups, err := m.ByIDs(ctx, ids)
	if err != nil {
		return err
	}
	begin := 0
	for i, u := range users {
		list := make([]Reference, 0, ends[i]-begin+len(u.Links))
		for _, g := range groups[begin:ends[i]] {
			if g != nil { // else it was purged since
				list = append(list, Reference{Kind: KindGroup, UID: g.UID, DisplayName: g.DisplayName})
			}
		}
		u.Links = append(list, u.Links...)
		begin = ends[i]
	}
	return nil
}
