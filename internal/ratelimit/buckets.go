// Package ratelimit says how much a caller may ask for, and how often an address may try a wrong credential. What it
// keeps is bounded, whoever asks.
package ratelimit

import (
	"hash/maphash"
	"sync"
	"time"
)

// Buckets are token buckets, one for each key. A bucket holds burst units at most and gains them at a steady rate; one that
// nobody has taken from for long is full, and is not kept.
//
// What is kept of a bucket is when it will be full again (the generic cell rate algorithm, ITU-T I.371).
type Buckets[K comparable] struct {
	unit   time.Duration // in which one unit is gained
	burst  int64
	seed   maphash.Seed
	shards [shards]shard[K]
}

const (
	shards = 32
	// maxKeys is how many buckets of a shard are kept. Keys beyond them share one bucket, so that who comes under ever new
	// names is held to what one may.
	maxKeys = 1024
)

type shard[K comparable] struct {
	mu     sync.Mutex
	full   map[K]int64 // when the bucket is full again, in nanoseconds since 1970
	others int64
	swept  int64
}

// NewBuckets returns buckets that are full: they hold burst units, and gain one in each unit of time.
func NewBuckets[K comparable](burst int64, unit time.Duration) *Buckets[K] {
	b := &Buckets[K]{unit: max(1, unit), burst: max(1, burst), seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i].full = map[K]int64{}
	}
	return b
}

// Level is what became of a bucket.
type Level struct {
	// Taken is set where the bucket held enough.
	Taken bool
	// Left is how many units the bucket holds now.
	Left int64
	// Full is how long it takes to be full again.
	Full time.Duration
	// Wait is how long it takes until what was refused would be taken; 0 where it was taken.
	Wait time.Duration
}

// Take takes n units out of the bucket of a key. More than a full bucket holds is taken from a full one alone, which then
// owes the rest.
func (b *Buckets[K]) Take(key K, n int64, now time.Time) Level {
	s := &b.shards[maphash.Comparable(b.seed, key)%shards]
	at := now.UnixNano()
	s.mu.Lock()
	defer s.mu.Unlock()
	known := &s.others
	full, kept := s.full[key]
	if kept || s.room(at) {
		known = &full
	}
	begin := max(*known, at)
	level := Level{Wait: time.Duration(begin-at) + b.lasts(min(n, b.burst)) - b.lasts(b.burst)}
	if level.Wait <= 0 {
		level.Taken, level.Wait = true, 0
		begin += int64(b.lasts(n))
		*known = begin
		if known == &full {
			s.full[key] = full
		}
	}
	level.Full = time.Duration(begin - at)
	level.Left = max(0, b.burst-int64((level.Full+b.unit-1)/b.unit))
	return level
}

// lasts is how long it takes to gain n units.
func (b *Buckets[K]) lasts(n int64) time.Duration { return time.Duration(n) * b.unit }

// room reports whether another bucket may be kept. Where there is none, those that are full again are dropped, but not
// at every call.
func (s *shard[K]) room(at int64) bool {
	if len(s.full) < maxKeys {
		return true
	}
	if at-s.swept < int64(time.Second) {
		return false
	}
	s.swept = at
	for key, full := range s.full {
		if full <= at {
			delete(s.full, key)
		}
	}
	return len(s.full) < maxKeys
}

// kept is how many buckets are kept.
func (b *Buckets[K]) kept() int {
	n := 0
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += len(s.full)
		s.mu.Unlock()
	}
	return n
}
