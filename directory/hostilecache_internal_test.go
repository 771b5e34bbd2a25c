package directory

import (
	"math/rand/v2"
	"sync"
)

// HostileCache does to a directory's hot cache what a real one may do, far more often: it loses records, and takes some
// up late, after newer ones, as one does whose reader had loaded the row before a writer committed.
type HostileCache struct {
	*recordCache
	mu     sync.Mutex
	random *rand.Rand
	late   []*Record
}

// MakeCacheHostile puts a hostile cache between the directory and its own, before the first reader is opened.
func (d *Directory) MakeCacheHostile() *HostileCache {
	h := &HostileCache{recordCache: d.cache.(*recordCache)}
	h.Seed(0)
	d.cache = h
	return h
}

// Seed decides what happens from now on, and forgets what is late.
func (h *HostileCache) Seed(seed uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.random, h.late = rand.New(rand.NewPCG(seed, 0)), nil
}

func (h *HostileCache) put(r *Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch h.random.IntN(3) {
	case 0: // lost
	case 1:
		h.late = append(h.late, r)
	default:
		h.take(r)
	}
}

// Release takes up what is late, in any order.
func (h *HostileCache) Release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range h.random.Perm(len(h.late)) {
		h.take(h.late[i])
	}
	h.late = nil
}

// take waits until the cache has the record, which it would otherwise take up at a time of its own.
func (h *HostileCache) take(r *Record) {
	h.recordCache.put(r)
	h.records.Wait()
}
