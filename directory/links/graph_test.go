package links_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory/links"
)

// model is the graph in the plainest form: the law that Graph is held to.
type model struct {
	nodes map[int64]links.Node
	edges map[[2]int64]bool // container, member
	// dropped are ids that nobody has any more, and nobody will have.
	dropped map[int64]bool
}

func (m *model) next(id int64, up, merged bool) []int64 {
	var out []int64
	for e := range m.edges {
		if up && e[1] == id {
			out = append(out, e[0])
		} else if !up && e[0] == id {
			out = append(out, e[1])
		}
	}
	if merged {
		for _, n := range m.nodes {
			if !up && n.MergedInto == id {
				out = append(out, n.ID)
			}
		}
		if into := m.nodes[id].MergedInto; up && into != 0 {
			out = append(out, into)
		}
	}
	return out
}

// within is the model as if identities of other instances had never been.
func (m *model) within(instances *links.Instances) *model {
	if instances == nil {
		return m
	}
	out := &model{nodes: map[int64]links.Node{}, edges: map[[2]int64]bool{}}
	for id, n := range m.nodes {
		if instances.Has(n.Instance) {
			out.nodes[id] = n
		}
	}
	for e := range m.edges {
		if _, ok := out.nodes[e[0]]; !ok {
			continue
		}
		if _, ok := out.nodes[e[1]]; ok {
			out.edges[e] = true
		}
	}
	return out
}

func (m *model) page(q links.Question) []links.Linked {
	if _, known := m.nodes[q.Of]; !known {
		return nil
	}
	passes := q.Status | links.Active
	if !q.Up && m.nodes[q.Of].Status&passes == 0 {
		return nil
	}
	direct := m.next(q.Of, q.Up, false)
	seen := map[int64]bool{}
	var walk func(id int64)
	walk = func(id int64) {
		for _, next := range m.next(id, q.Up, q.Effective) {
			n, known := m.nodes[next]
			if !known || seen[next] || n.Status&passes == 0 {
				continue
			}
			seen[next] = true
			if q.Effective {
				walk(next)
			}
		}
	}
	walk(q.Of)
	var out []links.Linked
	for id := range seen {
		if n := m.nodes[id]; n.Status&q.Status != 0 && (q.Kind == links.None || n.Kind == q.Kind) {
			out = append(out, links.Linked{ID: id, Direct: slices.Contains(direct, id)})
		}
	}
	slices.SortFunc(out, func(a, b links.Linked) int { return int(a.ID - b.ID) })
	return out
}

// mutate makes one random change to graph and model alike.
func mutate(t *rapid.T, e *links.Edit, m *model) {
	ids := rapid.Int64Range(1, 12)
	switch rapid.IntRange(0, 6).Draw(t, "change") {
	case 0, 1:
		id := ids.Draw(t, "id")
		if m.dropped[id] {
			return
		}
		n := links.Node{Identity: links.Identity{
			ID: id, UID: [16]byte{byte(id)}, Name: links.KeyOf(fmt.Sprint("name", id, rapid.IntRange(0, 1).Draw(t, "name"))),
			Status: rapid.SampledFrom([]links.Status{links.Active, links.Active, links.Disabled, links.Deleted}).Draw(t, "status"),
			Kind:   links.Group, Version: rapid.Int64Range(1, 9).Draw(t, "version"), Instance: id % 3,
		}}
		if id > 8 {
			n.Kind = links.User
		}
		if m.nodes[id].Status == links.Deleted {
			n.Status = links.Deleted // a tombstone stays one
		}
		if n.Kind == links.Group && n.Status != links.Deleted && rapid.IntRange(0, 3).Draw(t, "merge") == 0 {
			n.MergedInto = survivor(t, m, id)
		}
		e.Put(n)
		if n.Status == links.Deleted {
			m.unlink(id)
		}
		m.nodes[id] = n
	case 2, 3, 4:
		c, member := rapid.Int64Range(1, 8).Draw(t, "container"), ids.Draw(t, "member")
		e.Link(c, member)
		_, known := m.nodes[c]
		_, knownMember := m.nodes[member]
		if known && knownMember {
			m.edges[[2]int64{c, member}] = true
		}
	case 5:
		id := ids.Draw(t, "id")
		e.Drop(id)
		m.unlink(id)
		delete(m.nodes, id)
		m.dropped[id] = true
	default:
		c, member := rapid.Int64Range(1, 8).Draw(t, "container"), ids.Draw(t, "member")
		e.Unlink(c, member)
		delete(m.edges, [2]int64{c, member})
	}
}

// survivor draws a living group to be merged into, 0 where there is none.
func survivor(t *rapid.T, m *model, not int64) int64 {
	into := rapid.Int64Range(1, 8).Draw(t, "survivor")
	if n, ok := m.nodes[into]; !ok || n.Status == links.Deleted || into == not {
		return 0
	}
	return into
}

func (m *model) unlink(id int64) {
	for e := range m.edges {
		if e[0] == id || e[1] == id {
			delete(m.edges, e)
		}
	}
	for other, n := range m.nodes {
		if n.MergedInto == id {
			n.MergedInto = 0
			m.nodes[other] = n
		}
	}
}

// Every version of the graph answers as a naive walk over its rows does, older versions as when they were made.
func TestEveryVersionEqualsANaiveWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := links.Empty(4)
		m := &model{nodes: map[int64]links.Node{}, edges: map[[2]int64]bool{}, dropped: map[int64]bool{}}
		type version struct {
			g    *links.Graph
			want map[links.Question][]links.Linked
		}
		var versions []version
		for range rapid.IntRange(1, 8).Draw(t, "versions") {
			e := g.Edit()
			for range rapid.IntRange(1, 12).Draw(t, "changes") {
				mutate(t, e, m)
			}
			g = e.Graph()
			v := version{g, map[links.Question][]links.Linked{}}
			for _, scope := range scopes {
				seen := m.within(scope)
				for id := range m.nodes {
					for _, q := range questions(id) {
						q.Within = scope
						v.want[q] = seen.page(q)
					}
				}
			}
			versions = append(versions, v)
			checkCounts(t, g, m)
		}
		for i, v := range versions {
			for q, want := range v.want {
				after := rapid.Int64Range(0, 12).Draw(t, "after")
				if diff := cmp.Diff(want, v.g.Page(q, 0, 0, nil)); diff != "" {
					t.Fatalf("version %d of %d, %+v (-want +got):\n%s", i+1, len(versions), q, diff)
				}
				if n := v.g.Count(q); n != len(want) {
					t.Fatalf("version %d, %+v: count %d, want %d", i+1, q, n, len(want))
				}
				checkPageAfter(t, v.g, q, want, after)
			}
		}
		for _, scope := range scopes {
			checkPaths(t, g, m, scope)
		}
		checkBuilt(t, m)
	})
}

// checkBuilt holds a graph that is built at once to the same model.
func checkBuilt(t *rapid.T, m *model) {
	b := links.Build(len(m.nodes))
	var ids []int64
	for id := range m.nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		b.Node(m.nodes[id])
	}
	for _, id := range ids {
		b.Members(id, m.next(id, false, false))
	}
	g := b.Graph()
	checkCounts(t, g, m)
	for _, id := range ids {
		for _, q := range questions(id) {
			if diff := cmp.Diff(m.page(q), g.Page(q, 0, 0, nil)); diff != "" {
				t.Fatalf("built: %+v (-want +got):\n%s", q, diff)
			}
		}
	}
}

// checkCounts holds the counts of every class to the model's.
func checkCounts(t *rapid.T, g *links.Graph, m *model) {
	for _, status := range []links.Status{links.Active, links.Disabled, links.Deleted, links.Active | links.Disabled} {
		for _, kinds := range [][]links.Kind{nil, {links.User}, {links.Group, links.Role}} {
			for _, instances := range []map[int64]bool{nil, {0: true}, {1: true, 2: true}} {
				want := 0
				for _, n := range m.nodes {
					if n.Status&status != 0 && (kinds == nil || slices.Contains(kinds, n.Kind)) && (instances == nil || instances[n.Instance]) {
						want++
					}
				}
				f := links.Filter{Kinds: kinds, Status: status, Instances: instances}
				if got := g.CountAll(f); got != want {
					t.Fatalf("%+v: counted %d, want %d", f, got, want)
				}
			}
		}
	}
}

// scopes are what questions are narrowed to.
var scopes = []*links.Instances{nil, links.Only(0, 1), links.Only()}

func questions(id int64) []links.Question {
	var out []links.Question
	for _, status := range []links.Status{links.Active, links.Active | links.Disabled, links.Disabled} {
		for _, kind := range []links.Kind{links.None, links.User, links.Group} {
			for _, up := range []bool{false, true} {
				for _, effective := range []bool{false, true} {
					out = append(out, links.Question{Of: id, Up: up, Effective: effective, Kind: kind, Status: status})
				}
			}
		}
	}
	return out
}

func checkPageAfter(t *rapid.T, g *links.Graph, q links.Question, all []links.Linked, after int64) {
	var want []links.Linked
	for _, l := range all {
		if l.ID > after && len(want) < 3 {
			want = append(want, l)
		}
	}
	if diff := cmp.Diff(want, g.Page(q, after, 3, nil)); diff != "" {
		t.Fatalf("%+v after %d (-want +got):\n%s", q, after, diff)
	}
}

func checkPaths(t *rapid.T, g *links.Graph, m *model, scope *links.Instances) {
	seen := m.within(scope)
	for member := range m.nodes {
		for container := range m.nodes {
			checkPath(t, g, seen, scope, member, container)
		}
	}
}

func checkPath(t *rapid.T, g *links.Graph, m *model, scope *links.Instances, member, container int64) {
	path := g.Path(member, container, scope, nil)
	within := m.page(links.Question{Of: container, Effective: true, Status: links.Active})
	isMember := slices.ContainsFunc(within, func(l links.Linked) bool { return l.ID == member })
	if (path != nil) != isMember {
		t.Fatalf("path from %d to %d within %v = %v, member %v", member, container, scope.IDs(), path, isMember)
	}
	for i := 1; i < len(path); i++ {
		if !slices.Contains(m.next(path[i-1], true, true), path[i]) {
			t.Fatalf("path %v within %v takes an edge that is not there", path, scope.IDs())
		}
	}
}

func user(id int64, name string, status links.Status) links.Identity {
	return links.Identity{ID: id, UID: [16]byte{byte(id)}, Name: links.KeyOf(name), Kind: links.User, Status: status}
}

func TestNamesFindTheLivingAndThenAliases(t *testing.T) {
	e := links.Empty(0).Edit()
	e.Put(links.Node{Identity: user(1, "new", links.Active), Aliases: []links.Key{links.KeyOf("old")}})
	g := e.Graph()
	if n := g.ByName("old"); n == nil || n.ID != 1 {
		t.Errorf("an alias finds %v", n)
	}
	e = g.Edit()
	e.Put(links.Node{Identity: user(2, "old", links.Active)})
	now := e.Graph()
	if n := now.ByName("old"); n == nil || n.ID != 2 {
		t.Errorf("a live name finds %v", n)
	}
	if n := g.ByName("old"); n == nil || n.ID != 1 {
		t.Errorf("the version before finds %v", n)
	}
	e = now.Edit()
	e.Put(links.Node{Identity: user(2, "old", links.Deleted)})
	e.Put(links.Node{Identity: user(1, "newer", links.Active)})
	last := e.Graph()
	for _, name := range []string{"old", "new"} {
		if n := last.ByName(name); n != nil {
			t.Errorf("%s still finds %d", name, n.ID)
		}
	}
	if n := last.ByUID([16]byte{2}); n == nil || n.Status != links.Deleted {
		t.Errorf("the tombstone = %v", n)
	}
}

func TestListLooksAtNoMoreThanItMay(t *testing.T) {
	b := links.Build(10)
	for id := int64(1); id <= 10; id++ {
		n := links.Node{Identity: links.Identity{ID: 10 * id, UID: [16]byte{byte(id)}, Name: links.Key{uint64(id)}, Kind: links.User, Status: links.Active, Instance: id % 2}}
		if id == 9 {
			n.Kind, n.Status = links.Group, links.Disabled
		}
		b.Node(n)
	}
	g := b.Graph()
	odd := links.Filter{Status: links.Active, Instances: map[int64]bool{1: true}}
	for _, c := range []struct {
		name        string
		filter      links.Filter
		after       int64
		first, most int
		want        []int64
		whole       bool
	}{
		{"all that fit", odd, 0, 9, 10, []int64{10, 30, 50, 70}, true},
		{"the first of them", odd, 0, 2, 3, []int64{10, 30}, true},
		{"after one", odd, 30, 9, 10, []int64{50, 70}, true},
		{"after one that is not there", odd, 35, 1, 10, []int64{50}, true},
		{"after the last", odd, 100, 1, 10, nil, true},
		{"too many to look at", odd, 0, 9, 9, []int64{10, 30, 50, 70}, false},
		{"a kind", links.Filter{Status: links.Active | links.Disabled, Kinds: []links.Kind{links.Group}}, 0, 9, 10, []int64{90}, true},
	} {
		got, whole := g.List(c.filter, c.after, c.first, c.most, nil)
		if diff := cmp.Diff(c.want, got); diff != "" || whole != c.whole {
			t.Errorf("%s: whole %v (-want +got):\n%s", c.name, whole, diff)
		}
	}
	for n, want := range map[int]int64{1: 10, 3: 50, 4: 70, 5: 0} {
		if id, ok := g.Nth(odd, n); id != want || ok != (want != 0) {
			t.Errorf("number %d is %d, %v", n, id, ok)
		}
	}
	if n := g.CountAll(odd); n != 4 {
		t.Errorf("counted %d", n)
	}
}
