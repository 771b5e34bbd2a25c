package links

const (
	aliasBits = 6
	aliasMask = 1<<aliasBits - 1
)

// aliases are the former names of the few identities that have any, each in the chain of its identity. The zero value
// is empty.
type aliases struct {
	former  index // of numbers of aliases
	entries pages[[1 << aliasBits]alias]
	drawn   int32 // numbers in use or free
	free    int32 // the first free number plus one
}

type alias struct {
	key   Key
	place int32
	next  int32 // of the same identity, or the next free one; a number plus one
}

func (a *aliases) entry(number int32) *alias {
	return &a.entries.at(number >> aliasBits)[number&aliasMask]
}

func (a *aliases) placeOfAlias(key Key) (int32, bool) {
	number, ok := a.former.get(key[0], func(number int32) bool { return a.entry(number).key == key })
	if !ok {
		return 0, false
	}
	return a.entry(number).place, true
}

// aliasWriter writes a new version of aliases.
type aliasWriter struct {
	*aliases
	former  indexWriter
	entries writer[[1 << aliasBits]alias]
}

func (a *aliases) writer() aliasWriter {
	return aliasWriter{
		aliases: a, entries: a.entries.writer(),
		former: a.former.writer(func(number int32) uint64 { return a.entry(number).key[0] }),
	}
}

// add gives a place an alias before those of a chain, and returns the new chain. A key means the place that had it last.
func (w *aliasWriter) add(chain, place int32, key Key) int32 {
	number := w.free - 1
	if number >= 0 {
		w.free = w.entry(number).next
	} else {
		number = w.drawn
		w.drawn++
	}
	w.write(number, alias{key: key, place: place, next: chain})
	w.former.put(key[0], number, func(other int32) bool { return w.entry(other).key == key })
	return number + 1
}

// drop frees a chain.
func (w *aliasWriter) drop(chain int32) {
	for chain > 0 {
		number, a := chain-1, *w.entry(chain - 1)
		w.former.remove(a.key[0], number)
		w.write(number, alias{next: w.free})
		w.free, chain = chain, a.next
	}
}

func (w *aliasWriter) write(number int32, a alias) {
	w.entries.write(number >> aliasBits)[number&aliasMask] = a
}
