// Package synctest has what tests of synchronizations have in common: a directory in a database of its own, processes that
// work on runs and die where they are told to, and the picture of what the directory holds in the end.
package synctest

import (
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
)

// How many seeds tests look at. make conformance looks at more.
var (
	Seeds = flag.Int("seeds", 3, "seeds of the law")
	Kills = flag.Int("kills", 1, "seeds of the law with killed runs")
)

// EachSeed runs a test for the seeds below n, each under its number, so that -run finds one of them again.
func EachSeed(t *testing.T, n int, test func(t *testing.T, seed uint64)) {
	t.Helper()
	for seed := range uint64(n) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { test(t, seed) })
	}
}

// Rig is a directory that is synchronized, in a database of its own.
type Rig struct {
	Store  *store.Store
	People *directory.Directory

	t     testing.TB
	url   string
	types []connector.Type
	// starts starts runs and works on none.
	starts *syncer.Service
	// died counts the transactions that processes were killed at.
	died map[string]int
}

// New makes a directory without anything in it. Types are the kinds of source; they get the keys of every synchronized
// instance.
func New(t testing.TB, types ...connector.Type) *Rig {
	t.Helper()
	url := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := &Rig{Store: s, t: t, url: url, types: slices.Clone(types), died: map[string]int{}}
	for i := range r.types {
		r.types[i].ConfigKeys = append(slices.Clone(r.types[i].ConfigKeys), syncer.ConfigKeys()...)
	}
	r.People = r.directory(s)
	r.starts = r.Service(syncer.Config{})
	return r
}

// For is the rig as another test sees it, which is a part of the one that it was made for.
func (r *Rig) For(t testing.TB) *Rig {
	other := *r
	other.t = t
	return &other
}

func (r *Rig) directory(s directory.Store) *directory.Directory {
	options := []directory.Option{directory.WithSealer(canary.Sealer{})}
	for _, t := range r.types {
		options = append(options, directory.WithProviderType(t.ProviderType))
	}
	return directory.New(s, options...)
}

// Service makes a process that works on runs while its Work runs. It applies many little chunks at once.
func (r *Rig) Service(cfg syncer.Config) *syncer.Service {
	return r.service(r.Store, r.People, cfg)
}

func (r *Rig) service(s syncer.Store, people *directory.Directory, cfg syncer.Config) *syncer.Service {
	cfg.Types, cfg.Opener, cfg.AllowPrivate, cfg.Log = r.types, canary.Sealer{}, true, canary.Log(r.t)
	cfg.Chunk, cfg.ChunksAtOnce = 10, 3
	return syncer.New(s, people, cfg)
}

// Replica makes a process that is killed at the transaction of that number, before it or after it.
func (r *Rig) Replica(left int64, after bool) (*Mortal, *syncer.Service) {
	m := newMortal(r.Store, left, after)
	return m, r.service(m, r.directory(m), syncer.Config{Lease: 150 * time.Millisecond, Poll: 5 * time.Millisecond})
}

// Must fails the test at an error.
func (r *Rig) Must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// Add adds a provider with one instance without a name. The guard lets everything pass: what a source that changes at
// random loses may be more than is usual.
func (r *Rig) Add(label string, kind directory.ProviderTypeName, config map[string]string) {
	r.t.Helper()
	_, err := r.People.AddProvider(r.t.Context(), label, kind, true)
	r.Must(err)
	_, err = r.People.AddInstance(r.t.Context(), label, "", true)
	r.Must(err)
	for key, value := range config {
		r.Set(label, key, value)
	}
	for _, key := range []string{"guard.maxDeletePercent", "guard.maxUnlinkPercent"} {
		r.Set(label, key, "100")
	}
}

// Set sets a key of the runtime configuration.
func (r *Rig) Set(label, key, value string) {
	r.t.Helper()
	_, err := r.People.SetRuntimeConfig(r.t.Context(), label, "", key, value)
	r.Must(err)
}

// Work has a process work on runs until the test ends.
func (r *Rig) Work(s *syncer.Service) { r.t.Cleanup(r.work(s)) }

// work starts to work, and returns what ends it.
func (r *Rig) work(s *syncer.Service) (end func()) {
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); s.Work(ctx) }()
	return func() { stop(); <-done }
}

// Start queues a run.
func (r *Rig) Start(label string, o syncer.StartOptions) uuid.UUID {
	r.t.Helper()
	if o.Mode == "" {
		o.Mode = syncer.ModeAuto
	}
	run, err := r.starts.Start(r.t.Context(), label, "", o)
	r.Must(err)
	return run.UID
}

func (r *Rig) run(uid uuid.UUID) *syncer.Run {
	r.t.Helper()
	runs, err := r.Store.RunsByUID(r.t.Context(), []uuid.UUID{uid})
	r.Must(err)
	return runs[0]
}

// Wait waits until a run has ended.
func (r *Rig) Wait(uid uuid.UUID) *syncer.Run {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if run := r.run(uid); !run.Status.Live() {
			return run
		}
	}
	r.t.Fatal("the run does not end")
	return nil
}

// Synced synchronizes an instance, which has to come to its end, by the processes that work; with some failures or none.
func (r *Rig) Synced(label string, o syncer.StartOptions) *syncer.Run {
	r.t.Helper()
	return r.whole(label, r.Wait(r.Start(label, o)))
}

func (r *Rig) whole(label string, run *syncer.Run) *syncer.Run {
	r.t.Helper()
	if run.Status != syncer.Complete && run.Status != syncer.Partial {
		reason := ""
		if run.Reason != nil {
			reason = *run.Reason
		}
		r.t.Fatalf("a run of %s is %s: %s", label, run.Status, reason)
	}
	return run
}

// Killed synchronizes an instance by processes of which one after the other is killed at one of its next transactions, as
// many as most, until one of them lives on. Nobody else may work.
func (r *Rig) Killed(rng *rand.Rand, most int, label string, o syncer.StartOptions) *syncer.Run {
	r.t.Helper()
	uid := r.Start(label, o)
	for range 1 + rng.IntN(5) {
		if r.dieOnce(uid, int64(1+rng.IntN(most)), rng.IntN(2) == 0) {
			break
		}
	}
	_, survivor := r.Replica(Forever, false)
	end := r.work(survivor)
	run := r.Wait(uid)
	end()
	return r.whole(label, run)
}

// dieOnce works on a run until the process dies, or the run has ended.
func (r *Rig) dieOnce(uid uuid.UUID, left int64, after bool) (ended bool) {
	r.t.Helper()
	m, s := r.Replica(left, after)
	end := r.work(s)
	for !m.dead.Load() && !ended {
		ended = !r.run(uid).Status.Live()
		time.Sleep(time.Millisecond)
	}
	m.dead.Store(true) // so that it gives nothing back
	end()
	if last := m.last.Load(); last != nil {
		r.died[*last]++
	}
	return ended
}

// Died tells how many processes were killed at which transactions.
func (r *Rig) Died() map[string]int { return r.died }

// SQL is the database itself.
func (r *Rig) SQL() *sqlx.DB {
	r.t.Helper()
	db, err := sqlx.Connect("postgres", r.url)
	r.Must(err)
	r.t.Cleanup(func() { _ = db.Close() })
	return db
}

// Aside lists the tables that runs left behind which kept there what they read.
func (r *Rig) Aside() (tables []string) {
	r.t.Helper()
	r.Must(r.SQL().SelectContext(r.t.Context(), &tables, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(stage|todo|want)_.*[0-9]$' ORDER BY relname`))
	return tables
}
