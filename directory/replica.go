package directory

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-gateway/roster/directory/links"
)

// pollEvery is how often a replica looks for changes that nobody told it of.
const pollEvery = 500 * time.Millisecond

// retryAfter is how long a replica leaves the store alone that could not be read.
const retryAfter = 50 * time.Millisecond

// maxAge is how old a replica's state may be. One that cannot tell, because it has lost the store, answers UNAVAILABLE
// rather than with rights of unknown age.
const maxAge = 2 * time.Second

// reloadAfter is how old a state may be for changes to lead on from it, which are not kept for ever.
const reloadAfter = 10 * time.Minute

// stepLimit bounds one look at the change log, a load of the whole graph included. lookLimit bounds the question itself,
// so that an answer which got lost does not hold the next question up; a store that is there, but slow, is given more.
const (
	stepLimit = time.Minute
	lookLimit = maxAge
)

// state is one committed state of the store, as a replica holds it.
type state struct {
	graph    *links.Graph
	revision Revision
	seen     visibility
	life     Life
	// asOf is when the store was last known to be in this state.
	asOf time.Time
}

// replica keeps the graph in memory. One goroutine, the applier, takes the change log up; writers never do so
// themselves, so that every replica goes through the same states.
type replica struct {
	store   GraphStore
	now     func() time.Time
	current atomic.Pointer[state]
	// woken asks the applier to look at once; applied wakes who waits for a revision.
	woken   chan struct{}
	applied *broadcast
	log     *slog.Logger
	// failed is why the last look at the store brought nothing; nil where it brought a state.
	failed atomic.Pointer[error]
	// owed is when the last own commit happened that did not show in time although it was acknowledged.
	owed atomic.Pointer[time.Time]
	// stepping is held while changes are taken up, and guards watchers and slow.
	stepping sync.Mutex
	// slow says that the last question had no answer within its limit.
	slow      bool
	instances atomic.Pointer[heldInstances]
	// watchers take up changes of tokens, providers and instances.
	watchers []func(context.Context) error
}

// newReplica loads the graph.
func newReplica(ctx context.Context, store GraphStore, now func() time.Time, log *slog.Logger) (*replica, error) {
	r := &replica{store: store, now: now, woken: make(chan struct{}, 1), applied: newBroadcast(), log: log}
	r.instances.Store(&heldInstances{})
	return r, r.load(ctx)
}

func (r *replica) load(ctx context.Context) error {
	begun := r.now()
	life, err := r.store.Life(ctx)
	if err != nil {
		return err
	}
	graph, revision, err := r.store.LoadGraph(ctx)
	if err != nil {
		return err
	}
	return r.publish(graph, revision, life, begun)
}

func (r *replica) publish(graph *links.Graph, revision Revision, life Life, asOf time.Time) error {
	seen, err := parseVisibility(revision.Snapshot)
	if err != nil {
		return err
	}
	revision.Started = life.Started
	r.current.Store(&state{graph: graph, revision: revision, seen: seen, life: life, asOf: asOf})
	r.failed.Store(nil)
	r.applied.wakeAll()
	return nil
}

// wake asks the applier to look for changes now.
func (r *replica) wake() {
	select {
	case r.woken <- struct{}{}:
	default: // it is asked already
	}
}

// run applies changes until the context ends.
func (r *replica) run(ctx context.Context) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.woken:
		case <-poll.C:
		}
		bounded, cancel := context.WithTimeout(ctx, stepLimit)
		err := r.step(bounded)
		cancel()
		if err != nil && ctx.Err() == nil {
			if r.failed.Swap(&err) == nil {
				r.log.Warn("changes could not be read; answers stop when they grow too old", "error", err)
			}
			r.applied.wakeAll()
			select { // whoever waits asks again at once
			case <-ctx.Done():
			case <-time.After(retryAfter):
			}
		}
	}
}

// step takes up what was committed since the last one.
func (r *replica) step(ctx context.Context) error {
	r.stepping.Lock()
	defer r.stepping.Unlock()
	old, begun := r.current.Load(), r.now()
	delta, err := r.look(ctx, old.revision)
	if err != nil {
		return err
	}
	life, broken, err := r.broken(ctx, old, delta.Revision)
	if err != nil {
		return err
	}
	delta.Reload = delta.Reload || broken
	if delta.Access || delta.Reload {
		r.instances.Store(&heldInstances{})
		for _, watch := range r.watchers {
			if err := watch(ctx); err != nil {
				return err
			}
		}
	}
	if delta.Reload {
		return r.load(ctx)
	}
	graph := old.graph
	if len(delta.Nodes)+len(delta.Links)+len(delta.Purged) > 0 {
		graph = apply(graph, delta)
	}
	return r.publish(graph, delta.Revision, life, begun)
}

// look asks for the changes since a revision.
func (r *replica) look(ctx context.Context, since Revision) (GraphDelta, error) {
	bounded, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	if !r.slow {
		delta, err := r.store.GraphChanges(bounded, since)
		r.slow = err != nil && bounded.Err() != nil
		return delta, err
	}
	if err := r.store.Ping(bounded); err != nil {
		return GraphDelta{}, err
	}
	r.slow = false
	return r.store.GraphChanges(ctx, since)
}

// broken reports whether the changes since a state do not lead from it to now: the store is another one, or the same at
// an earlier time, or the state is from before what is kept.
func (r *replica) broken(ctx context.Context, old *state, now Revision) (Life, bool, error) {
	seen, err := parseVisibility(now.Snapshot)
	if err != nil {
		return Life{}, false, err
	}
	if seen.xmax < old.seen.xmax { // time went back, and nothing in the store itself can tell
		r.log.Warn("the database shows an earlier state than before: revisions and cursors of until now are expired")
		if err := r.store.RenewEpoch(ctx); err != nil {
			return Life{}, false, err
		}
	}
	life, err := r.store.Life(ctx) // after the changes were read: they may have come by a new connection
	if err != nil {
		return Life{}, false, err
	}
	suspended := r.now().Round(0).Sub(old.asOf.Round(0)) > reloadAfter // by the wall: other clocks may have stopped
	return life, suspended || life.Epoch != old.life.Epoch || !life.Started.Equal(old.life.Started), nil
}

func apply(graph *links.Graph, delta GraphDelta) *links.Graph {
	e := graph.Edit()
	for _, n := range delta.Nodes {
		e.Put(n)
	}
	for _, l := range delta.Links {
		if l.Removed {
			e.Unlink(l.Container, l.Members...)
		} else {
			e.Link(l.Container, l.Members...)
		}
	}
	e.Drop(delta.Purged...)
	return e.Graph()
}

// pin returns the current state, which does not change any more. Where it has grown too old, as after the process was
// held up, the applier gets a moment for a newer one, but only if it has not just failed: who cannot be answered is told
// so at once.
func (r *replica) pin(ctx context.Context) (*state, error) {
	if s := r.current.Load(); r.fresh(s) {
		return s, nil
	}
	begun := r.now()
	return r.await(ctx, func(s *state) bool { return r.fresh(s) || s.asOf.After(begun) })
}

// fresh reports whether a state is young enough to be answered from, and has all own commits that were acknowledged.
func (r *replica) fresh(s *state) bool {
	owed := r.owed.Load()
	return r.now().Sub(s.asOf) <= maxAge && (owed == nil || s.asOf.After(*owed))
}

// owe notes that what was committed until a time is acknowledged, whether it shows or not.
func (r *replica) owe(until time.Time) {
	for {
		owed := r.owed.Load()
		if owed != nil && !until.After(*owed) || r.owed.CompareAndSwap(owed, &until) {
			return
		}
	}
}

// latest returns a state that has all that was committed before it is asked for, on whatever replica.
func (r *replica) latest(ctx context.Context) (*state, error) {
	begun := r.now()
	return r.await(ctx, func(s *state) bool { return s.asOf.After(begun) })
}

// await has the applier look at the store until there is a state that will do.
func (r *replica) await(ctx context.Context, willDo func(*state) bool) (*state, error) {
	r.wake()
	limit := time.NewTimer(awaitLimit)
	defer limit.Stop()
	for {
		applied := r.applied.wait()
		if s := r.current.Load(); willDo(s) {
			return s, nil
		}
		if failed := r.failed.Load(); failed != nil {
			return nil, lostStore(*failed)
		}
		select {
		case <-applied:
		case <-limit.C:
			return nil, lostStore(nil)
		case <-ctx.Done():
			return nil, lostStore(ctx.Err())
		}
	}
}

func lostStore(cause error) error {
	return &Error{
		Code: CodeUnavailable, Message: "This replica has lost the database and cannot tell how old its data is. Try again in a moment.",
		Cause: cause,
	}
}

// reflects reports whether the current state includes a revision.
func (r *replica) reflects(revision Revision) (bool, error) {
	s := r.current.Load()
	if revision.Epoch != s.revision.Epoch {
		return false, Expired("This revision is of an earlier life of the database. Read everything again and go on from there.")
	}
	if revision.Started.After(s.life.Started) {
		return false, nil // the server was started anew, which this replica has still to find out
	}
	tooOld := Expired("This revision is older than the changes that are kept. Read everything again and go on from there.")
	if revision.XID != 0 {
		if revision.XID <= s.life.Pruned {
			return false, tooOld
		}
		return r.sameLife(s) && s.seen.visible(revision.XID), nil
	}
	other, err := parseVisibility(revision.Snapshot)
	if err == nil && other.xmax <= s.life.Pruned {
		return false, tooOld
	}
	return err == nil && r.sameLife(s) && s.seen.includes(other), err
}

// sameLife reports whether the numbers of transactions mean what they meant when the state was read. At the other end of a
// new connection may be a server that gives numbers away again which it forgot in a crash.
func (r *replica) sameLife(s *state) bool { return s.life.Opened == r.store.Opened() }

// ReplicaStats describes the state that a replica answers from.
type ReplicaStats struct {
	// Age is how long ago the store was last known to be in this state.
	Age               time.Duration
	Identities, Links int
	Cache             CacheStats
}

// ReplicaStats describes the state in memory; zero without one.
func (d *Directory) ReplicaStats() ReplicaStats {
	if d.replica == nil {
		return ReplicaStats{}
	}
	s := d.replica.current.Load()
	return ReplicaStats{Age: d.now().Sub(s.asOf), Identities: s.graph.Len(), Links: s.graph.Edges(), Cache: d.cache.stats()}
}
