package scim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

const full = `{
	"schemas": ["` + schema.UserURN + `", "` + enterprise + `"],
	"externalId": "701984", "userName": "bjensen@example.com",
	"name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara"},
	"displayName": "Babs Jensen", "nickName": "Babs", "profileUrl": "https://login.example.com/bjensen",
	"emails": [{"value": "babs@jensen.org", "type": "home"}, {"value": "bjensen@example.com", "type": "work", "primary": true}],
	"addresses": [{"streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "type": "work"}],
	"phoneNumbers": [{"value": "555-555-5555", "type": "work"}], "userType": "Employee", "title": "Tour Guide", "active": true,
	"password": "t1meMa$heen", "x509Certificates": [{"value": "MIIDQzCC"}],
	"` + enterprise + `": {"employeeNumber": "701984", "department": "Tour Operations"}
}`

func TestCreateGetReplaceDeleteUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	created := w.post("/Users", full).is(http.StatusCreated)
	id := created.text("id")
	location := publicURL + "/scim/v2/Users/" + id
	want := object(t, full)
	delete(want, "password")
	for key, value := range want {
		created.has(value, key)
	}
	created.has("User", "meta", "resourceType").has(location, "meta", "location").has(`W/"1"`, "meta", "version")
	if created.header.Get("Location") != location || created.header.Get("ETag") != `W/"1"` || created.header.Get("Roster-Revision") == "" {
		t.Errorf("the headers are %v", created.header)
	}
	if kind := created.header.Get("Content-Type"); kind != "application/scim+json; charset=utf-8" {
		t.Errorf("the content type is %s", kind)
	}
	got := w.get("/Users/" + id).is(http.StatusOK)
	same(t, "what is read is what was created", created.body, got.body)
	if got.header.Get("Roster-Revision") != "" {
		t.Error("a read carries a revision")
	}
	if strings.Contains(created.raw+got.raw, "t1meMa") {
		t.Error("the password is returned")
	}

	replaced := w.put("/Users/"+id, `{"userName":"bjensen2@example.com","id":"other","meta":{},"groups":[{"value":"x"}]}`).is(http.StatusOK)
	replaced.has("bjensen2@example.com", "userName").has(true, "active").has(id, "id").has(nil, "emails").has(nil, "externalId").has(nil, "groups").
		has(nil, enterprise).has(nil, "displayName").has([]any{schema.UserURN}, "schemas").has(`W/"2"`, "meta", "version")
	if replaced.header.Get("ETag") != `W/"2"` || replaced.header.Get("Roster-Revision") == "" {
		t.Errorf("the headers are %v", replaced.header)
	}

	w.delete("/Users/" + id).is(http.StatusNoContent)
	w.get("/Users/"+id).fails(http.StatusNotFound, "")
	w.delete("/Users/"+id).fails(http.StatusNotFound, "") // Entra: a second DELETE is 404
	w.put("/Users/"+id, `{"userName":"x"}`).fails(http.StatusNotFound, "")
	w.patch("/Users/"+id, `{"op":"replace","path":"title","value":"x"}`).fails(http.StatusNotFound, "")
	again := w.post("/Users", full).is(http.StatusCreated)
	if again.text("id") == id {
		t.Error("a deleted userName came back with its old id")
	}
}

func TestTheDirectoryHoldsWhatWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.post("/Users", full).is(http.StatusCreated).text("id")
	identity, err := w.directory.Reader().ByUID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	r := identity.Base()
	same(t, "name", "bjensen@example.com", r.Name)
	same(t, "FQN", "HR:bjensen@example.com", r.FQN)
	same(t, "displayName", "Babs Jensen", r.DisplayName)
	same(t, "email is the primary one", "bjensen@example.com", *r.Email)
	same(t, "status", directory.StatusActive, r.Status)
	for _, name := range []string{"id", "schemas", "meta", "externalId", "userName", "displayName", "active", "groups", "password"} {
		if _, kept := r.Attrs.Set()[name]; kept {
			t.Errorf("%s is among the attributes", name)
		}
	}
}

func TestPrimaryEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for emails, want := range map[string]string{
		`[{"value":"a@x"},{"value":"b@x","type":"work"},{"value":"c@x","primary":true}]`: "c@x",
		`[{"value":"a@x"},{"value":"b@x","type":"Work"}]`:                                "b@x",
		`[{"value":"a@x","type":"home"},{"value":"b@x"}]`:                                "a@x",
		`"a@x"`: "a@x",
	} {
		id := w.post("/Users", `{"userName":"`+strings.NewReplacer(`"`, "", `{`, "", `}`, "").Replace(emails)+`","emails":`+emails+`}`).is(http.StatusCreated).text("id")
		identity, err := w.directory.Reader().ByUID(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		same(t, emails, want, *identity.Base().Email)
	}
}

// A displayName is shown where the client sent one, also when it is the userName, and nowhere else.
func TestDisplayNameIsShownAsItWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	without := w.post("/Users", `{"userName":"ana"}`).is(http.StatusCreated).has(nil, "displayName").text("id")
	w.patch("/Users/"+without, `{"op":"replace","path":"userName","value":"ana2"}`).is(http.StatusNoContent)
	w.get("/Users/"+without).has("ana2", "userName").has(nil, "displayName")
	equal := w.post("/Users", `{"userName":"ben","displayName":"ben"}`).is(http.StatusCreated).has("ben", "displayName").text("id")
	w.patch("/Users/"+equal, `{"op":"replace","path":"userName","value":"ben2"}`).is(http.StatusNoContent)
	w.get("/Users/"+equal).has("ben2", "userName").has("ben", "displayName")
	w.patch("/Users/"+equal, `{"op":"remove","path":"displayName"}`).is(http.StatusNoContent)
	w.get("/Users/"+equal).has(nil, "displayName")
}

func TestUserNameIsRequiredAndUnique(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, body := range []string{`{}`, `{"userName":""}`, `{"userName":"  "}`, `{"userName":null}`} {
		w.post("/Users", body).fails(http.StatusBadRequest, "invalidValue")
	}
	id := w.user("Ana@x")
	w.post("/Users", `{"userName":"ana@X"}`).fails(http.StatusConflict, "uniqueness")
	other := w.user("ben@x")
	w.put("/Users/"+other, `{"userName":"ANA@x"}`).fails(http.StatusConflict, "uniqueness")
	w.patch("/Users/"+other, `{"op":"replace","path":"userName","value":"aNa@x"}`).fails(http.StatusConflict, "uniqueness")
	w.patch("/Users/"+other, `{"op":"remove","path":"userName"}`).fails(http.StatusBadRequest, "invalidValue")
	w.put("/Users/"+id, `{"userName":"ANA@x"}`).is(http.StatusOK).has("ANA@x", "userName")
}

// Two concurrent creates of one userName, also in other case: exactly one 201, the others 409.
func TestConcurrentCreates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 8
	statuses := make([]int, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			name := "ana@x"
			if i%2 == 1 {
				name = "ANA@X"
			}
			statuses[i] = w.post("/Users", map[string]any{"userName": name}).status
		})
	}
	group.Wait()
	count := map[int]int{}
	for _, s := range statuses {
		count[s]++
	}
	same(t, "statuses", map[int]int{http.StatusCreated: 1, http.StatusConflict: n - 1}, count)
}

// Concurrent changes of one user are all kept.
func TestConcurrentPatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.user("ana@x")
	attributes := []string{"title", "nickName", "locale", "userType", "timezone", "name.givenName", "department", "costCenter"}
	var group sync.WaitGroup
	for _, a := range attributes {
		group.Go(func() {
			w.patch("/Users/"+id, fmt.Sprintf(`{"op":"replace","path":"%s","value":"v"}`, a)).is(http.StatusNoContent)
		})
	}
	group.Wait()
	got := w.get("/Users/" + id)
	got.has("v", "title").has("v", "nickName").has("v", "locale").has("v", "userType").has("v", "timezone").has("v", "name", "givenName").
		has("v", enterprise, "department").has("v", enterprise, "costCenter")
}

// externalId is opaque, unique inside the instance, and never taken for an id (CVE-2025-41115).
func TestI3ExternalIDIsOpaque(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.user("first@x")
	for i, external := range []string{"1", "-1", first, "😀", "../x", "' OR 1=1 --", "%_", strings.Repeat("x", 1024)} {
		created := w.post("/Users", map[string]any{"userName": fmt.Sprint("u", i), "externalId": external}).is(http.StatusCreated)
		created.has(external, "externalId")
		if created.text("id") == first {
			t.Errorf("%q became the user with that id", external)
		}
		w.post("/Users", map[string]any{"userName": fmt.Sprint("v", i), "externalId": external}).fails(http.StatusConflict, "uniqueness")
		w.post("/Groups", map[string]any{"displayName": "g", "externalId": external}).is(http.StatusCreated)
	}
	w.get("/Users/"+first).has(nil, "externalId").has("first@x", "userName")
	same(t, "case counts", 0, len(w.list("/Users", `externalId eq "😀x"`).ids()))
	w.post("/Users", map[string]any{"userName": "long", "externalId": strings.Repeat("x", 10<<10)}).fails(http.StatusBadRequest, "invalidValue")
	w.post("/Users", map[string]any{"userName": "nul", "externalId": "a\x00b"}).fails(http.StatusBadRequest, "invalidValue")
	w.get("/Users/1").fails(http.StatusNotFound, "")
}

func TestActive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.user("ana@x")
	group := w.group("G", id)
	w.patch("/Users/"+id, `{"op":"Replace","path":"active","value":"False"}`).is(http.StatusNoContent)
	w.get("/Users/"+id).is(http.StatusOK).has(false, "active")
	same(t, "inactive users are listed", []string{id}, w.list("/Users", `userName eq "ana@x"`).ids())
	same(t, "found by active", []string{id}, w.list("/Users", `active eq false`).ids())
	same(t, "and stay members", []string{id}, w.members(group))
	identity, err := w.directory.Reader().ByUID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	r := identity.Base()
	if r.Status != directory.StatusDisabled || r.StatusReason == nil || *r.StatusReason == "" {
		t.Errorf("the status is %s, the reason %v", r.Status, r.StatusReason)
	}
	w.patch("/Users/"+id, `{"op":"Replace","path":"active","value":"True"}`).is(http.StatusNoContent)
	w.get("/Users/"+id).has(true, "active").has(group, "groups", 0, "value")
}

// A changed userName or mail keeps the identity and links to nobody else (S14).
func TestS14RenamedUserStaysTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, other := w.user("ana@x"), w.user("ben@x")
	w.patch("/Users/"+id, `{"op":"replace","value":{"userName":"zoe@x","emails":[{"value":"ben@x","type":"work"}]}}`).is(http.StatusNoContent)
	w.get("/Users/"+id).has("zoe@x", "userName").has("ben@x", "emails", 0, "value")
	w.get("/Users/"+other).has("ben@x", "userName").has(nil, "emails")
	if again := w.user("ana@x"); again == id {
		t.Error("the old name led to the same user")
	}
}
