package links

import "slices"

// Edit makes the next graph.
type Edit struct {
	g      Graph
	nodes  pagedEdit[Node]
	down   pagedEdit[[]int32]
	up     pagedEdit[[]int32]
	byID   indexEdit[int64]
	byUID  indexEdit[[16]byte]
	names  indexEdit[Key]
	former indexEdit[Key]
	merged bool // merged is this version's own
}

// Edit begins the next graph.
func (g *Graph) Edit() *Edit {
	return &Edit{
		g: *g, nodes: g.nodes.edit(), down: g.down.edit(), up: g.up.edit(),
		byID: g.byID.edit(), byUID: g.byUID.edit(), names: g.names.edit(), former: g.former.edit(),
	}
}

// Graph ends the edit and returns the graph that it made.
func (e *Edit) Graph() *Graph {
	g := e.g
	g.nodes, g.down, g.up = e.nodes.paged, e.down.paged, e.up.paged
	g.byID, g.byUID, g.names, g.former = e.byID.index, e.byUID.index, e.names.index, e.former.index
	return &g
}

// Put adds an identity or changes what is known of it. A tombstone loses its names, its links and its mergers. A group
// that is merged into another has to be put after it.
func (e *Edit) Put(n Node) {
	place, known := e.byID.get(n.ID)
	if known {
		e.forget(place)
	} else {
		place = e.grow(n.ID)
	}
	if n.Status == Deleted {
		n.Aliases = nil
		e.unlinkAll(place)
		n.MergedInto = 0
	}
	old := e.nodes.at(place).MergedInto
	*e.nodes.write(place) = n
	e.byID.put(n.ID, place)
	e.byUID.put(n.UID, place)
	if n.Status != Deleted {
		e.names.put(n.Name, place)
	}
	for _, key := range n.Aliases {
		e.former.put(key, place)
	}
	if old != 0 || n.MergedInto != 0 {
		e.remerge(place, old, n.MergedInto)
	}
}

// forget drops the names of an identity.
func (e *Edit) forget(place int32) {
	old := e.nodes.at(place)
	e.names.remove(old.Name, place)
	for _, key := range old.Aliases {
		e.former.remove(key, place)
	}
}

func (e *Edit) grow(id int64) int32 {
	place := e.nodes.grow()
	e.down.grow()
	e.up.grow()
	if place > 0 && e.nodes.at(place-1).ID > id {
		e.g.ordered = false
	}
	return place
}

// remerge moves an identity from one survivor to another.
func (e *Edit) remerge(place int32, from, into int64) {
	if !e.merged {
		fresh := make(map[int32][]int32, len(e.g.merged)+1)
		for k, v := range e.g.merged {
			fresh[k] = v
		}
		e.g.merged, e.merged = fresh, true
	}
	if survivor, ok := e.byID.get(from); ok && from != 0 {
		if rest := without(e.g.merged[survivor], place); len(rest) > 0 {
			e.g.merged[survivor] = rest
		} else {
			delete(e.g.merged, survivor)
		}
	}
	if survivor, ok := e.byID.get(into); ok && into != 0 {
		if !has(e.g.merged[survivor], place) {
			e.g.merged[survivor] = with(e.g.merged[survivor], []int32{place})
		}
	}
}

// Link makes identities members of a container, all by their store's keys; what is unknown or linked is left alone.
func (e *Edit) Link(container int64, members ...int64) {
	c, ok := e.byID.get(container)
	if !ok {
		return
	}
	fresh := make([]int32, 0, len(members))
	for _, member := range members {
		if m, ok := e.byID.get(member); ok && !has(*e.down.at(c), m) {
			fresh = append(fresh, m)
		}
	}
	slices.Sort(fresh)
	fresh = slices.Compact(fresh)
	if len(fresh) == 0 {
		return
	}
	*e.down.write(c) = with(*e.down.at(c), fresh)
	for _, m := range fresh {
		*e.up.write(m) = with(*e.up.at(m), []int32{c})
	}
	e.g.edges += len(fresh)
}

// Unlink takes members out of a container.
func (e *Edit) Unlink(container int64, members ...int64) {
	c, ok := e.byID.get(container)
	if !ok {
		return
	}
	for _, member := range members {
		if m, ok := e.byID.get(member); ok {
			e.unlink(c, m)
		}
	}
}

func (e *Edit) unlink(c, m int32) {
	if !has(*e.down.at(c), m) {
		return
	}
	*e.down.write(c) = without(*e.down.at(c), m)
	*e.up.write(m) = without(*e.up.at(m), c)
	e.g.edges--
}

func (e *Edit) unlinkAll(place int32) {
	for _, m := range slices.Clone(*e.down.at(place)) {
		e.unlink(place, m)
	}
	for _, c := range slices.Clone(*e.up.at(place)) {
		e.unlink(c, place)
	}
}

// with returns a merged copy of two sorted lists that share nothing.
func with(list, fresh []int32) []int32 {
	out := make([]int32, 0, len(list)+len(fresh))
	for _, place := range fresh {
		at, _ := slices.BinarySearch(list, place)
		out = append(append(out, list[:at]...), place)
		list = list[at:]
	}
	return append(out, list...)
}

// without returns a copy of a sorted list that does not hold a place; nil where it is empty.
func without(list []int32, place int32) []int32 {
	at, found := slices.BinarySearch(list, place)
	if !found {
		return list
	}
	if len(list) == 1 {
		return nil
	}
	return append(append(make([]int32, 0, len(list)-1), list[:at]...), list[at+1:]...)
}
