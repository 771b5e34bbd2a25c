package directory_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

var discard = slog.New(slog.DiscardHandler)

// replicas are directories in memory over one database, each with a store and a cache of its own, and one that reads
// the store.
func replicas(t *testing.T, n int, hints bool) (all []*directory.Directory, inStore *directory.Directory) {
	t.Helper()
	url := testpg.New(t)
	out := make([]*directory.Directory, n)
	for i := range out {
		s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 8})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		out[i] = directory.New(s)
		cacheBytes := []int64{0, 4 << 10, 1 << 20}[i%3] // off, tiny, ample
		if err := out[i].HoldInMemory(t.Context(), s, cacheBytes); err != nil {
			t.Fatal(err)
		}
		if hints {
			s.Hints(t.Context(), discard, out[i].Wake)
		}
		inStore = directory.New(s)
	}
	return out, inStore
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// view is everything that a replica says about identities, in words that compare.
func view(t *testing.T, d *directory.Directory, records []*directory.Record) []string {
	t.Helper()
	out := make([]string, len(records))
	reader := d.Reader()
	var work errgroup.Group
	for i, r := range records {
		work.Go(func() (err error) {
			out[i], err = describe(t.Context(), reader, r.ID)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
	return out
}

func describe(ctx context.Context, reader *directory.Reader, id int64) (string, error) {
	identity, err := reader.ByID(ctx, id)
	if err != nil || identity == nil {
		return "", fmt.Errorf("identity %d: %v, %w", id, identity, err)
	}
	now := identity.Base()
	named, err := reader.ByFQN(ctx, now.FQN)
	if err != nil || named == nil {
		return "", fmt.Errorf("%s: %v, %w", now.FQN, named, err)
	}
	text := fmt.Sprintf("%s %s %s v%d named %d", now.FQN, now.DisplayName, now.Status, now.Version, named.Base().ID)
	for _, scope := range []directory.MembershipScope{directory.ScopeDirect, directory.ScopeEffective} {
		args := directory.LinkArgs{PageArgs: directory.PageArgs{First: 1000}, Scope: scope}
		down, err := reader.Members(now, args)
		members, err := ids(ctx, down, err)
		if err != nil {
			return "", err
		}
		up, err := reader.MemberOf(now, args)
		containers, err := ids(ctx, up, err)
		if err != nil {
			return "", err
		}
		text += fmt.Sprint(" ", scope, members, containers)
	}
	return text, nil
}

func ids[T directory.Identity](ctx context.Context, page *directory.Page[T], err error) ([]int64, error) {
	if err != nil {
		return nil, err
	}
	nodes, err := page.Nodes(ctx)
	out := []int64{}
	for _, n := range nodes {
		out = append(out, n.Base().ID)
	}
	return out, err
}

// After conflicting writes on every replica, all of them answer alike at the last revision, and as the store does;
// each writer reads its own writes at once.
func TestReplicasAgreeAtARevision(t *testing.T) {
	t.Parallel()
	all, inStore := replicas(t, 3, true)
	ctx := t.Context()
	if _, err := all[0].AddProvider(ctx, "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	hr, err := all[0].AddInstance(ctx, "HR", "", true)
	if err != nil {
		t.Fatal(err)
	}
	var puts []directory.Put
	for n := range 12 {
		puts = append(puts, group(fmt.Sprint("g", n)), user(fmt.Sprint("u", n)))
	}
	made, err := all[0].Apply(ctx, directory.Changes{Instance: hr, Put: puts})
	if err != nil {
		t.Fatal(err)
	}
	records := made.Records
	for _, d := range all {
		if err := d.Await(ctx, made.Revision); err != nil {
			t.Fatal(err)
		}
	}

	var mu sync.Mutex
	revisions := []directory.Revision{}
	var writers sync.WaitGroup
	for w := range 6 {
		writers.Go(func() {
			d := all[w%len(all)]
			for range 40 {
				c := randomChange(hr, records, rand.IntN)
				result, err := d.Apply(ctx, c)
				if err != nil {
					if !directory.HasCode(err, directory.CodeNotFound) && !directory.HasCode(err, directory.CodeConflict) {
						t.Error(err)
					}
					continue
				}
				mu.Lock()
				revisions = append(revisions, result.Revision)
				mu.Unlock()
			}
		})
	}
	writers.Wait()

	want := view(t, inStore, records)
	for i, d := range all {
		for _, r := range revisions {
			if err := d.Await(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		wantEqual(t, fmt.Sprint("replica ", i), view(t, d, records), want)
	}
}

// randomChange is a change set of a kind that conflicts with others; pick picks a number below n.
func randomChange(hr *directory.Instance, records []*directory.Record, pick func(n int) int) directory.Changes {
	r := records[pick(len(records))]
	container := records[pick(len(records)/2)*2]
	member := []uuid.UUID{records[pick(len(records))].UID, records[pick(len(records))].UID}
	c := directory.Changes{Instance: hr}
	switch pick(10) {
	case 0, 1, 2:
		c.Members = []directory.MemberChange{{Container: container.UID, Add: member}}
	case 3, 4:
		c.Members = []directory.MemberChange{{Container: container.UID, Remove: member}}
	case 5:
		c.Members = []directory.MemberChange{{Container: container.UID, Replace: true, Add: member}}
	case 6, 7:
		status := []directory.IdentityStatus{directory.StatusActive, directory.StatusDisabled}[pick(2)]
		c.Put = []directory.Put{{UID: r.UID, Kind: r.Kind, Name: r.Name, Status: status}}
	case 8:
		c.Put = []directory.Put{{UID: r.UID, Kind: r.Kind, Name: fmt.Sprint("n", pick(6))}}
	default:
		if pick(4) == 0 {
			c.Delete = []directory.Delete{{UID: r.UID}}
		}
	}
	return c
}

// A writer that commits late, and one held open in another database of the server, hold nobody up and lose nothing.
func TestLateAndForeignWritersHoldNobodyUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	elsewhere := newStoreFixture(t)
	foreign, err := elsewhere.db.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Rollback()
	if _, err := foreign.Exec(`INSERT INTO change_log (kind, ids) VALUES ('IDENTITY_UPDATED', '{1}')`); err != nil {
		t.Fatal(err)
	}

	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, group("team"), user("ana"), user("bo"))
	late, err := f.db.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer late.Rollback()
	for _, statement := range []string{
		`INSERT INTO link (container_id, kind, member_id) VALUES ($1, 'member', $2)`,
		`INSERT INTO change_log (kind, container_id, ids) VALUES ('MEMBER_ADDED', $1, ARRAY[$2::bigint])`,
	} {
		if _, err := late.Exec(statement, r[0].ID, r[2].ID); err != nil {
			t.Fatal(err)
		}
	}
	f.link(hr, r[0], r[1]) // a later sequence number, committed first
	wantEqual(t, "while both are open", f.members(r[0], directory.LinkArgs{}), []string{"HR:ana"})
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	f.setStatus(hr, r[1], directory.StatusDisabled)
	wantEqual(t, "after the late commit", f.members(r[0], directory.LinkArgs{}), []string{"HR:bo"})
	f.apply(directory.Changes{Instance: hr, Members: []directory.MemberChange{{Container: r[0].UID, Remove: []uuid.UUID{r[2].UID}}}})
	wantEqual(t, "after its link was removed", f.members(r[0], directory.LinkArgs{}), []string{})
}

// Without hints, what one replica commits is on the others within the stated bound; with a revision, always.
func TestSafetyR9StalenessIsBoundedWithoutHints(t *testing.T) {
	t.Parallel()
	all, _ := replicas(t, 2, false)
	ctx := t.Context()
	var stale int
	for n := range 3 {
		name := fmt.Sprint("role ", n)
		begun := time.Now()
		if _, err := all[0].CreateRole(ctx, name, nil); err != nil {
			t.Fatal(err)
		}
		for ; ; time.Sleep(5 * time.Millisecond) {
			role, err := all[1].Reader().Role(ctx, name)
			if err != nil {
				t.Fatal(err)
			}
			if role != nil {
				break
			}
			if stale++; time.Since(begun) > 10*time.Second {
				t.Fatal("never came")
			}
		}
	}
	if stale == 0 {
		t.Error("the other replica was never behind: something tells it, and nothing is tried here")
	}
}

// What a replica does not know yet it does not know by name either, so that nobody sees a group without the members
// that it was made with. What it knows to be deleted stays so while its name is somebody else's in the store already.
func TestANameIsOfTheStateThatItsLinksAreOf(t *testing.T) {
	t.Parallel()
	all, _ := replicas(t, 2, false)
	ctx := t.Context()
	must(all[0].AddProvider(ctx, "HR", directory.TypeSCIM, true))
	hr := must(all[0].AddInstance(ctx, "HR", "", true))
	for n := range 4 { // a look of the other one in between would hide it
		name := fmt.Sprint(n)
		old := must(all[0].Apply(ctx, directory.Changes{Instance: hr, Put: []directory.Put{user("ana" + name)}})).Records[0]
		gone := must(all[0].Apply(ctx, directory.Changes{Instance: hr, Delete: []directory.Delete{{UID: old.UID}}}))
		if err := all[1].Await(ctx, gone.Revision); err != nil {
			t.Fatal(err)
		}
		team, ana := group("team"+name), user("ana"+name)
		team.UID, ana.UID = uuid.New(), uuid.New()
		must(all[0].Apply(ctx, directory.Changes{
			Instance: hr, Put: []directory.Put{team, ana}, Members: []directory.MemberChange{{Container: team.UID, Add: []uuid.UUID{ana.UID}}},
		}))

		reader := all[1].Reader()
		found := must(reader.ByFQNs(ctx, []string{"HR:team" + name, "HR:ana" + name}))
		switch {
		case found[0] == nil && (found[1] == nil || found[1].Base().ID != old.ID):
			t.Errorf("ana is %v; before the change she was deleted", found[1])
		case found[0] != nil:
			page, err := reader.Members(found[0].Base(), directory.LinkArgs{PageArgs: directory.PageArgs{First: 10}})
			if members := must(ids(ctx, page, err)); len(members) != 1 {
				t.Errorf("a group that was made with one member has %v", members)
			}
		}
	}
}

func TestSafetyR9AReplicaThatLostTheStoreSaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put(f.instance("HR", directory.TypeSCIM, ""), user("ana"))
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		_, err := f.Reader().Principals(f.ctx, "HR:ana")
		if directory.HasCode(err, directory.CodeUnavailable) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still answers: %v", err)
		}
	}
}

func TestConcurrentReadersSeeWholeStates(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, group("a"), group("b"), user("ana"))
	f.link(hr, r[0], r[2])
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// Ana moves between a and b in one change set: she is always in exactly one of them.
				list, err := ids(f.ctx, must(f.Reader().MemberOf(r[2], directory.LinkArgs{PageArgs: directory.PageArgs{First: 10}})), nil)
				if err != nil || len(list) != 1 {
					t.Errorf("ana is in %v, %v", list, err)
					return
				}
			}
		})
	}
	from, to := r[0], r[1]
	for range 40 {
		f.apply(directory.Changes{Instance: hr, Members: []directory.MemberChange{
			{Container: from.UID, Remove: []uuid.UUID{r[2].UID}}, {Container: to.UID, Add: []uuid.UUID{r[2].UID}},
		}})
		from, to = to, from
	}
	close(stop)
	readers.Wait()
	got := f.memberOf(r[2], directory.LinkArgs{})
	if !slices.Equal(got, []string{from.FQN}) {
		t.Errorf("in the end in %v", got)
	}
}
