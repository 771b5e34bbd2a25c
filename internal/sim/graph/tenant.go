// Package graph simulates Microsoft Graph for one tenant of Microsoft Entra ID: a directory in memory that changes, and
// the part of its HTTP interface that a synchronization reads, with faults on request. It is made from Microsoft's
// documentation ("Use delta query to track changes", "user: delta", "group: delta"); no live tenant was asked.
package graph

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is the type of a directory object.
type Kind string

// The kinds of objects.
const (
	User  Kind = "user"
	Group Kind = "group"
)

// Errors of operations.
var (
	ErrNotFound = errors.New("there is no such object")
	ErrConflict = errors.New("the user principal name is taken")
	ErrInvalid  = errors.New("the operation does not fit the object")
)

// Tenant is a directory that changes. Each change has a tick; what a client has seen is named by one. All methods may be
// called side by side.
type Tenant struct {
	// ID is the tenant's GUID.
	ID string
	// Domain is its verified domain, which user principal names end in.
	Domain string

	mu     sync.Mutex
	ids    *ids
	tick   uint64
	byID   map[string]*object
	byUPN  map[string]*object // in lower case, of users that are not gone
	all    map[Kind][]*object // in the order of creation; what has gone stays as a mark
	serial int                // makes names
}

// life is how far an object is from being gone.
type life int

const (
	alive life = iota
	soft       // deleted, and can be restored
	gone
)

// object is a user or a group.
type object struct {
	id     string
	kind   Kind
	values []value // by the position in properties[kind]
	life   life
	lived  uint64 // tick of the last change of life
	// Links are the members of a group, or the managers of a user, of whom one at most is there. A link that was
	// removed stays as a mark; one to an object that is gone counts as not there.
	links    []link
	index    map[*object]int
	linked   uint64 // tick of the last change of links
	restored uint64
	was      *before
}

// value is a property's value. One that was never set has no tick; nil with a tick was cleared.
type value struct {
	now any
	at  uint64
}

type link struct {
	to      *object
	at      uint64
	removed bool
}

// before is what an object was before its last change.
type before struct {
	values []value
	life   life
}

// NewTenant makes an empty tenant. Ids and names follow from the seed.
func NewTenant(seed uint64) *Tenant {
	t := &Tenant{Domain: "contoso.example", ids: newIDs(seed), byID: map[string]*object{}, byUPN: map[string]*object{}, all: map[Kind][]*object{}}
	t.ID = t.ids.next()
	return t
}

// Create adds an object and returns its id. A user needs a userPrincipalName that nobody has, a group a displayName.
func (t *Tenant) Create(kind Kind, values map[string]any) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.create(kind, values)
}

func (t *Tenant) create(kind Kind, values map[string]any) (string, error) {
	name := map[Kind]string{User: "userPrincipalName", Group: "displayName"}[kind]
	if text, _ := values[name].(string); text == "" {
		return "", fmt.Errorf("%w: a new %s needs %s", ErrInvalid, kind, name)
	}
	o := &object{id: t.ids.next(), kind: kind, values: make([]value, len(properties[kind]))}
	if err := t.set(o, values); err != nil {
		return "", err
	}
	o.was = nil
	o.lived = t.tick
	t.byID[o.id] = o
	t.all[kind] = append(t.all[kind], o)
	return o.id, nil
}

// Update sets properties of a live object; nil clears one. A user may be renamed to a userPrincipalName that nobody has,
// a group to any name.
func (t *Tenant) Update(id string, values map[string]any) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.find(id, alive)
	if err != nil {
		return err
	}
	return t.set(o, values)
}

// set changes values, all or none, in one tick.
func (t *Tenant) set(o *object, values map[string]any) error {
	for name, v := range values {
		p := position(o.kind, name)
		if p < 0 || name == "deletedDateTime" || !properties[o.kind][p].takes(v) {
			return fmt.Errorf("%w: a %s takes no such value for %s", ErrInvalid, o.kind, name)
		}
	}
	if v, renamed := values["userPrincipalName"]; renamed {
		upn, _ := v.(string)
		key := strings.ToLower(upn)
		if other := t.byUPN[key]; other != nil && other != o {
			return ErrConflict
		}
		delete(t.byUPN, strings.ToLower(o.text("userPrincipalName")))
		t.byUPN[key] = o
	}
	t.change(o)
	for name, v := range values {
		o.values[position(o.kind, name)] = value{now: v, at: t.tick}
	}
	return nil
}

// change begins a change of an object: a tick, and a note of what it was.
func (t *Tenant) change(o *object) {
	t.tick++
	o.was = &before{values: append([]value(nil), o.values...), life: o.life}
}

// Delete deletes an object softly. It can be restored, and keeps its links.
func (t *Tenant) Delete(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.find(id, alive)
	if err != nil {
		return err
	}
	t.live(o, soft)
	o.values[position(o.kind, "deletedDateTime")] = value{now: moment(t.tick), at: t.tick}
	return nil
}

// Restore brings a softly deleted object back. Links that lead to it are as they were, and are not told again; its own
// ones are.
func (t *Tenant) Restore(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.find(id, soft)
	if err != nil {
		return err
	}
	t.live(o, alive)
	o.restored = t.tick
	o.values[position(o.kind, "deletedDateTime")] = value{at: t.tick}
	return nil
}

// Purge deletes a softly deleted object for good. Its links end without a sign.
func (t *Tenant) Purge(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.find(id, soft)
	if err != nil {
		return err
	}
	t.live(o, gone)
	delete(t.byUPN, strings.ToLower(o.text("userPrincipalName")))
	o.links, o.index = nil, nil
	return nil
}

func (t *Tenant) live(o *object, l life) {
	t.change(o)
	o.life, o.lived = l, t.tick
}

// AddMember adds a user or a group to a group; groups may hold each other.
func (t *Tenant) AddMember(group, member string) error { return t.relink(Group, group, member, false) }

// RemoveMember takes a member out of a group.
func (t *Tenant) RemoveMember(group, member string) error {
	return t.relink(Group, group, member, true)
}

// SetManager makes one user the manager of another; an empty id leaves the user without one.
func (t *Tenant) SetManager(user, manager string) error {
	if manager != "" {
		return t.relink(User, user, manager, false)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	o, err := t.find(user, alive)
	if err != nil || o.kind != User {
		return errors.Join(err, kindError(o, User))
	}
	for _, l := range o.links {
		if l.there() {
			t.link(o, l.to, true)
		}
	}
	return nil
}

func (t *Tenant) relink(kind Kind, owner, other string, removed bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	from, err := t.find(owner, alive)
	to, err2 := t.find(other, alive)
	if err := errors.Join(err, err2, kindError(from, kind)); err != nil {
		return err
	}
	if kind == User && to.kind != User {
		return kindError(to, User)
	}
	t.link(from, to, removed)
	return nil
}

func kindError(o *object, kind Kind) error {
	if o == nil || o.kind == kind {
		return nil
	}
	return fmt.Errorf("%w: it is no %s", ErrInvalid, kind)
}

// link adds a link or removes it. What is so already changes nothing.
func (t *Tenant) link(from, to *object, removed bool) {
	i, known := from.seek(to)
	if removed && !known || known && from.links[i].removed == removed {
		return
	}
	t.tick++
	from.linked = t.tick
	if from.kind == User && !removed {
		for i, l := range from.links {
			if !l.removed {
				from.links[i] = link{to: l.to, at: t.tick, removed: true}
			}
		}
	}
	if !known {
		i = len(from.links)
		if from.index != nil {
			from.index[to] = i
		}
		from.links = append(from.links, link{})
	}
	from.links[i] = link{to: to, at: t.tick, removed: removed}
}

// seek finds the link to an object, removed or not. Who has many gets an index.
func (o *object) seek(to *object) (int, bool) {
	if len(o.links) < 16 {
		i := slices.IndexFunc(o.links, func(l link) bool { return l.to == to })
		return i, i >= 0
	}
	if o.index == nil {
		o.index = make(map[*object]int, len(o.links)+1)
		for i, l := range o.links {
			o.index[l.to] = i
		}
	}
	i, known := o.index[to]
	return i, known
}

// there says whether a link is, between objects that are not gone.
func (l link) there() bool { return !l.removed && l.to.life != gone }

func (t *Tenant) find(id string, l life) (*object, error) {
	if o := t.byID[id]; o != nil && o.life == l {
		return o, nil
	}
	return nil, ErrNotFound
}

// text is a property that is a text.
func (o *object) text(name string) string {
	p := position(o.kind, name)
	if p < 0 {
		return ""
	}
	text, _ := o.values[p].now.(string)
	return text
}

// moment is the time of a tick: times follow from what happened, not from the clock.
func moment(tick uint64) string {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(tick) * time.Second).Format(time.RFC3339)
}
