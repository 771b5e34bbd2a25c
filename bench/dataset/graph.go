package dataset

import "math/bits"

// Expander walks the nestings of a data set. One serves one goroutine.
type Expander struct {
	data  *Data
	up    *Containers
	users []uint64 // bits of the users found
	seen  []uint64 // bits of the groups found
	queue []int32
}

// Containers are the groups that users and groups are directly in.
type Containers struct{ OfUser, OfGroup [][]int32 }

// NewContainers turns the data set's links around.
func NewContainers(d *Data) *Containers {
	c := &Containers{OfUser: make([][]int32, len(d.Users)), OfGroup: make([][]int32, len(d.Groups))}
	for g := range d.Groups {
		for _, u := range d.Groups[g].Users {
			c.OfUser[u] = append(c.OfUser[u], int32(g))
		}
		for _, child := range d.Groups[g].Groups {
			c.OfGroup[child] = append(c.OfGroup[child], int32(g))
		}
	}
	return c
}

// NewExpander returns an expander. Containers may be nil where only members are asked for.
func NewExpander(d *Data, up *Containers) *Expander {
	return &Expander{data: d, up: up, users: make([]uint64, len(d.Users)/64+1), seen: make([]uint64, len(d.Groups)/64+1)}
}

// Members appends the users who are effectively in a group, in order, and returns how many there are; at most first of
// them are appended.
func (e *Expander) Members(into []int32, group, first int) ([]int32, int) {
	mark(e.seen, int32(group))
	e.queue = append(e.queue[:0], int32(group))
	for i := 0; i < len(e.queue); i++ {
		g := &e.data.Groups[e.queue[i]]
		for _, u := range g.Users {
			e.users[u>>6] |= 1 << (u & 63)
		}
		for _, child := range g.Groups {
			if mark(e.seen, child) {
				e.queue = append(e.queue, child)
			}
		}
	}
	for _, g := range e.queue {
		e.seen[g>>6] = 0
	}
	return drain(e.users, into, first)
}

// Principals appends the groups that a user is effectively in, in order.
func (e *Expander) Principals(into []int32, user int) []int32 {
	e.queue = e.queue[:0]
	for _, g := range e.up.OfUser[user] {
		mark(e.seen, g)
		e.queue = append(e.queue, g)
	}
	for i := 0; i < len(e.queue); i++ {
		for _, parent := range e.up.OfGroup[e.queue[i]] {
			if mark(e.seen, parent) {
				e.queue = append(e.queue, parent)
			}
		}
	}
	into, _ = drain(e.seen, into, len(e.queue))
	return into
}

// mark sets a bit and reports whether it was unset.
func mark(set []uint64, i int32) bool {
	word, bit := &set[i>>6], uint64(1)<<(i&63)
	unset := *word&bit == 0
	*word |= bit
	return unset
}

// drain empties a set into a list of at most first, and counts it.
func drain(set []uint64, into []int32, first int) ([]int32, int) {
	n := 0
	for w, word := range set {
		if word == 0 {
			continue
		}
		set[w] = 0
		for ; word != 0; word &= word - 1 {
			if n < first {
				into = append(into, int32(w<<6|bits.TrailingZeros64(word)))
			}
			n++
		}
	}
	return into, n
}
