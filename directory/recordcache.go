package directory

import (
	"github.com/dgraph-io/ristretto/v2"
)

// recordCache holds identity records by id. Whoever reads says which version the row has at least, so that a fill that
// came late, or a write that was dropped, can never show: correctness does not depend on the cache. A nil cache holds
// nothing.
type recordCache struct {
	records *ristretto.Cache[int64, *Record]
}

// averageRecord is about what one record takes, in bytes.
const averageRecord = 1 << 10

// newRecordCache returns a cache of about so many bytes; 0 or less is none.
func newRecordCache(bytes int64) (*recordCache, error) {
	if bytes <= 0 {
		return nil, nil
	}
	records, err := ristretto.NewCache(&ristretto.Config[int64, *Record]{
		NumCounters: max(1000, 10*bytes/averageRecord), MaxCost: bytes, BufferItems: 64, IgnoreInternalCost: true, Metrics: true,
	})
	return &recordCache{records}, err
}

func (c *recordCache) get(id, version int64) *Record {
	if c == nil {
		return nil
	}
	if r, ok := c.records.Get(id); ok && r.ID == id && r.Version >= version {
		return r
	}
	return nil
}

func (c *recordCache) put(r *Record) {
	if c != nil {
		c.records.Set(r.ID, r, recordCost(r))
	}
}

// recordCost estimates the memory of a record, in bytes.
func recordCost(r *Record) int64 {
	cost := 320 + len(r.Name) + len(r.FQN) + len(r.DisplayName)
	for _, text := range []*string{r.ExternalID, r.Description, r.Email, r.StatusReason} {
		if text != nil {
			cost += 16 + len(*text)
		}
	}
	return int64(cost) + valueCost(map[string]any(r.Attrs))
}

func valueCost(value any) int64 {
	cost := int64(16)
	switch v := value.(type) {
	case string:
		cost += int64(len(v))
	case []any:
		for _, element := range v {
			cost += valueCost(element)
		}
	case map[string]any:
		cost += 48
		for name, sub := range v {
			cost += 32 + int64(len(name)) + valueCost(sub)
		}
	}
	return cost
}

// CacheStats counts what the hot cache did.
type CacheStats struct{ Hits, Misses, Dropped uint64 }

func (c *recordCache) stats() CacheStats {
	if c == nil {
		return CacheStats{}
	}
	m := c.records.Metrics
	return CacheStats{Hits: m.Hits(), Misses: m.Misses(), Dropped: m.SetsDropped()}
}
