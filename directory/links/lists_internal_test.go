package links

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const manyPlaces = 3 * blockSize * chunkSize // in three chunks

// aList draws a list; some are so long that they lie by themselves.
func aList(t *rapid.T) []int32 {
	n := rapid.OneOf(rapid.IntRange(0, 3), rapid.SampledFrom([]int{longList - 1, longList, longList + 1})).Draw(t, "length")
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(n + 2*i)
	}
	return list
}

func aPlace(t *rapid.T) int32 {
	return rapid.OneOf(rapid.Int32Range(0, blockSize), rapid.Int32Range(0, manyPlaces-1)).Draw(t, "place")
}

// Every version of lists has what was set in it or before, whatever later ones did.
func TestListsAreWhatWasSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			lists
			want map[int32][]int32
		}
		versions := []version{{lists{}, map[int32][]int32{}}}
		for range rapid.IntRange(1, 4).Draw(t, "versions") {
			last := versions[len(versions)-1]
			v := version{last.lists, maps.Clone(last.want)}
			w := v.lists.writer()
			for range rapid.IntRange(0, 80).Draw(t, "changes") {
				place, list := aPlace(t), aList(t)
				w.set(place, listOf(list))
				v.want[place] = list
			}
			v.lists = *w.lists
			versions = append(versions, v)
		}
		for i, v := range versions {
			checkLists(t, i, v.lists, v.want)
		}
	})
}

func TestListsAreWhatTheyWereFilledWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[int32][]int32{}
		for range rapid.IntRange(0, 100).Draw(t, "lists") {
			want[aPlace(t)] = aList(t)
		}
		places := rapid.Int32Range(1+slices.Max(append(slices.Collect(maps.Keys(want)), 0)), manyPlaces).Draw(t, "places")
		var all []int32
		ends := make([]int32, places+1)
		for place := range places {
			all = append(all, want[place]...)
			ends[place+1] = int32(len(all))
		}
		var l lists
		w := l.writer()
		w.fill(all, ends)
		clear(all) // what is filled in is a copy
		checkLists(t, 0, l, want)
	})
}

// checkLists looks at the whole block of every list that is there, and at one that was never written.
func checkLists(t *rapid.T, version int, l lists, want map[int32][]int32) {
	blocks := map[int32]bool{manyPlaces >> blockBits: true}
	for place := range want {
		blocks[place>>blockBits] = true
	}
	for b := range blocks {
		for place := b << blockBits; place < (b+1)<<blockBits; place++ {
			if got := l.of(place).flat(); !slices.Equal(got, want[place]) {
				t.Fatalf("version %d, place %d (-want +got):\n%s", version, place, cmp.Diff(want[place], got))
			}
		}
	}
}
