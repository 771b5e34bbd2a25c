package links

import (
	"maps"
	"slices"
)

// Instances is a set of provider instances. The nil set is special: it is all of them, and those to come.
type Instances struct{ ids map[int64]bool }

// Only is the set of these instances; without any it is empty.
func Only(ids ...int64) *Instances {
	s := &Instances{ids: make(map[int64]bool, len(ids))}
	for _, id := range ids {
		s.ids[id] = true
	}
	return s
}

// Has reports whether an instance is in the set.
func (s *Instances) Has(id int64) bool { return s == nil || s.ids[id] }

// IDs lists the set in order; nil for all instances, never nil for some.
func (s *Instances) IDs() []int64 {
	if s == nil {
		return nil
	}
	return append([]int64{}, slices.Sorted(maps.Keys(s.ids))...)
}

// Equal reports whether two sets hold the same instances.
func (s *Instances) Equal(other *Instances) bool {
	return (s == nil) == (other == nil) && (s == nil || maps.Equal(s.ids, other.ids))
}
