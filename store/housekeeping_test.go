package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// house is a directory in memory whose log and tombstones can be made older than they are.
type house struct {
	hr
	store   *store.Store
	address string
	ctx     context.Context
}

func newHouse(t *testing.T) *house {
	t.Helper()
	url := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d := directory.New(s)
	if err := d.HoldInMemory(t.Context(), s, 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddProvider(t.Context(), "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	i, err := d.AddInstance(t.Context(), "HR", "", true)
	if err != nil {
		t.Fatal(err)
	}
	return &house{hr{t, d, i, openSQL(t, url)}, s, url, t.Context()}
}

// another is a second replica.
func (h *house) another() *directory.Directory {
	h.Helper()
	s, err := store.Open(h.ctx, store.Config{URL: h.address})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { s.Close() })
	d := directory.New(s)
	if err := d.HoldInMemory(h.ctx, s, 1<<20); err != nil {
		h.Fatal(err)
	}
	return d
}

// age makes all that is there a number of days older.
func (h *house) age(days int) {
	h.Helper()
	for _, statement := range []string{
		`UPDATE change_log SET at = at - make_interval(days => $1)`,
		`UPDATE identity SET updated_at = updated_at - make_interval(days => $1)`,
	} {
		if _, err := h.db.Exec(statement, days); err != nil {
			h.Fatal(err)
		}
	}
}

// settle waits until no transaction is open that began before the changes in the log: tests at the same server have some,
// and for days nobody else has.
func (h *house) settle() {
	h.Helper()
	for deadline := time.Now().Add(30 * time.Second); h.count(`SELECT count(*) FROM change_log WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())`) > 0; {
		if time.Now().After(deadline) {
			h.Fatal("a transaction stays open")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (h *house) tidyUp() {
	h.Helper()
	const day = 24 * time.Hour
	if err := h.TidyUp(h.ctx, h.store, directory.Retention{Changes: 7 * day, Tombstones: 30 * day, Provisioning: 30 * day, Synchronization: 90 * day}); err != nil {
		h.Fatal(err)
	}
}

// feed reads the changes after a cursor, and the cursor of the last one.
func (h *house) feed(after *directory.Cursor, first int) (kinds []directory.ChangeKind, last *directory.Cursor, err error) {
	h.Helper()
	page, err := h.Reader().Changes(directory.PageArgs{First: first, After: after})
	if err != nil {
		return nil, nil, err
	}
	nodes, err := page.Nodes(h.ctx)
	for _, c := range nodes {
		kinds, last = append(kinds, c.Kind), &c.Cursor
	}
	return kinds, last, err
}

func (h *house) mustFeed(after *directory.Cursor, first int) ([]directory.ChangeKind, *directory.Cursor) {
	h.Helper()
	kinds, last, err := h.feed(after, first)
	if err != nil {
		h.Fatal(err)
	}
	return kinds, last
}

func (h *house) expired(what string, err error) {
	h.Helper()
	if !directory.HasReason(err, directory.ReasonExpired) || !directory.HasCode(err, directory.CodeBadInput) {
		h.Errorf("%s: %v, want expired", what, err)
	}
}

func TestOldChangesArePrunedAndWhoMissedThemIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(create(directory.KindUser, "ana"), create(directory.KindUser, "bo"), create(directory.KindUser, "cy"))
	_, inTheMiddle := h.mustFeed(nil, 1)
	_, atTheEnd := h.mustFeed(nil, 3)
	old, err := h.Apply(h.ctx, directory.Changes{Instance: h.instance, Put: []directory.Put{create(directory.KindUser, "di")}})
	if err != nil {
		t.Fatal(err)
	}

	h.tidyUp()
	if kinds, _ := h.mustFeed(inTheMiddle, 10); len(kinds) != 3 {
		t.Errorf("young changes are %v after keeping house, want three", kinds)
	}

	h.age(8)
	h.settle()
	h.put(create(directory.KindUser, "ed"))
	kinds, fresh := h.mustFeed(nil, 10)
	if len(kinds) != 5 {
		t.Fatalf("before keeping house there are %v", kinds)
	}
	h.tidyUp()
	if n := h.count(`SELECT count(*) FROM change_log WHERE at < now() - interval '7 days'`); n != 0 {
		t.Errorf("%d old changes are left", n)
	}
	if kinds, _ := h.mustFeed(nil, 10); len(kinds) != 1 {
		t.Errorf("from the beginning there are %v, want one creation", kinds)
	}
	for name, cursor := range map[string]*directory.Cursor{"in the middle of what is gone": inTheMiddle, "before what is gone": atTheEnd} {
		_, _, err := h.feed(cursor, 10)
		h.expired("a cursor "+name, err)
	}
	if _, _, err := h.feed(fresh, 10); err != nil {
		t.Errorf("a cursor after what is gone: %v", err)
	}
	feed, err := h.Subscribe(h.ctx, atTheEnd)
	if err != nil {
		t.Fatal(err)
	}
	h.expired("a subscription from before what is gone", (<-feed).Err)

	for name, d := range map[string]*directory.Directory{"in memory": h.another(), "in the store": directory.New(h.store)} {
		h.expired("an old write's revision, "+name, d.Await(h.ctx, old.Revision))
		young, err := d.Reader().Revision(h.ctx)
		if err == nil {
			err = d.Await(h.ctx, young)
		}
		if err != nil {
			t.Errorf("a revision of now, %s: %v", name, err)
		}
	}
}

// A transaction that is open while changes are deleted loses nothing, and nobody's place in the feed.
func TestATransactionOutlivesAPruning(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.put(create(directory.KindUser, "ana"))[0]
	open, err := h.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer open.Rollback()
	if _, err := open.Exec(`INSERT INTO change_log (kind, ids) VALUES ('IDENTITY_UPDATED', ARRAY[$1::bigint])`, ana.ID); err != nil {
		t.Fatal(err)
	}
	h.age(8)
	h.tidyUp()
	h.put(create(directory.KindUser, "bo"))
	kinds, at := h.mustFeed(nil, 10)
	if len(kinds) != 1 {
		t.Errorf("the feed is %v, want the creation of bo", kinds)
	}
	if err := open.Commit(); err != nil {
		t.Fatal(err)
	}
	if kinds, _ := h.mustFeed(at, 10); len(kinds) != 1 || kinds[0] != directory.IdentityUpdated {
		t.Errorf("after the late commit there are %v, want its update", kinds)
	}
}

func TestOldTombstonesArePurged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.put(create(directory.KindUser, "ana"), create(directory.KindUser, "bo"), create(directory.KindGroup, "team"))
	h.put(directory.Put{UID: r[0].UID, Kind: directory.KindUser, Name: "anna"}) // leaves the alias ana
	if err := h.add(r[2].UID, r[0].UID, r[1].UID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Apply(h.ctx, directory.Changes{Instance: h.instance, Delete: []directory.Delete{{UID: r[0].UID}}}); err != nil {
		t.Fatal(err)
	}
	other := h.another()
	status := func(d *directory.Directory, uid uuid.UUID) string {
		identity, err := d.Reader().ByUID(h.ctx, uid.String())
		if err != nil {
			t.Fatal(err)
		}
		if identity == nil {
			return "unknown"
		}
		return string(identity.Base().Status)
	}
	h.age(29)
	h.tidyUp()
	if got := status(h.Directory, r[0].UID); got != "DELETED" {
		t.Errorf("after 29 days ana is %s", got)
	}
	h.age(2)
	before := h.ReplicaStats().Identities
	h.tidyUp()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		near, far := status(h.Directory, r[0].UID), status(other, r[0].UID)
		if near == "unknown" && far == "unknown" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 31 days ana is %s here and %s there", near, far)
		}
	}
	if n := h.ReplicaStats().Identities; n != before-1 {
		t.Errorf("%d identities in memory, want %d", n, before-1)
	}
	for _, query := range []string{
		`SELECT count(*) FROM identity WHERE status = 'DELETED'`, `SELECT count(*) FROM alias`, `SELECT count(*) FROM link WHERE member_id NOT IN (SELECT id FROM identity)`,
	} {
		if n := h.count(query); n != 0 {
			t.Errorf("%s: %d, want 0", query, n)
		}
	}
	if n := h.count(`SELECT count(*) FROM identity WHERE status <> 'DELETED'`); n != 2 {
		t.Errorf("%d living identities, want 2", n)
	}
	for name, fqn := range map[string]string{"name": "HR:anna", "alias": "HR:ana"} {
		if identity, err := h.Reader().ByFQN(h.ctx, fqn); err != nil || identity != nil {
			t.Errorf("by their %s there is %v, %v", name, identity, err)
		}
	}
	if kinds, _ := h.mustFeed(nil, 100); len(kinds) != 0 {
		t.Errorf("the feed tells of %v", kinds) // all of it is older than 7 days, and a purge is nobody's change
	}
}

// A round takes as many transactions as there are batches, and only one replica works at a time.
func TestHousekeepingIsBoundedAndInTurn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := h.db.Exec(`INSERT INTO change_log (kind, ids, at) SELECT 'IDENTITY_UPDATED', '{1}', now() - interval '8 days' FROM generate_series(1, 12000)`); err != nil {
		t.Fatal(err)
	}
	const week = 7 * 24 * time.Hour
	deleted, err := h.store.PruneChanges(h.ctx, week)
	if err != nil || deleted == 0 || deleted > 5000 {
		t.Fatalf("one batch deleted %d, %v", deleted, err)
	}
	busy, err := h.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Rollback()
	if _, err := busy.Exec(`SELECT pg_advisory_xact_lock($1)`, int64(0x726f7374)); err != nil {
		t.Fatal(err)
	}
	if deleted, err := h.store.PruneChanges(h.ctx, week); err != nil || deleted != 0 {
		t.Errorf("beside another replica it deleted %d, %v", deleted, err)
	}
	if err := busy.Rollback(); err != nil {
		t.Fatal(err)
	}
	h.tidyUp()
	if n := h.count(`SELECT count(*) FROM change_log WHERE at < now() - interval '7 days'`); n != 0 {
		t.Errorf("%d old changes are left", n)
	}
}

// runs stores runs of the instance that ended some days ago, the oldest first, and returns their ids.
func (h *house) runs(status string, daysAgo ...int) (ids []int64) {
	h.Helper()
	for _, days := range daysAgo {
		var id int64
		if err := h.db.QueryRow(`INSERT INTO sync_run (instance_id, mode, status, requested_at, ended_at)
			VALUES ($1, 'FULL', $2, now() - make_interval(days => $3), CASE WHEN $2 IN ('QUEUED', 'SYNCHRONIZING') THEN NULL ELSE now() - make_interval(days => $3) END)
			RETURNING id`, h.instance.ID, status, days).Scan(&id); err != nil {
			h.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func (h *house) exec(statement string, args ...any) {
	h.Helper()
	if _, err := h.db.Exec(statement, args...); err != nil {
		h.Fatal(err)
	}
}

func TestOldRunsArePruned(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	waiting := h.runs("QUARANTINED", 200)[0]
	old := h.runs("FAILED", 150, 120, 91)
	young := h.runs("COMPLETE", 89)[0]
	live := h.runs("SYNCHRONIZING", 180)[0]
	if _, err := h.AddProvider(h.ctx, "Other", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	other, err := h.AddInstance(h.ctx, "Other", "", true)
	if err != nil {
		t.Fatal(err)
	}
	first := h.instance
	h.instance = other
	latest := h.runs("FAILED", 300)[0]
	h.instance = first
	h.exec(`INSERT INTO sync_failure (run_id, external_id, code, message) SELECT $1, n::text, 'SOURCE_ERROR', 'm' FROM generate_series(1, 6000) AS n`, old[0])
	h.exec(`INSERT INTO sync_plan (run_id, n, action, fqn) SELECT $1, n, 'DELETE', 'x' FROM generate_series(1, 6000) AS n`, old[1])
	for _, kept := range []int64{waiting, young, live, latest} {
		h.exec(`INSERT INTO sync_failure (run_id, external_id, code, message) VALUES ($1, 'x', 'SOURCE_ERROR', 'm')`, kept)
		h.exec(`INSERT INTO sync_plan (run_id, n, action, fqn) VALUES ($1, 1, 'DELETE', 'x')`, kept)
	}

	const quarter = 90 * 24 * time.Hour
	if deleted, err := h.store.PruneRuns(h.ctx, quarter); err != nil || deleted != 5000 {
		t.Errorf("one batch deleted %d, %v; want 5000 failures", deleted, err)
	}
	h.tidyUp()
	var left pq.Int64Array
	if err := h.db.QueryRow(`SELECT array_agg(id ORDER BY id) FROM sync_run`).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if want := (pq.Int64Array{waiting, young, live, latest}); !slices.Equal(left, want) {
		t.Errorf("the runs %v are left, want %v", left, want)
	}
	for _, table := range []string{"sync_failure", "sync_plan"} {
		if n := h.count(`SELECT count(*) FROM ` + table); n != 4 {
			t.Errorf("%s has %d rows, want 4", table, n)
		}
	}
}

// What a run kept aside is dropped once it cannot go on, and never before.
func TestTablesOfEndedRunsAreDropped(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ended, waiting := h.runs("FAILED", 1)[0], h.runs("QUARANTINED", 1)[0]
	live := h.runs("SYNCHRONIZING", 1)[0]
	const unknown = 987654
	for _, run := range []int64{ended, waiting, live, unknown} {
		for _, name := range []string{"stage_identity", "stage_link", "todo", "want", "todo_link"} {
			h.exec(fmt.Sprintf(`CREATE TABLE %s_%d (n int)`, name, run))
		}
	}
	h.exec(`CREATE TABLE todo_list_7 (n int)`) // somebody else's
	tables := func() int { return h.count(`SELECT count(*) FROM pg_tables WHERE tablename ~ '^(stage|todo|want)'`) }

	// Somebody is just approving the run that waits.
	approval, err := h.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer approval.Rollback()
	if _, err := approval.Exec(`UPDATE sync_run SET plan_hash = 'x' WHERE id = $1`, waiting); err != nil {
		t.Fatal(err)
	}
	h.tidyUp()
	if n := tables(); n != 11 {
		t.Errorf("%d tables are left beside an approval, want 11: two runs' and somebody else's", n)
	}
	if err := approval.Commit(); err != nil {
		t.Fatal(err)
	}
	h.tidyUp()
	if n := tables(); n != 6 {
		t.Errorf("%d tables are left, want 6: those of the live run and somebody else's", n)
	}
	if n := h.count(fmt.Sprintf(`SELECT count(*) FROM pg_tables WHERE tablename LIKE '%%\_%d'`, live)); n != 5 {
		t.Errorf("the live run has %d tables, want 5", n)
	}
}
