package synctest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
)

// errKilled is what a process that was killed does with the store: nothing.
var errKilled = errors.New("killed")

// Mortal is the store as a process sees it that is killed at one of its transactions: before it, or after it was
// committed and before the process learns of it. From then on the process does nothing any more.
type Mortal struct {
	*store.Store
	left  atomic.Int64 // transactions until the end
	after bool
	dead  atomic.Bool
	last  atomic.Pointer[string]
}

// Forever is how many transactions a process does that nobody kills.
const Forever = 1 << 40

// newMortal makes a process that is killed at the transaction of that number.
func newMortal(s *store.Store, left int64, after bool) *Mortal {
	m := &Mortal{Store: s, after: after}
	m.left.Store(left)
	return m
}

// do runs one transaction, unless the process is dead.
func do[T any](m *Mortal, name string, transaction func() (T, error)) (T, error) {
	var none T
	if m.dead.Load() {
		return none, errKilled
	}
	dying := m.left.Add(-1) == 0
	if dying && !m.after {
		m.Die(name)
		return none, errKilled
	}
	out, err := transaction()
	if dying {
		m.Die(name)
	}
	if m.dead.Load() {
		return none, errKilled
	}
	return out, err
}

// Die ends the process at a transaction of a name.
func (m *Mortal) Die(name string) {
	m.last.Store(&name)
	m.dead.Store(true)
}

func do0(m *Mortal, name string, transaction func() error) error {
	_, err := do(m, name, func() (struct{}, error) { return struct{}{}, transaction() })
	return err
}

func (m *Mortal) QueueDue(ctx context.Context, jitter float64) (int, error) {
	if m.dead.Load() {
		return 0, errKilled
	}
	return m.Store.QueueDue(ctx, jitter)
}

func (m *Mortal) Claim(ctx context.Context, owner string, lease time.Duration) (*syncer.Claimed, error) {
	if m.dead.Load() {
		return nil, errKilled
	}
	claimed, err := m.Store.Claim(ctx, owner, lease)
	if claimed == nil {
		return nil, err
	}
	return do(m, "claim", func() (*syncer.Claimed, error) { return claimed, err })
}

func (m *Mortal) Renew(ctx context.Context, l syncer.Lease, lease time.Duration) error {
	if m.dead.Load() {
		return errKilled
	}
	return m.Store.Renew(ctx, l, lease)
}

func (m *Mortal) Yield(ctx context.Context, l syncer.Lease, after time.Duration, reason string) error {
	return do0(m, "yield", func() error { return m.Store.Yield(ctx, l, after, reason) })
}

func (m *Mortal) Finish(ctx context.Context, l syncer.Lease, f syncer.Finish) error {
	return do0(m, "finish", func() error { return m.Store.Finish(ctx, l, f) })
}

func (m *Mortal) BeginRound(ctx context.Context, l syncer.Lease, full bool, state []byte) error {
	return do0(m, "begin", func() error { return m.Store.BeginRound(ctx, l, full, state) })
}

func (m *Mortal) StageMore(ctx context.Context, l syncer.Lease, p syncer.StagedPage) error {
	return do0(m, "page", func() error { return m.Store.StageMore(ctx, l, p) })
}

func (m *Mortal) EndReading(ctx context.Context, l syncer.Lease) error {
	return do0(m, "end of reading", func() error { return m.Store.EndReading(ctx, l) })
}

func (m *Mortal) Settle(ctx context.Context, l syncer.Lease, rows []syncer.Staged, links []syncer.StagedLink) error {
	return do0(m, "settle", func() error { return m.Store.Settle(ctx, l, rows, links) })
}

func (m *Mortal) Plan(ctx context.Context, l syncer.Lease) (syncer.PlanSize, error) {
	return do(m, "plan", func() (syncer.PlanSize, error) { return m.Store.Plan(ctx, l) })
}

func (m *Mortal) CreateSimple(ctx context.Context, l syncer.Lease, after, upTo int64) error {
	return do0(m, "create", func() error { return m.Store.CreateSimple(ctx, l, after, upTo) })
}

func (m *Mortal) Mark(ctx context.Context, l syncer.Lease, steps []syncer.Step) error {
	return do0(m, "mark", func() error { return m.Store.Mark(ctx, l, steps) })
}

func (m *Mortal) PlanLinks(ctx context.Context, l syncer.Lease) (syncer.LinkSteps, error) {
	return do(m, "plan links", func() (syncer.LinkSteps, error) { return m.Store.PlanLinks(ctx, l) })
}

func (m *Mortal) Relink(ctx context.Context, l syncer.Lease, remove bool, after, upTo int64) error {
	return do0(m, "relink", func() error { return m.Store.Relink(ctx, l, remove, after, upTo) })
}

func (m *Mortal) KeepPending(ctx context.Context, l syncer.Lease) error {
	return do0(m, "pending", func() error { return m.Store.KeepPending(ctx, l) })
}

func (m *Mortal) KeepPlan(ctx context.Context, l syncer.Lease, lines []syncer.PlannedChange) error {
	return do0(m, "keep plan", func() error { return m.Store.KeepPlan(ctx, l, lines) })
}

func (m *Mortal) ForgetPlan(ctx context.Context, l syncer.Lease) error {
	return do0(m, "forget plan", func() error { return m.Store.ForgetPlan(ctx, l) })
}

func (m *Mortal) KeepPlannedLinks(ctx context.Context, l syncer.Lease, after int64) error {
	return do0(m, "keep planned links", func() error { return m.Store.KeepPlannedLinks(ctx, l, after) })
}

func (m *Mortal) Drop(ctx context.Context, run int64) error {
	return do0(m, "drop", func() error { return m.Store.Drop(ctx, run) })
}

func (m *Mortal) NoteFailures(ctx context.Context, l syncer.Lease, failures []syncer.Failure) error {
	return do0(m, "failures", func() error { return m.Store.NoteFailures(ctx, l, failures) })
}

func (m *Mortal) Commit(ctx context.Context, b directory.Batch) (directory.Committed, error) {
	return do(m, "commit", func() (directory.Committed, error) { return m.Store.Commit(ctx, b) })
}
