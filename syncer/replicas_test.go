package syncer_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

// How long replicas share schedules; make conformance looks longer.
var replicasTime = flag.Duration("replicas", 6*time.Second, "how long replicas share schedules")

// TestThreeReplicasShareTheSchedules has three replicas work on schedules that are due every second, and kills one of them
// after the other. No two runs of an instance are under way at once, and none is lost.
func TestR21ThreeReplicasShareTheSchedules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	labels := []string{"AAD", "North", "South", "West"}
	watch := map[string]*watched{}
	for _, label := range labels {
		if label != "AAD" {
			w.add(label)
		}
		source := w.tenants[label]
		watch[label] = &watched{}
		source.fail = func(page int) error { return watch[label].page(page) }
		source.mutate(rand.New(rand.NewPCG(1, 2)), 30)
		w.set(label, "guard.maxDeletePercent", "100")
		w.set(label, "guard.maxUnlinkPercent", "100")
		_, err := w.sync.SetSchedule(t.Context(), label, "", ptr(time.Second))
		w.must(err)
	}
	var running sync.WaitGroup
	start := func() (*synctest.Mortal, func()) {
		m, s := w.rig.Replica(synctest.Forever, false)
		ctx, stop := context.WithCancel(t.Context())
		running.Go(func() { s.Work(ctx) })
		return m, stop
	}
	type process struct {
		m    *synctest.Mortal
		stop func()
	}
	var replicas []process
	for range 3 {
		m, stop := start()
		replicas = append(replicas, process{m, stop})
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for end := time.Now().Add(*replicasTime); time.Now().Before(end); {
		time.Sleep(*replicasTime / 6)
		victim := &replicas[rng.IntN(3)]
		victim.m.Die("killed")
		victim.stop()
		victim.m, victim.stop = start()
		for _, label := range labels {
			w.tenants[label].mutate(rng, 3)
		}
	}
	for _, label := range labels {
		_, err := w.sync.SetSchedule(t.Context(), label, "", nil)
		w.must(err)
	}
	page, err := w.sync.RunsOf(syncer.RunFilter{}, directory.PageArgs{First: 1000})
	w.must(err)
	runs, err := page.Nodes(t.Context())
	w.must(err)
	for _, run := range runs {
		if run = w.wait(run.UID); run.Status != syncer.Complete && run.Status != syncer.Partial {
			t.Errorf("a run is %s: %v", run.Status, run.Reason)
		}
	}
	if least := int(*replicasTime/time.Second) * len(labels) / 2; len(runs) < least {
		t.Errorf("%d runs in %s, want at least %d", len(runs), *replicasTime, least)
	}
	for _, label := range labels {
		if n := watch[label].together.Load(); n > 0 {
			t.Errorf("%s was read by two runs at once, %d times", label, n)
		}
		run, err := w.sync.Start(t.Context(), label, "", syncer.StartOptions{Mode: syncer.ModeFull})
		w.must(err)
		w.wait(run.UID)
		w.agree(label)
	}
	for _, r := range replicas {
		r.stop()
	}
	running.Wait()
	t.Logf("%d runs", len(runs))
}

// watched notices rounds that are read side by side: a page of one between two pages of another.
type watched struct {
	reading  atomic.Int64
	together atomic.Int64
}

func (w *watched) page(int) error {
	if w.reading.Add(1) > 1 {
		w.together.Add(1)
	}
	time.Sleep(time.Millisecond)
	w.reading.Add(-1)
	return nil
}

func TestSafetyR13AZombieCannotWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	_, err := w.sync.Start(ctx, "AAD", "", syncer.StartOptions{Mode: syncer.ModeAuto})
	w.must(err)
	zombie, err := w.store.Claim(ctx, "one", time.Nanosecond)
	w.must(err)
	w.must(w.store.BeginRound(ctx, zombie.Lease, true, nil))
	heir, err := w.store.Claim(ctx, "two", time.Minute)
	w.must(err)
	if heir == nil || heir.Run.UID != zombie.Run.UID || heir.Fence <= zombie.Fence {
		t.Fatalf("the run was not taken over: %+v", heir)
	}
	i, err := w.people.Instance(ctx, "AAD", "")
	w.must(err)
	change := directory.Changes{
		Instance: i, Put: []directory.Put{{Kind: directory.KindUser, Name: "z@example.com", ExternalID: ptr("z")}},
		Fence: &directory.Fence{Run: zombie.Lease.Run, Number: zombie.Fence}, Action: "test",
	}
	writes := map[string]func(syncer.Lease) error{
		"renew": func(l syncer.Lease) error { return w.store.Renew(ctx, l, time.Minute) },
		"page":  func(l syncer.Lease) error { return w.store.StageMore(ctx, l, syncer.StagedPage{}) },
		"end":   func(l syncer.Lease) error { return w.store.EndReading(ctx, l) },
		"plan":  func(l syncer.Lease) error { _, err := w.store.Plan(ctx, l); return err },
		"commit": func(l syncer.Lease) error {
			change.Fence.Number = l.Fence
			_, err := w.people.Apply(ctx, change)
			return err
		},
	}
	for name, write := range writes {
		if err := write(zombie.Lease); !errors.Is(err, syncer.ErrLost) {
			t.Errorf("%s of a zombie: %v", name, err)
		}
	}
	for _, name := range []string{"renew", "page", "end", "plan", "commit"} {
		if err := writes[name](heir.Lease); err != nil {
			t.Errorf("%s of the heir: %v", name, err)
		}
	}
	_, err = w.sync.Cancel(ctx, heir.UID)
	w.must(err)
	if err := writes["commit"](heir.Lease); !errors.Is(err, syncer.ErrLost) {
		t.Errorf("a commit after the cancellation: %v", err)
	}
}

// TestACancelledRunStops cancels a run in the middle of its reading.
func TestACancelledRunStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	reading, goOn := make(chan struct{}), make(chan struct{})
	w.tenants["AAD"].user("u1", "ana@example.com")
	var once sync.Once
	w.tenants["AAD"].fail = func(int) error {
		once.Do(func() { close(reading) })
		<-goOn
		return nil
	}
	run, err := w.sync.Start(t.Context(), "AAD", "", syncer.StartOptions{Mode: syncer.ModeAuto})
	w.must(err)
	<-reading
	if run, err = w.sync.Cancel(t.Context(), run.UID); err != nil || run.Status != syncer.Cancelled || run.Reason == nil {
		t.Fatalf("the run is %s: %v", run.Status, err)
	}
	close(goOn)
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
	if runs, err := w.sync.RunsByUID(t.Context(), []uuid.UUID{run.UID}); err != nil || runs[0].Created != 0 || runs[0].Status != syncer.Cancelled {
		t.Errorf("the cancelled run went on: %+v %v", runs[0], err)
	}
}

// TestALongWaitPutsTheRunOff: a source that asks to be left alone for long is read on later, from where it was.
func TestAThrottledRunGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	for n := range 9 {
		source.user("u"+string(rune('1'+n)), "u"+string(rune('1'+n))+"@example.com")
	}
	asked := []int{}
	source.fail = func(page int) error {
		asked = append(asked, page)
		if len(asked) == 3 {
			return &connector.Error{Code: connector.Throttled, Message: "The source asks to wait.", RetryAfter: 100 * time.Millisecond}
		}
		return nil
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
	if want := 5; len(asked) != want || asked[3] != 2 {
		t.Errorf("pages asked for: %v", asked)
	}
}
