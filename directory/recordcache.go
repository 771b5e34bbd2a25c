package directory

import (
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/dgraph-io/ristretto/v2"
)

// recordCache holds identity records by id. Whoever reads says which version the row has at least, so that a fill that
// came late, or a write that was dropped, can never show: correctness does not depend on the cache. A nil cache holds
// nothing.
type recordCache struct {
	records *ristretto.Cache[int64, *Record] // decides which are held
	seats   seats                            // where those are
	counts  [16]cacheCounts                  // by id, so that readers do not queue for one
}

// cacheCounts fills a line of a processor's cache.
type cacheCounts struct {
	hits, misses, dropped atomic.Uint64
	_                     [5]uint64
}

// largeRecord is what a record with many attributes takes, in bytes.
const largeRecord = 1 << 10

// newRecordCache returns a cache of about so many bytes; 0 or less is none.
func newRecordCache(bytes int64) (*recordCache, error) {
	if bytes <= 0 {
		return nil, nil
	}
	// The counters tell which records are asked for most, of several times as many as fit. Its own metrics would take
	// another 100 bytes a record, for how long each one stays.
	c := &recordCache{seats: newSeats(bytes)}
	var err error
	c.records, err = ristretto.NewCache(&ristretto.Config[int64, *Record]{
		NumCounters: max(1000, 4*bytes/largeRecord), MaxCost: bytes, BufferItems: 64, IgnoreInternalCost: true,
		OnExit: func(r *Record) {
			if r != nil {
				c.seats.leave(r)
			}
		},
	})
	return c, err
}

func (c *recordCache) count(id int64) *cacheCounts {
	return &c.counts[uint64(id)%uint64(len(c.counts))]
}

// tellEvery is how many reads there are to one that the cache is told of: it knows what is read most all the same.
const tellEvery = 16

func (c *recordCache) get(id, version int64) *Record {
	if c == nil {
		return nil
	}
	if seat := c.seats.at(id); seat != nil {
		if r := seat.Load(); r != nil && r.Version >= version {
			if c.count(id).hits.Add(1)%tellEvery == 0 {
				c.records.Get(id)
			}
			return r
		}
	}
	r, ok := c.records.Get(id)
	if !ok {
		c.count(id).misses.Add(1)
		return nil
	}
	c.count(id).hits.Add(1)
	if r.ID != id || r.Version < version {
		return nil
	}
	c.seats.take(r)
	if now, ok := c.records.Get(id); !ok || now != r {
		c.seats.leave(r) // it was given up meanwhile
	}
	return r
}

func (c *recordCache) put(r *Record) {
	if c == nil {
		return
	}
	c.seats.take(r) // before the cache may say that it does not keep it
	if !c.records.Set(r.ID, r, recordCost(r)) {
		c.seats.leave(r)
		c.count(r.ID).dropped.Add(1)
	}
}

// heldBeside is what a record takes in the cache beside its texts: itself with the externalId and the email that it points
// to, as the store reads them, its seat and its entry in the tables of the cache.
var heldBeside = int(reflect.TypeFor[Record]().Size()+2*reflect.TypeFor[string]().Size()) + 160

// recordCost estimates the memory of a record that the store has read, in bytes. Its texts share one string, in which
// what occurs in another one takes no room.
func recordCost(r *Record) int64 {
	cost := heldBeside + len(r.Attrs.text) + len(r.FQN)
	for _, text := range []*string{&r.Name, &r.DisplayName, r.Email, r.ExternalID, r.Description, r.StatusReason} {
		if text != nil && !strings.Contains(r.FQN, *text) && !strings.Contains(r.Attrs.text, *text) {
			cost += len(*text)
		}
	}
	return int64(cost)
}

// CacheStats counts what the hot cache did.
type CacheStats struct{ Hits, Misses, Dropped uint64 }

func (c *recordCache) stats() CacheStats {
	var s CacheStats
	if c == nil {
		return s
	}
	for i := range c.counts {
		s.Hits += c.counts[i].hits.Load()
		s.Misses += c.counts[i].misses.Load()
		s.Dropped += c.counts[i].dropped.Load()
	}
	return s
}
