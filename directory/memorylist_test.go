package directory_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/store"
)

// Lists and their totals are the same from memory as from the store, whatever they are narrowed to, page by page.
func TestListsInMemoryAreThoseOfTheStore(t *testing.T) {
	t.Parallel()
	all, inStore := replicas(t, 1, false)
	f := &fixture{TB: t, Directory: all[0], ctx: t.Context()}
	statuses := []directory.IdentityStatus{directory.StatusActive, directory.StatusDisabled, directory.StatusDeleted}
	for n, i := range []*directory.Instance{
		f.instance("HR", directory.TypeAzureAD, ""), f.instance("AD", directory.TypeActiveDirectory, "EAST"), f.instance("AD", directory.TypeActiveDirectory, "WEST"),
	} {
		for k := range 30 {
			put := user(fmt.Sprintf("user%d-%d", n, k))
			if k%4 == 3 {
				put = group(fmt.Sprintf("group%d-%d", n, k))
			}
			r := f.put(i, put)[0]
			switch status := statuses[(k/2+n)%3]; status {
			case directory.StatusDeleted:
				f.delete(i, r)
			default:
				f.setStatus(i, r, status)
			}
		}
	}
	if _, err := f.CreateRole(f.ctx, "Buyers", nil); err != nil {
		t.Fatal(err)
	}
	names := []*string{nil, to("HR"), to("hr"), to("AD"), to("Local"), to("none")}
	instances := []*string{nil, to(""), to("EAST"), to("west"), to("none")}
	rapid.Check(t, func(rt *rapid.T) {
		args := directory.ListArgs{PageArgs: directory.PageArgs{First: rapid.IntRange(1, 20).Draw(rt, "first")}}
		args.Filter.Provider = rapid.SampledFrom(names).Draw(rt, "provider")
		args.Filter.Instance = rapid.SampledFrom(instances).Draw(rt, "instance")
		args.Filter.Status = directory.Statuses(rapid.SliceOfNDistinct(rapid.SampledFrom(statuses), 0, 3, rapid.ID).Draw(rt, "status")...)
		make := rapid.SampledFrom([]func(directory.ListArgs) (*directory.Listing, error){
			directory.ListArgs.ForUsers, directory.ListArgs.ForGroups, directory.ListArgs.ForRoles, directory.ListArgs.ForIdentities,
		}).Draw(rt, "list")
		for more := true; more; {
			l, err := make(args)
			if err != nil {
				rt.Fatal(err)
			}
			got, want := page(rt, f.Directory, l), page(rt, inStore, l)
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("%+v (-store +memory):\n%s", args, diff)
			}
			if more = want.More; more {
				args.After = &want.Last
			}
		}
	})
}

// seen is what a page of a list shows.
type seen struct {
	FQNs  []string
	More  bool
	Total int
	Last  directory.Cursor
}

func page(t *rapid.T, d *directory.Directory, l *directory.Listing) seen {
	ctx := t.Context()
	v := d.View()
	records, more, err := v.Rows(ctx, l)
	if err != nil {
		t.Fatal(err)
	}
	total, err := v.Total(ctx, l)
	if err != nil {
		t.Fatal(err)
	}
	out := seen{More: more, Total: total}
	for _, r := range records {
		out.FQNs, out.Last = append(out.FQNs, r.FQN), l.Cursor(r)
	}
	return out
}

func to(text string) *string { return &text }

// Where the rows have gone on and the graph has not yet, a list shows no row that its filter does not let through, and
// is not short of any.
func TestListsInMemoryDoNotShowWhatTheyLeaveOut(t *testing.T) {
	t.Parallel()
	writer := newStoreFixture(t)
	i := writer.instance("HR", directory.TypeSCIM, "")
	people := writer.put(i, user("ana"), user("ben"), user("cleo"))
	behind := directory.New(writer.store)
	if err := behind.HoldInMemory(t.Context(), deaf{writer.store}, 0); err != nil {
		t.Fatal(err)
	}
	v := behind.View()
	if _, err := v.Source().Edges(t.Context(), nil); err != nil { // it is of this state from now on
		t.Fatal(err)
	}
	writer.delete(i, people[0])
	l, err := directory.ListArgs{PageArgs: directory.PageArgs{First: 2}}.ForUsers()
	if err != nil {
		t.Fatal(err)
	}
	rows, more, err := v.Rows(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, r := range rows {
		got = append(got, r.FQN)
	}
	if diff := cmp.Diff([]string{"HR:ben", "HR:cleo"}, got); diff != "" || more {
		t.Errorf("more %v (-want +got):\n%s", more, diff)
	}
}

// deaf is a store that never tells of its commits.
type deaf struct{ *store.Store }

func (deaf) OnCommit(func(context.Context, directory.Revision)) {}

// A count has what was committed before it is asked for, also by another replica that tells nobody, and is the same as
// the store's.
func TestCountIsThatOfTheStore(t *testing.T) {
	t.Parallel()
	all, inStore := replicas(t, 2, false)
	f := &fixture{TB: t, Directory: all[0], ctx: t.Context()}
	i := f.instance("HR", directory.TypeSCIM, "")
	other := f.instance("Elsewhere", directory.TypeSCIM, "")
	f.put(other, user("zoe"))
	q := directory.ListQuery{Kinds: []directory.IdentityKind{directory.KindUser}, InstanceID: i.ID, Status: directory.AnyLive, Offset: 5, Limit: 1}
	for n := range 20 {
		r := f.put(i, user(fmt.Sprint("user", n)), group(fmt.Sprint("group", n)))[0]
		switch n % 4 {
		case 0:
			f.delete(i, r)
		case 1:
			f.setStatus(i, r, directory.StatusDisabled)
		}
		want := n + 1 - (n+4)/4
		for name, d := range map[string]*directory.Directory{"writer": all[0], "other replica": all[1], "store": inStore} {
			if got := must(d.Count(t.Context(), q)); got != want {
				t.Fatalf("after user %d the %s counts %d, want %d", n, name, got, want)
			}
		}
	}
}

// A page deep in a list is the same whether the database counts its way there or the graph knows it.
func TestDeepPagesAreThoseOfTheStore(t *testing.T) {
	t.Parallel()
	all, inStore := replicas(t, 2, false)
	f := &fixture{TB: t, Directory: all[0], ctx: t.Context()}
	i, other := f.instance("HR", directory.TypeSCIM, ""), f.instance("Elsewhere", directory.TypeSCIM, "")
	for n := range 5 {
		puts := []directory.Put{}
		for k := range 300 {
			puts = append(puts, user(fmt.Sprint("user", n, "-", k)))
		}
		f.put(i, puts...)
		f.put(other, user(fmt.Sprint("other", n)), group(fmt.Sprint("group", n)))
	}
	q := directory.ListQuery{Kinds: []directory.IdentityKind{directory.KindUser}, InstanceID: i.ID, Status: directory.AnyLive, Limit: 3}
	byName := &directory.SortKey{Operand: directory.Operand{Column: directory.ColumnName}}
	for _, q.Offset = range []int{999, 1000, 1001, 1200, 1498, 1499, 1500, 1501, 5000} {
		if q.Order.By = nil; q.Offset == 1200 {
			q.Order.By = byName
		}
		for step := range 2 {
			page := func(d *directory.Directory) (names []string) {
				for _, r := range must(d.Resources(t.Context(), q, directory.LinkSet{})) {
					names = append(names, r.Name)
				}
				return names
			}
			want := page(inStore)
			for n, d := range all {
				if diff := cmp.Diff(want, page(d)); diff != "" {
					t.Fatalf("offset %d, step %d, replica %d (-store +memory):\n%s", q.Offset, step, n, diff)
				}
			}
			if step == 0 {
				f.delete(i, must(inStore.Resources(t.Context(), directory.ListQuery{InstanceID: i.ID, Status: directory.AnyLive, Limit: 1}, directory.LinkSet{}))[0].Record)
			}
		}
	}
}
