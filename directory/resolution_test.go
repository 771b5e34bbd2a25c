package directory_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
)

// rows is the membership graph as the tables hold it.
type rows struct {
	status map[int64]directory.IdentityStatus
	kind   map[int64]directory.IdentityKind
	down   map[int64][]int64 // stored edges
	merged map[int64][]int64 // survivor -> newcomers
}

func (f *fixture) readRows() rows {
	f.Helper()
	out := rows{map[int64]directory.IdentityStatus{}, map[int64]directory.IdentityKind{}, map[int64][]int64{}, map[int64][]int64{}}
	var identities []struct {
		ID     int64
		Kind   string
		Status string
		Into   *int64
	}
	if err := f.db.Select(&identities, `SELECT id, kind, status, merged_into AS into FROM identity ORDER BY id`); err != nil {
		f.Fatal(err)
	}
	for _, i := range identities {
		out.status[i.ID], out.kind[i.ID] = directory.IdentityStatus(i.Status), directory.IdentityKind(i.Kind)
		if i.Into != nil {
			out.merged[*i.Into] = append(out.merged[*i.Into], i.ID)
		}
	}
	var links []struct {
		Container int64 `db:"container_id"`
		Member    int64 `db:"member_id"`
	}
	if err := f.db.Select(&links, `SELECT container_id, member_id FROM link WHERE kind = 'member' ORDER BY 1, 2`); err != nil {
		f.Fatal(err)
	}
	for _, l := range links {
		out.down[l.Container] = append(out.down[l.Container], l.Member)
	}
	return out
}

// walk is the naive expansion of a container: everybody with a status that counts to whom a path leads over containers
// that are active or have such a status.
func (r rows) walk(id int64, scope directory.MembershipScope, counts func(directory.IdentityStatus) bool) []int64 {
	passes := func(s directory.IdentityStatus) bool { return counts(s) || s == directory.StatusActive }
	if !passes(r.status[id]) {
		return nil
	}
	seen := map[int64]bool{}
	var visit func(int64)
	visit = func(at int64) {
		next := r.down[at]
		if scope == directory.ScopeEffective {
			next = append(slices.Clone(next), r.merged[at]...)
		}
		for _, member := range next {
			if seen[member] || !passes(r.status[member]) {
				continue
			}
			seen[member] = true
			if scope == directory.ScopeEffective {
				visit(member)
			}
		}
	}
	visit(id)
	out := []int64{}
	for member := range seen {
		if counts(r.status[member]) {
			out = append(out, member)
		}
	}
	slices.Sort(out)
	return out
}

// walkUp is the same law seen from a member, whose own status does not matter.
func (r rows) walkUp(id int64, scope directory.MembershipScope, counts func(directory.IdentityStatus) bool) []int64 {
	out := []int64{}
	for container, status := range r.status {
		if !counts(status) {
			continue
		}
		asked := rows{status: maps.Clone(r.status), kind: r.kind, down: r.down, merged: r.merged}
		if id != container {
			asked.status[id] = directory.StatusActive
		}
		if r.leads(asked, container, id, scope, counts) {
			out = append(out, container)
		}
	}
	slices.Sort(out)
	return out
}

// leads reports whether a path leads from a container down to a member that counts whatever its status.
func (r rows) leads(asked rows, container, member int64, scope directory.MembershipScope, counts func(directory.IdentityStatus) bool) bool {
	return slices.Contains(asked.walk(container, scope, func(s directory.IdentityStatus) bool {
		return counts(s) || s == directory.StatusActive
	}), member)
}

// randomGraph makes a graph with cycles, self-memberships, duplicate names that merge, and disabled and deleted parts.
func randomGraph(t *rapid.T, f *fixture, run int) []*directory.Record {
	kind := directory.TypeSCIM
	if rapid.Bool().Draw(t, "merging") {
		kind = directory.TypeActiveDirectory
	}
	i := f.instance(fmt.Sprintf("L%d", run), kind, "")
	if kind != directory.TypeSCIM {
		i = f.policies(i, directory.Merge, directory.Follow)
	}
	var puts []directory.Put
	for n := range rapid.IntRange(1, 5).Draw(t, "users") {
		puts = append(puts, user(fmt.Sprintf("u%d", n)))
	}
	for range rapid.IntRange(1, 7).Draw(t, "groups") {
		puts = append(puts, group(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "name")))
	}
	for n := range puts {
		if rapid.IntRange(0, 4).Draw(t, "status") == 0 {
			puts[n].Status = directory.StatusDisabled
		}
	}
	records := f.put(i, puts...)
	for _, r := range records {
		if r.Kind != directory.KindGroup {
			continue
		}
		members := rapid.SliceOfNDistinct(rapid.SampledFrom(records), 0, len(records), func(m *directory.Record) int64 { return m.ID }).Draw(t, "members")
		f.link(i, r, members...)
	}
	if rapid.IntRange(0, 2).Draw(t, "delete one") == 0 {
		f.delete(i, rapid.SampledFrom(records).Draw(t, "deleted"))
	}
	return records
}

func TestResolutionEqualsANaiveWalk(t *testing.T) {
	t.Parallel()
	t.Run("in memory", func(t *testing.T) { t.Parallel(); resolutionEqualsANaiveWalk(t, newFixture(t)) })
	t.Run("in the store", func(t *testing.T) { t.Parallel(); resolutionEqualsANaiveWalk(t, newStoreFixture(t)) })
}

func resolutionEqualsANaiveWalk(t *testing.T, f *fixture) {
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		records := randomGraph(t, f, run)
		graph := f.readRows()
		reader := f.Reader()
		for _, status := range [][]directory.IdentityStatus{nil, {directory.StatusActive, directory.StatusDisabled}, {directory.StatusDisabled}} {
			counts := func(s directory.IdentityStatus) bool {
				return slices.Contains(status, s) || status == nil && s == directory.StatusActive
			}
			for _, scope := range []directory.MembershipScope{directory.ScopeDirect, directory.ScopeEffective} {
				args := directory.LinkArgs{PageArgs: directory.PageArgs{First: 1000}, Scope: scope, Status: status}
				got := readAll(t, f, reader, records, args)
				for i, container := range records {
					want := graph.walk(container.ID, scope, counts)
					what := fmt.Sprint(scope, status, container.FQN)
					checkIDs(t, what+" members", got[i].members, want)
					if got[i].count != len(want) {
						t.Fatalf("%s memberCount = %d, want %d", what, got[i].count, len(want))
					}
				}
				for i, member := range records {
					want := graph.walkUp(member.ID, scope, counts)
					checkIDs(t, fmt.Sprint(scope, status, member.FQN, " containers"), got[i].containers, want)
				}
			}
		}
		checkPaths(t, f, graph, records)
	})
}

// answers are what the directory says about one identity.
type answers struct {
	members, containers []int64
	count               int
}

// readAll asks about every identity at once, so that the questions share statements as those of one operation do.
func readAll(t *rapid.T, f *fixture, reader *directory.Reader, records []*directory.Record, args directory.LinkArgs) []answers {
	out := make([]answers, len(records))
	var work errgroup.Group
	for i, r := range records {
		work.Go(func() (err error) {
			out[i].members, err = pageIDs(f, reader.Members, r, args)
			return err
		})
		work.Go(func() (err error) {
			out[i].containers, err = pageIDs(f, reader.MemberOf, r, args)
			return err
		})
		work.Go(func() (err error) {
			out[i].count, err = reader.MemberCount(f.ctx, r, args)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
	return out
}

func pageIDs[T directory.Identity](f *fixture, list func(*directory.Record, directory.LinkArgs) (*directory.Page[T], error), of *directory.Record, args directory.LinkArgs) ([]int64, error) {
	page, err := list(of, args)
	if err != nil {
		return nil, err
	}
	nodes, err := page.Nodes(f.ctx)
	var out []int64
	for _, n := range nodes {
		out = append(out, n.Base().ID)
	}
	return out, err
}

func checkIDs(t *rapid.T, what string, got, want []int64) {
	if !slices.Equal(got, want) {
		t.Fatalf("%s = %v, want %v", what, got, want)
	}
}

// checkPaths compares checks with the walk, and each path with the edges: it exists, and none is shorter.
func checkPaths(t *rapid.T, f *fixture, graph rows, records []*directory.Record) {
	active := func(s directory.IdentityStatus) bool { return s == directory.StatusActive }
	var checks []directory.MembershipCheckInput
	var pairs [][2]*directory.Record
	for _, member := range records {
		for _, container := range records {
			if member.Status == directory.StatusDeleted || container.Status == directory.StatusDeleted {
				continue
			}
			checks = append(checks, directory.MembershipCheckInput{Member: member.FQN, Container: container.FQN})
			pairs = append(pairs, [2]*directory.Record{member, container})
		}
	}
	reader := f.Reader()
	got, err := reader.CheckMembership(f.ctx, checks)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range got {
		member, container := pairs[i][0], pairs[i][1]
		want := slices.Contains(graph.walk(container.ID, directory.ScopeEffective, active), member.ID)
		if c.IsMember != want {
			t.Fatalf("%s in %s = %v, want %v", c.Member, c.Container, c.IsMember, want)
		}
		path, err := reader.Path(f.ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		if length := graph.distance(member.ID, container.ID); len(path) != length {
			t.Fatalf("path from %s to %s has %d identities, want %d", c.Member, c.Container, len(path), length)
		}
		for n := 1; n < len(path); n++ {
			below, above := path[n-1].Base(), path[n].Base()
			if !slices.Contains(graph.down[above.ID], below.ID) && !slices.Contains(graph.merged[above.ID], below.ID) {
				t.Fatalf("the path of %s in %s takes an edge that is not there", c.Member, c.Container)
			}
		}
	}
}

// distance is the number of identities on a shortest active path of at least one edge, 0 where there is none.
func (r rows) distance(member, container int64) int {
	if r.status[member] != directory.StatusActive || r.status[container] != directory.StatusActive {
		return 0
	}
	seen := map[int64]bool{}
	level := []int64{container}
	for length := 2; len(level) > 0; length++ {
		var next []int64
		for _, at := range level {
			for _, m := range append(slices.Clone(r.down[at]), r.merged[at]...) {
				if r.status[m] != directory.StatusActive || seen[m] {
					continue
				}
				if m == member {
					return length
				}
				seen[m] = true
				next = append(next, m)
			}
		}
		level = next
	}
	return 0
}

// A chain far deeper than any stack or time limit of a careless walk allows.
func TestL8AChainOfTenThousandEnds(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	const depth = 10_000
	if _, err := f.db.Exec(`INSERT INTO identity (uid, kind, instance_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key)
		SELECT gen_random_uuid(), 'GROUP', $1, 'g' || n, 'g' || n, 'HR:g' || n, 'hr:g' || n, 'hr:g' || n, 'g' || n, 'g' || n
		FROM generate_series(1, $2) AS n`, hr.ID, depth); err != nil {
		t.Fatal(err)
	}
	if _, err := f.db.Exec(`INSERT INTO link (container_id, kind, member_id)
		SELECT a.id, 'member', b.id FROM identity a JOIN identity b ON b.name = 'g' || (substr(a.name, 2)::int % $1 + 1)`, depth); err != nil {
		t.Fatal(err)
	}
	top := f.byFQN("HR:g1")
	n, err := f.Reader().MemberCount(f.ctx, top, effective)
	if err != nil || n != depth {
		t.Errorf("members = %d, %v; want %d: the chain is a cycle", n, err, depth)
	}
	check := f.check("HR:g10000", "HR:g1")
	path, err := f.Reader().Path(f.ctx, check)
	if err != nil || len(path) != depth {
		t.Errorf("the path has %d identities, %v; want %d", len(path), err, depth)
	}
}

// Who is a member of itself, members that contain each other, and members over many ways: a walk ends, and each counts
// once.
func TestL8CyclesAndDiamondsEnd(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	const layers, width = 20, 5 // 5^20 ways lead down
	if _, err := f.db.Exec(`INSERT INTO identity (uid, kind, instance_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key)
		SELECT gen_random_uuid(), 'GROUP', $1, n, n, 'HR:' || n, 'hr:' || n, 'hr:' || n, n, n
		FROM (SELECT 'g' || layer || '-' || place FROM generate_series(1, $2) AS layer, generate_series(1, $3) AS place UNION VALUES ('self'), ('one'), ('other')) AS t (n)`,
		hr.ID, layers, width); err != nil {
		t.Fatal(err)
	}
	if _, err := f.db.Exec(`INSERT INTO link (container_id, kind, member_id)
		SELECT a.id, 'member'::link_kind, b.id FROM identity a JOIN identity b ON
			split_part(b.name, '-', 1) = 'g' || (substr(split_part(a.name, '-', 1), 2)::int + 1) WHERE a.name LIKE 'g%' AND b.name LIKE 'g%'
		UNION SELECT a.id, 'member'::link_kind, b.id FROM identity a, identity b WHERE (a.name, b.name) IN (('self', 'self'), ('one', 'other'), ('other', 'one'))`); err != nil {
		t.Fatal(err)
	}
	for fqn, want := range map[string]int{"HR:g1-1": (layers - 1) * width, "HR:self": 1, "HR:one": 2} {
		n, err := f.Reader().MemberCount(f.ctx, f.byFQN(fqn), effective)
		if err != nil || n != want {
			t.Errorf("%s has %d members, %v; want %d", fqn, n, err, want)
		}
	}
	principals, err := f.Reader().Principals(f.ctx, "HR:g20-1")
	if err != nil || len(principals) != (layers-1)*width+1 {
		t.Errorf("%d principals, %v", len(principals), err)
	}
}
