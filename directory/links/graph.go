// Package links keeps the membership graph in memory and answers questions about it: who is in a container, what
// contains an identity, whether and by which path one is in the other.
//
// A [Graph] never changes: an [Edit] makes the next one, which shares with it what did not change. Readers hold one
// graph for as long as they like and take no locks.
package links

import (
	"hash/maphash"
	"slices"
)

// Kind tells users from containers.
type Kind uint8

// The kinds. None stands for any kind in questions.
const (
	None Kind = iota
	User
	Group
	Role
)

// Status is a status as a bit, so that a set of them is a mask.
type Status uint8

// The statuses.
const (
	Active Status = 1 << iota
	Disabled
	Deleted
)

// Node is an identity as far as the graph knows it.
type Node struct {
	// ID is the store's key.
	ID int64
	// UID is the public id.
	UID [16]byte
	// Name is the folded FQN and Aliases the folded former ones, as the index holds them.
	Name     Key
	Aliases  []Key
	Kind     Kind
	Status   Status
	Instance int64
	// Version is the version of the row that the graph knows.
	Version int64
	// MergedInto is the ID of the group that this one is nested in by policy; 0 for none.
	MergedInto int64
}

// Key is a folded name as the indexes hold it: 128 bits of a hash whose seeds nobody outside of the process knows.
type Key [2]uint64

var keySeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// KeyOf returns the key of a folded name.
func KeyOf(folded string) Key {
	return Key{maphash.String(keySeeds[0], folded), maphash.String(keySeeds[1], folded)}
}

// Graph is one state of the membership graph. Identities have places, int32 numbers from 0, in the order of their ids
// for as long as identities arrive in that order; lists of places are sorted.
type Graph struct {
	nodes  paged[Node]
	down   paged[[]int32] // members of a container
	up     paged[[]int32] // containers of a member
	merged map[int32][]int32
	byID   *index[int64]
	byUID  *index[[16]byte]
	names  *index[Key] // live names
	former *index[Key] // aliases
	// ordered says that places are in the order of ids.
	ordered bool
	edges   int
}

// Empty returns a graph of nothing that expects about n identities.
func Empty(n int) *Graph {
	return &Graph{
		merged: map[int32][]int32{}, ordered: true,
		byID: newIndex[int64](n), byUID: newIndex[[16]byte](n), names: newIndex[Key](n), former: newIndex[Key](0),
	}
}

// Len is the number of identities, tombstones included; Edges the number of membership links.
func (g *Graph) Len() int { return g.nodes.len() }

// Edges is the number of membership links.
func (g *Graph) Edges() int { return g.edges }

// ByID finds an identity by the store's key; nil where the graph does not know it. The node is to be read only.
func (g *Graph) ByID(id int64) *Node { return g.find(g.byID.get(id)) }

// ByUID finds an identity by its public id.
func (g *Graph) ByUID(uid [16]byte) *Node { return g.find(g.byUID.get(uid)) }

// ByName finds the live identity that a folded FQN names, or is an alias of; tombstones have no names here.
func (g *Graph) ByName(folded string) *Node {
	key := KeyOf(folded)
	if n := g.find(g.names.get(key)); n != nil {
		return n
	}
	return g.find(g.former.get(key))
}

func (g *Graph) find(place int32, ok bool) *Node {
	if !ok {
		return nil
	}
	return g.nodes.at(place)
}

// has reports whether a sorted list of places holds one.
func has(list []int32, place int32) bool {
	_, ok := slices.BinarySearch(list, place)
	return ok
}
