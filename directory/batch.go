package directory

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// settle is how long a batch has to see no new key, twice in a row, before it is read. Keys of one level of an
// operation come from goroutines of their own: a batch that waited a fixed time from its first key would be cut in
// two on a busy machine, and the number of statements would grow with the rows.
const settle = 500 * time.Microsecond

// maxCollect bounds how long a batch waits in all.
const maxCollect = 50 * time.Millisecond

// loader reads values by key for one operation: keys that are asked for at about the same time share one read, and a
// key is read once. It is safe for concurrent use.
type loader[K comparable, V any] struct {
	fetch func(context.Context, []K) ([]V, error)
	// instant answers what need not be read, without waiting for others; nil for nothing.
	instant func(context.Context, K) (V, bool)

	mu      sync.Mutex
	asked   map[K]func() (V, error)
	current *batch[K, V]
}

// batch is the keys of one read, and what it found, in their order.
type batch[K comparable, V any] struct {
	keys   []K
	values []V
	err    error
	done   chan struct{}
}

func newLoader[K comparable, V any](fetch func(context.Context, []K) ([]V, error)) *loader[K, V] {
	return &loader[K, V]{fetch: fetch}
}

// Load returns the value of a key.
func (l *loader[K, V]) Load(ctx context.Context, key K) (V, error) { return l.LoadThunk(ctx, key)() }

// LoadAll returns the values of keys, in their order.
func (l *loader[K, V]) LoadAll(ctx context.Context, keys []K) ([]V, error) {
	thunks := make([]func() (V, error), len(keys))
	for i, key := range keys {
		thunks[i] = l.LoadThunk(ctx, key)
	}
	values := make([]V, len(keys))
	for i, thunk := range thunks {
		var err error
		if values[i], err = thunk(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// LoadThunk asks for a key and returns a function that waits for its value.
func (l *loader[K, V]) LoadThunk(ctx context.Context, key K) func() (V, error) {
	if l.instant != nil {
		if value, ok := l.instant(ctx, key); ok {
			return func() (V, error) { return value, nil }
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if thunk, ok := l.asked[key]; ok {
		return thunk
	}
	if l.current == nil {
		l.current = &batch[K, V]{done: make(chan struct{})}
		go l.collect(ctx, l.current)
	}
	if l.asked == nil {
		l.asked = map[K]func() (V, error){}
	}
	b, at := l.current, len(l.current.keys)
	b.keys = append(b.keys, key)
	thunk := func() (V, error) {
		<-b.done
		if b.err != nil {
			var none V
			return none, b.err
		}
		return b.values[at], nil
	}
	l.asked[key] = thunk
	return thunk
}

// collect waits until no more keys come and reads the batch.
func (l *loader[K, V]) collect(ctx context.Context, b *batch[K, V]) {
	defer close(b.done)
	begun := time.Now()
	for quiet, seen := 0, 0; quiet < 2 && time.Since(begun) < maxCollect; {
		time.Sleep(settle)
		l.mu.Lock()
		now := len(b.keys)
		l.mu.Unlock()
		if quiet++; now != seen {
			quiet, seen = 0, now
		}
	}
	l.mu.Lock()
	l.current = nil
	l.mu.Unlock()
	defer func() {
		if r := recover(); r != nil { // nobody above this goroutine could
			b.err = fmt.Errorf("reading a batch panicked: %v", r)
		}
	}()
	b.values, b.err = l.fetch(ctx, b.keys)
}
