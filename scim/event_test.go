package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roster-gateway/roster/directory"
)

// logged is what the provisioning log holds, the oldest first.
func (w *world) logged(f directory.ProvisioningEventFilter) []*directory.ProvisioningEvent {
	w.t.Helper()
	w.events.Flush(w.t.Context())
	page, err := w.events.Page(f, directory.PageArgs{First: directory.MaxPage})
	if err != nil {
		w.t.Fatal(err)
	}
	nodes, err := page.Nodes(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for i, j := 0, len(nodes)-1; i < j; i, j = i+1, j-1 {
		nodes[i], nodes[j] = nodes[j], nodes[i]
	}
	return nodes
}

// TestProvisioningLog: every write and every refusal leaves one event, and no read does.
func TestProvisioningLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("scim.requiredAttributes", "displayName") // rule R26
	other, err := w.directory.Instance(t.Context(), provider, "")
	if err != nil {
		t.Fatal(err)
	}
	var id, group string
	stranger := &client{t: t, server: w.server.URL, prefix: "/tokens/" + w.urlToken(provider), bearer: "wrong"}
	nobody := &client{t: t, server: w.server.URL, prefix: "/tokens/0000000000000000000000", bearer: "wrong"}
	for _, c := range []struct {
		name string
		do   func() *answer
		want string // method, resource type, has an id, externalId, outcome, status, scimType; empty is no event
	}{
		{"create", func() *answer {
			a := w.post("/Users", `{"userName":"ana","EXTERNALID":"x-ana","displayName":"Ana"}`)
			id = a.text("id")
			return a
		}, "POST User id x-ana CREATED 201 -"},
		{"create: taken", func() *answer { return w.post("/Users", `{"userName":"Ana","externalId":"x-2","displayName":"Ana"}`) }, "POST User - x-2 REFUSED 409 uniqueness"},
		{"create: required by the instance", func() *answer { return w.post("/Users", `{"userName":"ben","externalId":"x-3"}`) }, "POST User - x-3 REFUSED 400 invalidValue"},
		{"create: required by the schema", func() *answer { return w.post("/Users", `{"externalId":"x-4"}`) }, "POST User - x-4 REFUSED 400 invalidValue"},
		{"create: no JSON", func() *answer { return w.post("/Users", `{`) }, "POST User - - REFUSED 400 invalidSyntax"},
		{"create: a group", func() *answer {
			a := w.post("/Groups", `{"displayName":"G"}`)
			group = a.text("id")
			return a
		}, "POST Group id - CREATED 201 -"},
		{"get", func() *answer { return w.get("/Users/" + id) }, ""},
		{"list", func() *answer { return w.list("/Users", `userName eq "ana"`) }, ""},
		{"discovery", func() *answer { return w.get("/Schemas") }, ""},
		{"get: not there", func() *answer { return w.get("/Users/" + group) }, "GET User id - REFUSED 404 -"},
		{"list: no filter", func() *answer { return w.list("/Users", `nonsense`) }, "GET User - - REFUSED 400 invalidFilter"},
		{"an unknown address", func() *answer { return w.get("/Nothing") }, "GET - - - REFUSED 404 -"},
		{"an unknown method", func() *answer { return w.do("BREW", "/Users", nil) }, "OTHER User - - REFUSED 405 -"},
		{"patch", func() *answer { return w.patch("/Users/"+id, `{"op":"replace","path":"title","value":"Dr"}`) }, "PATCH User id x-ana UPDATED 204 -"},
		{"patch: the same again", func() *answer { return w.patch("/Users/"+id, `{"op":"replace","path":"title","value":"Dr"}`) }, "PATCH User id x-ana UNCHANGED 204 -"},
		{"patch: add a member", func() *answer {
			return w.patch("/Groups/"+group, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)
		}, "PATCH Group id - UPDATED 204 -"},
		{"patch: add a member again", func() *answer {
			return w.patch("/Groups/"+group, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)
		}, "PATCH Group id - UNCHANGED 204 -"},
		{"patch: remove a member", func() *answer {
			return w.patch("/Groups/"+group, `{"op":"remove","path":"members[value eq \"`+id+`\"]"}`)
		}, "PATCH Group id - UPDATED 204 -"},
		{"patch: read-only", func() *answer { return w.patch("/Users/"+id, `{"op":"replace","path":"meta","value":{}}`) }, "PATCH User id - REFUSED 400 mutability"},
		{"put", func() *answer {
			return w.put("/Users/"+id, `{"userName":"ana","externalId":"x-ana","displayName":"A"}`)
		}, "PUT User id x-ana UPDATED 200 -"},
		{"put: the same again", func() *answer {
			return w.put("/Users/"+id, `{"userName":"ana","externalId":"x-ana","displayName":"A"}`)
		}, "PUT User id x-ana UNCHANGED 200 -"},
		{"put: another version", func() *answer {
			return w.put("/Users/"+id, `{"userName":"ana","displayName":"A"}`, `If-Match: W/"77"`)
		}, "PUT User id x-ana REFUSED 412 -"},
		{"delete", func() *answer { return w.delete("/Users/" + id) }, "DELETE User id x-ana DELETED 204 -"},
		{"delete again", func() *answer { return w.delete("/Users/" + id) }, "DELETE User id - REFUSED 404 -"},
		{"no valid token at a Tenant URL", func() *answer { return stranger.get("/Users") }, "GET - - - REFUSED 401 -"},
		{"no valid token at another URL", func() *answer { return nobody.get("/Users") }, ""},
		{"no valid token", func() *answer { return w.get("/Users", "Authorization: ") }, ""},
		{"a foreign Tenant URL", func() *answer {
			return (&client{t: t, server: w.server.URL, prefix: "/tokens/0000000000000000000000", bearer: w.bearer}).get("/Users")
		}, "GET - - - REFUSED 404 -"},
	} {
		before := len(w.logged(directory.ProvisioningEventFilter{}))
		a := c.do()
		events := w.logged(directory.ProvisioningEventFilter{})[before:]
		if c.want == "" {
			if len(events) > 0 {
				t.Errorf("%s: %+v is logged", c.name, events[0])
			}
			continue
		}
		if len(events) != 1 {
			t.Errorf("%s: %d events, want one", c.name, len(events))
			continue
		}
		e := events[0]
		if got := inWords(e); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if *e.Status != a.status || e.InstanceID != other.ID || e.RequestID != a.header.Get("X-Request-Id") || e.At.IsZero() || e.Duration <= 0 {
			t.Errorf("%s: %+v does not tell of %d %s", c.name, e, a.status, a.raw)
		}
		if detail := a.text("detail"); a.status >= 400 && (e.Message == nil || *e.Message != detail) {
			t.Errorf("%s: the sentence is %v, want %q", c.name, e.Message, detail)
		}
	}
	same(t, "filtered", 1, len(w.logged(directory.ProvisioningEventFilter{ExternalID: pointer("x-2")})))
}

func pointer[T any](v T) *T { return &v }

func inWords(e *directory.ProvisioningEvent) string {
	text := func(s *string) string {
		if s == nil {
			return "-"
		}
		return *s
	}
	id := "-"
	if e.ResourceID != nil {
		id = "id"
	}
	return fmt.Sprintf("%s %s %s %s %s %d %s", e.Method, text(e.ResourceType), id, text(e.ExternalID), e.Outcome, *e.Status, text(e.SCIMType))
}

// TestProvisioningLogOfADisabledInstance: an operator who disabled it sees that the client goes on trying.
func TestProvisioningLogOfADisabledInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	off := false
	if _, err := w.directory.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: provider, Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	w.post("/Users", `{"userName":"ana"}`).fails(http.StatusForbidden, "")
	events := w.logged(directory.ProvisioningEventFilter{})
	if len(events) != 1 || *events[0].Status != http.StatusForbidden {
		t.Errorf("logged is %+v", events)
	}
}

// TestProvisioningLogTellsUnknownMembers: what an instance ignores is told by the event (scim.unknownMembers).
func TestProvisioningLogTellsUnknownMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	members := []any{}
	for i := range 12 {
		members = append(members, map[string]any{"value": fmt.Sprintf("nobody-%d", i)})
	}
	w.post("/Groups", map[string]any{"displayName": "G", "members": members}).is(http.StatusCreated)
	events := w.logged(directory.ProvisioningEventFilter{})
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	want := &directory.ProvisioningEvent{
		UnknownMembers: 12,
		FirstUnknown:   []string{"nobody-0", "nobody-1", "nobody-2", "nobody-3", "nobody-4", "nobody-5", "nobody-6", "nobody-7", "nobody-8", "nobody-9"},
	}
	if diff := cmp.Diff(want.FirstUnknown, events[0].FirstUnknown, cmpopts.EquateEmpty()); diff != "" || events[0].UnknownMembers != 12 {
		t.Errorf("%d unknown: %s", events[0].UnknownMembers, diff)
	}
}

// TestProvisioningLogHoldsNoSecret sends a word wherever clients put secrets and filter values, and looks for it.
func TestProvisioningLogHoldsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const canary = "canary-7d1f"
	id := w.post("/Users", `{"userName":"ana","password":"`+canary+`"}`).is(http.StatusCreated).text("id")
	w.put("/Users/"+id, `{"userName":"ana","password":"`+canary+`"}`)
	w.patch("/Users/"+id, `{"op":"replace","value":{"password":"`+canary+`"}}`)
	w.patch("/Users/"+id, `{"op":"replace","path":"password","value":["`+canary+`",{"a":"`+canary+`"}]}`)
	w.post("/Users", `{"userName":"ben","password":{"value":"`+canary+`"}}`)
	w.post("/Users", `{"userName":"ben","active":"`+canary+`","password":"`+canary+`"}`)
	w.post("/Users", `{"password":"`+canary+`"}`)
	w.post("/Users", `{"password":"`+canary+`"`)
	for _, filter := range []string{
		`userName eq "` + canary, `active eq "` + canary + `"`, `meta.created gt "` + canary + `"`, `nonsense eq "` + canary + `"`,
		`active gt "` + canary + `"`, `emails[type eq "` + canary + `"].nonsense eq "` + canary + `"`, `password eq "` + canary + `"`,
		`emails.primary co "` + canary + `"`, `name eq "` + canary + `"`, `userName xx "` + canary + `"`,
	} {
		w.list("/Users", filter)
		w.get("/Users?count=" + canary)
		path, err := json.Marshal(`emails[` + filter + `].value`)
		if err != nil {
			t.Fatal(err)
		}
		w.patch("/Users/"+id, `{"op":"replace","path":`+string(path)+`,"value":"`+canary+`"}`)
	}
	for _, path := range []string{`groups[value eq \"` + canary + `\"]`, `emails[type eq \"` + canary + `\"]`, `name[givenName eq \"` + canary + `\"]`} {
		w.patch("/Users/"+id, `{"op":"remove","path":"`+path+`"}`)
		w.patch("/Users/"+id, `{"op":"replace","path":"`+path+`","value":true}`)
	}
	w.get("/" + canary)
	w.get("/Users/" + canary)
	(&client{t: t, server: w.server.URL, prefix: "/tokens/" + w.urlToken(provider), bearer: canary}).get("/Users")
	(&client{t: t, server: w.server.URL, prefix: "/tokens/" + canary, bearer: w.bearer}).get("/Users")

	events := w.logged(directory.ProvisioningEventFilter{})
	if len(events) < 30 {
		t.Errorf("only %d events", len(events))
	}
	for _, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{canary, w.bearer, w.urlToken(provider)} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s", text)
			}
		}
	}
	if strings.Contains(w.log.String(), canary) {
		t.Errorf("the log of the program holds it: %s", w.log)
	}
}

// TestRequestsAreCounted: by names that no client chose.
func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ana")
	w.get("/Users")
	w.get("/users")
	w.get("/Nonsense")
	w.do("BREW", "/Users", nil)
	w.get("/Users", "Authorization: ")
	want := map[directory.ProvisioningKind]uint64{
		{ResourceType: "User", Method: "POST", Outcome: "CREATED"}:  1,
		{ResourceType: "User", Method: "GET", Outcome: "READ"}:      2,
		{Method: "GET", Outcome: "REFUSED"}:                         2,
		{ResourceType: "User", Method: "OTHER", Outcome: "REFUSED"}: 1,
	}
	same(t, "requests", want, w.events.Stats().Requests)
}

// Every operation of a bulk request is an event of its own, those that were not come to but for a reason included.
func TestProvisioningLogOfABulkRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/Bulk", `{"Operations":[
		{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"ana","externalId":"x-ana"}},
		{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"ANA","externalId":"x-2"}},
		{"method":"POST","path":"/Groups","data":{"displayName":"G","externalId":"x-g","members":[{"value":"bulkId:a"}]}},
		{"method":"POST","path":"/Groups","data":{"displayName":"H","externalId":"x-h","members":[{"value":"bulkId:b"}]}},
		{"method":"BREW","path":"/Users"},
		{"method":"POST","path":"/Nothing","data":{}}]}`).is(http.StatusOK)
	got := []string{}
	for _, e := range w.logged(directory.ProvisioningEventFilter{}) {
		got = append(got, inWords(e))
	}
	same(t, "events", []string{
		"POST User id x-ana CREATED 201 -", "POST User - x-2 REFUSED 409 uniqueness", "POST Group id x-g CREATED 201 -",
		"POST Group - x-h REFUSED 409 -", "OTHER User - - REFUSED 400 invalidSyntax", "POST - - - REFUSED 404 -",
	}, got)
}
