package command

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/internal/testpg"
)

// TestS8NoQueryValuesInTheLog asks through every door for what is marked, rightly and wrongly, at the most talkative level:
// what people are called and what was asked is in no line, and the ids of requests are in theirs.
func TestS8NoQueryValuesInTheLog(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_LOG_LEVEL=debug", "ROSTER_REQUEST_TIMEOUT=60s")
	c.graphQL(admin, `mutation { addProvider(input: {name: "P", type: SCIM}) { userErrors { message } } }`)
	c.graphQL(admin, `mutation { addProviderInstance(input: {provider: "P"}) { userErrors { message } } }`)
	made := c.graphQL(admin, `mutation { createAccessToken(input: {name: "push", scopes: [SCIM], provider: "P", instance: ""}) { secret } }`)
	_, rest, _ := strings.Cut(made, `"secret":"`)
	token, _, _ := strings.Cut(rest, `"`)
	seen := map[int]int{}
	scim := func(method, path, body string) string {
		t.Helper()
		status, answer := c.do(method, "/scim/v2"+path, token, "application/scim+json", strings.NewReader(body))
		seen[status/100]++
		return answer
	}
	const user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,"displayName":"canary-display","emails":[{"value":"canary@mail.example","primary":true}]%s}`
	created := scim("POST", "/Users", fmt.Sprintf(user, "canary-name", ""))
	_, rest, _ = strings.Cut(created, `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	scim("POST", "/Users", fmt.Sprintf(user, "canary-name", ""))                          // a conflict
	scim("POST", "/Users", fmt.Sprintf(user, "canary-\x00-nul", ""))                      // what Postgres cannot keep
	scim("POST", "/Users", fmt.Sprintf(user, "canary-other", `,"active":"canary-maybe"`)) // a wrong type
	scim("POST", "/Users", `{"userName": "canary-broken`)
	scim("PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"emails[value eq \"canary-path\"].value","value":"canary-value"}]}`)
	scim("PATCH", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"canary-op","path":"canary-path"}]}`)
	for _, path := range []string{
		"/Users?filter=userName+eq+%22canary-filter%22", "/Users?filter=canary-broken+eq", "/Users?filter=meta.created+gt+%22canary-date%22", "/Users/canary-id",
		"/Users?sortBy=canary-attribute", "/Users?cursor=canary-cursor", "/canary-type", "/Users?startIndex=canary-number", "/Users?filter=active+eq+%22canary-bool%22",
	} {
		scim("GET", path, "")
	}
	for _, query := range []string{
		`query($t: String!) { users(search: $t) { nodes { id } } }`, `query($t: ID!) { user(id: $t) { id } }`, `query($t: Cursor!) { users(after: $t) { nodes { id } } }`,
		`query($t: String!) { principals(fqn: $t) }`, `mutation($t: String!) { createRole(input: {name: $t}) { userErrors { message } } }`,
		`query($t: String!) { canaryField(x: $t) }`, `query($t: Canary!) { viewer { name } }`, `{ users(search: "canary-literal") { nodes { canary } } }`, `{ canary`,
	} {
		for _, value := range []string{"canary-variable", "canary-\x00", strings.Repeat("canary", 2000)} {
			status, _ := c.do("POST", "/graphql", admin, "application/json", strings.NewReader(fmt.Sprintf(`{"query":%q,"variables":{"t":%q}}`, query, value)))
			seen[status/100]++
		}
	}
	c.do("POST", "/graphql", admin, "application/json", strings.NewReader(`{"query": "canary-broken`))
	c.do("POST", "/graphql", admin, "application/json", io.MultiReader(strings.NewReader(`{"canary":`), strings.NewReader("1}")))
	c.get("/graphql?query={users(search:%22canary-get%22){totalCount}}", admin)
	c.get("/canary/path?canary=1", "canary-token")
	c.get("/tokens/canary-instance/Users?filter=canary", "canary-token")
	c.raw("CANARY", "/canary", "Bearer canary-raw")
	if seen[2] < 5 || seen[4] < 5 || seen[5] > 0 {
		t.Errorf("answers by class: %v", seen)
	}
	status, answer := c.do(http.MethodGet, "/graphql?query={viewer{name}}", admin, "", nil)
	if status != http.StatusOK {
		t.Fatal(answer)
	}
	log := c.stderr.String()
	for line := range strings.Lines(log) {
		if strings.Contains(strings.ToLower(line), "canary") {
			t.Errorf("a line tells what was asked: %.600s", line)
		}
	}
	if lines := strings.Count(log, `"request_id":"`); lines < 40 {
		t.Errorf("only %d lines tell of requests", lines)
	}
}
