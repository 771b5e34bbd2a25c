package links

import "maps"

// A block holds the lists of 64 neighbouring places.
const (
	blockBits = 6
	blockSize = 1 << blockBits
	blockMask = blockSize - 1
)

// longList is the length from which on a list lies by itself, so that its neighbours can change without copying it. 64
// shorter ones together still have ends of 16 bits.
const longList = 1 << 8

// lists keeps a sorted list of places for each place. The zero value has empty ones.
type lists struct{ blocks pages[block] }

type block struct {
	ends [blockSize]uint16 // of each list in all; it begins where the one before it ends
	all  []int32
	long map[uint8]list // those that are not in all
}

// of returns the list of a place, which never changes.
func (l *lists) of(place int32) list {
	b := l.blocks.find(place >> blockBits)
	if b == nil {
		return list{}
	}
	return b.list(uint8(place & blockMask))
}

func (b *block) list(i uint8) list {
	from, to := b.span(i)
	if from == to && b.long != nil {
		return b.long[i]
	}
	return list{first: b.all[from:to:to]}
}

func (b *block) span(i uint8) (from, to int) {
	if i > 0 {
		from = int(b.ends[i-1])
	}
	return from, int(b.ends[i])
}

// listsWriter writes a new version of lists.
type listsWriter struct {
	*lists
	blocks writer[block]
}

func (l *lists) writer() listsWriter { return listsWriter{lists: l, blocks: l.blocks.writer()} }

// set gives a place another list, which is not to be changed from then on.
func (w *listsWriter) set(place int32, l list) {
	b, i := w.blocks.write(place>>blockBits), uint8(place&blockMask)
	n := l.len()
	if n >= longList || b.long[i].first != nil {
		b.long = maps.Clone(b.long)
		delete(b.long, i)
	}
	from, to := b.span(i)
	if n >= longList {
		if b.long == nil {
			b.long = map[uint8]list{}
		}
		b.long[i] = l
		l, n = list{}, 0
	}
	if from == to && n == 0 {
		return
	}
	all := make([]int32, 0, len(b.all)-(to-from)+n)
	b.all = append(append(append(all, b.all[:from]...), l.first...), b.all[to:]...) // a short list is one run
	for ; int(i) < blockSize; i++ {
		b.ends[i] += uint16(n - (to - from)) // wraps around where the list became shorter
	}
}

// fill gives places their first lists, each the part of all between two ends: that of place i ends at ends[i+1].
func (w *listsWriter) fill(all, ends []int32) {
	n := int32(len(ends) - 1)
	for first := int32(0); first < n; first += blockSize {
		last := min(first+blockSize, n)
		if ends[first] == ends[last] {
			continue
		}
		b, short := w.blocks.write(first>>blockBits), 0
		for place := first; place < last; place++ {
			if list := all[ends[place]:ends[place+1]]; len(list) < longList {
				short += len(list)
			} else {
				w.set(place, listOf(list))
			}
		}
		b.all = make([]int32, 0, short)
		for place := first; place < first+blockSize; place++ {
			if place < last {
				if list := all[ends[place]:ends[place+1]]; len(list) < longList {
					b.all = append(b.all, list...)
				}
			}
			b.ends[place&blockMask] = uint16(len(b.all))
		}
	}
}
