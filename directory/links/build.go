package links

import "slices"

// Builder makes a first graph from all there is: every identity, in the order of ids, and then every container's
// members.
type Builder struct {
	e      *Edit
	merged []Node
	// The members of containers, one after the other, each sorted.
	edges []int32
	spans []span
}

// span is where the members of a container are.
type span struct{ container, from, to int32 }

// Build begins a graph of about n identities.
func Build(n int) *Builder { return &Builder{e: Empty(n).Edit()} }

// Node adds an identity.
func (b *Builder) Node(n Node) {
	if n.MergedInto != 0 { // its survivor may be yet to come
		b.merged = append(b.merged, n)
		n.MergedInto = 0
	}
	b.e.Put(n)
}

// Members adds the members of a container, once for each container; what is unknown is left out.
func (b *Builder) Members(container int64, members []int64) {
	c, ok := b.e.g.placeOf(container)
	if !ok {
		return
	}
	from := len(b.edges)
	for _, member := range members {
		if m, ok := b.e.g.placeOf(member); ok {
			b.edges = append(b.edges, m)
		}
	}
	slices.Sort(b.edges[from:])
	b.edges = b.edges[:from+len(slices.Compact(b.edges[from:]))]
	b.spans = append(b.spans, span{c, int32(from), int32(len(b.edges))})
}

// Graph ends the building.
func (b *Builder) Graph() *Graph {
	for _, n := range b.merged {
		b.e.Put(n)
	}
	e, n := b.e, b.e.g.n
	slices.SortFunc(b.spans, func(x, y span) int { return int(x.container - y.container) })
	lists := make([]int32, 0, len(b.edges))
	ends := make([]int32, n+1)
	up := make([]int32, n+1) // of the containers of each member
	for _, s := range b.spans {
		lists = append(lists, b.edges[s.from:s.to]...)
		ends[s.container+1] = s.to - s.from
		for _, m := range b.edges[s.from:s.to] {
			up[m+1]++
		}
	}
	for i := range n {
		ends[i+1] += ends[i]
		up[i+1] += up[i]
	}
	e.down.fill(lists, ends)
	next := slices.Clone(up)
	for _, s := range b.spans { // in the order of containers, so that each list comes out sorted
		for _, m := range b.edges[s.from:s.to] {
			lists[next[m]] = s.container
			next[m]++
		}
	}
	e.up.fill(lists, up)
	e.g.edges = len(b.edges)
	return e.Graph()
}
