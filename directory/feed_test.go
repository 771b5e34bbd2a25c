package directory_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// readFeed reads everything after a cursor, a few changes at a time, as "KIND fqn [in fqn]".
func (f *fixture) readFeed(after *directory.Cursor) ([]string, *directory.Cursor) {
	f.Helper()
	out := []string{}
	for {
		page, err := f.Reader().Changes(directory.PageArgs{First: 3, After: after})
		if err != nil {
			f.Fatal(err)
		}
		nodes, err := page.Nodes(f.ctx)
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range nodes {
			text := string(c.Kind) + " " + c.FQN()
			if c.Container() != nil {
				text += " in " + c.Container().Base().FQN
			}
			out = append(out, text)
		}
		info, err := page.PageInfo(f.ctx)
		if err != nil {
			f.Fatal(err)
		}
		if info.EndCursor != nil {
			after = info.EndCursor
		}
		if !info.HasNextPage {
			return out, after
		}
	}
}

func TestTheFeedTellsEveryKindOfChangeInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, user("ana"), group("team"))
	f.link(hr, r[1], r[0])
	f.setStatus(hr, r[0], directory.StatusDisabled)
	f.setStatus(hr, r[0], directory.StatusActive)
	f.put(hr, directory.Put{UID: r[0].UID, Kind: directory.KindUser, Name: "anna", DisplayName: "ana"})
	f.put(hr, directory.Put{UID: r[0].UID, Kind: directory.KindUser, Name: "anna", DisplayName: "Anna"})
	f.put(hr, directory.Put{UID: r[0].UID, Kind: directory.KindUser, Name: "anna", DisplayName: "Anna"}) // changes nothing
	f.link(hr, r[1], r[0])                                                                               // nor does this
	f.delete(hr, r[0])
	got, end := f.readFeed(nil)
	wantEqual(t, "feed", got, []string{
		"IDENTITY_CREATED HR:anna", "IDENTITY_CREATED HR:team", "MEMBER_ADDED HR:anna in HR:team", "IDENTITY_DISABLED HR:anna",
		"IDENTITY_ENABLED HR:anna", "IDENTITY_RENAMED HR:anna", "IDENTITY_UPDATED HR:anna",
		"MEMBER_REMOVED HR:anna in HR:team", "IDENTITY_DELETED HR:anna",
	})
	if again, _ := f.readFeed(end); len(again) != 0 {
		t.Errorf("after the end: %v", again)
	}
}

// A transaction that drew its sequence numbers first and commits last is neither skipped nor told twice.
func TestALateCommitIsInTheFeedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, user("early"), user("late"))
	_, at := f.readFeed(nil)

	late, err := f.db.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	defer late.Rollback()
	if _, err := late.Exec(`INSERT INTO change_log (kind, ids) VALUES ('IDENTITY_UPDATED', ARRAY[$1::bigint])`, r[1].ID); err != nil {
		t.Fatal(err)
	}
	f.setStatus(hr, r[0], directory.StatusDisabled)
	got, at := f.readFeed(at)
	wantEqual(t, "while the late one is open", got, []string{"IDENTITY_DISABLED HR:early"})
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	f.setStatus(hr, r[0], directory.StatusActive)
	got, _ = f.readFeed(at)
	slices.Sort(got)
	wantEqual(t, "after it committed", got, []string{"IDENTITY_ENABLED HR:early", "IDENTITY_UPDATED HR:late"})
}

func TestASubscriptionDeliversFromNowOnAndFromACursor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	f.put(hr, user("before"))
	ctx, cancel := context.WithCancel(f.ctx)
	live, err := f.Subscribe(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.put(hr, user("after"))
	first := receive(t, live)
	if first.FQN() != "HR:after" {
		t.Errorf("first = %s %s, want HR:after", first.Kind, first.FQN())
	}
	f.put(hr, user("later"))
	resumed, err := f.Subscribe(ctx, &first.Cursor)
	if err != nil {
		t.Fatal(err)
	}
	if c := receive(t, resumed); c.FQN() != "HR:later" {
		t.Errorf("resumed with %s, want HR:later", c.FQN())
	}
	cancel()
	for range live { // what was on its way, and then the end
	}
}

func receive(t *testing.T, feed <-chan directory.ChangeEvent) *directory.Change {
	t.Helper()
	select {
	case event, ok := <-feed:
		if !ok || event.Err != nil {
			t.Fatalf("the feed ended: %v", event.Err)
		}
		return event.Change
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
		return nil
	}
}

func TestForgedAndForeignCursorsAreRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	f.put(hr, user("ana"))
	_, end := f.readFeed(nil)
	users := directory.Cursor("x")
	for name, c := range map[string]*directory.Cursor{"no cursor": &users, "of another list": end} {
		if _, err := f.Reader().Users(directory.ListArgs{PageArgs: directory.PageArgs{First: 1, After: c}}); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, first := range []int{-1, 0, 1001, 1 << 31} {
		if _, err := f.Reader().Users(directory.ListArgs{PageArgs: directory.PageArgs{First: first}}); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("first %d: %v", first, err)
		}
	}
}

func TestARevisionIsReflectedByWhatFollows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	written := f.apply(directory.Changes{Instance: hr, Put: []directory.Put{user("ana")}}).Revision
	seen, err := f.Reader().Revision(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []directory.Revision{written, seen} {
		if err := f.Await(f.ctx, r); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	elsewhere := written
	elsewhere.Epoch = uuid.New()
	if err := f.Await(f.ctx, elsewhere); !directory.HasReason(err, directory.ReasonExpired) {
		t.Errorf("a revision of another life: %v", err)
	}
	future := written
	future.XID += 1_000_000
	soon, cancel := context.WithTimeout(f.ctx, 100*time.Millisecond)
	defer cancel()
	if err := f.Await(soon, future); !directory.HasCode(err, directory.CodeUnavailable) {
		t.Errorf("a revision that never comes: %v", err)
	}
}
