package sharepoint

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// Directory is who there is in Entra ID for sites to hold: user principal names, and GUIDs of groups.
type Directory struct {
	Users, Groups []string
}

// NewDirectory makes up a directory.
func NewDirectory(users, groups int, seed uint64) Directory {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := Directory{}
	for n := range users {
		d.Users = append(d.Users, fmt.Sprintf("user%d@contoso.com", n+1))
	}
	for range groups {
		d.Groups = append(d.Groups, guid(rng))
	}
	return d
}

// Populate makes site groups with members out of a directory, the same ones for the same seed.
func (s *Site) Populate(d Directory, groups, members int, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	for range groups {
		id := s.AddGroup(s.freeTitle(rng), "Made by the simulator")
		for range members {
			s.addAny(rng, d, id)
		}
	}
}

// Mutate changes the site n times: groups come, go and are renamed; members come and go.
func (s *Site) Mutate(rng *rand.Rand, d Directory, n int) {
	for range n {
		groups := s.groupIDs()
		if len(groups) == 0 {
			s.AddGroup(s.freeTitle(rng), "")
			continue
		}
		group := groups[rng.IntN(len(groups))]
		switch rng.IntN(10) {
		case 0:
			s.AddGroup(s.freeTitle(rng), "")
		case 1:
			s.RemoveGroup(group)
		case 2:
			s.RenameGroup(group, s.freeTitle(rng))
		case 3, 4, 5:
			s.removeAny(rng, group)
		default:
			s.addAny(rng, d, group)
		}
	}
}

func (s *Site) groupIDs() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.groups))
}

// freeTitle draws the title of no group. Titles hold what is awkward in addresses and filters.
func (s *Site) freeTitle(rng *rand.Rand) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{"Team Site Members", "Owner's Circle", "Übersicht & Plan", "100 % + more", "R/D \\ \"lab\""}
	for {
		title := fmt.Sprintf("%s %d", names[rng.IntN(len(names))], rng.IntN(1_000_000))
		if !s.taken(title) {
			return title
		}
	}
}

func (s *Site) addAny(rng *rand.Rand, d Directory, group int) {
	kind := User
	if rng.IntN(3) == 0 {
		kind = Kinds[rng.IntN(len(Kinds))]
	}
	object := fmt.Sprintf("somebody%d@example.com", rng.IntN(1000))
	switch kind {
	case User:
		if len(d.Users) > 0 {
			object = d.Users[rng.IntN(len(d.Users))]
		}
	case SecurityGroup, GroupMembers, GroupOwners:
		if object = guid(rng); len(d.Groups) > 0 {
			object = d.Groups[rng.IntN(len(d.Groups))]
		}
	case WindowsUser:
		object = fmt.Sprintf(`CORP\somebody%d`, rng.IntN(1000))
	case WindowsGroup:
		object = fmt.Sprintf("s-1-5-21-1004336348-1177238915-682003330-%d", rng.IntN(1000))
	}
	s.AddMember(group, kind, object)
}

func (s *Site) removeAny(rng *rand.Rand, group int) {
	s.mu.Lock()
	var members []int
	if g := s.groups[group]; g != nil {
		members = slices.Sorted(maps.Keys(g.members))
	}
	s.mu.Unlock()
	if len(members) > 0 {
		s.RemoveMember(group, members[rng.IntN(len(members))])
	}
}
