package directory_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
)

// Whatever is written and read, in whatever order: answers are those of the store, without a cache, with one too small
// for anything, and with one that loses records and takes others up after newer ones.
func TestSafetyR10NoAnswerDependsOnTheCache(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	all, inStore := replicas(t, 3, false)
	caches := []string{"no cache", "a tiny cache", "a hostile cache"}
	hostile := all[2].MakeCacheHostile()
	if _, err := all[0].AddProvider(ctx, "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	world := 0
	rapid.Check(t, func(rt *rapid.T) {
		world++
		hr, err := all[0].AddInstance(ctx, "HR", fmt.Sprint("w", world), true)
		if err != nil {
			t.Fatal(err)
		}
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }
		hostile.Seed(uint64(pick(1000)))
		c := directory.Changes{Instance: hr}
		for n := range 3 {
			c.Put = append(c.Put, group(fmt.Sprint("g", n)), user(fmt.Sprint("u", n)))
		}
		made, err := all[0].Apply(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		last := made.Revision
		for range rapid.IntRange(1, 3).Draw(rt, "writes") {
			for range pick(3) { // reads in between fill what the write makes stale
				d := all[pick(len(all))]
				if err := d.Await(ctx, last); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Reader().ByUIDs(ctx, uidTexts(made.Records)); err != nil {
					t.Fatal(err)
				}
			}
			result, err := all[pick(len(all))].Apply(ctx, randomChange(hr, made.Records, pick))
			if err == nil && result.Revision.XID != 0 {
				last = result.Revision
			} else if err != nil && !directory.HasCode(err, directory.CodeNotFound) && !directory.HasCode(err, directory.CodeConflict) {
				t.Fatal(err)
			}
			if pick(2) == 0 {
				hostile.Release()
			}
		}
		want := view(t, inStore, made.Records)
		for i, d := range all {
			if err := d.Await(ctx, last); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, view(t, d, made.Records)); diff != "" {
				rt.Fatalf("with %s (-store, +replica):\n%s", caches[i], diff)
			}
		}
	})
}

func uidTexts(records []*directory.Record) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = r.UID.String()
	}
	return out
}
