package directory_test

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
)

// What the cache takes records to cost is what an operator bounds: it has to be near what they take.
func TestTheCacheCountsWhatRecordsTake(t *testing.T) {
	const people = 10_000
	f := newStoreFixture(t)
	i := f.instance("HR", directory.TypeSCIM, "")
	for name, columns := range map[string]string{
		"bare": `NULL, NULL, '{}'`,
		"usual": `$3 || n, 'ann.' || n || '@example.com', jsonb_build_object('userType', 'Employee', 'title', 'Engineer',
			'name', '{"givenName": "Ann", "familyName": "Lee", "formatted": "Ann Lee"}'::jsonb,
			'emails', jsonb_build_array(jsonb_build_object('type', 'work', 'primary', true, 'value', 'ann.' || n || '@example.com')))`,
		"rich": `$3 || n, 'rich.' || n || '@example.com',
			(SELECT jsonb_object_agg('attribute' || a, 'the value ' || a * n) FROM generate_series(1, 40) AS a)`,
	} {
		t.Run(name, func(t *testing.T) {
			var ids []int64
			if err := f.db.SelectContext(f.ctx, &ids, `
				INSERT INTO identity (uid, kind, instance_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key, words,
					external_id, email, attributes)
				SELECT gen_random_uuid(), 'USER', $1, 'ann.' || n || '@example.com', k.key, 'HR:ann.' || n || '@example.com', k.key, k.key,
					'Ann Lee', 'ann lee', '', `+columns+`
				FROM generate_series(1, $2::bigint) AS n, LATERAL (SELECT $3 || n AS key) AS k
				RETURNING id`, i.ID, people, name); err != nil {
				t.Fatal(err)
			}
			cache, err := directory.NewRecordCache(128 << 20)
			if err != nil {
				t.Fatal(err)
			}
			before := heap()
			records, err := f.store.ByIDs(f.ctx, ids)
			if err != nil {
				t.Fatal(err)
			}
			cost, n := cache.Fill(records)
			if n != people {
				t.Fatalf("%d of %d records are held", n, people)
			}
			clear(records)
			took := heap() - before
			runtime.KeepAlive(cache)
			t.Logf("%.0f bytes a record, counted as %d", took/people, cost/people)
			if took < 0.75*float64(cost) || took > 1.25*float64(cost) {
				t.Errorf("%d records take %.0f bytes, and are taken to take %d", people, took, cost)
			}
		})
	}
}

// A record that the cache gives up leaves its seat, so that the cache's bound is that of the seats too.
func TestSeatsHoldWhatTheCacheHolds(t *testing.T) {
	t.Parallel()
	const largest = 5000
	cache, err := directory.NewRecordCache(300 << 10)
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for n := range int64(20_000) {
				id := random.Int64N(largest + 1)
				cache.Put(&directory.Record{ID: id, Version: n, Name: "somebody"})
				if r := cache.Get(id, 0); r != nil && r.ID != id {
					t.Errorf("asked for %d, got %d", id, r.ID)
				}
				if r := cache.Get(id, n+1); r != nil && r.Version <= n {
					t.Errorf("%d is version %d, older than asked for", id, r.Version)
				}
			}
		})
	}
	writers.Wait()
	seated, held := cache.Seated(largest)
	for _, id := range seated {
		if !slices.Contains(held, id) {
			t.Errorf("%d has a seat and is not held", id)
		}
	}
	for _, id := range held {
		cache.Get(id, 0) // finds its seat again
	}
	seated, held = cache.Seated(largest)
	if diff := cmp.Diff(held, seated); diff != "" {
		t.Errorf("(-held +seated):\n%s", diff)
	}
	if len(held) == 0 || len(held) > largest/2 {
		t.Errorf("%d of %d are held", len(held), largest)
	}
}

// heap is the memory of what is still in use, in bytes.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes in two rounds
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// Seats take a small part of what the cache may, wherever the ids lie.
func TestSeatsAreBounded(t *testing.T) {
	const bytes, n = 1 << 20, 20_000
	cache, err := directory.NewRecordCache(bytes)
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	for id := range int64(n) {
		cache.Put(&directory.Record{ID: id * 512, Version: 1, Name: "x"})
		if r := cache.Get(id*512, 1); r != nil && r.ID != id*512 {
			t.Fatalf("asked for %d, got %d", id*512, r.ID)
		}
	}
	took := heap() - before
	for deadline := time.Now().Add(10 * time.Second); took > 4*bytes && time.Now().Before(deadline); took = heap() - before {
		time.Sleep(10 * time.Millisecond) // what was put waits for the cache to decide
	}
	if took > 4*bytes {
		t.Errorf("a cache of %d bytes takes %.0f", bytes, took)
	}
	runtime.KeepAlive(cache)
}
