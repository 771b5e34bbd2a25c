package scim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/scim/schema"
)

// The requests in this file are of the forms that provisioning clients send, not of those that the RFCs ask for.

func TestEntraTestConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ana@x")
	a := w.list("/Users", `userName eq "`+uuid.NewString()+`"`).is(http.StatusOK)
	same(t, "the answer", object(t, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`), a.body)
	w.get("/Users?aadOptscim062020&filter="+url.QueryEscape(`externalId eq "x"`)).is(http.StatusOK).has([]any{}, "Resources")
}

func TestEntraPatchForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.user("boss@x")
	for name, c := range map[string]struct {
		operation string
		want      any
		path      []any
	}{
		"Replace":                 {`{"op":"Replace","path":"title","value":"t"}`, "t", []any{"title"}},
		"string boolean":          {`{"op":"Replace","path":"active","value":"False"}`, false, []any{"active"}},
		"string boolean with Add": {`{"op":"Add","path":"active","value":"False"}`, false, []any{"active"}},
		"one-element array":       {`{"op":"Add","path":"displayName","value":[{"$ref":null,"value":"X"}]}`, "X", []any{"displayName"}},
		"dotted keys":             {`{"op":"Add","value":{"name.givenName":"G","name.familyName":"F"}}`, map[string]any{"givenName": "G", "familyName": "F"}, []any{"name"}},
		"URN-qualified keys":      {`{"op":"Replace","value":{"` + enterprise + `:department":"D"}}`, "D", []any{enterprise, "department"}},
		"nested extension":        {`{"op":"Add","value":{"` + enterprise + `":{"employeeNumber":"7"}}}`, "7", []any{enterprise, "employeeNumber"}},
		"value-path keys":         {`{"op":"Add","value":{"emails[type eq \"work\"].value":"a@x"}}`, []any{map[string]any{"type": "work", "value": "a@x"}}, []any{"emails"}},
		"core URN in the path":    {`{"op":"Add","path":"` + schema.UserURN + `:nickName","value":"N"}`, "N", []any{"nickName"}},
		"enterprise URN":          {`{"op":"Add","path":"` + enterprise + `:division","value":"V"}`, "V", []any{enterprise, "division"}},
		"names in any case":       {`{"op":"add","path":"NICKNAME","value":"N"}`, "N", []any{"nickName"}},
		"phone by type":           {`{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}`, "1", []any{"phoneNumbers", 0, "value"}},
		"several parts of one new address": {
			`{"op":"Add","path":"addresses[type eq \"work\"].country","value":"NO"},{"op":"Add","path":"addresses[type eq \"work\"].locality","value":"Oslo"}`,
			[]any{map[string]any{"type": "work", "country": "NO", "locality": "Oslo"}},
			[]any{"addresses"},
		},
		"roles by primary":        {`{"op":"Add","path":"roles[primary eq \"True\"].value","value":"R"}`, []any{map[string]any{"primary": true, "value": "R"}}, []any{"roles"}},
		"manager as text":         {`{"op":"Add","path":"manager","value":"` + boss + `"}`, boss, []any{enterprise, "manager", "value"}},
		"manager as object":       {`{"op":"Replace","path":"` + enterprise + `:manager","value":{"value":"` + boss + `"}}`, boss, []any{enterprise, "manager", "value"}},
		"manager as a list":       {`{"op":"Add","path":"` + enterprise + `:manager","value":[{"$ref":null,"value":"` + boss + `"}]}`, boss, []any{enterprise, "manager", "value"}},
		"manager unknown":         {`{"op":"Add","path":"manager","value":"` + boss + `"},{"op":"Replace","path":"manager","value":"gone"}`, nil, []any{enterprise}},
		"manager of another kind": {`{"op":"Replace","path":"manager","value":"01a20134-eb05-7052-bd2a-000000000000"}`, nil, []any{enterprise}},
		"manager cleared":         {`{"op":"Add","path":"manager","value":"` + boss + `"},{"op":"Replace","path":"manager","value":""}`, nil, []any{enterprise}},
		"externalId":              {`{"op":"Replace","path":"externalId","value":"e-` + "1" + `"}`, "e-1", []any{"externalId"}},
		"nothing that is known":   {`{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:acme:2.0:User:badge","value":"B"}`, nil, []any{"badge"}},
		"roles: []":               {`{"op":"Replace","path":"roles","value":[]}`, nil, []any{"roles"}},
		"null":                    {`{"op":"Replace","path":"title","value":null}`, nil, []any{"title"}},
		"misspelt, but not alone": {`{"op":"Replace","value":{"tittle":"x","title":"t"}}`, "t", []any{"title"}},
	} {
		t.Run(name, func(t *testing.T) {
			id := w.user(strings.ReplaceAll(name, " ", "-") + "@x")
			w.patch("/Users/"+id, c.operation).is(http.StatusNoContent)
			w.get("/Users/"+id).has(c.want, c.path...)
			w.delete("/Users/" + id).is(http.StatusNoContent)
		})
	}
}

func TestEntraCreates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.user("boss@x")
	id := w.post("/Users", `{
		"schemas": ["`+schema.UserURN+`", "`+enterprise+`", "urn:acme:unknown"], "externalId": "ana", "userName": "ana@x", "active": "True",
		"displayName": null, "title": null, "roles": [], "meta": {"resourceType": "User"}, "misspelt": 4, "urn:acme:unknown": {"x": 1},
		"emails": [{"primary": true, "type": "work", "value": "ana@x"}], "name": {"givenName": "Ana", "familyName": null},
		"`+enterprise+`": {"manager": "`+boss+`"}
	}`).is(http.StatusCreated).has(true, "active").has(nil, "roles").has(nil, "urn:acme:unknown").has(boss, enterprise, "manager", "value").text("id")
	w.post("/Users", `{"userName":"ben@x","active":"False"}`, "User-Agent: ").is(http.StatusCreated).has(false, "active") // sometimes no User-Agent
	w.patch("/Users/"+id, `{"op":"Replace","path":"active","value":"False"}`).is(http.StatusNoContent)                    // soft delete
	w.get("/Users/"+id).is(http.StatusOK).has(false, "active")
	w.delete("/Users/" + id).is(http.StatusNoContent)
	w.delete("/Users/"+id).fails(http.StatusNotFound, "")
}

func TestEntraFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.user("boss@x")
	ana := w.post("/Users", `{"userName":"Ana@x","externalId":"E1","displayName":"Ana","emails":[{"type":"work","value":"ana@work"},{"type":"home","value":"ana@home"}],
		"`+enterprise+`":{"manager":"`+boss+`"}}`).is(http.StatusCreated).text("id")
	group := w.group("Guides", ana)
	for _, c := range []struct {
		endpoint, filter string
		want             []string
	}{
		{"/Users", `userName eq "ana@X"`, []string{ana}},
		{"/Users", `externalId eq "E1"`, []string{ana}},
		{"/Users", `externalId eq "e1"`, []string{}},
		{"/Users", `emails[type eq "work"].value eq "ANA@work"`, []string{ana}},
		{"/Users", `emails[type eq "work"].value eq "ana@home"`, []string{}},
		{"/Users", `displayName eq "ana"`, []string{ana}},
		{"/Users", `id eq "` + ana + `" and manager eq "` + boss + `"`, []string{ana}},
		{"/Users", `id eq "` + boss + `" and manager eq "` + ana + `"`, []string{}},
		{"/Users", `meta.lastModified gt "2024-01-01T00:00:00Z" and userName eq "ana@x"`, []string{ana}},
		{"/Users", `meta.lastModified gt "2999-01-01T00:00:00Z"`, []string{}},
		{"/Groups", `displayName eq "guides"`, []string{group}},
		{"/Groups", `id eq "` + group + `" and members eq "` + ana + `"`, []string{group}},
		{"/Groups", `id eq "` + group + `" and members eq "` + boss + `"`, []string{}},
		{"/Groups", `members[value eq "` + ana + `"]`, []string{group}},
		{"/Users", `groups.value eq "` + group + `"`, []string{ana}},
	} {
		same(t, c.filter, c.want, w.list(c.endpoint, c.filter).ids())
	}
	modified := w.get("/Users/"+ana).text("meta", "lastModified")
	same(t, "the time as it is shown", []string{ana}, w.list("/Users", `meta.lastModified eq "`+modified+`" and id eq "`+ana+`"`).ids())
	a := w.get("/Groups/" + group + "?excludedAttributes=members").is(http.StatusOK)
	a.has(nil, "members").has("Guides", "displayName")
	w.get("/Groups?excludedAttributes=members&filter="+url.QueryEscape(`displayName eq "Guides"`)).has(nil, "Resources", 0, "members").has(group, "Resources", 0, "id")
}

// Members may arrive for ids that were created moments ago, and are removed in two forms.
func TestEntraMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	group := w.group("G")
	users := make([]string, 4)
	for i := range users {
		users[i] = w.user(fmt.Sprint("u", i))
		w.patch("/Groups/"+group, `{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+users[i]+`"}]}`).is(http.StatusNoContent)
	}
	same(t, "members", users, w.members(group))
	w.patch("/Groups/"+group, `{"op":"Remove","path":"members","value":[{"value":"`+users[0]+`"}]}`).is(http.StatusNoContent)
	same(t, "that one is gone, not all", users[1:], w.members(group))
	w.patch("/Groups/"+group, `{"op":"Remove","path":"members[value eq \"`+users[1]+`\"]"}`).is(http.StatusNoContent)
	same(t, "that one is gone", users[2:], w.members(group))
	w.patch("/Groups/"+group, `{"op":"Remove","path":"members","value":[{"value":"`+users[0]+`"}]}`).is(http.StatusNoContent)
	same(t, "removing nobody", users[2:], w.members(group))
	w.patch("/Groups/"+group, `{"op":"Remove","path":"members"}`).is(http.StatusNoContent)
	same(t, "all are gone", []string{}, w.members(group))
}

func TestOktaUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.get("/Users?startIndex=1&count=2").is(http.StatusOK)
	if !strings.Contains(a.raw, `"totalResults":0`) || !strings.Contains(a.raw, `"itemsPerPage":0`) || !strings.Contains(a.raw, `"startIndex":1`) {
		t.Errorf("integers are wanted: %s", a.raw)
	}
	const body = `{"schemas":["` + schema.UserURN + `"],"userName":"ana@x","name":{"givenName":"Ana","familyName":"A"},"emails":[{"primary":true,"value":"ana@x","type":"work"}],
		"displayName":"Ana A","locale":"en-US","externalId":"00u1","groups":[],"password":"1mz050nq","active":true}`
	created := w.post("/Users", body).is(http.StatusCreated).has("en-US", "locale").has("00u1", "externalId")
	id := created.text("id")
	w.post("/Users", body).fails(http.StatusConflict, "uniqueness")
	same(t, "found", []string{id}, w.get("/Users?filter="+url.QueryEscape(`userName eq "ANA@x"`)+"&startIndex=1&count=100").ids())
	group := w.group("G", id)
	echo := w.get("/Users/" + id).body // a full PUT echoes id, meta and groups
	echo["active"] = false
	w.put("/Users/"+id, echo).is(http.StatusOK).has(false, "active").has(group, "groups", 0, "value").has("00u1", "externalId")
	w.patch("/Users/"+id, `{"op":"replace","value":{"active":true}}`).is(http.StatusNoContent)
	w.get("/Users/"+id).has(true, "active")
	w.patch("/Users/"+id, `{"op":"replace","value":{"active":false}}`).is(http.StatusNoContent)
	w.get("/Users/"+id).has(false, "active")
	tag := w.get("/Users/" + id).header.Get("ETag")
	w.patch("/Users/"+id, `{"op":"replace","value":{"password":"new"}}`).is(http.StatusNoContent)
	same(t, "a password changes nothing", tag, w.get("/Users/"+id).header.Get("ETag"))
}

func TestOktaGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, ben, eve := w.user("ana@x"), w.user("ben@x"), w.user("eve@x")
	id := w.post("/Groups", `{"schemas":["`+schema.GroupURN+`"],"displayName":"Sales","members":[]}`).is(http.StatusCreated).has(nil, "members").text("id")
	w.patch("/Groups/"+id, `{"op":"replace","value":{"id":"`+id+`","displayName":"Sales 2"}}`).is(http.StatusNoContent)
	w.get("/Groups/"+id).has("Sales 2", "displayName").has(id, "id")
	w.patch("/Groups/"+id, `{"op":"add","path":"members","value":[{"value":"`+ana+`","display":"ana@x"}]}`).is(http.StatusNoContent)
	w.patch("/Groups/"+id, `{"op":"remove","path":"members[value eq \"`+ana+`\"]"},{"op":"add","path":"members","value":[{"value":"`+ben+`","display":"ben@x"}]}`).is(http.StatusNoContent)
	same(t, "members", []string{ben}, w.members(id))
	w.patch("/Groups/"+id, `{"op":"replace","path":"members","value":[{"value":"`+ana+`"},{"value":"`+eve+`"}]}`).is(http.StatusNoContent)
	same(t, "members", []string{ana, eve}, w.members(id))
	w.put("/Groups/"+id, map[string]any{"displayName": "Sales 2", "members": []any{map[string]any{"value": ana}}}).is(http.StatusOK) // no 409 against itself
	same(t, "members", []string{ana}, w.members(id))
	w.group("Sales") // the old name is free
	w.put("/Groups/"+id, `{"displayName":"Sales 3"}`).is(http.StatusOK).has(ana, "members", 0, "value")
}

// Others: OneLogin, Ping, Google, JumpCloud, Bitwarden, Authentik.
func TestOtherClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.post("/Users", `{"userName":"ana@x","emails":[{"value":"ana@ÅS.example"}],"name":{"familyName":"Ødegård"}}`, "Content-Type: application/json").is(http.StatusCreated).text("id")
	w.put("/Users/"+id, `{"schemas":["urn:scim:schemas:core:1.0"],"userName":"ana@x","emails":[{"value":"ana@ås.example"}],"name":{"familyName":"Ødegård"}}`,
		"Content-Type: application/json; charset=utf-8").is(http.StatusOK).has("Ødegård", "name", "familyName") // OneLogin
	same(t, "Ping: emails eq", []string{id}, w.list("/Users", `emails eq "ana@Ås.example"`).ids())
	google := w.post("/Users", `{"userName":"new@x","active":false}`).is(http.StatusCreated).text("id")
	w.get("/Users/"+google).has(false, "active")
	group := w.group("G", id)
	w.put("/Groups/"+group, `{"displayName":"H"}`).is(http.StatusOK) // JumpCloud: PUT without members leaves them alone
	same(t, "members", []string{id}, w.members(group))
	w.put("/Groups/"+group, `{"displayName":"H","members":null}`).is(http.StatusOK)
	same(t, "members", []string{id}, w.members(group))
	w.put("/Groups/"+group, `{"displayName":"H","members":[]}`).is(http.StatusOK)
	same(t, "members", []string{}, w.members(group))
	config := w.get("/ServiceProviderConfig").is(http.StatusOK) // Authentik wants numbers
	for _, path := range [][]any{{"bulk", "maxOperations"}, {"bulk", "maxPayloadSize"}, {"filter", "maxResults"}} {
		if fmt.Sprintf("%T", config.at(path...)) != "json.Number" {
			t.Errorf("%v is %v", path, config.at(path...))
		}
	}
	for accept, want := range map[string]string{
		"application/json": "application/json", "application/json, application/scim+json": "application/scim+json", "*/*": "application/scim+json",
		"text/html": "application/scim+json", "application/xml;q=0.9, image/*": "application/scim+json", "nonsense": "application/scim+json",
	} {
		for _, path := range []string{"/Users", "/nonsense"} {
			same(t, accept, want+"; charset=utf-8", w.get(path, "Accept: "+accept).header.Get("Content-Type"))
		}
	}
}

// Ping sends names beyond ASCII in filters.
func TestPingFiltersBeyondASCII(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.post("/Users", `{"userName":"Øyvind@x","name":{"familyName":"Ødegård"},"title":"Straße"}`).is(http.StatusCreated).text("id")
	same(t, "userName", []string{id}, w.list("/Users", `userName eq "øYVIND@x"`).ids())
	for _, text := range []string{`name.familyName eq "Ødegård"`, `name.familyName eq "øDEGÅRD"`, `title eq "straße"`, `name.familyName co "degÅ"`} {
		same(t, text, []string{id}, w.list("/Users", text).ids())
	}
}
