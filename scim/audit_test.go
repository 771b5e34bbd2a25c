package scim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/internal/canary"
)

// state is all that SCIM writes may change, the audit trail included.
func (w *world) state() string {
	w.t.Helper()
	var out strings.Builder
	for _, table := range []string{"identity", "alias", "link", "resource", "unique_value", "change_log", "audit"} {
		var text string
		if err := w.db.QueryRow(`SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM ` + table + ` t`).Scan(&text); err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n%s\n", table, text)
	}
	return out.String()
}

// A write whose audit row cannot be written fails, and leaves nothing behind, whichever road it takes in the store; else it
// leaves its row.
func TestR27WritesFailWithoutTheirAuditRow(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	if _, err := w.db.Exec(`CREATE TABLE broken ();
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT FROM broken) THEN RAISE EXCEPTION 'no space left'; END IF; RETURN NEW;
		END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()`); err != nil {
		t.Fatal(err)
	}
	ana, bob, boss := w.user("ana"), w.user("bob"), w.user("boss")
	group := w.group("team", ana)
	device := w.post("/Devices", map[string]any{"serial": "one"}).is(http.StatusCreated).text("id")
	member := func(op, id string) string {
		return `{"op":"` + op + `","path":"members","value":[{"value":"` + id + `"}]}`
	}
	for _, c := range []struct {
		name string
		do   func() *answer
		ok   int
	}{
		{"create a user", func() *answer { return w.post("/Users", map[string]any{"userName": "eve"}) }, http.StatusCreated},
		{"create a user with a manager", func() *answer {
			return w.post("/Users", `{"userName":"kim","`+enterprise+`":{"manager":{"value":"`+boss+`"}}}`)
		}, http.StatusCreated},
		{"replace a user", func() *answer { return w.put("/Users/"+ana, map[string]any{"userName": "ana", "title": "Head"}) }, http.StatusOK},
		{"patch a user", func() *answer { return w.patch("/Users/"+ana, `{"op":"replace","path":"active","value":false}`) }, http.StatusNoContent},
		{"rename a user", func() *answer { return w.patch("/Users/"+ana, `{"op":"replace","path":"userName","value":"anna"}`) }, http.StatusNoContent},
		{"set a manager", func() *answer {
			return w.patch("/Users/"+bob, `{"op":"replace","path":"`+enterprise+`:manager","value":{"value":"`+boss+`"}}`)
		}, http.StatusNoContent},
		{"create a group with members", func() *answer {
			return w.post("/Groups", `{"displayName":"other","members":[{"value":"`+ana+`"}]}`)
		}, http.StatusCreated},
		{"add a member", func() *answer { return w.patch("/Groups/"+group, member("add", bob)) }, http.StatusNoContent},
		{"remove a member", func() *answer { return w.patch("/Groups/"+group, member("remove", bob)) }, http.StatusNoContent},
		{"replace the members", func() *answer { return w.patch("/Groups/"+group, member("replace", bob)) }, http.StatusNoContent},
		{"replace a group", func() *answer { return w.put("/Groups/"+group, `{"displayName":"crew","members":[]}`) }, http.StatusOK},
		{"create a device", func() *answer { return w.post("/Devices", map[string]any{"serial": "two"}) }, http.StatusCreated},
		{"replace a device", func() *answer { return w.put("/Devices/"+device, map[string]any{"serial": "uno"}) }, http.StatusOK},
		{"delete a device", func() *answer { return w.delete("/Devices/" + device) }, http.StatusNoContent},
		{"delete a group", func() *answer { return w.delete("/Groups/" + group) }, http.StatusNoContent},
		{"delete a user", func() *answer { return w.delete("/Users/" + bob) }, http.StatusNoContent},
	} {
		before := w.state()
		if _, err := w.db.Exec(`INSERT INTO broken DEFAULT VALUES`); err != nil {
			t.Fatal(err)
		}
		if got := c.do(); got.status != http.StatusInternalServerError || strings.Contains(string(got.raw), "space") {
			t.Errorf("%s without its audit row is answered %d %s", c.name, got.status, got.raw)
		}
		if _, err := w.db.Exec(`DELETE FROM broken`); err != nil {
			t.Fatal(err)
		}
		if now := w.state(); now != before {
			t.Errorf("%s without its audit row changed something:\n%s\nwas\n%s", c.name, now, before)
		}
		rows := w.count(`SELECT count(*) FROM audit`)
		c.do().is(c.ok)
		if n := w.count(`SELECT count(*) FROM audit`) - rows; n != 1 {
			t.Errorf("%s leaves %d audit rows", c.name, n)
		}
	}
}

// What clients send as a password is in no audit row.
func TestQ7NoPasswordInTheAuditTrail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.post("/Users", map[string]any{"userName": "ana", "password": canary.Mark + "-1"}).is(http.StatusCreated).text("id")
	w.put("/Users/"+ana, map[string]any{"userName": "ana", "title": "Head", "password": canary.Mark + "-2"}).is(http.StatusOK)
	w.patch("/Users/"+ana, `{"op":"replace","value":{"title":"Clerk","password":"`+canary.Mark+`"}}`).is(http.StatusNoContent)
	w.patch("/Users/"+ana, `{"op":"replace","path":"password","value":"`+canary.Mark+`"}`)
	w.delete("/Users/" + ana).is(http.StatusNoContent)
	trail := w.state()
	if len(canary.Find(trail)) > 0 || strings.Contains(trail, strings.TrimPrefix(w.bearer, access.SecretPrefix)) {
		t.Errorf("a secret is kept:\n%s", trail)
	}
	for _, known := range []string{"Head", "Clerk"} { // what is no secret is there
		if n := w.count(`SELECT count(*) FROM audit WHERE strpos(detail->>'after', $1) > 0`, known); n != 1 {
			t.Errorf("%d audit rows tell of %s", n, known)
		}
	}
}
