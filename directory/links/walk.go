package links

import (
	"math/bits"
	"slices"
	"sync"
)

// Question asks which identities are linked to one: its members (Up false) or its containers (Up true).
//
// What is listed has a status of the mask Status. A path leads to it over containers, the one asked about included,
// that are active or have a status of the mask: a disabled container passes nothing on unless it is asked for. Effective
// follows paths of any length, and merged groups into their survivors; else only stored edges count. Kind narrows what
// is listed, not what is followed.
type Question struct {
	Of        int64
	Up        bool
	Effective bool
	Kind      Kind
	Status    Status
}

// passes reports whether a path may lead over a container of a status.
func (q *Question) passes(s Status) bool { return s&(q.Status|Active) != 0 }

// lists reports whether an identity is part of the answer where a path leads to it.
func (q *Question) lists(n *Node) bool {
	return n.Status&q.Status != 0 && (q.Kind == None || n.Kind == q.Kind)
}

// scratch is what one walk needs, reused by the next.
type scratch struct {
	seen  []uint64 // a bit for each place
	stack []int32
	steps []step
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func borrow(n int) *scratch {
	s := scratches.Get().(*scratch)
	if words := (n + 63) / 64; len(s.seen) < words {
		s.seen = make([]uint64, words+words/8+1)
	}
	return s
}

// giveBack clears what a walk over n places may have marked.
func (s *scratch) giveBack(n int) {
	clear(s.seen[:(n+63)/64])
	s.stack, s.steps = s.stack[:0], s.steps[:0]
	scratches.Put(s)
}

// mark marks a place and reports whether it was new.
func (s *scratch) mark(place int32) bool {
	word, bit := place>>6, uint64(1)<<(place&63)
	if s.seen[word]&bit != 0 {
		return false
	}
	s.seen[word] |= bit
	return true
}

// Linked is one answer: an identity and whether a stored edge links it, beside any longer path.
type Linked struct {
	ID     int64
	Direct bool
}

// Page appends to out the answers after an id, in id order, at most first of them (0: all).
func (g *Graph) Page(q Question, after int64, first int, out []Linked) []Linked {
	root, ok := g.start(q)
	if !ok {
		return out
	}
	direct := *g.adjacent(q.Up).at(root)
	if !q.Effective {
		return g.pageOf(direct, q, after, first, out)
	}
	s := borrow(g.Len())
	defer s.giveBack(g.Len())
	g.close(s, root, q)
	if !g.ordered {
		return g.sortedPage(s, direct, q, after, first, out)
	}
	from := int32(0)
	if after > 0 {
		from = g.placeAfter(after)
	}
	g.eachMarked(s, from, func(place int32) bool {
		n := g.nodes.at(place)
		if !q.lists(n) {
			return true
		}
		for len(direct) > 0 && direct[0] < place {
			direct = direct[1:]
		}
		out = append(out, Linked{ID: n.ID, Direct: len(direct) > 0 && direct[0] == place})
		return first == 0 || len(out) < first
	})
	return out
}

// Count counts the answers.
func (g *Graph) Count(q Question) int {
	root, ok := g.start(q)
	if !ok {
		return 0
	}
	count := 0
	counts := func(place int32) bool {
		if q.lists(g.nodes.at(place)) {
			count++
		}
		return true
	}
	if !q.Effective {
		for _, place := range *g.adjacent(q.Up).at(root) {
			counts(place)
		}
		return count
	}
	s := borrow(g.Len())
	defer s.giveBack(g.Len())
	g.close(s, root, q)
	g.eachMarked(s, 0, counts)
	return count
}

// start finds where a walk begins. Whoever asks for the containers of an identity knows its status; a container that
// passes nothing on has no members.
func (g *Graph) start(q Question) (int32, bool) {
	root, ok := g.byID.get(q.Of)
	return root, ok && (q.Up || q.passes(g.nodes.at(root).Status))
}

func (g *Graph) adjacent(up bool) *paged[[]int32] {
	if up {
		return &g.up
	}
	return &g.down
}

// close marks everything that a path from root leads to; root itself only where it is on a cycle.
func (g *Graph) close(s *scratch, root int32, q Question) {
	adjacent := g.adjacent(q.Up)
	s.stack = append(s.stack, root)
	for len(s.stack) > 0 {
		at := s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		g.reach(s, *adjacent.at(at), q)
		if len(g.merged) == 0 {
			continue
		}
		if !q.Up {
			g.reach(s, g.merged[at], q)
		} else if into := g.nodes.at(at).MergedInto; into != 0 {
			if survivor, ok := g.byID.get(into); ok {
				g.reach(s, []int32{survivor}, q)
			}
		}
	}
}

func (g *Graph) reach(s *scratch, list []int32, q Question) {
	for _, next := range list {
		n := g.nodes.at(next)
		if !q.passes(n.Status) || !s.mark(next) {
			continue
		}
		if q.Up || n.Kind != User {
			s.stack = append(s.stack, next)
		}
	}
}

// eachMarked visits marked places from a place on, in order, until visit returns false.
func (g *Graph) eachMarked(s *scratch, from int32, visit func(place int32) bool) {
	words := (g.Len() + 63) / 64
	for w := int(from >> 6); w < words; w++ {
		word := s.seen[w]
		if w == int(from>>6) {
			word &= ^uint64(0) << (from & 63)
		}
		for word != 0 {
			if !visit(int32(w<<6 + bits.TrailingZeros64(word))) {
				return
			}
			word &= word - 1
		}
	}
}

// placeAfter is the first place whose id is beyond after, where places are in the order of ids.
func (g *Graph) placeAfter(after int64) int32 {
	low, high := 0, g.Len()
	for low < high {
		if mid := (low + high) / 2; g.nodes.at(int32(mid)).ID <= after {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return int32(low)
}

// pageOf is a page of a list of stored edges.
func (g *Graph) pageOf(list []int32, q Question, after int64, first int, out []Linked) []Linked {
	if !g.ordered {
		list = slices.Clone(list)
		slices.SortFunc(list, func(a, b int32) int { return int(g.nodes.at(a).ID - g.nodes.at(b).ID) })
	}
	skip, _ := slices.BinarySearchFunc(list, after, func(place int32, id int64) int {
		if g.nodes.at(place).ID <= id {
			return -1
		}
		return 1
	})
	for _, place := range list[skip:] {
		n := g.nodes.at(place)
		if !q.lists(n) {
			continue
		}
		if out = append(out, Linked{ID: n.ID, Direct: true}); first > 0 && len(out) == first {
			break
		}
	}
	return out
}

// sortedPage is a page of a closure where places are not in the order of ids.
func (g *Graph) sortedPage(s *scratch, direct []int32, q Question, after int64, first int, out []Linked) []Linked {
	begin := len(out)
	g.eachMarked(s, 0, func(place int32) bool {
		if n := g.nodes.at(place); n.ID > after && q.lists(n) {
			out = append(out, Linked{ID: n.ID, Direct: has(direct, place)})
		}
		return true
	})
	slices.SortFunc(out[begin:], func(a, b Linked) int { return int(a.ID - b.ID) })
	if first > 0 && len(out)-begin > first {
		out = out[:begin+first]
	}
	return out
}

// step is a container that a search upwards reached, and the step that led to it (-1: the start).
type step struct{ place, from int32 }

// Path appends to out a shortest path of active identities from member to container, both included, of at least one
// edge; it appends nothing where there is none.
func (g *Graph) Path(member, container int64, out []int64) []int64 {
	q := Question{Of: member, Up: true, Effective: true, Status: Active}
	start, okStart := g.start(q)
	target, okTarget := g.byID.get(container)
	if !okStart || !okTarget || g.nodes.at(start).Status != Active || g.nodes.at(target).Status != Active {
		return out
	}
	s := borrow(g.Len())
	defer s.giveBack(g.Len())
	for at, from := start, int32(-1); ; {
		if g.stepUp(s, at, from, target) {
			break
		}
		if from++; int(from) == len(s.steps) {
			return out
		}
		at = s.steps[from].place
	}
	begin := len(out)
	for at := int32(len(s.steps) - 1); at >= 0; at = s.steps[at].from {
		out = append(out, g.nodes.at(s.steps[at].place).ID)
	}
	out = append(out, member)
	slices.Reverse(out[begin:])
	return out
}

// stepUp adds what directly contains a place, in the order of places; it reports whether the target is among it, then
// as the last step.
func (g *Graph) stepUp(s *scratch, at, from, target int32) bool {
	add := func(next int32) bool {
		if g.nodes.at(next).Status != Active || !s.mark(next) {
			return false
		}
		s.steps = append(s.steps, step{next, from})
		return next == target
	}
	for _, next := range *g.up.at(at) {
		if add(next) {
			return true
		}
	}
	if into := g.nodes.at(at).MergedInto; into != 0 {
		if survivor, ok := g.byID.get(into); ok {
			return add(survivor)
		}
	}
	return false
}
