package links

import (
	"cmp"
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
	// Within narrows all that is walked to the identities of these instances, the one asked about included, as if there were
	// no others; nil is every instance.
	Within *Instances
}

// sees reports whether a walk that is narrowed to some instances comes to a place.
func (g *Graph) sees(place int32, within *Instances) bool {
	return within == nil || within.Has(g.at(place).Instance)
}

// seen are those of a run that such a walk comes to.
func (g *Graph) seen(run []int32, within *Instances) []int32 {
	if within == nil {
		return run
	}
	var out []int32
	for _, place := range run {
		if g.sees(place, within) {
			out = append(out, place)
		}
	}
	return out
}

// passes reports whether a path may lead over a container of a status.
func (q *Question) passes(s Status) bool { return s&(q.Status|Active) != 0 }

// lists reports whether an identity is part of the answer where a path leads to it.
func (q *Question) lists(t trait) bool {
	return t.status()&q.Status != 0 && (q.Kind == None || t.kind() == q.Kind)
}

// scratch is what one walk needs, reused by the next.
type scratch struct {
	seen  []uint64 // a bit for each place
	words []int32  // the words of seen that have any, in the order in which they came to it
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

// giveBack clears what a walk has marked.
func (s *scratch) giveBack() {
	if s.sparse() {
		for _, w := range s.words {
			s.seen[w] = 0
		}
	} else {
		clear(s.seen)
	}
	s.words, s.stack, s.steps = s.words[:0], s.stack[:0], s.steps[:0]
	scratches.Put(s)
}

// sparse reports whether so little is marked that it is faster to put its words in order than to look for them.
func (s *scratch) sparse() bool { return len(s.words) < len(s.seen)/16 }

// mark marks a place and reports whether it was new.
func (s *scratch) mark(place int32) bool {
	word, bit := &s.seen[place>>6], uint64(1)<<(place&63)
	if *word&bit != 0 {
		return false
	}
	if *word == 0 {
		s.words = append(s.words, place>>6)
	}
	*word |= bit
	return true
}

// marked lists the words that have a mark at a place or after it, in order; word tells them apart from marks before it.
// Word w has the marks of the places from 64*w on.
func (s *scratch) marked(from int32) []int32 {
	if s.sparse() {
		slices.Sort(s.words)
	} else {
		s.words = slices.Grow(s.words[:0], len(s.seen))[:len(s.seen)]
		n := 0
		for w, word := range s.seen {
			s.words[n] = int32(w)
			if word != 0 {
				n++
			}
		}
		s.words = s.words[:n]
	}
	begin, _ := slices.BinarySearch(s.words, from>>6)
	return s.words[begin:]
}

// word is word w without the marks before a place.
func (s *scratch) word(w, from int32) uint64 {
	if w == from>>6 {
		return s.seen[w] &^ (1<<(from&63) - 1)
	}
	return s.seen[w]
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
	direct, full := g.adjacent(q.Up).of(root), len(out)+first
	if !q.Effective {
		return g.pageOf(direct, q, after, first, out)
	}
	s := borrow(g.n)
	defer s.giveBack()
	g.close(s, root, q)
	if !g.ordered {
		return g.sortedPage(s, direct, q, after, first, out)
	}
	from := int32(0)
	if after > 0 {
		from = g.placeAfter(after)
	}
	for _, w := range s.marked(from) {
		ids, traits := g.walkedOf(w)
		for word := s.word(w, from); word != 0; word &= word - 1 {
			i := bits.TrailingZeros64(word)
			if !q.lists(traits[i]) {
				continue
			}
			place := w<<6 + int32(i)
			out = append(out, Linked{ID: ids[i], Direct: direct.skipTo(place)})
			if first > 0 && len(out) == full {
				return out
			}
		}
	}
	return out
}

// Count counts the answers.
func (g *Graph) Count(q Question) int {
	root, ok := g.start(q)
	if !ok {
		return 0
	}
	count := 0
	if !q.Effective {
		for run := range g.adjacent(q.Up).of(root).runs() {
			for _, place := range g.seen(run, q.Within) {
				if q.lists(g.traitAt(place)) {
					count++
				}
			}
		}
		return count
	}
	s := borrow(g.n)
	defer s.giveBack()
	g.close(s, root, q)
	for _, w := range s.marked(0) {
		_, traits := g.walkedOf(w)
		for word := s.seen[w]; word != 0; word &= word - 1 {
			if q.lists(traits[bits.TrailingZeros64(word)]) {
				count++
			}
		}
	}
	return count
}

// start finds where a walk begins. Whoever asks for the containers of an identity knows its status; a container that
// passes nothing on has no members.
func (g *Graph) start(q Question) (int32, bool) {
	root, ok := g.placeOf(q.Of)
	return root, ok && (q.Up || q.passes(g.traitAt(root).status())) && g.sees(root, q.Within)
}

func (g *Graph) adjacent(up bool) *lists {
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
		for run := range adjacent.of(at).runs() {
			g.reach(s, g.seen(run, q.Within), q)
		}
		if len(g.into) == 0 {
			continue
		}
		if !q.Up {
			g.reach(s, g.seen(g.merged[at], q.Within), q)
		} else if survivor, ok := g.survivor(at); ok {
			g.reach(s, g.seen([]int32{survivor}, q.Within), q)
		}
	}
}

// survivor is the place of the group that one is merged into.
func (g *Graph) survivor(place int32) (int32, bool) {
	into, ok := g.into[place]
	if !ok {
		return 0, false
	}
	return g.placeOf(into)
}

func (g *Graph) reach(s *scratch, list []int32, q Question) {
	for _, next := range list {
		t := g.traitAt(next)
		if !q.passes(t.status()) || !s.mark(next) {
			continue
		}
		if q.Up || t.kind() != User {
			s.stack = append(s.stack, next)
		}
	}
}

// placeAfter is the first place whose id is beyond after, where places are in the order of ids.
func (g *Graph) placeAfter(after int64) int32 {
	low, high := 0, g.n
	for low < high {
		if mid := (low + high) / 2; g.idAt(int32(mid)) <= after {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return int32(low)
}

// pageOf is a page of a list of stored edges.
func (g *Graph) pageOf(l list, q Question, after int64, first int, out []Linked) []Linked {
	if !g.ordered {
		places := slices.Clone(l.flat())
		slices.SortFunc(places, func(a, b int32) int { return cmp.Compare(g.idAt(a), g.idAt(b)) })
		l = list{first: places}
	}
	full := len(out) + first
	for run := range l.runs() {
		for _, place := range g.seen(run[g.skipped(run, after):], q.Within) {
			if !q.lists(g.traitAt(place)) {
				continue
			}
			if out = append(out, Linked{ID: g.idAt(place), Direct: true}); first > 0 && len(out) == full {
				return out
			}
		}
	}
	return out
}

// skipped is how many places of a list in the order of ids have none beyond after.
func (g *Graph) skipped(places []int32, after int64) int {
	if len(places) == 0 || g.idAt(places[0]) > after {
		return 0
	}
	n, _ := slices.BinarySearchFunc(places, after, func(place int32, id int64) int {
		if g.idAt(place) <= id {
			return -1
		}
		return 1
	})
	return n
}

// sortedPage is a page of a closure where places are not in the order of ids.
func (g *Graph) sortedPage(s *scratch, direct list, q Question, after int64, first int, out []Linked) []Linked {
	begin := len(out)
	for _, w := range s.marked(0) {
		for word := s.seen[w]; word != 0; word &= word - 1 {
			place := w<<6 + int32(bits.TrailingZeros64(word))
			if id := g.idAt(place); id > after && q.lists(g.traitAt(place)) {
				out = append(out, Linked{ID: id, Direct: direct.has(place)})
			}
		}
	}
	slices.SortFunc(out[begin:], func(a, b Linked) int { return cmp.Compare(a.ID, b.ID) })
	if first > 0 && len(out)-begin > first {
		out = out[:begin+first]
	}
	return out
}

// step is a container that a search upwards reached, and the step that led to it (-1: the start).
type step struct{ place, from int32 }

// Path appends to out a shortest path of active identities from member to container, both included, of at least one
// edge; it appends nothing where there is none. Within is that of [Question].
func (g *Graph) Path(member, container int64, within *Instances, out []int64) []int64 {
	q := Question{Of: member, Up: true, Effective: true, Status: Active, Within: within}
	start, okStart := g.start(q)
	target, okTarget := g.placeOf(container)
	if !okStart || !okTarget || g.traitAt(start).status() != Active || g.traitAt(target).status() != Active {
		return out
	}
	s := borrow(g.n)
	defer s.giveBack()
	for at, from := start, int32(-1); ; {
		if g.stepUp(s, at, from, target, within) {
			break
		}
		if from++; int(from) == len(s.steps) {
			return out
		}
		at = s.steps[from].place
	}
	begin := len(out)
	for at := int32(len(s.steps) - 1); at >= 0; at = s.steps[at].from {
		out = append(out, g.idAt(s.steps[at].place))
	}
	out = append(out, member)
	slices.Reverse(out[begin:])
	return out
}

// stepUp adds what directly contains a place, in the order of places; it reports whether the target is among it, then
// as the last step.
func (g *Graph) stepUp(s *scratch, at, from, target int32, within *Instances) bool {
	add := func(next int32) bool {
		if g.traitAt(next).status() != Active || !s.mark(next) {
			return false
		}
		s.steps = append(s.steps, step{next, from})
		return next == target
	}
	for run := range g.up.of(at).runs() {
		if slices.ContainsFunc(g.seen(run, within), add) {
			return true
		}
	}
	if survivor, ok := g.survivor(at); ok && g.sees(survivor, within) {
		return add(survivor)
	}
	return false
}
