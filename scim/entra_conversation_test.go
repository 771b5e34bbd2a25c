package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/scim/schema"
)

// entra speaks as Entra ID's provisioning service does, to a Tenant URL, with several requests at once, and keeps a
// model of what it made.
type entra struct {
	*client
	*model
	requests *atomic.Int64
}

// connections is how many requests are under way at once.
const connections = 12

// side hands the numbers below n to as many workers as there are connections.
func side(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

// find looks for a resource by a matching attribute, as it does before it creates anything.
func (e *entra) find(endpoint, filter string) []string {
	e.t.Helper()
	e.requests.Add(1)
	return e.list(endpoint, filter).ids()
}

// change sends one PATCH with operations, each of which is op, path, value.
func (e *entra) change(path string, operations ...any) *answer {
	e.t.Helper()
	e.requests.Add(1)
	return e.do(http.MethodPatch, path, map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": operations,
	}, "Content-Type: application/scim+json; charset=utf-8")
}

func op(op, path string, value any) map[string]any {
	return map[string]any{"op": op, "path": path, "value": value}
}

// single is how it sends a value that stands alone.
func single(value string) any { return []any{map[string]any{"$ref": nil, "value": value}} }

// hire provisions a user that it has not seen before.
func (e *entra) hire(n int) string {
	e.t.Helper()
	p := person{
		UserName: fmt.Sprintf("user%04d@contoso.example", n), DisplayName: fmt.Sprintf("User %04d", n), ExternalID: fmt.Sprintf("oid-u-%04d", n),
		Email: fmt.Sprintf("user%04d@contoso.example", n), Active: true,
	}
	if ids := e.find("/Users", `userName eq "`+p.UserName+`"`); len(ids) != 0 {
		e.t.Errorf("%s is there already", p.UserName)
	}
	e.requests.Add(1)
	id := e.post("/Users", map[string]any{
		"schemas": []string{schema.UserURN, enterprise}, "externalId": p.ExternalID, "userName": p.UserName, "active": true,
		"displayName": p.DisplayName, "emails": []any{map[string]any{"primary": true, "type": "work", "value": p.Email}},
		"meta": map[string]any{"resourceType": "User"}, "name": map[string]any{"formatted": p.DisplayName, "familyName": fmt.Sprintf("%04d", n), "givenName": "User"},
		"roles": []any{}, "title": nil, enterprise: map[string]any{"department": fmt.Sprintf("D%d", n%7)},
	}).is(http.StatusCreated).text("id")
	e.person(id, func(of *person) { *of = p })
	return id
}

// found provisions a group: first without members, then with them, a part at a time.
func (e *entra) found(n int, members []string) string {
	e.t.Helper()
	of := team{DisplayName: fmt.Sprintf("Group %03d", n), ExternalID: fmt.Sprintf("oid-g-%03d", n), Members: map[string]bool{}}
	e.requests.Add(2)
	ids := e.get("/Groups?excludedAttributes=members&filter=" + escape(`displayName eq "`+of.DisplayName+`"`)).ids()
	if len(ids) != 0 {
		e.t.Errorf("%s is there already", of.DisplayName)
	}
	id := e.post("/Groups", map[string]any{
		"schemas": []string{schema.GroupURN, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"}, "externalId": of.ExternalID,
		"displayName": of.DisplayName, "meta": map[string]any{"resourceType": "Group"},
	}).is(http.StatusCreated).text("id")
	e.team(id, func(t *team) { *t = of })
	e.enroll(id, members...)
	return id
}

// enroll adds members, a few to a request.
func (e *entra) enroll(group string, members ...string) {
	e.t.Helper()
	for from := 0; from < len(members); from += 15 {
		part := members[from:min(from+15, len(members))]
		list := []any{}
		for _, id := range part {
			list = append(list, map[string]any{"$ref": nil, "value": id})
		}
		e.change("/Groups/"+group, op("Add", "members", list)).is(http.StatusNoContent)
		e.join(group, part...)
	}
}

// TestConversation_Entra plays what Entra ID does with a new application over months: Test Connection, the first cycle,
// incremental cycles, and the end of people and groups. What SCIM lists, what GraphQL shows and what was meant are equal.
func TestConversation_Entra(t *testing.T) {
	t.Parallel()
	people, groups := 60, 12
	if inFull {
		people, groups = 2000, 200
	}
	g := newGateway(t)
	tenant := &client{t: t, server: g.server.URL, prefix: "/tokens/" + g.urlToken(provider), bearer: g.bearer}
	e := &entra{client: tenant, model: newModel(), requests: &atomic.Int64{}}

	// Test Connection.
	same(t, "a user that nobody has", []string{}, e.find("/Users", `userName eq "`+uuid.NewString()+`"`))

	// The first cycle.
	begun := time.Now()
	users := make([]string, people)
	side(people, func(i int) { users[i] = e.hire(i) })
	side(people, func(i int) { // managers, once all are there
		if boss := users[i/8]; i > 0 {
			e.change("/Users/"+users[i], op("Add", enterprise+":manager", boss)).is(http.StatusNoContent)
			e.person(users[i], func(p *person) { p.Manager = boss })
		}
	})
	teams := make([]string, groups)
	side(groups, func(i int) {
		members := []string{}
		for j := range people / 5 {
			members = append(members, users[(i*7+j*3)%people])
		}
		teams[i] = e.found(i, distinct(members))
	})
	took := time.Since(begun)
	t.Logf("the first cycle: %d requests in %s, %.0f a second over %d connections", e.requests.Load(), took.Round(time.Millisecond), float64(e.requests.Load())/took.Seconds(), connections)
	g.agree(e.model)

	// An incremental cycle: it reads what it is about to change, then sends what differs.
	side(people/4, func(i int) {
		id := users[i]
		e.get("/Users/"+id).is(http.StatusOK).has(id, "id")
		switch i % 4 {
		case 0: // renamed, with several values in one request
			name := fmt.Sprintf("renamed%04d@contoso.example", i)
			e.change("/Users/"+id, op("Replace", "userName", name), op("Replace", `emails[type eq "work"].value`, name), op("Replace", "displayName", "Renamed")).is(http.StatusNoContent)
			e.person(id, func(p *person) { p.UserName, p.Email, p.DisplayName = name, name, "Renamed" })
		case 1: // disabled
			e.change("/Users/"+id, op("Replace", "active", "False")).is(http.StatusNoContent)
			e.person(id, func(p *person) { p.Active = false })
		case 2: // without a manager
			e.change("/Users/"+id, op("Replace", enterprise+":manager", "")).is(http.StatusNoContent)
			e.person(id, func(p *person) { p.Manager = "" })
		case 3: // the form without a path
			e.change("/Users/"+id, map[string]any{"op": "Add", "value": map[string]any{"displayName": "Without path", "name.givenName": "Given", enterprise + ":department": "D"}}).is(http.StatusNoContent)
			e.person(id, func(p *person) { p.DisplayName = "Without path" })
		}
	})
	side(groups, func(i int) { e.churn(teams[i], i, users) })
	g.agree(e.model)

	// Soft delete, and back within 30 days: the memberships are there again though nobody sends them (rule R04).
	side(people/6, func(i int) {
		id := users[people-1-i]
		e.change("/Users/"+id, op("Replace", "active", single("False"))).is(http.StatusNoContent)
		e.get("/Users/"+id).is(http.StatusOK).has(false, "active")
		e.person(id, func(p *person) { p.Active = false })
	})
	g.agree(e.model)
	side(people/6, func(i int) {
		id := users[people-1-i]
		e.change("/Users/"+id, op("Replace", "active", "True")).is(http.StatusNoContent)
		e.person(id, func(p *person) { p.Active = true })
	})
	g.agree(e.model)

	// Hard delete. A second one finds nobody, and a name can be used again.
	side(people/10, func(i int) {
		id := users[people/2+i]
		e.delete("/Users/" + id).is(http.StatusNoContent)
		e.gone(id)
		e.delete("/Users/"+id).fails(http.StatusNotFound, "")
		if again := e.hire(people/2 + i); again == id {
			t.Errorf("the id %s is used again", id)
		}
	})
	e.delete("/Groups/" + teams[0]).is(http.StatusNoContent)
	e.gone(teams[0])
	e.delete("/Groups/"+teams[0]).fails(http.StatusNotFound, "")
	g.agree(e.model)
	if strings.Contains(g.log.String(), "level=ERROR") {
		t.Errorf("errors were logged: %s", g.log)
	}
}

// churn renames a group and moves members in and out of it, in both forms.
func (e *entra) churn(group string, n int, users []string) {
	e.t.Helper()
	e.get("/Groups/"+group+"?excludedAttributes=members").is(http.StatusOK).has(nil, "members")
	name := fmt.Sprintf("Renamed %03d", n)
	e.change("/Groups/"+group, op("Replace", "displayName", name)).is(http.StatusNoContent)
	e.team(group, func(t *team) { t.DisplayName = name })
	first, second, third := users[(n*7)%len(users)], users[(n*7+3)%len(users)], users[(n*7+1)%len(users)]
	e.change("/Groups/"+group, op("Remove", "members", []any{map[string]any{"value": first}})).is(http.StatusNoContent)
	e.leave(group, first)
	e.change("/Groups/"+group, map[string]any{"op": "Remove", "path": `members[value eq "` + second + `"]`}, op("Add", "members", []any{map[string]any{"value": third}})).is(http.StatusNoContent)
	e.leave(group, second)
	e.join(group, third)
	same(e.t, "asked for one member", []string{group}, e.find("/Groups", `id eq "`+group+`" and members eq "`+third+`"`))
	same(e.t, "asked for one who left", []string{}, e.find("/Groups", `id eq "`+group+`" and members eq "`+first+`"`))
	if n%5 == 0 { // the whole list anew
		list := users[n%len(users) : min(n%len(users)+10, len(users))]
		values := []any{}
		for _, id := range list {
			values = append(values, map[string]any{"value": id})
		}
		e.change("/Groups/"+group, op("Replace", "members", values)).is(http.StatusNoContent)
		e.team(group, func(t *team) { t.Members = map[string]bool{} })
		e.join(group, list...)
	}
}

func distinct(ids []string) []string {
	seen := map[string]bool{}
	out := []string{}
	for _, id := range ids {
		if !seen[id] {
			out = append(out, id)
		}
		seen[id] = true
	}
	return out
}

// echo is a resource as it came, to be sent back.
func echo(t testing.TB, a *answer) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(a.raw), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
