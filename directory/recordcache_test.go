package directory_test

import (
	"runtime"
	"testing"

	"github.com/roster-gateway/roster/directory"
)

// What the cache takes records to cost is what an operator bounds: it has to be near what they take.
func TestTheCacheCountsWhatRecordsTake(t *testing.T) {
	const people = 30_000
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

// heap is the memory of what is still in use, in bytes.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes in two rounds
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
