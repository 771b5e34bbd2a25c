package store_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// growing is an empty database with an instance, and a store over it of so many connections.
func growing(t *testing.T, conns int) (*store.Store, *sql.DB, *directory.Directory, *directory.Instance) {
	t.Helper()
	url := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: conns})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := directory.New(s)
	if _, err := d.AddProvider(t.Context(), "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	i, err := d.AddInstance(t.Context(), "HR", "", true)
	if err != nil {
		t.Fatal(err)
	}
	return s, openSQL(t, url), d, i
}

// A database that was empty when its statements were planned plans them anew once it has grown. Where nothing has been
// outgrown, nothing is done.
func TestPlansFollowGrowth(t *testing.T) {
	t.Parallel()
	s, db, d, i := growing(t, 1) // one connection, whose plans are looked at
	people := directory.ListQuery{Kinds: []directory.IdentityKind{directory.KindUser}, InstanceID: i.ID, Status: directory.AnyLive}
	find := func(uid uuid.UUID) {
		t.Helper()
		if _, err := s.Resource(t.Context(), people, uid, directory.LinkSet{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ByUIDs(t.Context(), []uuid.UUID{uid}); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 { // by then the plan is kept
		find(uuid.New())
	}
	const rows = 2000
	var uid uuid.UUID
	for n := 0; n < rows; n += 500 {
		c := directory.Changes{Instance: i}
		for k := range 500 {
			c.Put = append(c.Put, directory.Put{Kind: directory.KindUser, New: true, Name: fmt.Sprint("user", n+k)})
		}
		result, err := d.Apply(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		uid = result.Records[0].UID
	}
	analyzed := func() (rows int) {
		t.Helper()
		if err := db.QueryRow(`SELECT greatest(reltuples, 0) FROM pg_class WHERE relname = 'identity'`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if err := s.Analyze(t.Context(), 0, 0); err != nil || analyzed() != 0 {
		t.Fatalf("nothing was outgrown: %v, statistics of %d rows", err, analyzed())
	}
	plans := func() (withoutIndex []string) {
		t.Helper()
		for statement, plan := range s.KeptPlans(t, "FROM identity i WHERE", map[string]string{
			"i.uid = ANY((SELECT $2": fmt.Sprintf("%d, '{%s}'", i.ID, uid), "i.uid = ANY($1": "'{" + uid.String() + "}'",
		}) {
			if !strings.Contains(plan, "identity_uid_key") {
				withoutIndex = append(withoutIndex, statement+"\n"+plan)
			}
		}
		return withoutIndex
	}
	if len(plans()) == 0 {
		t.Fatal("the plans of an empty database do without growth: this test shows nothing")
	}
	if err := s.Analyze(t.Context(), rows, 0); err != nil || analyzed() != rows {
		t.Fatalf("outgrown: %v, statistics of %d rows", err, analyzed())
	}
	for _, plan := range plans() {
		t.Error(plan)
	}
}

// Few identities with many links between them may grow many times over before the rows of both tables have doubled.
func TestEachTableIsWatched(t *testing.T) {
	t.Parallel()
	s, db, d, i := growing(t, 0)
	add := func(kind directory.IdentityKind, name string, many int) {
		t.Helper()
		c := directory.Changes{Instance: i}
		for n := range many {
			c.Put = append(c.Put, directory.Put{Kind: kind, New: true, Name: fmt.Sprint(name, n)})
		}
		if _, err := d.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	add(directory.KindGroup, "group", 50)
	add(directory.KindUser, "user", 50)
	if _, err := db.Exec(`INSERT INTO link (container_id, kind, member_id)
		SELECT g.id, 'member', u.id FROM identity g, identity u WHERE g.kind = 'GROUP' AND u.kind = 'USER'`); err != nil {
		t.Fatal(err)
	}
	if err := d.HoldInMemory(t.Context(), s, 0); err != nil {
		t.Fatal(err)
	}
	go d.WatchGrowth(t.Context(), s)
	known := func(table string, rows int) {
		t.Helper()
		var last int
		for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if err := db.QueryRow(`SELECT greatest(reltuples, 0) FROM pg_class WHERE relname = $1`, table).Scan(&last); err != nil {
				t.Fatal(err)
			}
			if last >= rows {
				return
			}
		}
		t.Fatalf("the database knows of %d rows of %s, not of %d", last, table, rows)
	}
	known("link", 2500)
	known("identity", 100)
	add(directory.KindUser, "more", 900)
	known("identity", 1000)
}
