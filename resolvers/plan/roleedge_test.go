package plan_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// guarded is a directory with a role that somebody out of scope is in, and one that is in a group out of scope.
type guarded struct {
	*roads
	t        *testing.T
	narrowed *access.Principal
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	r := overPostgres(t, true)
	hr, corp := r.instance(t, "HR", ""), r.instance(t, "CORP", "")
	for i, names := range map[*directory.Instance][]string{hr: {"ana", "staff"}, corp: {"ben", "board"}} {
		r.apply(t, directory.Changes{Instance: i, Put: []directory.Put{
			{UID: uid(names[0]), New: true, Kind: directory.KindUser, Name: names[0], DisplayName: names[0]},
			{UID: uid(names[1]), New: true, Kind: directory.KindGroup, Name: names[1], DisplayName: names[1]},
		}})
	}
	ctx := t.Context()
	for _, role := range []string{"Readers", "Approvers", "Nested"} {
		if _, err := r.directory.CreateRole(ctx, role, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.directory.AddRoleMembers(ctx, "Approvers", []string{"CORP:ben", "CORP:board"}); err != nil {
		t.Fatal(err)
	}
	nested, err := r.directory.AddRoleMembers(ctx, "Nested", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.apply(t, directory.Changes{Instance: corp, Members: []directory.MemberChange{{Container: uid("board"), Add: []uuid.UUID{nested.UID}, AnyInstance: true}}})
	return &guarded{r, t, &access.Principal{
		Name: "HR's admin", Scopes: []access.Scope{access.Read, access.RoleAdmin}, Within: scopeOf(t, r.directory, "HR", "Local"),
	}}
}

// mutate runs a mutation of a role, and returns what was wrong: the code of an error of the request or of the payload,
// else "".
func (g *guarded) mutate(by *access.Principal, mutation, input string) string {
	g.t.Helper()
	body := request(g.t, fmt.Sprintf("mutation { m: %s(input: {%s}) { userErrors { code } } }", mutation, input), nil)
	var out struct {
		Data struct {
			M struct{ UserErrors []struct{ Code string } }
		}
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal(send(g.planned, body, by), &out); err != nil {
		g.t.Fatal(err)
	}
	if len(out.Errors) > 0 {
		return out.Errors[0].Extensions.Code
	}
	if errors := out.Data.M.UserErrors; len(errors) > 0 {
		return errors[0].Code
	}
	return ""
}

// members lists everybody who is in a role, whoever sees them.
func (g *guarded) members(role string) string {
	g.t.Helper()
	g.by = nil
	got, _ := g.same(g.t, `query($r: String!) { role(name: $r) { members { nodes { fqn } } } }`, map[string]any{"r": role})
	return got.Data
}

// A link is made and ended by who sees both of its ends; of the others none is there.
func TestZ5BothEndsOfAnEdgeAreAuthorized(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	before := g.members("Approvers")
	for _, test := range []struct{ mutation, input, want string }{
		{"addRoleMembers", `role: "Readers", members: ["HR:ana", "HR:staff"]`, ""},
		{"addRoleMembers", `role: "Readers", members: ["HR:ana", "CORP:ben"]`, "NOT_FOUND"},
		{"addRoleMembers", `role: "Readers", members: ["CORP:board"]`, "NOT_FOUND"},
		{"addRoleMembers", `role: "Readers", members: ["HR:nobody"]`, "NOT_FOUND"},
		{"removeRoleMembers", `role: "Approvers", members: ["CORP:ben"]`, "NOT_FOUND"},
		{"deleteRole", `name: "Approvers"`, "FORBIDDEN"}, // it would end links of CORP's
		{"deleteRole", `name: "Nested"`, "FORBIDDEN"},
		{"removeRoleMembers", `role: "Readers", members: ["HR:ana"]`, ""},
		{"deleteRole", `name: "Readers"`, ""},
	} {
		if got := g.mutate(g.narrowed, test.mutation, test.input); got != test.want {
			t.Errorf("%s(%s): %q, want %q", test.mutation, test.input, got, test.want)
		}
	}
	if diff := cmp.Diff(before, g.members("Approvers")); diff != "" {
		t.Errorf("the members of Approvers (-before +after):\n%s", diff)
	}
	withoutRoles := &access.Principal{Name: "x", Scopes: g.narrowed.Scopes, Within: scopeOf(t, g.directory, "HR")}
	for _, test := range []struct{ mutation, input, want string }{
		{"createRole", `name: "Mine"`, "FORBIDDEN"},
		{"updateRole", `name: "Approvers", newName: "Mine"`, "NOT_FOUND"},
		{"addRoleMembers", `role: "Approvers", members: ["HR:ana"]`, "NOT_FOUND"},
		{"deleteRole", `name: "Approvers"`, "NOT_FOUND"},
	} {
		if got := g.mutate(withoutRoles, test.mutation, test.input); got != test.want {
			t.Errorf("without the roles: %s(%s): %q, want %q", test.mutation, test.input, got, test.want)
		}
	}
}

// Nobody puts into a role what they do not have themselves: whom they do not see, by whatever name, and directly or in a
// group. Who may only read, or administers something else, changes no role at all.
func TestZ6NobodyAddsToARoleMoreThanTheyHold(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	before := g.members("Readers")
	for _, fqn := range []string{"CORP:ben", "corp:BEN", "CORP:board", `CORP:\\ben`, uid("ben").String(), "ben", ""} {
		if got := g.mutate(g.narrowed, "addRoleMembers", `role: "Readers", members: ["`+fqn+`"]`); got != "NOT_FOUND" {
			t.Errorf("%q: %q, want NOT_FOUND", fqn, got)
		}
	}
	for _, scopes := range [][]access.Scope{{access.Read}, {access.SyncAdmin}, {access.TokenAdmin}, {access.Read, access.SyncAdmin, access.TokenAdmin}} {
		by := &access.Principal{Name: "other", Scopes: scopes}
		if got := g.mutate(by, "addRoleMembers", `role: "Readers", members: ["HR:ana"]`); got != "FORBIDDEN" {
			t.Errorf("%v: %q, want FORBIDDEN", scopes, got)
		}
	}
	if diff := cmp.Diff(before, g.members("Readers")); diff != "" {
		t.Errorf("the members of Readers (-before +after):\n%s", diff)
	}
}

// A group that carries rights is not put under another container, nor another under it, by who lacks the right to either
// end: whoever could, would give its members the rights of the other.
func TestCVE2026_9099ReparentingAPrivilegedGroup(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	if got := g.mutate(g.narrowed, "addRoleMembers", `role: "Readers", members: ["CORP:board"]`); got != "NOT_FOUND" {
		t.Errorf("a privileged group out of scope, put into a role: %q", got)
	}
	before := g.members("Nested")
	for _, member := range []string{"HR:ana", "HR:staff", "Readers"} {
		if got := g.mutate(g.narrowed, "addRoleMembers", `role: "Nested", members: ["`+member+`"]`); got != "FORBIDDEN" {
			t.Errorf("%s put into a role that is in a privileged group out of scope: %q", member, got)
		}
	}
	if diff := cmp.Diff(before, g.members("Nested")); diff != "" {
		t.Errorf("the members of Nested (-before +after):\n%s", diff)
	}
	// What a role is in over others counts too: Readers is in Nested by now.
	if got := g.mutate(admin, "addRoleMembers", `role: "Nested", members: ["Readers"]`); got != "" {
		t.Fatal(got)
	}
	if got := g.mutate(g.narrowed, "addRoleMembers", `role: "Readers", members: ["HR:ana"]`); got != "FORBIDDEN" {
		t.Errorf("over another role: %q", got)
	}
}
