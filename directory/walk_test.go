package directory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/roster-gateway/roster/directory"
)

// churn adds, renames, disables and deletes identities beside the ones that stay, until the test has seen enough.
func (f *fixture) churn(i *directory.Instance, container *directory.Record) (stop func()) {
	ctx, cancel := context.WithCancel(f.ctx)
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("passing-%d-%d", w, n)
				result, err := f.Apply(ctx, directory.Changes{Instance: i, Put: []directory.Put{user(name), group(name + "-team")}})
				if err != nil {
					continue // the context ended
				}
				r := result.Records[0]
				_, _ = f.Apply(ctx, directory.Changes{Instance: i, Members: []directory.MemberChange{{Container: container.UID, Add: uids(result.Records)}}})
				switch rand.IntN(3) {
				case 0:
					_, _ = f.Apply(ctx, directory.Changes{Instance: i, Delete: []directory.Delete{{UID: r.UID}}})
				case 1:
					_, _ = f.Apply(ctx, directory.Changes{Instance: i, Put: []directory.Put{{UID: r.UID, Kind: r.Kind, Name: "a-" + name}}})
				default:
					_, _ = f.Apply(ctx, directory.Changes{Instance: i, Members: []directory.MemberChange{{Container: container.UID, Remove: uids(result.Records)}}})
				}
			}
		})
	}
	return func() { cancel(); writers.Wait() }
}

func TestAListWalkedByCursorShowsWhoStayedExactlyOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	team := f.put(hr, group("team"))[0]
	var stay []*directory.Record
	for n := range 60 { // in several transactions, so that the churn lies between them
		r := f.put(hr, user(fmt.Sprintf("m-%02d-stays", n)))
		f.link(hr, team, r[0])
		stay = append(stay, r...)
	}
	stop := f.churn(hr, team)
	defer stop()

	args := func(after *directory.Cursor) directory.PageArgs { return directory.PageArgs{First: 7, After: after} }
	byName := directory.Order{Field: directory.OrderName, Desc: true}
	lists := map[string]func(*directory.Cursor) ([]string, *directory.PageInfo, error){
		"users": func(after *directory.Cursor) ([]string, *directory.PageInfo, error) {
			page, err := f.Reader().Users(directory.ListArgs{PageArgs: args(after)})
			return shown(f, page, err)
		},
		"users by name, descending": func(after *directory.Cursor) ([]string, *directory.PageInfo, error) {
			page, err := f.Reader().Users(directory.ListArgs{PageArgs: args(after), Order: byName})
			return shown(f, page, err)
		},
		"identities": func(after *directory.Cursor) ([]string, *directory.PageInfo, error) {
			page, err := f.Reader().Identities(directory.ListArgs{PageArgs: args(after)})
			return shown(f, page, err)
		},
		"direct members": func(after *directory.Cursor) ([]string, *directory.PageInfo, error) {
			page, err := f.Reader().Members(team, directory.LinkArgs{PageArgs: args(after)})
			return shown(f, page, err)
		},
		"effective members": func(after *directory.Cursor) ([]string, *directory.PageInfo, error) {
			page, err := f.Reader().Members(team, directory.LinkArgs{PageArgs: args(after), Scope: directory.ScopeEffective})
			return shown(f, page, err)
		},
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			seen := map[string]int{}
			var after *directory.Cursor
			for end := time.Now().Add(time.Minute); ; {
				uids, info, err := list(after)
				if err != nil {
					t.Fatal(err)
				}
				for _, uid := range uids {
					seen[uid]++
				}
				if !info.HasNextPage || time.Now().After(end) {
					break
				}
				after = info.EndCursor
			}
			for _, r := range stay {
				if n := seen[r.UID.String()]; n != 1 {
					t.Errorf("%s was shown %d times", r.Name, n)
				}
			}
		})
	}
}

// shown is a page as the walk needs it.
func shown[T directory.Identity](f *fixture, page *directory.Page[T], err error) ([]string, *directory.PageInfo, error) {
	if err != nil {
		return nil, nil, err
	}
	nodes, err := page.Nodes(f.ctx)
	if err != nil {
		return nil, nil, err
	}
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = n.Base().UID.String()
	}
	info, err := page.PageInfo(f.ctx)
	return out, info, err
}
