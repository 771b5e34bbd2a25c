package directory_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/store"
)

// gate is a store whose reads of records by id can be held up, and are counted.
type gate struct {
	*store.Store
	reads atomic.Int64
	pass  func(ctx context.Context) error
}

func (g *gate) ByIDs(ctx context.Context, ids []int64) ([]*directory.Record, error) {
	g.reads.Add(1)
	if err := g.pass(ctx); err != nil {
		return nil, err
	}
	return g.Store.ByIDs(ctx, ids)
}

// gated is a fixture in memory whose cache keeps nothing, behind a gate.
func gated(t *testing.T) (*fixture, *gate) {
	t.Helper()
	f := newStoreFixture(t)
	g := &gate{Store: f.store, pass: func(context.Context) error { return nil }}
	f.Directory = directory.New(g)
	if err := f.HoldInMemory(f.ctx, f.store, 0); err != nil {
		t.Fatal(err)
	}
	return f, g
}

// A crowd that asks for somebody who is not in the cache costs the store one read; who asks for others besides, one of
// those.
func TestSafetyR11ACrowdCostsOneRead(t *testing.T) {
	t.Parallel()
	f, g := gated(t)
	i := f.instance("HR", directory.TypeSCIM, "")
	ana, ben := f.put(i, user("ana"))[0], f.put(i, user("ben"))[0]
	open := make(chan struct{})
	g.pass = func(context.Context) error { <-open; return nil }
	g.reads.Store(0)
	const crowd = 50
	var readers sync.WaitGroup
	for n := range crowd {
		readers.Go(func() {
			ids := []int64{ana.ID}
			if n == 0 {
				ids = []int64{ben.ID, ana.ID, ana.ID}
			}
			records, err := f.View().Source().ByIDs(f.ctx, ids)
			if err != nil || records[len(ids)-1] == nil || records[len(ids)-1].ID != ana.ID || records[0] == nil || records[0].ID != ids[0] {
				t.Errorf("%v, %v", records, err)
			}
		})
	}
	time.Sleep(200 * time.Millisecond) // all of them are there
	close(open)
	readers.Wait()
	if n := g.reads.Load(); n > 2 {
		t.Errorf("%d readers cost %d reads", crowd, n)
	}
}

// Whoever waited for a read that was given up, or that began before a write that the reader knows of, reads anew.
func TestSafetyR11ACrowdIsNotServedWhatIsNotEnough(t *testing.T) {
	t.Parallel()
	f, g := gated(t)
	i := f.instance("HR", directory.TypeSCIM, "")
	ana := f.put(i, user("ana"))[0]

	given, up := context.WithCancel(f.ctx)
	waiting := make(chan struct{}, 1)
	g.pass = func(ctx context.Context) error {
		if ctx != given {
			return nil
		}
		waiting <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	first := make(chan error)
	go func() {
		_, err := f.View().Source().ByIDs(given, []int64{ana.ID})
		first <- err
	}()
	<-waiting
	second := make(chan error)
	go func() {
		records, err := f.View().Source().ByIDs(f.ctx, []int64{ana.ID})
		if err == nil && records[0] == nil {
			err = fmt.Errorf("nobody is found")
		}
		second <- err
	}()
	time.Sleep(100 * time.Millisecond)
	up()
	if err := <-first; err == nil {
		t.Error("a read that was given up succeeded")
	}
	if err := <-second; err != nil {
		t.Errorf("who waited for a read that was given up: %v", err)
	}

	stale, open := make(chan struct{}, 1), make(chan struct{})
	old, err := f.store.ByIDs(f.ctx, []int64{ana.ID})
	if err != nil {
		t.Fatal(err)
	}
	slow := &slowly{gate: g, at: stale, open: open, old: old}
	d := directory.New(slow)
	if err := d.HoldInMemory(f.ctx, f.store, 0); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := d.View().Source().ByIDs(f.ctx, []int64{ana.ID})
		first <- err
	}()
	<-stale
	f.setStatus(i, ana, directory.StatusDisabled)
	if err := d.Await(f.ctx, must(f.store.Snapshot(f.ctx))); err != nil {
		t.Fatal(err)
	}
	go func() {
		records, err := d.View().Source().ByIDs(f.ctx, []int64{ana.ID})
		if err == nil && records[0].Status != directory.StatusDisabled {
			err = fmt.Errorf("the answer is version %d, %s", records[0].Version, records[0].Status)
		}
		second <- err
	}()
	time.Sleep(100 * time.Millisecond)
	close(open)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := <-second; err != nil {
		t.Errorf("who knew of a write: %v", err)
	}
}

// slowly answers the first read of records with what was there before.
type slowly struct {
	*gate
	once sync.Once
	at   chan struct{}
	open chan struct{}
	old  []*directory.Record
}

func (s *slowly) ByIDs(ctx context.Context, ids []int64) (records []*directory.Record, err error) {
	first := false
	s.once.Do(func() { first = true })
	if !first {
		return s.Store.ByIDs(ctx, ids)
	}
	s.at <- struct{}{}
	<-s.open
	return s.old, nil
}
