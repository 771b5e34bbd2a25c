package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/faultproxy"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// slack is what a busy machine may add to a deadline.
const slack = time.Second

// farHR is a directory with one SCIM instance, a group and a user, behind a network that can fail.
type farHR struct {
	*testing.T
	*store.Store
	*directory.Directory
	network     *faultproxy.Proxy
	instance    *directory.Instance
	team, ana   uuid.UUID
	databaseURL string
}

func newFarHR(t *testing.T, cfg store.Config) *farHR {
	t.Helper()
	url := testpg.New(t)
	network, err := faultproxy.Start(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.Close)
	cfg.URL = network.URL()
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := &farHR{T: t, Store: s, Directory: directory.New(s), network: network, databaseURL: url}
	if _, err := h.AddProvider(t.Context(), "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	if h.instance, err = h.AddInstance(t.Context(), "HR", "", true); err != nil {
		t.Fatal(err)
	}
	result, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Put: []directory.Put{
		create(directory.KindGroup, "team"), create(directory.KindUser, "ana"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.team, h.ana = result.Records[0].UID, result.Records[1].UID
	return h
}

// read asks the database for something that no cache holds.
func (h *farHR) read(ctx context.Context) error {
	_, err := h.Directory.Provider(ctx, "HR")
	return err
}

// insert and add are writes of one thing, which share statements; rename is one in a transaction.
func (h *farHR) insert(ctx context.Context) error {
	_, err := h.Apply(ctx, directory.Changes{Instance: h.instance, Put: []directory.Put{create(directory.KindUser, uuid.NewString())}})
	return err
}

func (h *farHR) add(ctx context.Context) error {
	_, err := h.Apply(ctx, directory.Changes{Instance: h.instance, Members: []directory.MemberChange{{Container: h.team, Add: []uuid.UUID{h.ana}}}})
	return err
}

func (h *farHR) rename(ctx context.Context) error {
	_, err := h.Apply(ctx, directory.Changes{Instance: h.instance, Put: []directory.Put{
		{UID: h.ana, Kind: directory.KindUser, Name: "ana", DisplayName: uuid.NewString()},
		{UID: h.team, Kind: directory.KindGroup, Name: "team", DisplayName: "team", Description: new(string)},
	}})
	return err
}

func TestSafetyR3ASilentDatabaseHoldsNobodyPastTheDeadline(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	h := newFarHR(t, store.Config{Timeout: timeout})
	if err := h.rename(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.network.Turn(faultproxy.BlackHole)
	var all sync.WaitGroup
	ask := func(name string, bound time.Duration, context func() (context.Context, context.CancelFunc), do func(context.Context) error) {
		all.Go(func() {
			ctx, cancel := context()
			defer cancel()
			begun := time.Now()
			if err := do(ctx); !directory.HasCode(err, directory.CodeUnavailable) {
				t.Errorf("%s: %v, want UNAVAILABLE", name, err)
			}
			if took := time.Since(begun); took > bound {
				t.Errorf("%s: took %s, want %s at most", name, took, bound)
			}
		})
	}
	within := func(d time.Duration) func() (context.Context, context.CancelFunc) {
		return func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), d) }
	}
	for name, do := range map[string]func(context.Context) error{"read": h.read, "insert": h.insert, "add": h.add, "rename": h.rename} {
		for i := range 4 { // some of them share statements, and wait for those of others
			ask(fmt.Sprintf("%s %d", name, i), timeout+time.Second+slack, within(timeout), do)
		}
		ask(name+" with little time left", 300*time.Millisecond+time.Second+slack, within(300*time.Millisecond), do)
	}
	ask("a caller who leaves", time.Second+slack, func() (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		return ctx, cancel
	}, h.read)
	all.Wait()

	h.network.Turn(faultproxy.None)
	back := time.Now()
	for name, do := range map[string]func(context.Context) error{"read": h.read, "insert": h.insert, "add": h.add, "rename": h.rename} {
		if err := do(t.Context()); err != nil {
			t.Errorf("%s once the database is back: %v", name, err)
		}
	}
	if took := time.Since(back); took > 5*time.Second {
		t.Errorf("it took %s to recover", took)
	}
}

// TestSafetyR3OneLostConnectionIsTheLast: where the network has forgotten all connections that were open, and takes new
// ones, one request finds out for all of them.
func TestSafetyR3OneLostConnectionIsTheLast(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]faultproxy.Fault{"black hole": faultproxy.BlackHole, "reset": faultproxy.Reset} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFarHR(t, store.Config{Timeout: 10 * time.Second, MaxConns: 8})
			var all sync.WaitGroup
			gate := make(chan struct{})
			for range 7 { // so many connections at once
				all.Go(func() {
					<-gate
					for range 20 {
						if err := h.read(t.Context()); err != nil {
							t.Error(err)
						}
					}
				})
			}
			close(gate)
			all.Wait()
			if open := h.Store.Stats().OpenConnections; open < 2 {
				t.Skipf("only %d connections were opened", open)
			}
			h.network.Turn(fault)
			h.network.Turn(faultproxy.None)
			failed := 0
			for range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				if err := h.read(ctx); err != nil {
					failed++
				}
				cancel()
			}
			if failed > 1 {
				t.Errorf("%d requests failed, one of which could have told of the others", failed)
			}
		})
	}
}

// TestSafetyR4ExhaustedPool: where every connection waits for a lock, the next request is told so within a moment, and
// the replica goes on to follow the change log.
func TestSafetyR4ExhaustedPool(t *testing.T) {
	t.Parallel()
	h := newFarHR(t, store.Config{Timeout: 20 * time.Second, MaxConns: 3})
	db := openSQL(t, h.databaseURL)
	locks, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locks.ExecContext(t.Context(), `SELECT FROM identity FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	var blocked sync.WaitGroup
	for range 2 {
		blocked.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := h.rename(ctx); err != nil {
				t.Errorf("a write that had its connection: %v", err)
			}
		})
	}
	waiting := 0
	for deadline := time.Now().Add(10 * time.Second); waiting < 2; time.Sleep(5 * time.Millisecond) {
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%d writes wait for the locks: %v", waiting, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	begun := time.Now()
	if err := h.read(ctx); !directory.HasCode(err, directory.CodeUnavailable) {
		t.Errorf("with no connection left: %v, want UNAVAILABLE", err)
	}
	if took := time.Since(begun); took > 2*time.Second+slack {
		t.Errorf("it took %s to say so", took)
	}
	_, revision, err := h.LoadGraph(ctx)
	if err == nil {
		_, err = h.GraphChanges(ctx, revision)
	}
	if err != nil {
		t.Errorf("the replica cannot follow: %v", err)
	}
	if err := locks.Rollback(); err != nil {
		t.Fatal(err)
	}
	blocked.Wait()
	if err := h.read(ctx); err != nil {
		t.Errorf("once there are connections again: %v", err)
	}
}
