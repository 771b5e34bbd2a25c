package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
)

// errKilled is what a process that was killed does with the store: nothing.
var errKilled = errors.New("killed")

// mortal is the store as a process sees it that is killed at one of its transactions: before it, or after it was
// committed and before the process learns of it. From then on the process does nothing any more.
type mortal struct {
	*store.Store
	left  atomic.Int64 // transactions until the end
	after bool
	dead  atomic.Bool
	last  atomic.Pointer[string]
}

// do runs one transaction, unless the process is dead.
func do[T any](m *mortal, name string, transaction func() (T, error)) (T, error) {
	var none T
	if m.dead.Load() {
		return none, errKilled
	}
	dying := m.left.Add(-1) == 0
	if dying && !m.after {
		m.die(name)
		return none, errKilled
	}
	out, err := transaction()
	if dying {
		m.die(name)
	}
	if m.dead.Load() {
		return none, errKilled
	}
	return out, err
}

func (m *mortal) die(name string) {
	m.last.Store(&name)
	m.dead.Store(true)
}

func do0(m *mortal, name string, transaction func() error) error {
	_, err := do(m, name, func() (struct{}, error) { return struct{}{}, transaction() })
	return err
}

func (m *mortal) QueueDue(ctx context.Context, jitter float64) (int, error) {
	if m.dead.Load() {
		return 0, errKilled
	}
	return m.Store.QueueDue(ctx, jitter)
}

func (m *mortal) Claim(ctx context.Context, owner string, lease time.Duration) (*syncer.Claimed, error) {
	if m.dead.Load() {
		return nil, errKilled
	}
	claimed, err := m.Store.Claim(ctx, owner, lease)
	if claimed == nil {
		return nil, err
	}
	return do(m, "claim", func() (*syncer.Claimed, error) { return claimed, err })
}

func (m *mortal) Renew(ctx context.Context, l syncer.Lease, lease time.Duration) error {
	if m.dead.Load() {
		return errKilled
	}
	return m.Store.Renew(ctx, l, lease)
}

func (m *mortal) Yield(ctx context.Context, l syncer.Lease, after time.Duration, reason string) error {
	return do0(m, "yield", func() error { return m.Store.Yield(ctx, l, after, reason) })
}

func (m *mortal) Finish(ctx context.Context, l syncer.Lease, f syncer.Finish) error {
	return do0(m, "finish", func() error { return m.Store.Finish(ctx, l, f) })
}

func (m *mortal) BeginRound(ctx context.Context, l syncer.Lease, full bool, state []byte) error {
	return do0(m, "begin", func() error { return m.Store.BeginRound(ctx, l, full, state) })
}

func (m *mortal) StageMore(ctx context.Context, l syncer.Lease, p syncer.StagedPage) error {
	return do0(m, "page", func() error { return m.Store.StageMore(ctx, l, p) })
}

func (m *mortal) EndReading(ctx context.Context, l syncer.Lease) error {
	return do0(m, "end of reading", func() error { return m.Store.EndReading(ctx, l) })
}

func (m *mortal) Settle(ctx context.Context, l syncer.Lease, rows []syncer.Staged, links []syncer.StagedLink) error {
	return do0(m, "settle", func() error { return m.Store.Settle(ctx, l, rows, links) })
}

func (m *mortal) Plan(ctx context.Context, l syncer.Lease) (syncer.PlanSize, error) {
	return do(m, "plan", func() (syncer.PlanSize, error) { return m.Store.Plan(ctx, l) })
}

func (m *mortal) CreateSimple(ctx context.Context, l syncer.Lease, after int64) (int64, error) {
	return do(m, "create", func() (int64, error) { return m.Store.CreateSimple(ctx, l, after) })
}

func (m *mortal) Mark(ctx context.Context, l syncer.Lease, steps []syncer.Step) error {
	return do0(m, "mark", func() error { return m.Store.Mark(ctx, l, steps) })
}

func (m *mortal) PlanLinks(ctx context.Context, l syncer.Lease) (int, int, error) {
	add, err := do(m, "plan links", func() (int, error) { n, _, err := m.Store.PlanLinks(ctx, l); return n, err })
	return add, 0, err
}

func (m *mortal) Relink(ctx context.Context, l syncer.Lease, remove bool, after int64) (int64, error) {
	return do(m, "relink", func() (int64, error) { return m.Store.Relink(ctx, l, remove, after) })
}

func (m *mortal) KeepPending(ctx context.Context, l syncer.Lease) error {
	return do0(m, "pending", func() error { return m.Store.KeepPending(ctx, l) })
}

func (m *mortal) NoteFailures(ctx context.Context, l syncer.Lease, failures []syncer.Failure) error {
	return do0(m, "failures", func() error { return m.Store.NoteFailures(ctx, l, failures) })
}

func (m *mortal) Commit(ctx context.Context, b directory.Batch) (directory.Committed, error) {
	return do(m, "commit", func() (directory.Committed, error) { return m.Store.Commit(ctx, b) })
}

// TestAKilledRunEndsAsAnUninterruptedOne kills the process that works on a run at one transaction after another, at
// random, and has another one go on (rule R21).
func TestR21AKilledRunEndsAsAnUninterruptedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	died := map[string]int{}
	for seed := range *killSeeds {
		label := fmt.Sprintf("Killed%d", seed)
		source := w.add(label)
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		source.pageSize = 1 + rng.IntN(4)
		for _, key := range []string{"guard.maxDeletePercent", "guard.maxUnlinkPercent"} {
			w.set(label, key, "100")
		}
		for range 3 {
			source.mutate(rng, 4+rng.IntN(12))
			run, err := w.sync.Start(t.Context(), label, "", syncer.StartOptions{Mode: []syncer.Mode{syncer.ModeAuto, syncer.ModeFull}[rng.IntN(2)]})
			w.must(err)
			ended := w.dieOnce(rng, died, run.UID)
			for n := 0; !ended && n < 4; n++ {
				ended = w.dieOnce(rng, died, run.UID)
			}
			w.survive(run.UID)
			if source.returned {
				source.returned = false
				run, err := w.sync.Start(t.Context(), label, "", syncer.StartOptions{Mode: syncer.ModeAuto})
				w.must(err)
				w.survive(run.UID)
			}
			w.agree(label)
		}
	}
	t.Logf("killed at %v", died)
}

// replica is a process of its own.
func (w *world) replica(left int64, after bool) (*mortal, *syncer.Service) {
	m := &mortal{Store: w.store, after: after}
	m.left.Store(left)
	people := directory.New(m, directory.WithProviderType(w.connectorType().ProviderType), directory.WithSealer(plain{}))
	return m, syncer.New(m, people, syncer.Config{
		Types: []connector.Type{w.connectorType()}, Opener: plain{}, Log: quiet, Lease: 150 * time.Millisecond, Poll: 5 * time.Millisecond,
	})
}

// dieOnce works on a run until the process dies, or the run has ended.
func (w *world) dieOnce(rng *rand.Rand, died map[string]int, uid uuid.UUID) (ended bool) {
	m, s := w.replica(int64(1+rng.IntN(25)), rng.IntN(2) == 0)
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Work(ctx) }()
	for !m.dead.Load() && !ended {
		runs, err := w.store.RunsByUID(w.t.Context(), []uuid.UUID{uid})
		w.must(err)
		ended = !runs[0].Status.Live()
		time.Sleep(time.Millisecond)
	}
	m.dead.Store(true) // so that it gives nothing back
	stop()
	<-done
	if last := m.last.Load(); last != nil {
		died[*last]++
	}
	return ended
}

// survive works on a run to its end.
func (w *world) survive(uid uuid.UUID) {
	w.t.Helper()
	_, s := w.replica(1<<40, false)
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Work(ctx) }()
	run := w.wait(uid)
	stop()
	<-done
	if run.Status != syncer.Complete && run.Status != syncer.Partial {
		w.t.Fatalf("the run is %s: %s", run.Status, *run.Reason)
	}
}
