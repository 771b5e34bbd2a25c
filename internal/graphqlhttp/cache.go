package graphqlhttp

import (
	"container/list"
	"sync"
)

// Texts longer than maxCachedText bytes are not kept, and the texts kept are no longer than maxCachedTexts bytes in
// total: a parsed query takes many times the room of its text.
const (
	maxCachedText  = 16 << 10
	maxCachedTexts = 2 << 20
)

// cache keeps what was used last, bounded by its number and by the length of the query texts that it stands for.
type cache[K comparable, V any] struct {
	mu      sync.Mutex
	limit   int
	bytes   int
	recent  *list.List // of *cached, the one used last in front
	entries map[K]*list.Element
}

type cached[K comparable, V any] struct {
	key   K
	value V
	bytes int
}

func newCache[K comparable, V any](limit int) *cache[K, V] {
	return &cache[K, V]{limit: limit, recent: list.New(), entries: map[K]*list.Element{}}
}

func (c *cache[K, V]) get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[key]
	if !ok {
		return value, false
	}
	c.recent.MoveToFront(element)
	return element.Value.(*cached[K, V]).value, true
}

// add keeps a value that stands for a text of so many bytes.
func (c *cache[K, V]) add(key K, value V, bytes int) {
	if bytes > maxCachedText {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; ok {
		return
	}
	c.entries[key] = c.recent.PushFront(&cached[K, V]{key, value, bytes})
	c.bytes += bytes
	for c.recent.Len() > c.limit || c.bytes > maxCachedTexts {
		oldest := c.recent.Remove(c.recent.Back()).(*cached[K, V])
		delete(c.entries, oldest.key)
		c.bytes -= oldest.bytes
	}
}

func (c *cache[K, V]) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}
