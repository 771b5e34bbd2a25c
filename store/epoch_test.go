package store_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

func openStore(t *testing.T, address string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func epochOf(t *testing.T, s *store.Store) uuid.UUID {
	t.Helper()
	now, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now.Epoch
}

// copyOf copies a database, as a dump and a restore do but for the numbers of its tables.
func copyOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	server := openSQL(t, u.String())
	restored := name + "_restored"
	exec(t, server, `CREATE DATABASE `+pq.QuoteIdentifier(restored)+` TEMPLATE `+pq.QuoteIdentifier(name))
	t.Cleanup(func() {
		_, _ = server.ExecContext(context.Background(), `DROP DATABASE `+pq.QuoteIdentifier(restored)+` WITH (FORCE)`)
	})
	u.Path = "/" + restored
	return u.String()
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func TestTheEpochStaysThroughRestarts(t *testing.T) {
	t.Parallel()
	address := testpg.New(t)
	first := epochOf(t, openStore(t, address))
	if again := epochOf(t, openStore(t, address)); again != first {
		t.Error("a second start began a new epoch")
	}
}

// A database that was restored from a copy refuses the revisions and cursors of the one that was copied, which goes on.
func TestARestoredDatabaseBeginsANewEpoch(t *testing.T) {
	t.Parallel()
	address := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	d := directory.New(s)
	if _, err := d.CreateRole(t.Context(), "Kept", nil); err != nil {
		t.Fatal(err)
	}
	before, err := d.Reader().Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := d.Reader().Changes(directory.PageArgs{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := page.Nodes(t.Context())
	if err != nil || len(nodes) != 1 {
		t.Fatalf("the feed is %v, %v", nodes, err)
	}
	s.Close() // a database with connections cannot be copied

	restored := openStore(t, copyOf(t, address))
	copied := directory.New(restored)
	if err := copied.HoldInMemory(t.Context(), restored, 0); err != nil {
		t.Fatal(err)
	}
	if err := copied.Await(t.Context(), before); !directory.HasReason(err, directory.ReasonExpired) {
		t.Errorf("a revision of before: %v, want expired", err)
	}
	if _, err := copied.Subscribe(t.Context(), nil); err != nil {
		t.Error(err)
	}
	page, err = copied.Reader().Changes(directory.PageArgs{First: 1, After: &nodes[0].Cursor})
	if err == nil {
		_, err = page.Nodes(t.Context())
	}
	if !directory.HasReason(err, directory.ReasonExpired) {
		t.Errorf("a cursor of before: %v, want expired", err)
	}
	if role, err := copied.Reader().Role(t.Context(), "Kept"); err != nil || role == nil {
		t.Errorf("what was restored: %v, %v", role, err)
	}
	if err := directory.New(openStore(t, address)).Await(t.Context(), before); err != nil {
		t.Errorf("a revision where it came from: %v", err)
	}
	if epochOf(t, openStore(t, restoredURL(t, address))) != epochOf(t, restored) {
		t.Error("a second start on the restored database began one more epoch")
	}
}

func restoredURL(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path += "_restored"
	return u.String()
}

// Each thing that tells one database from another begins a new epoch, and so does nothing else.
func TestWhatTellsARestore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change string
		renews bool
	}{
		"another cluster":         {`UPDATE store_epoch SET system_id = system_id + 1`, true},
		"another database":        {`UPDATE store_epoch SET database_id = database_id + 1`, true},
		"a table made anew":       {`UPDATE store_epoch SET table_id = table_id + 1`, true},
		"another timeline":        {`UPDATE store_epoch SET timeline = 'FFFFFFFF'`, true},
		"a cluster not known yet": {`UPDATE store_epoch SET system_id = NULL`, false},
		"nothing known yet":       {`UPDATE store_epoch SET system_id = NULL, database_id = NULL, table_id = NULL, timeline = NULL`, false},
		"a rewritten table":       {`VACUUM FULL store_epoch`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := testpg.New(t)
			before := epochOf(t, openStore(t, address))
			db := openSQL(t, address)
			exec(t, db, test.change)
			after := epochOf(t, openStore(t, address))
			if (after != before) != test.renews {
				t.Errorf("a new epoch: %v, want %v", after != before, test.renews)
			}
			var complete bool
			if err := db.QueryRow(`SELECT system_id IS NOT NULL AND database_id IS NOT NULL AND table_id IS NOT NULL AND timeline <> 'FFFFFFFF' FROM store_epoch`).Scan(&complete); err != nil || !complete {
				t.Errorf("it did not note where it is: %v", err)
			}
			if again := epochOf(t, openStore(t, address)); again != after {
				t.Error("the next start began one more epoch")
			}
		})
	}
}

// Running replicas take up a new epoch that somebody else began, and what was restored under them.
func TestRunningReplicasTakeUpANewEpoch(t *testing.T) {
	t.Parallel()
	address := testpg.New(t)
	s := openStore(t, address)
	d := directory.New(s)
	if err := d.HoldInMemory(t.Context(), s, 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateRole(t.Context(), "Kept", nil); err != nil {
		t.Fatal(err)
	}
	before, err := d.Reader().Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db := openSQL(t, address)
	// The row goes as if it had never been written, as in a state of before; nothing in the log tells of it.
	exec(t, db, `DELETE FROM change_log; DELETE FROM identity`)
	if err := openStore(t, address).RenewEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		awaited := d.Await(t.Context(), before)
		role, err := d.Reader().Role(t.Context(), "Kept")
		if directory.HasReason(awaited, directory.ReasonExpired) && err == nil && role == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a revision of before: %v; the role: %v, %v", awaited, role, err)
		}
	}
	if _, err := d.CreateRole(t.Context(), "New", nil); err != nil {
		t.Fatal(err)
	}
	now, err := d.Reader().Revision(t.Context())
	if err == nil {
		err = d.Await(t.Context(), now)
	}
	if err != nil {
		t.Errorf("a revision of the new epoch: %v", err)
	}
}
