package links

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// Every version of an index finds what it held, whatever later ones did. Keys share few hashes, so that searches are
// long and go around the end.
func TestAnIndexIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys []int // by number
		hash := func(number int32) uint64 { return uint64(keys[number]%7) << 61 }
		is := func(key int) func(int32) bool { return func(number int32) bool { return keys[number] == key } }
		type version struct {
			x    *index
			want map[int]int32
		}
		versions := []version{{&index{}, map[int]int32{}}}
		for range rapid.IntRange(1, 6).Draw(t, "versions") {
			last := versions[len(versions)-1]
			x, want := *last.x, maps.Clone(last.want)
			w := x.writer(hash)
			for range rapid.IntRange(0, 150).Draw(t, "changes") {
				key := rapid.IntRange(0, 400).Draw(t, "key")
				number, held := want[key]
				if held && rapid.IntRange(0, 2).Draw(t, "remove") > 0 {
					w.remove(hash(number), number)
					delete(want, key)
					continue
				}
				keys = append(keys, key)
				number = int32(len(keys) - 1)
				w.put(hash(number), number, is(key))
				want[key] = number
				w.remove(hash(number), number+1) // what is not there is left alone
			}
			versions = append(versions, version{&x, want})
		}
		for i, v := range versions {
			if v.x.n != len(v.want) {
				t.Fatalf("version %d holds %d, want %d", i, v.x.n, len(v.want))
			}
			for key := range 401 {
				got, ok := v.x.get(uint64(key%7)<<61, is(key))
				if want, wantOK := v.want[key]; ok != wantOK || got != want {
					t.Fatalf("version %d: key %d means %d (%v), want %d (%v)", i, key, got, ok, want, wantOK)
				}
			}
		}
	})
}

func TestAnIndexMakesRoomForWhatIsExpected(t *testing.T) {
	for _, n := range []int{0, 1, 169, 170, 171, 341, 342, 100_000} {
		x := index{}
		w := x.writer(func(number int32) uint64 { return hashID(int64(number)) })
		w.reserve(n)
		size := x.size
		for number := range int32(n) {
			w.add(hashID(int64(number)), number)
		}
		if x.size != size {
			t.Errorf("for %d there were %d slots, and then %d", n, size, x.size)
		}
	}
}
