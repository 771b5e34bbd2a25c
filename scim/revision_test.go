package scim_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/roster-gateway/roster/directory"
)

// revision is the one that an answer carries.
func (a *answer) revision() directory.Revision {
	a.t.Helper()
	r, err := directory.ParseRevision(a.header.Get("Roster-Revision"))
	if err != nil {
		a.t.Fatalf("%s: %q: %v", a.what, a.header.Get("Roster-Revision"), err)
	}
	return r
}

// A write that finds everything as it wants it commits nothing: its revision holds what made it so.
func TestRevisionOfNoChange(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	holds := func(made, found *answer) {
		t.Helper()
		want, got := made.revision(), found.revision()
		if got.XID == 0 && w.count(`SELECT pg_visible_in_snapshot($1::text::xid8, $2::text::pg_snapshot)::int`, strconv.FormatUint(want.XID, 10), got.Snapshot) == 1 {
			return
		}
		t.Errorf("%s: the revision %+v does not hold %+v", found.what, got, want)
	}
	user := "/Users/" + w.user("ana@x")
	group := "/Groups/" + w.group("G")
	device := "/Devices/" + w.post("/Devices", `{"serial":"s"}`).is(http.StatusCreated).text("id")
	for _, write := range []func() *answer{
		func() *answer { return w.put(user, `{"userName":"ana@x","title":"Dr"}`) },
		func() *answer { return w.patch(user, `{"op":"replace","path":"title","value":"Prof"}`) },
		func() *answer {
			return w.patch(user+"?attributes=title", `{"op":"replace","path":"title","value":"Sir"}`)
		},
		func() *answer { return w.put(group, `{"displayName":"H"}`) },
		func() *answer { return w.put(device, `{"serial":"s","model":"m"}`) },
		func() *answer { return w.patch(device, `{"op":"replace","path":"model","value":"n"}`) },
	} {
		made := write()
		holds(made, write().is(made.status))
	}
	made := w.patch(user, `{"op":"replace","path":"title","value":"t"}`)
	holds(made, w.patch(group, `{"op":"remove","path":"members[value eq \"nobody\"]"}`).is(http.StatusNoContent))

	change := func(title string) string {
		return `{"method":"PATCH","path":"` + user + `","data":{"Operations":[{"op":"replace","path":"title","value":"` + title + `"}]}}`
	}
	holds(made, w.bulk(change("t")))
	holds(made, w.bulk(change("u")+","+change("u")))
	if w.bulk(change("u")+","+change("v")).revision().XID == 0 {
		t.Error("the last operation wrote, and its revision is another one")
	}
	for _, path := range []string{user, "/Users"} {
		same(t, path, "", w.get(path).header.Get("Roster-Revision"))
	}
	same(t, "a refused one", "", w.patch(user, `{"op":"replace","path":"id","value":"x"}`).fails(http.StatusBadRequest, "mutability").header.Get("Roster-Revision"))
}
