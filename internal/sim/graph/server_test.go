package graph

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ask sends a request with a token, and returns status and answer.
func ask(t *testing.T, s *Server, method, path, token, body string) (*http.Response, map[string]any) {
	t.Helper()
	if !strings.HasPrefix(path, "https:") {
		path = s.URL() + path
	}
	request, err := http.NewRequest(method, path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return answer, out
}

// must makes a change of the tenant that has to succeed.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func create(t *testing.T, s *Server, kind Kind, values map[string]any) string {
	t.Helper()
	id, err := s.Tenant.Create(kind, values)
	must(t, err)
	return id
}

// TestDeltaRows goes through a user's and a group's life, and reads after each step what the delta links tell.
func TestDeltaRows(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Tenant: NewTenant(1)})
	c := newClient(t, s)
	c.signIn()
	ana := create(t, s, User, map[string]any{"userPrincipalName": "ana@contoso.example", "mail": "ana@contoso.example"})
	bo := create(t, s, User, map[string]any{"userPrincipalName": "bo@contoso.example"})
	team := create(t, s, Group, map[string]any{"displayName": "Team"})
	must(t, s.Tenant.AddMember(team, ana), s.Tenant.AddMember(team, team), s.Tenant.SetManager(ana, bo))
	links := map[Kind]string{
		User:  "/v1.0/users/delta?$select=userPrincipalName,mail,surname,manager",
		Group: "/v1.0/groups/delta?$select=displayName,members",
	}
	read := func() (rows []any) {
		for _, kind := range []Kind{User, Group} {
			answer, page := ask(t, s, http.MethodGet, links[kind], c.token, "")
			if answer.StatusCode != http.StatusOK {
				t.Fatal(page)
			}
			links[kind], _ = page["@odata.deltaLink"].(string)
			rows = append(rows, page["value"].([]any)...)
		}
		return rows
	}
	link := func(kind Kind, id string) map[string]any {
		return map[string]any{"@odata.type": "#microsoft.graph." + string(kind), "id": id}
	}
	unlink := func(kind Kind, id string) map[string]any {
		out := link(kind, id)
		out["@removed"] = map[string]any{"reason": "deleted"}
		return out
	}
	type rows = []any
	type object = map[string]any
	anaRow, boRow := object{"id": ana, "userPrincipalName": "ana@contoso.example", "mail": "ana@contoso.example"}, object{"id": bo, "userPrincipalName": "bo@contoso.example"}
	with := func(o object, name string, v any) object {
		out := object{name: v}
		for k, v := range o {
			if k != name {
				out[k] = v
			}
		}
		return out
	}
	cleared := with(anaRow, "mail", nil)
	teamRow := object{"id": team, "displayName": "Team"}
	for _, step := range []struct {
		name string
		do   func() error
		want rows
	}{
		{"the first round", func() error { return nil }, rows{
			with(anaRow, "manager@delta", rows{link(User, bo)}), boRow, with(teamRow, "members@delta", rows{link(User, ana), link(Group, team)}),
		}},
		{"nothing", func() error { return nil }, nil},
		{"what is not selected", func() error { return s.Tenant.Update(bo, map[string]any{"givenName": "Bo"}) }, nil},
		{"a property is cleared", func() error { return s.Tenant.Update(ana, map[string]any{"mail": nil}) }, rows{cleared}},
		{"a member is removed", func() error { return s.Tenant.RemoveMember(team, team) }, rows{with(teamRow, "members@delta", rows{unlink(Group, team)})}},
		{"the manager goes", func() error { return s.Tenant.SetManager(ana, "") }, rows{with(cleared, "manager@delta", rows{unlink(User, bo)})}},
		{"a user is deleted", func() error { return s.Tenant.Delete(ana) }, rows{object{"id": ana, "@removed": object{"reason": "changed"}}}},
		{"and restored: the group is silent", func() error { return s.Tenant.Restore(ana) }, rows{with(cleared, "manager@delta", rows{unlink(User, bo)})}},
		{"deleted for good: the group is silent", func() error {
			must(t, s.Tenant.Delete(ana))
			return s.Tenant.Purge(ana)
		}, rows{object{"id": ana, "@removed": object{"reason": "deleted"}}}},
		{"a group is restored with its links", func() error {
			must(t, s.Tenant.AddMember(team, bo), s.Tenant.Delete(team))
			return s.Tenant.Restore(team)
		}, rows{with(teamRow, "members@delta", rows{unlink(Group, team), link(User, bo)})}},
	} {
		must(t, step.do())
		if diff := cmp.Diff(step.want, rows(read())); diff != "" {
			t.Errorf("%s (-want +have):\n%s", step.name, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Tenant: NewTenant(1), Refused: []string{"signInSessionsValidFromDateTime"}})
	c := newClient(t, s)
	c.signIn()
	_, page := ask(t, s, http.MethodGet, "/v1.0/users/delta?$select=mail", c.token, "")
	old := page["@odata.deltaLink"].(string)
	s.Expire()
	before := newClient(t, start(t, Config{Tenant: NewTenant(1)}))
	before.signIn()
	_, page = ask(t, before.server, http.MethodGet, "/v1.0/users/delta?$select=mail", before.token, "")
	foreign := strings.TrimPrefix(page["@odata.deltaLink"].(string), before.server.URL())
	for _, r := range []struct {
		name, path string
		token      string
		status     int
		code       string
	}{
		{"no token", "/v1.0/users", "", 401, "InvalidAuthenticationToken"},
		{"a forged token", "/v1.0/users", "abc", 401, "InvalidAuthenticationToken"},
		{"a property that is none", "/v1.0/users/delta?$select=mail,shoeSize", c.token, 400, "BadRequest"},
		{"a property that this tenant has not", "/v1.0/users/delta?$select=signInSessionsValidFromDateTime", c.token, 400, "BadRequest"},
		{"a query option", "/v1.0/users/delta?$orderby=mail", c.token, 400, "Request_UnsupportedQuery"},
		{"a broken token of a link", "/v1.0/users/delta?$deltatoken=abc", c.token, 400, "BadRequest"},
		{"an expired link", old, c.token, 410, "syncStateNotFound"},
		{"a link from before a restart", foreign, c.token, 410, "syncStateNotFound"},
		{"a user who is not", "/v1.0/users/nobody@contoso.example", c.token, 404, "Request_ResourceNotFound"},
		{"a group that is not", "/v1.0/groups/x/members", c.token, 404, "Request_ResourceNotFound"},
		{"a page that is too large", "/v1.0/users?$top=1000", c.token, 400, "Request_UnsupportedQuery"},
		{"a filter", "/v1.0/users?$filter=startswith(mail,'a')", c.token, 400, "Request_UnsupportedQuery"},
		{"another address", "/v1.0/applications", c.token, 400, "BadRequest"},
	} {
		answer, body := ask(t, s, http.MethodGet, r.path, r.token, "")
		problem, _ := body["error"].(map[string]any)
		if answer.StatusCode != r.status || problem["code"] != r.code {
			t.Errorf("%s: %d %v", r.name, answer.StatusCode, body)
		}
		if location := answer.Header.Get("Location"); (location == s.URL()+"/v1.0/users/delta?$deltatoken=&$select=mail") != (r.status == 410) {
			t.Errorf("%s: it leads to %q", r.name, location)
		}
	}
	s.SetRoles("GroupMember.Read.All")
	if answer, body := ask(t, s, http.MethodGet, "/v1.0/users?$top=1", c.token, ""); answer.StatusCode != http.StatusForbidden {
		t.Error("without the permission:", body)
	}
	s.Revoke()
	if answer, body := ask(t, s, http.MethodGet, "/v1.0/groups", c.token, ""); answer.StatusCode != http.StatusUnauthorized {
		t.Error("with a revoked token:", body)
	}
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Tenant: NewTenant(1), TokenLifetime: time.Nanosecond})
	c := newClient(t, s)
	c.signIn()
	if answer, body := ask(t, s, http.MethodGet, "/v1.0/users", c.token, ""); answer.StatusCode != http.StatusUnauthorized {
		t.Error(body)
	}
}

// TestLookups reads single objects, as a synchronization of one does.
func TestLookups(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Tenant: NewTenant(1), PageSize: 2})
	c := newClient(t, s)
	c.signIn()
	var people []string
	for _, name := range []string{"ana", "o'hara", "bo"} {
		people = append(people, create(t, s, User, map[string]any{"userPrincipalName": name + "@contoso.example"}))
	}
	team := create(t, s, Group, map[string]any{"displayName": "Team"})
	for _, id := range people {
		must(t, s.Tenant.AddMember(team, id))
	}
	must(t, s.Tenant.SetManager(people[0], people[1]))
	ids := func(path string) (found []string) {
		for path != "" {
			answer, page := ask(t, s, http.MethodGet, path, c.token, "")
			if answer.StatusCode != http.StatusOK {
				t.Fatal(page)
			}
			value, list := page["value"].([]any)
			if !list {
				value = []any{page}
			}
			for _, o := range value {
				found = append(found, o.(map[string]any)["id"].(string))
			}
			path, _ = page["@odata.nextLink"].(string)
		}
		return found
	}
	for path, want := range map[string][]string{
		"/v1.0/users/" + people[0]:              people[:1],
		"/v1.0/users/BO@contoso.example":        people[2:],
		"/v1.0/users/" + people[0] + "/manager": people[1:2],
		"/v1.0/groups/" + team:                  {team},
		"/v1.0/groups/" + team + "/members":     people,
		"/v1.0/users":                           people,
		"/v1.0/users?$filter=" + url.QueryEscape("userPrincipalName eq 'O''Hara@contoso.example'"): people[1:2],
		"/v1.0/groups?$filter=" + url.QueryEscape("displayName eq 'Team'"):                         {team},
		"/v1.0/organization": {s.Tenant.ID},
	} {
		if diff := cmp.Diff(want, ids(path)); diff != "" {
			t.Errorf("%s (-want +have):\n%s", path, diff)
		}
	}
}

// TestAdmin changes the tenant as scripts do.
func TestAdmin(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Tenant: NewTenant(1)})
	do := func(status int, method, path, body string) map[string]any {
		t.Helper()
		answer, out := ask(t, s, method, path, "", body)
		if answer.StatusCode != status {
			t.Fatalf("%s %s: %d %v", method, path, answer.StatusCode, out)
		}
		return out
	}
	ana := do(200, "POST", "/sim/users", `{"userPrincipalName":"ana@contoso.example"}`)["id"].(string)
	bo := do(200, "POST", "/sim/users", `{"userPrincipalName":"bo@contoso.example","accountEnabled":false}`)["id"].(string)
	team := do(200, "POST", "/sim/groups", `{"displayName":"Team"}`)["id"].(string)
	do(200, "PATCH", "/sim/users/"+ana, `{"surname":"Abe"}`)
	do(200, "PUT", "/sim/users/"+ana+"/manager/"+bo, "")
	do(200, "PUT", "/sim/groups/"+team+"/members/"+ana, "")
	do(200, "PUT", "/sim/groups/"+team+"/members/"+bo, "")
	do(200, "DELETE", "/sim/groups/"+team+"/members/"+bo, "")
	want := State{
		Users: map[string]Object{
			ana: {Status: Active, Attributes: map[string]any{"userPrincipalName": "ana@contoso.example", "surname": "Abe"}, Manager: bo},
			bo:  {Status: Disabled, Attributes: map[string]any{"userPrincipalName": "bo@contoso.example", "accountEnabled": false}},
		},
		Groups: map[string]Object{team: {Status: Active, Attributes: map[string]any{"displayName": "Team"}, Members: []string{ana}}},
	}
	if diff := cmp.Diff(want, s.Tenant.State()); diff != "" {
		t.Errorf("-want +have:\n%s", diff)
	}
	do(409, "POST", "/sim/users", `{"userPrincipalName":"ANA@contoso.example"}`)
	do(400, "POST", "/sim/users", `{"userPrincipalName":"c@contoso.example","shoeSize":"40"}`)
	do(400, "POST", "/sim/mutate?n=many", "")
	do(404, "PATCH", "/sim/users/x", `{}`)
	do(200, "DELETE", "/sim/users/"+ana+"/manager", "")
	do(200, "DELETE", "/sim/users/"+ana, "")
	do(200, "POST", "/sim/users/"+ana+"/restore", "")
	if n := do(200, "POST", "/sim/delete?users=500", "")["users"]; n != 2.0 {
		t.Errorf("it deleted %v", n)
	}
	do(200, "DELETE", "/sim/users/"+ana, "")
	do(404, "DELETE", "/sim/users/"+ana, "")
	for _, path := range []string{"mutate?n=20&seed=1", "settle", "expire", "revoke"} {
		do(200, "POST", "/sim/"+path, "")
	}
}

// TestSameSeedSameTenant: what a seed makes can be made again.
func TestSameSeedSameTenant(t *testing.T) {
	t.Parallel()
	one, two := NewTenant(5), NewTenant(5)
	one.Populate(200, 120, 5)
	two.Populate(200, 120, 5)
	if diff := cmp.Diff(one.State(), two.State()); diff != "" {
		t.Error(diff)
	}
}
