package links

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// somePlaces draws sorted places, up to a few runs of them.
func somePlaces(t *rapid.T, label string) []int32 {
	n := rapid.OneOf(rapid.IntRange(0, 5), rapid.IntRange(0, 4*maxRun)).Draw(t, label)
	from, step := rapid.Int32Range(0, 100).Draw(t, label+" from"), rapid.Int32Range(1, 3).Draw(t, label+" step")
	places := make([]int32, n)
	for i := range places {
		places[i] = from + int32(i)*step
	}
	return places
}

// parted parts places into those that a list has and all others.
func parted(places []int32, l map[int32]bool) (in, out []int32) {
	for _, place := range places {
		if l[place] {
			in = append(in, place)
		} else {
			out = append(out, place)
		}
	}
	return in, out
}

// A list is the set of what was added and not taken away, every version of it for ever, in runs that are neither long
// nor many.
func TestAListIsASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			list
			want []int32
		}
		places := somePlaces(t, "at first")
		versions := []version{{listOf(places), slices.Clone(places)}}
		clear(places) // it keeps a copy
		for range rapid.IntRange(0, 4).Draw(t, "edits") {
			last := versions[len(versions)-1]
			set := map[int32]bool{}
			for _, place := range last.want {
				set[place] = true
			}
			in, out := parted(somePlaces(t, "places"), set)
			next := version{list: last.with(out)}
			if rapid.Bool().Draw(t, "remove") {
				next.list, out = last.without(in), nil
				for _, place := range in {
					delete(set, place)
				}
			}
			for _, place := range out {
				set[place] = true
			}
			for place := range set {
				next.want = append(next.want, place)
			}
			slices.Sort(next.want)
			versions = append(versions, next)
		}
		for i, v := range versions {
			checkList(t, i, v.list, v.want)
		}
	})
}

func checkList(t *rapid.T, version int, l list, want []int32) {
	if !slices.Equal(l.flat(), want) || l.len() != len(want) {
		t.Fatalf("version %d of %d (-want +got):\n%s", version, l.len(), cmp.Diff(want, l.flat()))
	}
	runs := slices.Collect(l.runs())
	if !slices.Equal(slices.Concat(runs...), want) {
		t.Fatalf("version %d: the runs are %v, want %v", version, runs, want)
	}
	for i, run := range runs {
		if len(run) == 0 || len(run) > maxRun || i > 0 && len(runs[i-1])+len(run) <= maxRun/2 {
			t.Fatalf("version %d: run %d of %d has %d places", version, i, len(runs), len(run))
		}
	}
	skipping := l
	for place := int32(0); place < 300; place++ {
		_, is := slices.BinarySearch(want, place)
		if l.has(place) != is || place%2 == 0 && skipping.skipTo(place) != is {
			t.Fatalf("version %d holds %d: %v, want %v", version, place, !is, is)
		}
	}
}

// A new member of a large container copies as much as one of a small container.
func TestANewMemberCopiesOneRun(t *testing.T) {
	t.Parallel()
	places := make([]int32, 50_000)
	for i := range places {
		places[i] = int32(2 * i)
	}
	before := listOf(places)
	after := before.with([]int32{50_001})
	shared := map[*int32]bool{}
	for run := range before.runs() {
		shared[&run[0]] = true
	}
	copied := 0
	for run := range after.runs() {
		if !shared[&run[0]] {
			copied += len(run)
		}
	}
	if after.len() != len(places)+1 || copied > maxRun {
		t.Errorf("a list of %d with another one copies %d", len(places), copied)
	}
}
