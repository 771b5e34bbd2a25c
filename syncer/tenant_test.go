package syncer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// tenant is a source that is kept in memory: users and groups with links, and a number for each change, by which a
// differential round tells what is new.
type tenant struct {
	mu      sync.Mutex
	tick    int
	objects map[string]*object
	// gone are the ids that were deleted for good, by tick.
	gone map[string]int

	// pageSize bounds the rows of a page, shuffled reorders and repeats them.
	pageSize int
	shuffled *rand.Rand
	// fail is called before each page; its error is the source's.
	fail func(page int) error
	// forgotten are states up to this tick that lead nowhere any more.
	forgotten int
	noDelta   bool
	// skip and foreign are told at the end of each full round.
	skip    []connector.Failure
	foreign []connector.Link
	// partial is an object of which differential rounds do not tell the name.
	partial string
	// returned says that somebody was restored.
	returned bool
}

type object struct {
	kind    directory.IdentityKind
	id      string
	attrs   map[string]any
	removed bool           // softly
	members map[string]int // by id, the tick of the change
	former  map[string]int // those that were removed, by tick
	manager string
	at      int // of its own last change
	// managed is the tick at which the manager last changed.
	managed int
}

func newTenant() *tenant {
	return &tenant{objects: map[string]*object{}, gone: map[string]int{}, pageSize: 3}
}

func (t *tenant) user(id, name string) *object {
	return t.put(directory.KindUser, id, map[string]any{"userName": name, "displayName": "User " + name, "active": true})
}

func (t *tenant) group(id, name string, members ...string) *object {
	o := t.put(directory.KindGroup, id, map[string]any{"displayName": name})
	for _, member := range members {
		t.link(id, member)
	}
	return o
}

// put creates or changes an object.
func (t *tenant) put(kind directory.IdentityKind, id string, attrs map[string]any) *object {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tick++
	o := t.objects[id]
	if o == nil {
		o = &object{kind: kind, id: id, attrs: map[string]any{}, members: map[string]int{}, former: map[string]int{}}
		t.objects[id] = o
		delete(t.gone, id)
	}
	maps.Copy(o.attrs, attrs)
	o.at = t.tick
	return o
}

func (t *tenant) link(group, member string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tick++
	t.objects[group].members[member] = t.tick
	delete(t.objects[group].former, member)
}

func (t *tenant) unlink(group, member string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tick++
	delete(t.objects[group].members, member)
	t.objects[group].former[member] = t.tick
}

func (t *tenant) manage(user, manager string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tick++
	o := t.objects[user]
	if o.manager != "" {
		o.former["manager "+o.manager] = t.tick
	}
	o.manager, o.managed = manager, t.tick
	delete(o.former, "manager "+manager)
}

// remove removes an object: softly, so that it can be restored with its links, or for good.
func (t *tenant) remove(id string, softly bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tick++
	o := t.objects[id]
	if softly {
		o.removed, o.at = true, t.tick
		return
	}
	delete(t.objects, id)
	t.gone[id] = t.tick
	for _, other := range t.objects { // nobody tells of these
		delete(other.members, id)
		if other.manager == id {
			other.manager = ""
		}
	}
	_ = o
}

// forget makes as if an object had never been: no round tells that it has gone.
func (t *tenant) forget(id string) {
	t.remove(id, false)
	delete(t.gone, id)
}

func (t *tenant) restore(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tick++
	t.objects[id].removed, t.objects[id].at, t.returned = false, t.tick, true
}

type tenantState struct{ Tick int }

// rows are what a round tells: all of it, or what is newer than a tick.
func (t *tenant) rows(since int, full bool) []connector.Page {
	rows := []connector.Page{}
	for _, id := range slices.Sorted(maps.Keys(t.objects)) {
		o := t.objects[id]
		row := connector.Page{}
		switch {
		case o.removed && (o.at > since || full):
			row.Identities = append(row.Identities, connector.Identity{Kind: o.kind, Key: id, Removal: connector.Soft})
		case !o.removed && (o.at > since || full):
			row.Identities = append(row.Identities, connector.Identity{Kind: o.kind, Key: id, Attributes: maps.Clone(o.attrs)})
			if !full && id == t.partial {
				delete(row.Identities[0].Attributes, "displayName")
			}
		}
		for _, member := range slices.Sorted(maps.Keys(o.members)) {
			if full && t.objects[member] != nil && t.objects[member].removed {
				continue // a full round does not list who is in the bin
			}
			if at := o.members[member]; at > since || full {
				row.Links = append(row.Links, t.memberLink(o, member, false))
			}
		}
		if o.manager != "" && (o.managed > since || full) {
			row.Links = append(row.Links, connector.Link{Type: connector.Manager, OwnerKind: o.kind, OwnerKey: id, Other: connector.Ref{Kind: directory.KindUser, Key: o.manager}})
		}
		for former, at := range o.former {
			if at <= since || full {
				continue
			}
			if len(former) > 8 && former[:8] == "manager " {
				row.Links = append(row.Links, connector.Link{Type: connector.Manager, OwnerKind: o.kind, OwnerKey: id, Other: connector.Ref{Kind: directory.KindUser, Key: former[8:]}, Removed: true})
			} else {
				row.Links = append(row.Links, t.memberLink(o, former, true))
			}
		}
		if len(row.Identities)+len(row.Links) > 0 {
			rows = append(rows, row)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.gone)) {
		if t.gone[id] > since && !full {
			for _, kind := range []directory.IdentityKind{directory.KindUser, directory.KindGroup} {
				rows = append(rows, connector.Page{Identities: []connector.Identity{{Kind: kind, Key: id, Removal: connector.Gone}}})
			}
		}
	}
	return rows
}

func (t *tenant) memberLink(o *object, member string, removed bool) connector.Link {
	return connector.Link{Type: connector.Member, OwnerKind: o.kind, OwnerKey: o.id, Other: connector.Ref{Key: member}, Removed: removed}
}

// Read implements [connector.Source]. The rows are those of the tick at which the round began.
func (t *tenant) Read(ctx context.Context, from connector.From, stage func(context.Context, connector.Page) error) error {
	type resume struct{ Tick, Page, Since int }
	at := resume{}
	t.mu.Lock()
	at.Tick = t.tick
	full := len(from.State) == 0
	if !full {
		var s tenantState
		_ = json.Unmarshal(from.State, &s)
		at.Since = s.Tick
		if s.Tick <= t.forgotten {
			t.mu.Unlock()
			return connector.Errorf(connector.StateExpired, "The state has expired.")
		}
	}
	rows := t.rows(at.Since, full)
	pages := [][]connector.Page{}
	if t.shuffled != nil {
		for range t.shuffled.IntN(3) {
			if len(rows) > 0 {
				rows = append(rows, rows[t.shuffled.IntN(len(rows))])
			}
		}
		t.shuffled.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	t.mu.Unlock()
	for part := range slices.Chunk(rows, t.pageSize) {
		pages = append(pages, part)
	}
	pages = append(pages, nil) // an empty one ends the round
	skip := 0
	if from.Resume != nil {
		_ = json.Unmarshal(from.Resume, &at)
		if t.shuffled == nil && at.Tick == t.tick {
			skip = at.Page // the same pages again
		}
	}
	for n, part := range pages {
		if n < skip {
			continue
		}
		if t.fail != nil {
			if err := t.fail(n); err != nil {
				return err
			}
		}
		page := connector.Page{}
		for _, row := range part {
			page.Identities = append(page.Identities, row.Identities...)
			page.Links = append(page.Links, row.Links...)
		}
		page.Resume, _ = json.Marshal(resume{Tick: at.Tick, Page: n + 1, Since: at.Since})
		if n == len(pages)-1 {
			page.Failures, page.Links = t.skip, append(page.Links, t.foreign...)
			page.End = &connector.End{}
			if !t.noDelta {
				page.End.State, _ = json.Marshal(tenantState{Tick: at.Tick})
			}
		}
		if err := stage(ctx, page); err != nil {
			return err
		}
	}
	return nil
}

// Lookup implements [connector.Source].
func (t *tenant) Lookup(_ context.Context, kind directory.IdentityKind, key, name string) (*connector.Page, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, o := range t.objects {
		if o.kind != kind || o.removed || id != key && (name == "" || o.attrs["userName"] != name && o.attrs["displayName"] != name) {
			continue
		}
		for _, row := range t.rows(0, true) {
			if len(row.Identities) > 0 && row.Identities[0].Key == id {
				return &row, nil
			}
		}
	}
	return nil, nil
}

// Check implements [connector.Source].
func (t *tenant) Check(_ context.Context, report func(connector.Check)) {
	report(connector.Check{Name: "read users", OK: true, Detail: fmt.Sprintf("%d objects", len(t.objects))})
}
