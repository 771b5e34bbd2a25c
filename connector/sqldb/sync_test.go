package sqldb_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector/sqldb"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

// many is a source of some size.
const many = `
	CREATE TABLE people (id int PRIMARY KEY, login text);
	CREATE TABLE teams (id int PRIMARY KEY, title text);
	CREATE TABLE seats (team int, who int);
	CREATE TABLE mark (n int);
	INSERT INTO mark VALUES (1);
	INSERT INTO people SELECT n, 'user' || n FROM generate_series(1, 60) n;
	INSERT INTO teams SELECT n, 'Team ' || n FROM generate_series(101, 110) n;
	INSERT INTO seats SELECT 101 + n % 10, n FROM generate_series(1, 60) n`

// synchronized is a directory that reads a source, with the guard as it is by default.
func synchronized(t *testing.T) (*world, *synctest.Rig) {
	t.Helper()
	w := start(t, many)
	w.values["sql.usersQuery"] = "SELECT id, login AS username FROM people"
	w.values["sql.groupsQuery"] = "SELECT id, title AS name FROM teams"
	w.values["sql.linksQuery"] = "SELECT team AS group_id, who AS member_id FROM seats"
	w.values["sql.watermarkQuery"] = "SELECT n FROM mark"
	rig := synctest.New(t, sqldb.Type)
	rig.Work(rig.Service(syncer.Config{Lease: 10 * time.Second, Poll: 10 * time.Millisecond}))
	rig.Add("DB", directory.TypeSQL, w.values)
	rig.Set("DB", "guard.maxDeletePercent", "20")
	rig.Set("DB", "guard.maxUnlinkPercent", "30")
	if run := rig.Synced("DB", syncer.StartOptions{}); run.Mode != syncer.ModeFull || run.Status != syncer.Complete {
		t.Fatalf("the first run is %+v", run)
	}
	return w, rig
}

func TestR14ASourceThatGivesNothingRemovesNothing(t *testing.T) {
	t.Parallel()
	w, rig := synchronized(t)
	before := rig.Picture("DB")
	for _, c := range []struct {
		statement string
		status    syncer.Status
		reason    string
	}{
		{"DELETE FROM seats", syncer.Quarantined, "60 of 60 links would be removed"},
		{"DELETE FROM teams; INSERT INTO teams VALUES (101, 'Team 101')", syncer.Quarantined, "links would be removed"},
		{"DELETE FROM people WHERE id > 40", syncer.Quarantined, "identities would be deleted or disabled"},
		{"DELETE FROM people", syncer.Failed, "The users query gives no row."},
		{"DROP TABLE seats", syncer.Failed, `relation "seats" does not exist`},
	} {
		w.do(c.statement + "; UPDATE mark SET n = n + 1")
		run := rig.Wait(rig.Start("DB", syncer.StartOptions{}))
		if run.Status != c.status || run.Reason == nil || !strings.Contains(*run.Reason, c.reason) {
			t.Errorf("after %s the run is %s: %v", c.statement, run.Status, run.Reason)
		}
		if diff := cmp.Diff(before, rig.Picture("DB")); diff != "" {
			t.Fatalf("%s took something away:\n%s", c.statement, diff)
		}
	}
}

func TestRunsOfAnUnchangedDatabaseReadNothing(t *testing.T) {
	t.Parallel()
	w, rig := synchronized(t)
	w.do("DELETE FROM people WHERE id = 60") // the watermark does not tell
	if run := rig.Synced("DB", syncer.StartOptions{}); run.Mode != syncer.ModeDelta || run.IdentityCount != 0 {
		t.Errorf("nothing has changed, and the run is %s of %d identities", run.Mode, run.IdentityCount)
	}
	w.do("UPDATE mark SET n = 2")
	if run := rig.Synced("DB", syncer.StartOptions{}); run.Mode != syncer.ModeFull || run.Deleted != 1 {
		t.Errorf("something has changed, and the run is %s and has deleted %d", run.Mode, run.Deleted)
	}
	rig.Set("DB", "sql.usersQuery", "SELECT id, upper(login) AS username FROM people")
	rig.Set("DB", "guard.maxRenamePercent", "100")
	if run := rig.Synced("DB", syncer.StartOptions{}); run.Mode != syncer.ModeFull || rig.Picture("DB")["1"].Name != "USER1" {
		t.Errorf("the query is another one, and the run is %s; the user is %q", run.Mode, rig.Picture("DB")["1"].Name)
	}
}

func TestR19OneIdentityOfADatabase(t *testing.T) {
	t.Parallel()
	w, rig := synchronized(t)
	w.do("INSERT INTO people VALUES (61, 'new'); INSERT INTO seats VALUES (110, 61)")
	service := rig.Service(syncer.Config{})
	fqn, key := `DB:new`, "110"
	for _, c := range []struct{ key, fqn *string }{{nil, &fqn}, {&key, nil}} {
		if _, err := service.SyncIdentity(t.Context(), "DB", "", c.key, c.fqn); err != nil {
			t.Fatal(err)
		}
	}
	picture := rig.Picture("DB")
	if picture["61"].Name != "new" || len(picture["110"].Links) != 7 {
		t.Errorf("the user is %+v, and the group %+v", picture["61"], picture["110"])
	}
}
