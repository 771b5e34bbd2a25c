package links

import "hash/maphash"

// index is a map of many small maps: a new version copies only the maps that it writes. The zero value is empty.
type index[K comparable] struct {
	seed   maphash.Seed
	shards []map[K]int32
	n      int
}

// shardSize is how many entries a shard of a freshly built index holds on average.
const shardSize = 64

// newIndex returns an empty index that is to hold about n entries.
func newIndex[K comparable](n int) *index[K] {
	shards := 1
	for shards*shardSize < n {
		shards *= 2
	}
	return &index[K]{seed: maphash.MakeSeed(), shards: make([]map[K]int32, shards)}
}

func (x *index[K]) shard(key K) int {
	return int(maphash.Comparable(x.seed, key) & uint64(len(x.shards)-1))
}

func (x *index[K]) get(key K) (int32, bool) {
	i, ok := x.shards[x.shard(key)][key]
	return i, ok
}

// indexEdit writes a new version of an index.
type indexEdit[K comparable] struct {
	*index[K]
	own map[int]bool
}

func (x *index[K]) edit() indexEdit[K] {
	fresh := &index[K]{seed: x.seed, shards: append([]map[K]int32(nil), x.shards...), n: x.n}
	return indexEdit[K]{index: fresh, own: map[int]bool{}}
}

// writable returns the shard of a key as this version's own.
func (e *indexEdit[K]) writable(key K) map[K]int32 {
	s := e.shard(key)
	if !e.own[s] {
		fresh := make(map[K]int32, len(e.shards[s])+1)
		for k, v := range e.shards[s] {
			fresh[k] = v
		}
		e.shards[s] = fresh
		e.own[s] = true
	}
	return e.shards[s]
}

func (e *indexEdit[K]) put(key K, value int32) {
	m := e.writable(key)
	if _, ok := m[key]; !ok {
		e.n++
	}
	m[key] = value
	if e.n > 4*shardSize*len(e.shards) {
		e.spread()
	}
}

// remove drops a key where it stands for value.
func (e *indexEdit[K]) remove(key K, value int32) {
	if at, ok := e.get(key); ok && at == value {
		delete(e.writable(key), key)
		e.n--
	}
}

// spread builds the shards anew for the number of entries that there are.
func (e *indexEdit[K]) spread() {
	bigger := newIndex[K](2 * e.n)
	own := make(map[int]bool, len(bigger.shards))
	for _, m := range e.shards {
		for k, v := range m {
			s := bigger.shard(k)
			if bigger.shards[s] == nil {
				bigger.shards[s] = make(map[K]int32, shardSize)
				own[s] = true
			}
			bigger.shards[s][k] = v
		}
	}
	bigger.n = e.n
	e.index, e.own = bigger, own
}
