package access

import (
	"context"
	"sync"
	"time"
)

const (
	// touchEvery is how much time has to pass before another use of a token is noted.
	touchEvery = time.Minute
	// writeUsesEvery is how often the uses that were noted are written, all at once and beside the requests.
	writeUsesEvery = 10 * time.Second
)

// uses are when tokens were used. A crash loses those that are not written yet.
type uses struct {
	// noted is when this process last noted a use, a time.Time by token id.
	noted sync.Map

	mu      sync.Mutex
	waiting map[int64]time.Time
}

// note notes a use, to the minute. Of several uses at once, one notes it.
func (u *uses) note(t *Token, now time.Time) {
	last := time.Time{}
	if t.LastUsedAt != nil {
		last = *t.LastUsedAt
	}
	noted, _ := u.noted.LoadOrStore(t.ID, last)
	if now.Sub(noted.(time.Time)) < touchEvery || !u.noted.CompareAndSwap(t.ID, noted, now) {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.waiting == nil {
		u.waiting = map[int64]time.Time{}
	}
	u.waiting[t.ID] = now
}

// take returns the uses that wait to be written.
func (u *uses) take() (ids []int64, at []time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, used := range u.waiting {
		ids, at = append(ids, id), append(at, used)
	}
	u.waiting = nil
	return ids, at
}

// WriteUses writes when tokens were used last, as far as that is not written yet. Where it cannot be written, it is lost: the next use
// is noted a minute later.
func (s *Service) WriteUses(ctx context.Context) error {
	ids, at := s.uses.take()
	if len(ids) == 0 {
		return nil
	}
	return s.store.NoteUses(ctx, ids, at)
}
