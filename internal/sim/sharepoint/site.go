// Package sharepoint simulates one site collection of SharePoint Online, with the sign-in of Entra ID before it: its site
// groups and whom they hold, over the REST service that the product has. A seeded adversary can make it as unpleasant as
// the real one on a bad day.
//
// It is written by what the documentation of SharePoint says, and was compared with no live tenant.
package sharepoint

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// Site is the state of one site collection. It may be used by several goroutines.
type Site struct {
	mu         sync.Mutex
	id, tenant string
	lastID     int
	groups     map[int]*group
	principals map[int]Principal
	byLogin    map[string]int
}

// group is one site group.
type group struct {
	id                 int
	title, description string
	members            map[int]bool
}

// State is what a site holds, groups and members in the order of their ids.
type State struct {
	ID     string       `json:"id"`
	Groups []GroupState `json:"groups"`
}

// GroupState is one site group.
type GroupState struct {
	ID          int         `json:"id"`
	Title       string      `json:"title"`
	Description string      `json:"description"`
	Members     []Principal `json:"members"`
}

// NewSite makes an empty site of a tenant. The seed decides about its id.
func NewSite(seed uint64) *Site {
	rng := rand.New(rand.NewPCG(seed, 0))
	return &Site{id: guid(rng), tenant: guid(rng), groups: map[int]*group{}, principals: map[int]Principal{}, byLogin: map[string]int{}}
}

// State returns the truth.
func (s *Site) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{ID: s.id, Groups: []GroupState{}}
	for _, id := range slices.Sorted(maps.Keys(s.groups)) {
		g := s.groups[id]
		state.Groups = append(state.Groups, GroupState{ID: id, Title: g.title, Description: g.description, Members: s.membersOf(g)})
	}
	return state
}

func (s *Site) membersOf(g *group) []Principal {
	members := make([]Principal, 0, len(g.members))
	for id := range g.members {
		members = append(members, s.principals[id])
	}
	slices.SortFunc(members, func(a, b Principal) int { return cmp.Compare(a.ID, b.ID) })
	return members
}

// AddGroup makes a site group and returns its id. As in SharePoint, the title has to be free; 0 says that it is not.
func (s *Site) AddGroup(title, description string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addGroup(title, description)
}

func (s *Site) addGroup(title, description string) int {
	if s.taken(title) {
		return 0
	}
	s.lastID++
	s.groups[s.lastID] = &group{id: s.lastID, title: title, description: description, members: map[int]bool{}}
	return s.lastID
}

// taken reports whether a title is another group's, or none.
func (s *Site) taken(title string) bool {
	if title == "" {
		return true
	}
	for _, g := range s.groups {
		if g.title == title {
			return true
		}
	}
	return false
}

// RemoveGroup removes a site group, and reports whether there was one.
func (s *Site) RemoveGroup(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.groups[id]
	delete(s.groups, id)
	return found
}

// RenameGroup gives a site group another title, and reports whether it could.
func (s *Site) RenameGroup(id int, title string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.groups[id]
	if !found || s.taken(title) {
		return false
	}
	g.title = title
	return true
}

// AddMember puts a principal into a site group and returns the principal's id; 0 where there is no such group. The site
// comes to know whom it did not know.
func (s *Site) AddMember(group int, kind Kind, object string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.groups[group]
	if !found {
		return 0
	}
	id := s.ensure(kind, object)
	g.members[id] = true
	return id
}

// ensure returns the id of a principal. Those of whom there is only one in a site have no object but it.
func (s *Site) ensure(kind Kind, object string) int {
	p := Principal{Kind: kind, Object: object, Title: object}
	switch kind {
	case Everyone, AllWindowsUsers, AllFormsUsers, System:
		p.Object, p.Title = "", string(kind)
	case AllOfTenant:
		p.Object, p.Title = s.tenant, "Everyone except external users"
	case User:
		p.Email = object
	}
	login := p.LoginName()
	if id := s.byLogin[login]; id != 0 {
		return id
	}
	s.lastID++
	p.ID = s.lastID
	s.principals[p.ID], s.byLogin[login] = p, p.ID
	return p.ID
}

// RemoveMember takes a principal out of a site group, and reports whether it was in there.
func (s *Site) RemoveMember(group, principal int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, found := s.groups[group]
	if !found || !g.members[principal] {
		return false
	}
	delete(g.members, principal)
	return true
}

// guid draws a GUID.
func guid(rng *rand.Rand) string {
	a, b := rng.Uint64(), rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52&0xfff, b&0xffffffffffff)
}
