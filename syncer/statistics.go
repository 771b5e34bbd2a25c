package syncer

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// Statistics are what this replica did since its start. What others did is theirs.
type Statistics struct {
	// Runs counts runs that ended here. One that waited for approval ends a second time.
	Runs map[RunKind]uint64
	// Staged counts the identities and links that sources told, by the type of source.
	Staged map[directory.ProviderTypeName]uint64
	// Changes counts what runs that ended here have written.
	Changes map[ChangeKind]uint64
}

// RunKind is what runs are counted by.
type RunKind struct {
	Type   directory.ProviderTypeName
	Status Status
}

// ChangeKind is what changes are counted by. Change is a word of [Counts]: created, updated, disabled, deleted, linked,
// unlinked, skipped or failed.
type ChangeKind struct {
	Type   directory.ProviderTypeName
	Change string
}

// counters collect statistics.
type counters struct {
	mu sync.Mutex
	Statistics
}

func newCounters() *counters {
	return &counters{Statistics: Statistics{
		Runs: map[RunKind]uint64{}, Staged: map[directory.ProviderTypeName]uint64{}, Changes: map[ChangeKind]uint64{},
	}}
}

// Statistics returns the figures as they are now.
func (s *Service) Statistics() Statistics {
	s.counters.mu.Lock()
	defer s.counters.mu.Unlock()
	c := &s.counters.Statistics
	return Statistics{Runs: maps.Clone(c.Runs), Staged: maps.Clone(c.Staged), Changes: maps.Clone(c.Changes)}
}

func (c *counters) staged(of directory.ProviderTypeName, page StagedPage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Staged[of] += uint64(len(page.Identities) + len(page.Links))
}

func (c *counters) ended(of directory.ProviderTypeName, r *Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Runs[RunKind{of, r.Status}]++
	for change, n := range map[string]int{
		"created": r.Created, "updated": r.Updated, "disabled": r.Disabled, "deleted": r.Deleted, "linked": r.Linked,
		"unlinked": r.Unlinked, "skipped": r.Skipped, "failed": r.Failed,
	} {
		c.Changes[ChangeKind{of, change}] += uint64(n)
	}
}

// count counts a run that ended here, as it is stored: how it ended may depend on what it failed at.
func (s *Service) count(ctx context.Context, run *Run) {
	runs, err := s.store.RunsByUID(ctx, []uuid.UUID{run.UID})
	if err != nil || runs[0] == nil {
		return // the figures of one run are lost
	}
	instances, err := s.store.InstancesByID(ctx, []int64{run.InstanceID})
	if err == nil && instances[0] != nil {
		s.counters.ended(instances[0].Provider.Type, runs[0])
	}
}

// Health is how far an instance is behind its source.
type Health struct {
	Provider, Instance string
	// Age is how long ago a run succeeded last; nil where none has.
	Age         *time.Duration
	Quarantined bool
}

// Health describes the live instances that are synchronized, in the order in which they were added.
func (s *Service) Health(ctx context.Context) ([]Health, error) {
	instances, err := s.store.Instances(ctx)
	if err != nil {
		return nil, err
	}
	var out []Health
	for _, i := range instances {
		if !i.Live() || !s.Synchronizes(i.Provider.Type) {
			continue
		}
		h := Health{Provider: i.Provider.Name, Instance: i.Name, Quarantined: i.Hold == directory.StateQuarantined}
		if i.LastSyncedAt != nil {
			age := max(0, time.Since(*i.LastSyncedAt))
			h.Age = &age
		}
		out = append(out, h)
	}
	return out, nil
}
