package graphqlhttp

import (
	"container/list"
	"sync"
)

// Texts longer than maxCachedText bytes are parsed each time, and the texts kept are no longer than maxCachedTexts
// bytes in total: a parsed query takes many times the room of its text.
const (
	maxCachedText  = 16 << 10
	maxCachedTexts = 2 << 20
)

// cache keeps the documents used last, bounded by their number and by the length of their texts.
type cache struct {
	mu      sync.Mutex
	limit   int
	bytes   int
	recent  *list.List // of *cached, the one used last in front
	entries map[string]*list.Element
}

type cached struct {
	text string
	doc  *document
}

func newCache(limit int) *cache {
	return &cache{limit: limit, recent: list.New(), entries: map[string]*list.Element{}}
}

func (c *cache) get(text string) *document {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.entries[text]
	if !ok {
		return nil
	}
	c.recent.MoveToFront(element)
	return element.Value.(*cached).doc
}

// add keeps a document under its text, which is kept with it.
func (c *cache) add(text string, doc *document) {
	if len(text) > maxCachedText {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[text]; ok {
		return
	}
	c.entries[text] = c.recent.PushFront(&cached{text, doc})
	c.bytes += len(text)
	for c.recent.Len() > c.limit || c.bytes > maxCachedTexts {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.entries, oldest.text)
		c.bytes -= len(oldest.text)
	}
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}
