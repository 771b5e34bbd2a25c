package scim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/scim/schema"
)

func escape(filter string) string { return url.QueryEscape(filter) }

// okta speaks as Okta's provisioning does, and keeps a model of what it made.
type okta struct {
	*client
	*model
}

// assign provisions a user, or finds the one that is there.
func (o *okta) assign(n int) string {
	o.t.Helper()
	p := person{
		UserName: fmt.Sprintf("person%04d@corp.example", n), DisplayName: fmt.Sprintf("Person %04d", n), ExternalID: fmt.Sprintf("00u%04d", n),
		Email: fmt.Sprintf("person%04d@corp.example", n), Active: true,
	}
	o.get("/Users?filter="+escape(`userName eq "`+p.UserName+`"`)+"&startIndex=1&count=100").is(http.StatusOK).has([]any{}, "Resources")
	body := map[string]any{
		"schemas": []string{schema.UserURN}, "userName": p.UserName, "name": map[string]any{"givenName": "Person", "familyName": fmt.Sprint(n)},
		"emails":      []any{map[string]any{"primary": true, "value": p.Email, "type": "work"}},
		"displayName": p.DisplayName, "locale": "en-US", "externalId": p.ExternalID, "groups": []any{}, "password": "1mz050nq", "active": true,
	}
	id := o.post("/Users", body).is(http.StatusCreated).has(nil, "password").text("id")
	o.person(id, func(of *person) { *of = p })
	if n%10 == 0 { // sent once more, as after a timeout
		o.post("/Users", body).fails(http.StatusConflict, "uniqueness")
	}
	return id
}

// put sends a whole user back, changed, with what the server added to it.
func (o *okta) change(id string, change func(body map[string]any)) {
	o.t.Helper()
	body := echo(o.t, o.get("/Users/"+id).is(http.StatusOK))
	change(body)
	o.put("/Users/"+id, body).is(http.StatusOK)
}

func refs(ids []string) []any {
	out := []any{}
	for _, id := range ids {
		out = append(out, map[string]any{"value": id, "display": "somebody"})
	}
	return out
}

// TestConversation_Okta plays what Okta does with an application: the look when it is saved, assignments, profile pushes,
// group pushes, and deactivation. It never deletes a user.
func TestConversation_Okta(t *testing.T) {
	t.Parallel()
	people, groups := 60, 12
	if inFull {
		people, groups = 2000, 200
	}
	g := newGateway(t)
	o := &okta{client: g.client, model: newModel()}
	o.get("/Users?startIndex=1&count=2").is(http.StatusOK).has([]any{}, "Resources")

	users := make([]string, people)
	side(people, func(i int) { users[i] = o.assign(i) })
	g.agree(o.model)

	side(people/2, func(i int) { // profile pushes are whole PUTs; deactivation is one of them or a PATCH without a path
		id := users[i]
		switch i % 4 {
		case 0:
			name := fmt.Sprintf("Pushed %d", i)
			o.change(id, func(body map[string]any) { body["displayName"] = name })
			o.person(id, func(p *person) { p.DisplayName = name })
		case 1:
			o.change(id, func(body map[string]any) { body["active"] = false })
			o.person(id, func(p *person) { p.Active = false })
		case 2:
			o.patch("/Users/"+id, `{"op":"replace","value":{"active":false}}`).is(http.StatusNoContent)
			o.patch("/Users/"+id, `{"op":"replace","value":{"active":true}}`).is(http.StatusNoContent)
		case 3:
			o.patch("/Users/"+id, `{"op":"replace","value":{"password":"new"}}`).is(http.StatusNoContent)
			name := fmt.Sprintf("moved%04d@corp.example", i)
			o.change(id, func(body map[string]any) { body["userName"] = name })
			o.person(id, func(p *person) { p.UserName = name })
		}
	})
	g.agree(o.model)

	side(groups, func(i int) { o.push(i, users) })
	g.agree(o.model)

	side(people/2, func(i int) { // back again, with the memberships that were never taken away
		if id := users[i]; i%4 == 1 {
			o.patch("/Users/"+id, `{"op":"replace","value":{"active":true}}`).is(http.StatusNoContent)
			o.person(id, func(p *person) { p.Active = true })
		}
	})
	g.agree(o.model)
	if strings.Contains(g.log.String(), "level=ERROR") {
		t.Errorf("errors were logged: %s", g.log)
	}
}

// push is one pushed group: made empty, filled, renamed and changed in every form.
func (o *okta) push(n int, users []string) {
	o.t.Helper()
	name := fmt.Sprintf("Team %03d", n)
	o.list("/Groups", `displayName eq "`+name+`"`).is(http.StatusOK).has([]any{}, "Resources")
	id := o.post("/Groups", map[string]any{"schemas": []string{schema.GroupURN}, "displayName": name, "members": []any{}}).is(http.StatusCreated).text("id")
	some := func(from, count int) []string {
		out := []string{}
		for i := range count {
			out = append(out, users[(n*11+from+i)%len(users)])
		}
		return out
	}
	o.team(id, func(t *team) { t.DisplayName = name })
	begin := some(0, 10)
	o.do(http.MethodPatch, "/Groups/"+id, map[string]any{"Operations": []any{op("add", "members", refs(begin))}}).is(http.StatusNoContent)
	o.join(id, begin...)

	name += " renamed"
	o.do(http.MethodPatch, "/Groups/"+id, map[string]any{"Operations": []any{map[string]any{"op": "replace", "value": map[string]any{"id": id, "displayName": name}}}}).is(http.StatusNoContent)
	o.team(id, func(t *team) { t.DisplayName = name })

	o.do(http.MethodPatch, "/Groups/"+id, map[string]any{"Operations": []any{ // removes by value path, mixed with an add
		map[string]any{"op": "remove", "path": `members[value eq "` + begin[0] + `"]`},
		op("add", "members", refs(some(10, 2))),
		map[string]any{"op": "remove", "path": `members[value eq "` + begin[1] + `"]`},
	}}).is(http.StatusNoContent)
	o.leave(id, begin[:2]...)
	o.join(id, some(10, 2)...)

	switch n % 4 {
	case 1: // the whole list
		list := some(3, 6)
		o.do(http.MethodPatch, "/Groups/"+id, map[string]any{"Operations": []any{op("replace", "members", refs(list))}}).is(http.StatusNoContent)
		o.team(id, func(t *team) { t.Members = map[string]bool{} })
		o.join(id, list...)
	case 2: // a PUT that changes nothing but the list, and must not clash with the group itself
		list := some(1, 4)
		o.put("/Groups/"+id, map[string]any{"schemas": []string{schema.GroupURN}, "id": id, "displayName": name, "members": refs(list)}).is(http.StatusOK)
		o.team(id, func(t *team) { t.Members = map[string]bool{} })
		o.join(id, list...)
	case 3: // unlinked and deleted
		o.delete("/Groups/" + id).is(http.StatusNoContent)
		o.gone(id)
	}
}
