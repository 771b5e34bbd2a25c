package scim_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

func TestCreateGetReplaceDeleteGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, ben := w.user("ana@x"), w.user("ben@x")
	created := w.post("/Groups", map[string]any{
		"schemas": []string{schema.GroupURN}, "displayName": "Tour Guides", "externalId": "g1",
		"members": []any{map[string]any{"value": ana, "display": "whatever"}, map[string]any{"value": ben}},
	}).is(http.StatusCreated)
	id := created.text("id")
	created.has("Tour Guides", "displayName").has("g1", "externalId").has([]any{schema.GroupURN}, "schemas").has(nil, "active").
		has("Group", "meta", "resourceType").has(publicURL+"/scim/v2/Groups/"+id, "meta", "location")
	created.has(map[string]any{
		"value": ana, "$ref": publicURL + "/scim/v2/Users/" + ana, "display": "ana@x", "type": "User",
	}, "members", 0)
	same(t, "members", []string{ana, ben}, created.values("members"))
	same(t, "what is read is what was created", created.body, w.get("/Groups/"+id).is(http.StatusOK).body)
	w.get("/Users/"+ana).has([]any{map[string]any{
		"value": id, "$ref": publicURL + "/scim/v2/Groups/" + id, "display": "Tour Guides", "type": "direct",
	}}, "groups")

	w.put("/Groups/"+id, map[string]any{"displayName": "Guides", "members": []any{map[string]any{"value": ben}}}).is(http.StatusOK).
		has("Guides", "displayName").has(nil, "externalId").has(ben, "members", 0, "value").has(nil, "members", 1)
	w.delete("/Groups/" + id).is(http.StatusNoContent)
	w.delete("/Groups/"+id).fails(http.StatusNotFound, "")
	w.get("/Groups/"+id).fails(http.StatusNotFound, "")
	w.get("/Users/"+ben).is(http.StatusOK).has(nil, "groups")
}

// R07: a second group of one displayName is created.
func TestI8SecondGroupOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.group("Sales"), w.group("sales")
	if first == second {
		t.Fatal("the groups were merged")
	}
	same(t, "both are found", []string{first, second}, w.list("/Groups", `displayName eq "SALES"`).ids())
	w.post("/Groups", `{}`).fails(http.StatusBadRequest, "invalidValue")
}

// Groups in groups: members carry their type, user.groups shows direct memberships.
func TestNestedGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@x")
	inner := w.group("inner", ana)
	outer := w.group("outer", inner)
	w.get("/Groups/"+outer).has("Group", "members", 0, "type").has(publicURL+"/scim/v2/Groups/"+inner, "members", 0, "$ref")
	same(t, "direct groups", []string{inner}, w.get("/Users/"+ana).values("groups"))
	w.patch("/Groups/"+inner, `{"op":"add","path":"members","value":[{"value":"`+outer+`"},{"value":"`+inner+`"}]}`).is(http.StatusNoContent) // L8: a cycle
	got := w.members(inner)
	slices.Sort(got)
	want := []string{ana, inner, outer}
	slices.Sort(want)
	same(t, "members", want, got)
}

// user.groups is kept current and read-only; deleting a user removes it from groups.
func TestUserGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, ben := w.user("ana@x"), w.user("ben@x")
	group := w.group("G", ana, ben)
	w.put("/Users/"+ana, `{"userName":"ana@x","groups":[]}`).is(http.StatusOK).has(group, "groups", 0, "value")
	w.patch("/Users/"+ana, `{"op":"remove","path":"groups"}`).fails(http.StatusBadRequest, "mutability")
	w.patch("/Groups/"+group, `{"op":"replace","path":"displayName","value":"H"}`).is(http.StatusNoContent)
	w.get("/Users/"+ana).has("H", "groups", 0, "display")
	w.delete("/Users/" + ana).is(http.StatusNoContent)
	same(t, "members", []string{ben}, w.members(group))
	w.patch("/Groups/"+group, `{"op":"remove","path":"members[value eq \"`+ben+`\"]"}`).is(http.StatusNoContent)
	w.get("/Users/"+ben).has(nil, "groups")
}

// Concurrent member changes are never lost.
func TestConcurrentMemberChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 12
	users := make([]string, n)
	for i := range n {
		users[i] = w.user(string(rune('a'+i)) + "@x")
	}
	group := w.group("G", users[:n/2]...)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			switch {
			case i < n/2:
				w.patch("/Groups/"+group, `{"op":"remove","path":"members[value eq \"`+users[i]+`\"]"}`).is(http.StatusNoContent)
			case i%2 == 0: // with another change, which is read, altered and written
				w.patch("/Groups/"+group, `{"op":"replace","path":"externalId","value":"`+users[i]+`"},{"op":"add","path":"members","value":"`+users[i]+`"}`).is(http.StatusNoContent)
			default:
				w.patch("/Groups/"+group, `{"op":"add","path":"members","value":"`+users[i]+`"}`).is(http.StatusNoContent)
			}
		})
	}
	wait.Wait()
	got, want := w.members(group), slices.Clone(users[n/2:])
	slices.Sort(got)
	slices.Sort(want)
	same(t, "members", want, got)
}

// A change of members alone does not read the group, and says 404 where there is none.
func TestMembersOfAGroupThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@x")
	group := w.group("G")
	w.delete("/Groups/" + group).is(http.StatusNoContent)
	const add = `{"op":"add","path":"members","value":"x"}`
	for _, id := range []string{group, ana, "nonsense", "2819c223-7f76-453a-919d-413861904646"} {
		w.patch("/Groups/"+id, `{"op":"add","path":"members","value":"`+ana+`"}`).fails(http.StatusNotFound, "")
		w.patch("/Groups/"+id, `{"op":"remove","path":"members"}`).fails(http.StatusNotFound, "")
		w.patch("/Groups/"+id, add).fails(http.StatusNotFound, "")
		w.patch("/Groups/"+id, `{"op":"add","path":"members","value":[]}`).fails(http.StatusNotFound, "")
	}
}

// A PATCH is atomic: where one operation fails, none is kept.
func TestPatchIsAtomic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, ben := w.user("ana@x"), w.user("ben@x")
	group := w.group("G", ana)
	before := w.get("/Groups/" + group).body
	w.patch("/Groups/"+group, `{"op":"add","path":"members","value":"`+ben+`"},{"op":"replace","path":"displayName","value":""}`).fails(http.StatusBadRequest, "invalidValue")
	w.patch("/Groups/"+group, `{"op":"replace","path":"displayName","value":"H"},{"op":"add","path":"id","value":"x"}`).fails(http.StatusBadRequest, "mutability")
	same(t, "the group", before, w.get("/Groups/"+group).body)
	before = w.get("/Users/" + ana).body
	w.patch("/Users/"+ana, `{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"emails[type eq \"odd\"].value","value":"x"}`).fails(http.StatusBadRequest, "noTarget")
	same(t, "the user", before, w.get("/Users/"+ana).body)
}

// PATCH answers 204 unless attributes are asked for.
func TestPatchAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@x")
	const op = `{"op":"replace","path":"title","value":"t"}`
	silent := w.patch("/Users/"+ana, op).is(http.StatusNoContent)
	if silent.raw != "" || silent.header.Get("ETag") != `W/"2"` || silent.header.Get("Roster-Revision") == "" {
		t.Errorf("%q %v", silent.raw, silent.header)
	}
	w.patch("/Users/"+ana+"?attributes=title", op).is(http.StatusOK).has("t", "title").has(nil, "userName").has(ana, "id")
	w.patch("/Users/"+ana, op, "Prefer: return=representation").is(http.StatusOK).has("ana@x", "userName")
	group := w.group("G")
	add := `{"op":"add","path":"members","value":"` + ana + `"}`
	w.patch("/Groups/"+group+"?attributes=members", add).is(http.StatusOK).has(ana, "members", 0, "value").has(nil, "displayName")
	if w.patch("/Groups/"+group, add).is(http.StatusNoContent).header.Get("Roster-Revision") == "" {
		t.Error("no revision")
	}
}

func TestManager(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, chief := w.user("boss@x"), w.user("chief@x")
	id := w.post("/Users", map[string]any{"userName": "ana@x", enterprise: map[string]any{"department": "d", "manager": map[string]any{"value": boss}}}).
		is(http.StatusCreated).has(boss, enterprise, "manager", "value").has("boss@x", enterprise, "manager", "displayName").
		has(publicURL+"/scim/v2/Users/"+boss, enterprise, "manager", "$ref").text("id")
	check := func(want string) {
		t.Helper()
		same(t, "manager", want, w.get("/Users/"+id).text(enterprise, "manager", "value"))
	}
	check(boss)
	version := w.get("/Users/" + id).header.Get("ETag")
	w.put("/Users/"+id, map[string]any{"userName": "ana@x", enterprise: map[string]any{"manager": chief}}).is(http.StatusOK).has(chief, enterprise, "manager", "value")
	check(chief)
	if w.get("/Users/"+id).header.Get("ETag") == version {
		t.Error("another manager is no other version")
	}
	same(t, "found by manager", []string{id}, w.list("/Users", `manager eq "`+chief+`"`).ids())
	w.put("/Users/"+id, `{"userName":"ana@x"}`).is(http.StatusOK).has(nil, enterprise)
	check("")
	w.patch("/Users/"+id, `{"op":"add","path":"manager","value":"`+boss+`"}`).is(http.StatusNoContent)
	w.delete("/Users/" + boss).is(http.StatusNoContent)
	check("")
}

// A group that was renamed under the policy DISABLE_OLD leaves a placeholder with its old name in the directory. A client
// never made that group and does not see it.
func TestOktaARenamedGroupsOldNameIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	policy := directory.DisableOld
	if _, err := w.directory.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: provider, Renames: &policy}); err != nil {
		t.Fatal(err)
	}
	id := w.group("Old")
	w.patch("/Groups/"+id, `{"op":"replace","path":"displayName","value":"New"}`).is(http.StatusNoContent)
	same(t, "groups of the old name", []string{}, w.list("/Groups", `displayName eq "Old"`).ids())
	same(t, "all groups", []string{id}, w.get("/Groups").ids())
}
