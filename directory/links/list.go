package links

import "slices"

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
	if t.status()&f.Status == 0 || len(f.Kinds) > 0 && !slices.Contains(f.Kinds, t.kind()) {
		return false
	}
	return f.Instances == nil || f.Instances[g.at(place).Instance]
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

// CountAll counts the identities that pass a filter.
func (g *Graph) CountAll(f Filter) int {
	count := 0
	for place := range g.n {
		if f.lists(g, int32(place)) {
			count++
		}
	}
	return count
}
