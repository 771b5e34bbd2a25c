package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/scim/schema"
)

// bulk sends operations, written as a list without its brackets, and checks that they are answered in order.
func (c *client) bulk(operations string, members ...string) *answer {
	c.t.Helper()
	members = append(members, `"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]`, `"Operations":[`+operations+`]`)
	a := c.post("/Bulk", "{"+strings.Join(members, ",")+"}").is(http.StatusOK)
	return a.has([]any{"urn:ietf:params:scim:api:messages:2.0:BulkResponse"}, "schemas")
}

// statuses are those of the operations of a bulk answer.
func (a *answer) statuses() string {
	out := []string{}
	list, _ := a.at("Operations").([]any)
	for i := range list {
		out = append(out, a.text("Operations", i, "status"))
	}
	return strings.Join(out, " ")
}

// created is the id in the location of an operation.
func (a *answer) created(i int) string {
	location := a.text("Operations", i, "location")
	return location[strings.LastIndexByte(location, '/')+1:]
}

func create(endpoint, bulkID, data string) string {
	return fmt.Sprintf(`{"method":"POST","path":"/%s","bulkId":%q,"data":%s}`, endpoint, bulkID, data)
}

// Every method, with what RFC 7644 section 3.7.3 says of each operation; paths in any case and with the base.
func TestBulk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, ben, eve := w.user("ana@x"), w.user("ben@x"), w.user("eve@x")
	tag := w.get("/Users/" + ana).header.Get("ETag")
	a := w.bulk(strings.Join([]string{
		create("Users", "u", `{"userName":"new@x"}`),
		`{"method":"put","path":"/users/` + ana + `","version":"W/\"1\"","data":{"userName":"ana@y"}}`,
		`{"method":"PATCH","path":"` + publicURL + `/scim/v2/Users/` + ben + `","data":{"Operations":[{"op":"add","path":"title","value":"Boss"}]}}`,
		`{"method":"DELETE","path":"/scim/v2/Users/` + eve + `"}`,
		`{"method":"DELETE","path":"Users/` + eve + `","bulkId":"gone"}`,
		create("Users", "again", `{"userName":"NEW@x"}`),
		`{"method":"PATCH","path":"/Users/` + ana + `","version":"W/\"1\"","data":{"Operations":[{"op":"add","path":"title","value":"x"}]}}`,
	}, ","))
	same(t, "statuses", "201 200 204 204 404 409 412", a.statuses())
	if tag != `W/"1"` {
		t.Fatal(tag)
	}
	a.has("POST", "Operations", 0, "method").has("u", "Operations", 0, "bulkId").has(`W/"1"`, "Operations", 0, "version").has(nil, "Operations", 0, "response")
	a.has("PUT", "Operations", 1, "method").has(publicURL+"/scim/v2/Users/"+ana, "Operations", 1, "location").has(`W/"2"`, "Operations", 1, "version")
	a.has(publicURL+"/scim/v2/Users/"+eve, "Operations", 3, "location").has(nil, "Operations", 3, "version")
	a.has("404", "Operations", 4, "response", "status").has("gone", "Operations", 4, "bulkId")
	a.has("uniqueness", "Operations", 5, "response", "scimType").has(nil, "Operations", 5, "location")
	if a.header.Get("Roster-Revision") == "" {
		t.Error("the answer carries no revision")
	}
	w.get("/Users/"+a.created(0)).is(http.StatusOK).has("new@x", "userName")
	w.get("/Users/"+ana).is(http.StatusOK).has("ana@y", "userName").has(nil, "title")
	w.get("/Users/"+ben).is(http.StatusOK).has("Boss", "title")
	w.get("/Users/" + eve).is(http.StatusNotFound)
}

// bulkId references anywhere in the data, also forward.
func TestBulkReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.group("Old")
	a := w.bulk(strings.Join([]string{
		create("Groups", "all", `{"displayName":"All","members":[{"value":"bulkId:team"},{"value":"bulkId:u"}]}`),
		`{"method":"PATCH","path":"/Groups/bulkId:all","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:u\"]"},{"op":"add","path":"members","value":[{"value":"bulkId:boss"}]}]}}`,
		create("Groups", "team", `{"displayName":"Team","members":["bulkId:u"]}`),
		create("Users", "u", `{"userName":"u@x","`+enterprise+`":{"manager":{"value":"bulkId:boss","$ref":"../Users/bulkId:boss"}}}`),
		create("Users", "boss", `{"userName":"boss@x"}`),
		`{"method":"PATCH","path":"/Groups/` + old + `","data":{"Operations":[{"op":"add","path":"members","value":"bulkId:u"}]}}`,
		`{"method":"DELETE","path":"/Users/bulkId:boss","bulkId":"x"}`,
	}, ","))
	same(t, "statuses", "201 204 201 201 201 204 204", a.statuses())
	all, team, u := a.created(0), a.created(2), a.created(3)
	same(t, "all", []string{team}, w.members(all))
	same(t, "team", []string{u}, w.members(team))
	same(t, "old", []string{u}, w.members(old))
	a.has(publicURL+"/scim/v2/Groups/"+all, "Operations", 1, "location")
	w.get("/Users/" + a.created(6)).is(http.StatusNotFound)
}

// References in a circle (RFC 7644 section 3.7.1): created first, linked then.
func TestBulkCircles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.bulk(strings.Join([]string{
		create("Groups", "outside", `{"displayName":"Outside","members":[{"value":"bulkId:a"}]}`),
		create("Groups", "a", `{"displayName":"A","members":[{"value":"bulkId:b"},{"value":"bulkId:u"}]}`),
		create("Groups", "b", `{"displayName":"B","members":[{"value":"bulkId:a"}]}`),
		create("Users", "u", `{"userName":"u@x","title":"Boss","`+enterprise+`":{"department":"D","manager":"bulkId:v"}}`),
		create("Users", "v", `{"userName":"v@x","`+enterprise+`":{"manager":{"value":"bulkId:u"}}}`),
	}, ","))
	same(t, "statuses", "201 201 201 201 201", a.statuses())
	members := func(i int) []string { return slices.Sorted(slices.Values(w.members(a.created(i)))) }
	sorted := func(ids ...string) []string { return slices.Sorted(slices.Values(ids)) }
	same(t, "outside", sorted(a.created(1)), members(0))
	same(t, "a", sorted(a.created(2), a.created(3)), members(1))
	same(t, "b", sorted(a.created(1)), members(2))
	w.get("/Users/"+a.created(3)).has(a.created(4), enterprise, "manager", "value").has("D", enterprise, "department").has("Boss", "title")
	w.get("/Users/"+a.created(4)).has(a.created(3), enterprise, "manager", "value")
	for i, path := range []string{"/Groups/" + a.created(1), "/Groups/" + a.created(2), "/Users/" + a.created(3), "/Users/" + a.created(4)} {
		a.has(w.get(path).header.Get("ETag"), "Operations", i+1, "version")
	}
}

// A failed operation leaves nothing behind, and those that refer to it fail too.
func TestBulkFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("taken@x")
	w.set("scim.unknownMembers", "refuse")
	a := w.bulk(strings.Join([]string{
		create("Groups", "g", `{"displayName":"G","members":[{"value":"bulkId:taken"}]}`),
		create("Users", "taken", `{"userName":"taken@x"}`),
		create("Groups", "h", `{"displayName":"H","members":[{"value":"bulkId:none"}]}`),
		create("Users", "twice", `{"userName":"a@x"}`),
		create("Users", "twice", `{"userName":"b@x"}`),
		create("Users", "p", `{"userName":"p@x","`+enterprise+`":{"manager":"bulkId:q"}}`),
		create("Users", "q", `{"userName":"taken@x","`+enterprise+`":{"manager":"bulkId:p"}}`),
		create("Groups", "half", `{"displayName":"Half","members":["bulkId:half","nobody"]}`),
		create("Groups", "late", `{"displayName":"Late","members":["bulkId:soon"],"externalId":"l"}`),
		create("Groups", "soon", `{"displayName":"Soon","members":["bulkId:late",{"value":"6f1e3c1e-0000-4000-8000-000000000000"}]}`),
	}, ","))
	same(t, "statuses", "409 409 400 400 400 409 409 400 409 400", a.statuses())
	a.has("invalidValue", "Operations", 2, "response", "scimType").has("invalidValue", "Operations", 3, "response", "scimType")
	same(t, "users", 1, len(w.get("/Users").ids()))
	same(t, "groups", []string{}, w.get("/Groups").ids())

	wrong := strings.Join([]string{
		`{"method":"GET","path":"/Users"}`, `{"path":"/Users","data":{}}`, `{"method":"POST","data":{}}`, `{"method":"POST","path":"/Users","bulkId":"x"}`,
		`{"method":"POST","path":"/Users","data":[]}`, `{"method":"POST","path":"/Bulk","data":{}}`, `{"method":"POST","path":"/Nothing","data":{}}`,
		`{"method":"PUT","path":"/Users","data":{"userName":"x"}}`, `{"method":"POST","path":"/Users/.search","data":{}}`, `null`, `7`,
		`{"method":"DELETE","path":"/Users/bulkId:x"}`, `{"method":"DELETE","path":"/Users/../Groups"}`, `{"method":"POST","path":"/tokens/x/Users","data":{"userName":"x"}}`,
		`{"method":"POST","path":"/Users","data":{"userName":"fine@x"}}`,
	}, ",")
	same(t, "statuses", "400 400 400 400 400 404 404 405 405 400 400 409 404 404 201", w.bulk(wrong).statuses())
}

// failOnErrors ends the request after so many failures; what was not come to is not answered.
func TestBulkFailOnErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operations := strings.Join([]string{
		create("Users", "1", `{"userName":"a@x"}`), create("Users", "2", `{"userName":"A@x"}`), create("Users", "3", `{"userName":"b@x"}`),
		create("Users", "4", `{"userName":"B@x"}`), create("Users", "5", `{"userName":"c@x"}`), create("Groups", "6", `{"displayName":"G","members":["bulkId:6"]}`),
	}, ",")
	same(t, "two", "201 409 201 409", w.bulk(operations, `"failOnErrors":2`).statuses())
	same(t, "one", "409", w.bulk(operations, `"failOnErrors":1`).statuses())
	same(t, "groups", []string{}, w.get("/Groups").ids())
	same(t, "all", "409 409 409 409 201 201", w.bulk(operations, `"failOnErrors":0`).statuses())
	for _, value := range []string{`-1`, `"x"`, `1.5`, `true`} {
		w.post("/Bulk", `{"failOnErrors":`+value+`,"Operations":[`+operations+`]}`).fails(http.StatusBadRequest, "invalidValue")
	}
}

// L3, L4: the limits of ServiceProviderConfig are kept, and told in the sentence.
func TestS11BulkLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.get("/ServiceProviderConfig").has(true, "bulk", "supported").has(json.Number("1000"), "bulk", "maxOperations").has(json.Number("65536"), "bulk", "maxPayloadSize")
	some := strings.Repeat(`{},`, 1000)
	w.bulk(some[:len(some)-1])
	a := w.post("/Bulk", `{"Operations":[`+some+`{}]}`).fails(http.StatusRequestEntityTooLarge, "")
	if !strings.Contains(a.text("detail"), config.at("bulk", "maxOperations").(json.Number).String()) {
		t.Error(a.raw)
	}
	a = w.post("/Bulk", `{"Operations":["`+strings.Repeat("x", maxBody)+`"]}`).fails(http.StatusRequestEntityTooLarge, "")
	if !strings.Contains(a.text("detail"), "65,536") {
		t.Error(a.raw)
	}
	for _, body := range []string{`{}`, `{"Operations":[]}`, `{"Operations":{}}`, `[]`} {
		w.post("/Bulk", body).fails(http.StatusBadRequest, "invalidSyntax")
	}
	if got := w.get("/Bulk").fails(http.StatusMethodNotAllowed, "").header.Get("Allow"); got != "POST" {
		t.Errorf("Allow: %s", got)
	}
	w.post("/Bulk/x", `{}`).fails(http.StatusNotFound, "")
	w.post("/bulk", `{"operations":[{"METHOD":"post","Path":"/users","Data":{"userName":"x"}}]}`).is(http.StatusOK).has("201", "Operations", 0, "status")
}

// However operations refer to each other, groups come out with the members that they name, in the order of the request.
func TestBulkGraphs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		n := rapid.IntRange(1, 6).Draw(rt, "n")
		operations, wanted := []string{}, make([]map[int]bool, n)
		for i := range n {
			wanted[i] = map[int]bool{}
			members := []string{}
			for _, m := range rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 4).Draw(rt, "members") {
				if m != i {
					members, wanted[i][m] = append(members, fmt.Sprintf(`{"value":"bulkId:%d"}`, m)), true
				}
			}
			data := fmt.Sprintf(`{"schemas":[%q],"displayName":"G%d of %d","members":[%s]}`, schema.GroupURN, i, round, strings.Join(members, ","))
			operations = append(operations, create("Groups", fmt.Sprint(i), data))
		}
		a := w.bulk(strings.Join(operations, ","))
		for i := range n {
			if a.text("Operations", i, "status") != "201" || a.text("Operations", i, "bulkId") != fmt.Sprint(i) {
				rt.Fatalf("%s: %s", operations, a.raw)
			}
			want := []string{}
			for m := range wanted[i] {
				want = append(want, a.created(m))
			}
			got := w.members(a.created(i))
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				rt.Fatalf("%s: group %d has %v, want %v", operations, i, got, want)
			}
		}
	})
}

// A bulk of as many creates as fit one request.
func BenchmarkBulk(b *testing.B) {
	w := newWorld(b)
	operations := make([]string, 400)
	n := 0
	for b.Loop() {
		for i := range operations {
			n++
			operations[i] = create("Users", fmt.Sprint(n), fmt.Sprintf(`{"userName":"user%d@example.com","active":true}`, n))
		}
		w.bulk(strings.Join(operations, ",")).has("201", "Operations", 399, "status")
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/400-creates")
}
