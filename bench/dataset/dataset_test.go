package dataset_test

import (
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/roster-gateway/roster/bench/dataset"
)

// organization is the one data set that the tests share; none of them changes it.
var organization = sync.OnceValue(func() *dataset.Data { return dataset.New(1) })

func TestIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	if !reflect.DeepEqual(dataset.New(1), organization()) { // a diff of it would take a minute
		t.Error("it is another one each time")
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	d := organization()
	if len(d.Users) != 100_000 || len(d.Groups) != 10_000 {
		t.Errorf("%d users and %d groups", len(d.Users), len(d.Groups))
	}
	memberships, nestings := 0, 0
	for _, g := range d.Groups {
		memberships += len(g.Users)
		nestings += len(g.Groups)
		for _, members := range [][]int32{g.Users, g.Groups} {
			sorted := slices.Sorted(slices.Values(members))
			if len(slices.Compact(sorted)) != len(members) {
				t.Fatalf("%s has a member twice", g.Name)
			}
		}
	}
	if memberships != 500_000 || nestings != 5_100 {
		t.Errorf("%d memberships and %d nestings", memberships, nestings)
	}
	if n := len(d.Groups[d.Large].Users); n != 50_000 {
		t.Errorf("the large group has %d members", n)
	}
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	d := organization()
	seen := map[string]bool{}
	for i := range d.Users {
		seen[d.Users[i].FQN()] = true
		seen[d.Users[i].UID.String()] = true
	}
	for i := range d.Groups {
		seen[d.Groups[i].FQN()] = true
		seen[d.Groups[i].UID.String()] = true
	}
	if want := 2 * (len(d.Users) + len(d.Groups)); len(seen) != want {
		t.Errorf("%d names and ids, want %d", len(seen), want)
	}
}

func TestClosure(t *testing.T) {
	t.Parallel()
	d := organization()
	e := dataset.NewExpander(d, dataset.NewContainers(d))
	size := make([]int, len(d.Groups))
	down := 0
	for g := range d.Groups {
		_, size[g] = e.Members(nil, g, 0)
		down += size[g]
	}
	if down < 1_035_000 || down > 1_055_000 {
		t.Errorf("the closure has %d pairs, want about 1,045,000", down)
	}
	if size[d.Large] != 50_000 || size[d.ChainTop] != 1_000 || size[d.DiamondTop] != 1_100 {
		t.Errorf("large %d, chain %d, diamond %d", size[d.Large], size[d.ChainTop], size[d.DiamondTop])
	}
	up := 0
	for u := range d.Users {
		up += len(e.Principals(nil, u))
	}
	if up != down {
		t.Errorf("%d pairs seen from the users, %d from the groups", up, down)
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	d := organization()
	const open = -1
	depth := make([]int, len(d.Groups))
	var of func(g int32) int
	of = func(g int32) int {
		if depth[g] == open {
			t.Fatal("there is a cycle")
		}
		if depth[g] > 0 {
			return depth[g]
		}
		depth[g] = open
		deepest := 0
		for _, child := range d.Groups[g].Groups {
			deepest = max(deepest, of(child))
		}
		depth[g] = deepest + 1
		return depth[g]
	}
	deepest := 0
	for g := range d.Groups {
		deepest = max(deepest, of(int32(g)))
	}
	if deepest != 8 {
		t.Errorf("the groups are nested %d levels deep, want 8", deepest)
	}
}

// Page sizes cut lists, not counts.
func TestMembersAreCut(t *testing.T) {
	t.Parallel()
	d := organization()
	e := dataset.NewExpander(d, nil)
	all, n := e.Members(nil, d.DiamondTop, 5_000)
	some, m := e.Members(nil, d.DiamondTop, 10)
	if n != 1_100 || m != n || len(all) != n || !slices.Equal(some, all[:10]) || !slices.IsSorted(all) {
		t.Errorf("%d and %d members; %v of %v", n, m, some, all[:10])
	}
}
