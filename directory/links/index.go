package links

import "math/bits"

// slotsPage is how many slots of an index one page has.
const slotsPage = 256

// index finds numbers by keys that it does not hold: an open-addressed table of nothing but numbers. Its user knows the
// key of each number and compares. The zero value is empty; it has no room for anything.
type index struct {
	slots pages[[slotsPage]int32] // a number plus one; 0 is a free slot
	size  uint32                  // slots, a multiple of slotsPage
	n     int
}

// room is how many numbers fit in: so many that about every second search ends at its first slot.
func (x *index) room() int { return int(x.size) * 2 / 3 }

// home is the slot where the search for a hash begins.
func (x *index) home(hash uint64) uint32 {
	high, _ := bits.Mul64(hash, uint64(x.size))
	return uint32(high)
}

func (x *index) slot(i uint32) int32 { return x.slots.at(int32(i / slotsPage))[i%slotsPage] }

func (x *index) after(i uint32) uint32 {
	if i++; i < x.size {
		return i
	}
	return 0
}

// get returns the number of a key with a hash that is says to be the right one.
func (x *index) get(hash uint64, is func(number int32) bool) (int32, bool) {
	if x.n == 0 {
		return 0, false
	}
	for i := x.home(hash); ; i = x.after(i) {
		switch number := x.slot(i) - 1; {
		case number < 0:
			return 0, false
		case is(number):
			return number, true
		}
	}
}

// indexWriter writes a new version of an index.
type indexWriter struct {
	*index
	slots writer[[slotsPage]int32]
	// hash is the hash of the key of a number that is in the index.
	hash func(number int32) uint64
}

func (x *index) writer(hash func(number int32) uint64) indexWriter {
	return indexWriter{index: x, slots: x.slots.writer(), hash: hash}
}

// reserve makes room for n numbers.
func (w *indexWriter) reserve(n int) {
	if n <= w.room() && w.size > 0 {
		return
	}
	old := *w.index
	*w.index = index{size: uint32(max(1, (n*3+2*slotsPage-1)/(2*slotsPage))) * slotsPage}
	w.slots = w.index.slots.writer()
	for page := range int32(w.size / slotsPage) {
		w.slots.write(page)
	}
	for i := range old.size {
		if number := old.slot(i) - 1; number >= 0 {
			w.insert(w.hash(number), number)
		}
	}
}

// put has a key mean a number from now on. is finds the number that it meant so far.
func (w *indexWriter) put(hash uint64, number int32, is func(number int32) bool) {
	for i := w.home(hash); w.n > 0 && w.slot(i) != 0; i = w.after(i) {
		if is(w.slot(i) - 1) {
			w.set(i, number)
			return
		}
	}
	w.add(hash, number)
}

// add gives a number to a key that has none.
func (w *indexWriter) add(hash uint64, number int32) {
	if w.n >= w.room() {
		w.reserve(2 * (w.n + 1))
	}
	w.insert(hash, number)
}

func (w *indexWriter) insert(hash uint64, number int32) {
	i := w.home(hash)
	for w.slot(i) != 0 {
		i = w.after(i)
	}
	w.set(i, number)
	w.n++
}

func (w *indexWriter) set(i uint32, number int32) {
	w.slots.write(int32(i / slotsPage))[i%slotsPage] = number + 1
}

// remove drops a number, where a key with that hash means it.
func (w *indexWriter) remove(hash uint64, number int32) {
	if w.n == 0 {
		return
	}
	free := w.home(hash)
	for w.slot(free) != number+1 {
		if w.slot(free) == 0 {
			return
		}
		free = w.after(free)
	}
	w.n--
	// What stands behind the gap and was pushed past it moves up, or a search for it would end at the gap.
	for i := w.after(free); w.slot(i) != 0; i = w.after(i) {
		pushed := w.slot(i) - 1
		if w.distance(w.home(w.hash(pushed)), i) >= w.distance(free, i) {
			w.set(free, pushed)
			free = i
		}
	}
	w.set(free, -1)
}

// distance is how many slots to is after from.
func (x *index) distance(from, to uint32) uint32 {
	if to >= from {
		return to - from
	}
	return to + x.size - from
}
