// Package links keeps the membership graph in memory and answers questions about it: who is in a container, what
// contains an identity, whether and by which path one is in the other.
//
// A [Graph] never changes: an [Edit] makes the next one, which shares with it what did not change. Readers hold one
// graph for as long as they like and take no locks.
//
// Nearly all of it is arrays of numbers without pointers, in pages: some 130 bytes an identity with five memberships,
// which the garbage collector does not look through.
package links

import (
	"hash/maphash"
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

// Identity is an identity as far as the graph knows it.
type Identity struct {
	// ID is the store's key.
	ID int64
	// UID is the public id.
	UID [16]byte
	// Name is the folded FQN, as the index holds it.
	Name     Key
	Instance int64
	// Version is the version of the row that the graph knows.
	Version int64
	Kind    Kind
	Status  Status
	aliases int32 // the number of the first alias plus one
}

// Node is an identity with what only few have, as it is put into a graph.
type Node struct {
	Identity
	// Aliases are the folded former FQNs.
	Aliases []Key
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

// How many identities a page has.
const (
	identityBits = 6
	identityMask = 1<<identityBits - 1
	walkedBits   = 9
	walkedMask   = 1<<walkedBits - 1
)

// Graph is one state of the membership graph. Identities have places, int32 numbers from 0, in the order of their ids
// for as long as identities arrive in that order; lists of places are sorted.
type Graph struct {
	n          int
	identities pages[[1 << identityBits]Identity]
	walked     pages[walked]
	down       lists // members of a container
	up         lists // containers of a member

	byID  index
	byUID index
	names index // live names
	aliases

	into   map[int32]int64   // the MergedInto of a place
	merged map[int32][]int32 // the places that were merged into one
	// ordered says that places are in the order of ids.
	ordered bool
	edges   int
	dropped int // empty places
	census  census
}

// walked is a page of what walks ask of every identity that they come past, so that they touch little memory.
type walked struct {
	ids    [1 << walkedBits]int64
	traits [1 << walkedBits]trait
}

// trait is a status and, from the third bit on, a kind.
type trait uint8

const kindShift = 3

func traitOf(i *Identity) trait { return trait(i.Kind)<<kindShift | trait(i.Status) }

func (t trait) status() Status { return Status(t & (1<<kindShift - 1)) }

func (t trait) kind() Kind { return Kind(t >> kindShift) }

// Empty returns a graph of nothing that expects about n identities.
func Empty(n int) *Graph {
	e := (&Graph{ordered: true}).Edit()
	for _, x := range []*indexWriter{&e.byID, &e.byUID, &e.names} {
		x.reserve(n)
	}
	return e.Graph()
}

// Len is the number of identities, tombstones included.
func (g *Graph) Len() int { return g.n - g.dropped }

// Edges is the number of membership links.
func (g *Graph) Edges() int { return g.edges }

// ByID finds an identity by the store's key; nil where the graph does not know it. It is to be read only.
func (g *Graph) ByID(id int64) *Identity { return g.found(g.placeOf(id)) }

// ByUID finds an identity by its public id.
func (g *Graph) ByUID(uid [16]byte) *Identity { return g.found(g.placeOfUID(uid)) }

// ByName finds the live identity that a folded FQN names, or is an alias of; tombstones have no names here.
func (g *Graph) ByName(folded string) *Identity {
	key := KeyOf(folded)
	if place, ok := g.placeOfName(key); ok {
		return g.at(place)
	}
	return g.found(g.placeOfAlias(key))
}

func (g *Graph) found(place int32, ok bool) *Identity {
	if !ok {
		return nil
	}
	return g.at(place)
}

// at returns the identity at a place.
func (g *Graph) at(place int32) *Identity {
	return &g.identities.at(place >> identityBits)[place&identityMask]
}

func (g *Graph) idAt(place int32) int64 {
	return g.walked.at(place >> walkedBits).ids[place&walkedMask]
}

func (g *Graph) traitAt(place int32) trait {
	return g.walked.at(place >> walkedBits).traits[place&walkedMask]
}

// walkedOf returns the ids and the traits of the 64 places from 64*w on.
func (g *Graph) walkedOf(w int32) ([]int64, []trait) {
	page, from := g.walked.at(w<<6>>walkedBits), w<<6&walkedMask
	return page.ids[from : from+64], page.traits[from : from+64]
}

func (g *Graph) placeOf(id int64) (int32, bool) {
	return g.byID.get(hashID(id), func(place int32) bool { return g.idAt(place) == id })
}

func (g *Graph) placeOfUID(uid [16]byte) (int32, bool) {
	return g.byUID.get(hashUID(uid), func(place int32) bool { return g.at(place).UID == uid })
}

func (g *Graph) placeOfName(key Key) (int32, bool) {
	return g.names.get(key[0], func(place int32) bool { return g.at(place).Name == key })
}

// hashID spreads ids, which nobody outside chooses.
func hashID(id int64) uint64 { return uint64(id) * 0x9e3779b97f4a7c15 } // 2^64 over the golden ratio

var uidSeed = maphash.MakeSeed()

func hashUID(uid [16]byte) uint64 { return maphash.Bytes(uidSeed, uid[:]) }
