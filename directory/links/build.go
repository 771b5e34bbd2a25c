package links

import "slices"

// Builder makes a first graph from all there is: every identity, in the order of ids, and then every container's
// members.
type Builder struct {
	e       *Edit
	members []membersOf
	edges   int
	merged  []Node
}

type membersOf struct {
	container int32
	members   []int32
}

// Build begins a graph of about n identities.
func Build(n int) *Builder { return &Builder{e: Empty(n).Edit()} }

// Node adds an identity.
func (b *Builder) Node(n Node) {
	b.e.Put(n)
	if n.MergedInto != 0 {
		b.merged = append(b.merged, n)
	}
}

// Members adds the members of a container, once for each container; what is unknown is left out.
func (b *Builder) Members(container int64, members []int64) {
	c, ok := b.e.byID.get(container)
	if !ok {
		return
	}
	places := make([]int32, 0, len(members))
	for _, member := range members {
		if m, ok := b.e.byID.get(member); ok {
			places = append(places, m)
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)
	b.members = append(b.members, membersOf{c, places})
	b.edges += len(places)
}

// Graph ends the building. The lists of all identities lie in two arrays, one for each way.
func (b *Builder) Graph() *Graph {
	for _, n := range b.merged { // every survivor is there now
		b.e.Put(n)
	}
	e, n := b.e, b.e.nodes.len()
	slices.SortFunc(b.members, func(x, y membersOf) int { return int(x.container - y.container) })
	down := make([]int32, 0, b.edges)
	ends := make([]int32, n+1) // of the containers of each member
	for _, list := range b.members {
		from := len(down)
		down = append(down, list.members...)
		*e.down.write(list.container) = down[from:len(down):len(down)]
		for _, m := range list.members {
			ends[m+1]++
		}
	}
	for i := range n {
		ends[i+1] += ends[i]
	}
	up, next := make([]int32, b.edges), slices.Clone(ends)
	for _, list := range b.members { // in the order of containers, so that each list comes out sorted
		for _, m := range list.members {
			up[next[m]] = list.container
			next[m]++
		}
	}
	for i := range int32(n) {
		if ends[i] < ends[i+1] {
			*e.up.write(i) = up[ends[i]:ends[i+1]:ends[i+1]]
		}
	}
	e.g.edges = b.edges
	b.members = nil
	return e.Graph()
}
