package links

import (
	"maps"
	"slices"
)

// Filter narrows a list of identities by what the graph knows of each.
type Filter struct {
	// Kinds are those to list; none is any.
	Kinds []Kind
	// Status is a mask.
	Status Status
	// Instances are those to list, nil for any.
	Instances map[int64]bool
}

// lists reports whether what stands at a place passes.
func (f *Filter) lists(g *Graph, place int32) bool {
	t := g.traitAt(place)
	return f.passesTrait(t) && (f.Instances == nil || f.Instances[g.at(place).Instance])
}

func (f *Filter) passesTrait(t trait) bool {
	return t.status()&f.Status != 0 && (len(f.Kinds) == 0 || slices.Contains(f.Kinds, t.kind()))
}

// List appends to out the ids after an id that pass a filter, in their order, at most first of them. It looks at no more
// than most identities; whole is false where that was not enough, or where places are not in the order of ids: what it
// returns then is no answer.
func (g *Graph) List(f Filter, after int64, first, most int, out []int64) (ids []int64, whole bool) {
	if !g.ordered {
		return out, false
	}
	from := 0
	if after > 0 {
		from = int(g.placeAfter(after))
	}
	for place := from; place < g.n; place++ {
		if place-from == most {
			return out, false
		}
		if f.lists(g, int32(place)) {
			if out = append(out, g.idAt(int32(place))); len(out) == first {
				break
			}
		}
	}
	return out, true
}

// Nth is the id of the n-th identity, from 1, that passes a filter. It reports false where there are fewer, or where places
// are not in the order of ids.
func (g *Graph) Nth(f Filter, n int) (id int64, ok bool) {
	if !g.ordered {
		return 0, false
	}
	for place := range g.n {
		if f.lists(g, int32(place)) {
			if n--; n == 0 {
				return g.idAt(int32(place)), true
			}
		}
	}
	return 0, false
}

// CountAll counts the identities that pass a filter. It takes a time that depends on the number of instances alone.
func (g *Graph) CountAll(f Filter) int {
	count := 0
	for class, n := range g.census {
		if f.passesTrait(class.trait) && (f.Instances == nil || f.Instances[class.instance]) {
			count += n
		}
	}
	return count
}

// census is how many identities there are of each class.
type census map[class]int

// class is what a [Filter] tells identities apart by.
type class struct {
	instance int64
	trait    trait
}

// recount moves an identity from its old class to its new one. The zero Identity is of none.
func (e *Edit) recount(old, now *Identity) {
	if !e.counted {
		fresh := make(census, len(e.g.census)+1)
		maps.Copy(fresh, e.g.census)
		e.g.census, e.counted = fresh, true
	}
	e.g.census.add(old, -1)
	e.g.census.add(now, 1)
}

func (c census) add(i *Identity, n int) {
	if i.Status == 0 {
		return
	}
	of := class{i.Instance, traitOf(i)}
	if c[of] += n; c[of] == 0 {
		delete(c, of)
	}
}
