package links_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory/links"
)

// A graph that is large enough to have several of everything is the same whether it was built at once or by edits.
func TestBuiltAndEditedGraphsAnswerAlike(t *testing.T) {
	const people, groups, all = 9_000, 300, 9_300
	random := rand.New(rand.NewPCG(3, 4))
	members := map[int64][]int64{}
	for g := int64(people + 1); g <= all; g++ {
		size := random.IntN(40)
		if g%50 == 0 {
			size = 1_000 + random.IntN(3_000)
		}
		for range size {
			members[g] = append(members[g], random.Int64N(people)+1)
		}
		if g < all {
			members[g] = append(members[g], g+1+random.Int64N(all-g))
		}
	}
	node := func(id int64) links.Node {
		n := links.Node{Identity: links.Identity{ID: id, UID: [16]byte{byte(id), byte(id >> 8)}, Name: links.KeyOf(fmt.Sprint(id)), Kind: links.User, Status: links.Active}}
		if id > people {
			n.Kind = links.Group
		}
		if id%11 == 0 {
			n.Status = links.Disabled
		}
		return n
	}
	b := links.Build(all / 2)
	for id := int64(1); id <= all; id++ {
		b.Node(node(id))
	}
	for _, g := range random.Perm(groups) {
		b.Members(int64(people+1+g), members[int64(people+1+g)])
	}
	built := b.Graph()

	edited := links.Empty(0)
	var last int64
	for last < all {
		e := edited.Edit()
		for range min(all-last, 700) {
			last++
			e.Put(node(last))
		}
		edited = e.Graph()
	}
	for _, g := range random.Perm(groups) {
		container := int64(people + 1 + g)
		list := slices.Clone(members[container])
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		e := edited.Edit()
		e.Link(container, 1, 2, 3)
		e.Unlink(container, 1, 2, 3)
		for part := range slices.Chunk(list, 600) {
			e.Link(container, part...)
		}
		edited = e.Graph()
	}

	if built.Edges() != edited.Edges() || built.Len() != edited.Len() {
		t.Fatalf("%d of %d and %d of %d", built.Edges(), built.Len(), edited.Edges(), edited.Len())
	}
	for id := int64(1); id <= all; id++ {
		want := node(id).Identity
		for _, got := range []*links.Identity{built.ByID(id), edited.ByUID(want.UID), edited.ByName(fmt.Sprint(id))} {
			if got == nil || *got != want {
				t.Fatalf("%d is %+v, want %+v", id, got, want)
			}
		}
		if id <= people && id%197 != 0 || id > people && id%10 != 0 {
			continue
		}
		for _, q := range questions(id) {
			if !slices.Equal(built.Page(q, 0, 0, nil), edited.Page(q, 0, 0, nil)) {
				t.Fatalf("%+v (-built +edited):\n%s", q, cmp.Diff(built.Page(q, 0, 0, nil), edited.Page(q, 0, 0, nil)))
			}
			if n := built.Count(q); n != len(edited.Page(q, 0, 0, nil)) {
				t.Fatalf("%+v counts %d", q, n)
			}
		}
	}
}

// Every version finds the living by their name, then whom a name was an alias of last.
func TestEveryVersionFindsNames(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
	rapid.Check(t, func(t *rapid.T) {
		g := links.Empty(0)
		live, former, of := map[string]int64{}, map[string]int64{}, map[int64]links.Node{}
		type version struct {
			g    *links.Graph
			want map[string]int64
		}
		var versions []version
		for range rapid.IntRange(1, 5).Draw(t, "versions") {
			e := g.Edit()
			for range rapid.IntRange(1, 8).Draw(t, "changes") {
				id, name := rapid.Int64Range(1, 4).Draw(t, "id"), names.Draw(t, "name")
				if holder, taken := live[name]; taken && holder != id {
					continue // names of the living are unique
				}
				n := links.Node{Identity: user(id, name, rapid.SampledFrom([]links.Status{links.Active, links.Disabled, links.Deleted}).Draw(t, "status"))}
				aliases := rapid.SliceOfNDistinct(names, 0, 3, rapid.ID[string]).Draw(t, "aliases")
				for _, table := range []map[string]int64{live, former} {
					for name, holder := range table {
						if holder == id {
							delete(table, name)
						}
					}
				}
				for _, alias := range aliases {
					n.Aliases = append(n.Aliases, links.KeyOf(alias))
					if n.Status != links.Deleted {
						former[alias] = id
					}
				}
				if n.Status != links.Deleted {
					live[name] = id
				}
				e.Put(n)
				of[id] = n
			}
			g = e.Graph()
			v := version{g, map[string]int64{}}
			for _, table := range []map[string]int64{former, live} {
				for name, id := range table {
					v.want[name] = id
				}
			}
			versions = append(versions, v)
		}
		for i, v := range versions {
			for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
				var got int64
				if n := v.g.ByName(name); n != nil {
					got = n.ID
				}
				if got != v.want[name] {
					t.Fatalf("version %d of %d: %s finds %d, want %d", i+1, len(versions), name, got, v.want[name])
				}
			}
		}
		for id, n := range of {
			got := g.ByUID(n.UID)
			if got == nil || got != g.ByID(id) || got.ID != id || got.Status != n.Status || got.Name != n.Name {
				t.Fatalf("%d is %+v, want %+v", id, got, n.Identity)
			}
		}
	})
}
