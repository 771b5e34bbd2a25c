package links

import (
	"maps"
	"slices"
)

// Edit makes the next graph.
type Edit struct {
	g          *Graph
	identities writer[[1 << identityBits]Identity]
	walked     writer[walked]
	down       listsWriter
	up         listsWriter
	byID       indexWriter
	byUID      indexWriter
	names      indexWriter
	aliases    aliasWriter
	mergers    bool // g.into and g.merged are this version's own
	counted    bool // so is g.census
}

// Edit begins the next graph.
func (g *Graph) Edit() *Edit {
	fresh := *g
	g = &fresh
	return &Edit{
		g: g, identities: g.identities.writer(), walked: g.walked.writer(), down: g.down.writer(), up: g.up.writer(),
		byID:    g.byID.writer(func(place int32) uint64 { return hashID(g.idAt(place)) }),
		byUID:   g.byUID.writer(func(place int32) uint64 { return hashUID(g.at(place).UID) }),
		names:   g.names.writer(func(place int32) uint64 { return g.at(place).Name[0] }),
		aliases: g.aliases.writer(),
	}
}

// Graph ends the edit and returns the graph that it made.
func (e *Edit) Graph() *Graph { return e.g }

// Put adds an identity or changes what is known of it. A tombstone loses its names, its links and its mergers. A group
// that is merged into another has to be put after it.
func (e *Edit) Put(n Node) {
	if n.Status == Deleted {
		n.Aliases, n.MergedInto = nil, 0
	}
	place, known := e.g.placeOf(n.ID)
	var old Identity
	if known {
		old = *e.g.at(place)
		if n.Status == Deleted {
			e.unlinkAll(place)
		}
	} else {
		place = e.grow(n.ID)
	}
	// While the indexes are written, the identity stands under its old keys, and then under its new ones.
	renamed := !known || old.Name != n.Name || (old.Status == Deleted) != (n.Status == Deleted)
	if known && renamed && old.Status != Deleted {
		e.names.remove(old.Name[0], place)
	}
	e.aliases.drop(old.aliases)
	n.aliases = 0
	for _, key := range n.Aliases {
		n.aliases = e.aliases.add(n.aliases, place, key)
	}
	e.identities.write(place >> identityBits)[place&identityMask] = n.Identity
	if t := traitOf(&n.Identity); !known || t != traitOf(&old) {
		e.recount(&old, &n.Identity)
		page := e.walked.write(place >> walkedBits)
		page.ids[place&walkedMask], page.traits[place&walkedMask] = n.ID, t
	}
	if !known {
		e.byID.add(hashID(n.ID), place)
		e.byUID.add(hashUID(n.UID), place)
	}
	if renamed && n.Status != Deleted {
		e.names.put(n.Name[0], place, func(other int32) bool { return e.g.at(other).Name == n.Name })
	}
	if into := e.g.into[place]; into != n.MergedInto {
		e.remerge(place, into, n.MergedInto)
	}
}

// Drop forgets identities, all that is known of them. Their places stay empty for as long as the graph is edited.
func (e *Edit) Drop(ids ...int64) {
	for _, id := range ids {
		place, ok := e.g.placeOf(id)
		if !ok {
			continue
		}
		uid := e.g.at(place).UID
		e.Put(Node{Identity: Identity{ID: id, UID: uid, Status: Deleted}})
		e.byID.remove(hashID(id), place)
		e.byUID.remove(hashUID(uid), place)
		e.walked.write(place >> walkedBits).traits[place&walkedMask] = 0 // no status: in no list
		e.recount(e.g.at(place), &Identity{})
		e.g.dropped++
	}
}

// grow draws the place of an identity.
func (e *Edit) grow(id int64) int32 {
	place := int32(e.g.n)
	e.g.n++
	if place > 0 && e.g.idAt(place-1) > id {
		e.g.ordered = false
	}
	return place
}

// remerge moves an identity from one survivor to another.
func (e *Edit) remerge(place int32, from, into int64) {
	g := e.g
	if !e.mergers {
		g.merged, g.into, e.mergers = cloned(g.merged), cloned(g.into), true
	}
	if survivor, ok := g.placeOf(from); ok && has(g.merged[survivor], place) {
		if rest := without(g.merged[survivor], []int32{place}); len(rest) > 0 {
			g.merged[survivor] = rest
		} else {
			delete(g.merged, survivor)
		}
	}
	if into == 0 {
		delete(g.into, place)
		return
	}
	g.into[place] = into
	if survivor, ok := g.placeOf(into); ok && !has(g.merged[survivor], place) {
		g.merged[survivor] = with(g.merged[survivor], []int32{place})
	}
}

// cloned is a copy to be written.
func cloned[V any](m map[int32]V) map[int32]V {
	if m == nil {
		return map[int32]V{}
	}
	return maps.Clone(m)
}

// Link makes identities members of a container, all by their store's keys; what is unknown or linked is left alone.
func (e *Edit) Link(container int64, members ...int64) {
	c, list, ok := e.linked(container)
	if !ok {
		return
	}
	fresh := e.places(members, func(place int32) bool { return !list.has(place) })
	if len(fresh) == 0 {
		return
	}
	e.down.set(c, list.with(fresh))
	for _, m := range fresh {
		e.up.set(m, e.up.of(m).with([]int32{c}))
	}
	e.g.edges += len(fresh)
}

// Unlink takes members out of a container.
func (e *Edit) Unlink(container int64, members ...int64) {
	c, list, ok := e.linked(container)
	if !ok {
		return
	}
	gone := e.places(members, list.has)
	if len(gone) == 0 {
		return
	}
	e.down.set(c, list.without(gone))
	for _, m := range gone {
		e.up.set(m, e.up.of(m).without([]int32{c}))
	}
	e.g.edges -= len(gone)
}

// linked returns the place of a container and its members.
func (e *Edit) linked(container int64) (place int32, members list, ok bool) {
	if place, ok = e.g.placeOf(container); ok {
		members = e.down.of(place)
	}
	return place, members, ok
}

// places are the places of those identities that are wanted, sorted.
func (e *Edit) places(ids []int64, wanted func(place int32) bool) []int32 {
	out := make([]int32, 0, len(ids))
	for _, id := range ids {
		if place, ok := e.g.placeOf(id); ok && wanted(place) {
			out = append(out, place)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unlinkAll takes an identity out of everything and everything out of it.
func (e *Edit) unlinkAll(place int32) {
	one := []int32{place}
	members := e.down.of(place).flat()
	for _, m := range members {
		e.up.set(m, e.up.of(m).without(one))
	}
	e.down.set(place, list{})
	containers := e.up.of(place).flat() // without itself, where it was a member of itself
	for _, c := range containers {
		e.down.set(c, e.down.of(c).without(one))
	}
	e.up.set(place, list{})
	e.g.edges -= len(members) + len(containers)
}
