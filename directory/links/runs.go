package links

import (
	"iter"
	"slices"
)

// maxRun is how long a run of a list may be. Two neighbours are together longer than half of it.
const maxRun = 1 << 10

// list is a sorted list of places in runs, none of them empty. A new version shares with the one before it every run that
// did not change: of a list of 50,000 a new member copies one run.
type list struct {
	first []int32
	more  [][]int32 // only of a list longer than a run
}

// listOf is the list of what is sorted already. It keeps no hold of what it is given.
func listOf(places []int32) list {
	var l list
	for run := range slices.Chunk(places, maxRun/2+1) {
		l.add(slices.Clone(run))
	}
	return l
}

func (l list) len() int {
	n := len(l.first)
	for _, run := range l.more {
		n += len(run)
	}
	return n
}

// runs are the parts of the list, in order.
func (l list) runs() iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		if len(l.first) == 0 || !yield(l.first) {
			return
		}
		for _, run := range l.more {
			if !yield(run) {
				return
			}
		}
	}
}

// flat is the list in one piece, to be read only.
func (l list) flat() []int32 {
	if len(l.more) == 0 {
		return l.first
	}
	return slices.Concat(append([][]int32{l.first}, l.more...)...)
}

// has reports whether the list holds a place.
func (l list) has(place int32) bool {
	if len(l.more) == 0 || place < l.more[0][0] {
		return has(l.first, place)
	}
	i, begins := slices.BinarySearchFunc(l.more, place, func(run []int32, place int32) int { return int(run[0] - place) })
	return begins || has(l.more[i-1], place)
}

// skipTo drops what comes before a place, and reports whether the list holds that.
func (l *list) skipTo(place int32) bool {
	for len(l.first) > 0 {
		for i, at := range l.first {
			if at >= place {
				l.first = l.first[i:]
				return at == place
			}
		}
		if l.first = nil; len(l.more) > 0 {
			l.first, l.more = l.more[0], l.more[1:]
		}
	}
	return false
}

// with returns the list with fresh places, sorted, none of which it holds.
func (l list) with(fresh []int32) list {
	return l.edited(fresh, with)
}

// without returns the list without some of its places, sorted.
func (l list) without(gone []int32) list {
	return l.edited(gone, without)
}

// edited makes a new version, with each run edited by those of the places that belong to it.
func (l list) edited(places []int32, edit func(run, places []int32) []int32) list {
	var out list
	if len(l.more) > 0 {
		out.more = make([][]int32, 0, len(l.more)+1)
	}
	own := func(run []int32, next int) []int32 {
		end := len(places)
		if next < len(l.more) {
			end, _ = slices.BinarySearch(places, l.more[next][0])
		}
		if end > 0 {
			run = edit(run, places[:end])
			places = places[end:]
		}
		return run
	}
	out.add(own(l.first, 0))
	for i, run := range l.more {
		out.add(own(run, i+1))
	}
	return out
}

// add puts a run at the end. One that is too long is parted, and one that is short is joined with the one before it.
func (l *list) add(run []int32) {
	if len(run) > maxRun {
		for part := range slices.Chunk(run, maxRun/2+1) {
			l.add(part)
		}
		return
	}
	last := &l.first
	if n := len(l.more); n > 0 {
		last = &l.more[n-1]
	}
	switch {
	case len(run) == 0:
	case len(*last)+len(run) <= maxRun/2:
		*last = slices.Concat(*last, run)
	case len(l.first) == 0:
		l.first = run
	default:
		l.more = append(l.more, run)
	}
}

// has reports whether a sorted list of places holds one.
func has(list []int32, place int32) bool {
	_, ok := slices.BinarySearch(list, place)
	return ok
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

// without returns a copy of a sorted list that lacks what another one holds, all of which is in it; nil where nothing
// is left.
func without(list, gone []int32) []int32 {
	if len(list) == len(gone) {
		return nil
	}
	out := make([]int32, 0, len(list)-len(gone))
	for _, place := range gone {
		at, _ := slices.BinarySearch(list, place)
		out = append(out, list[:at]...)
		list = list[at+1:]
	}
	return append(out, list...)
}
