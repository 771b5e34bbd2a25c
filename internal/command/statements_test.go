package command

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/resolvers"
)

// TestHotReadsRunNoSQL asks a running Roster who somebody is, and whether somebody is a member, many times over: its
// count of statements grows by the looks of its applier alone, which come twice a second, and by those of whoever seals the
// audit trail: two a second, and six where there is something to seal.
func TestHotReadsRunNoSQL(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin)
	c.graphQL(admin, `mutation { addProvider(input: {name: "HR", type: SCIM}) { userErrors { message } } }`)
	c.graphQL(admin, `mutation { addProviderInstance(input: {provider: "HR"}) { userErrors { message } } }`)
	push := c.newToken(`{name: "push", scopes: [SCIM], provider: "HR", instance: ""}`)
	read := c.newToken(`{name: "read", scopes: [READ]}`)
	user := c.create(push, "Users", `{"userName": "ana", "displayName": "Ana", "name": {"givenName": "Ana"}, "emails": [{"value": "ana@example.com", "type": "work"}]}`)
	inner := c.create(push, "Groups", `{"displayName": "inner", "members": [{"value": "`+user+`"}]}`)
	c.create(push, "Groups", `{"displayName": "outer", "members": [{"value": "`+inner+`"}]}`)
	revision := c.post(admin, "", `{"query":"mutation { createRole(input: {name: \"R\"}) { userErrors { message } } }"}`).Header.Get(resolvers.RevisionHeader)

	const times = 300
	for name, test := range map[string]struct{ body, revision, says string }{
		"user": {
			`{"query":"query($id: ID!) { user(id: $id) { id fqn userName displayName givenName email status provider { name } instance { name } } }","variables":{"id":"` + user + `"}}`,
			"", `"displayName":"Ana"`,
		},
		"user at a revision": {
			`{"query":"query($id: ID!) { user(id: $id) { userName } }","variables":{"id":"` + user + `"}}`, revision, `"userName":"ana"`,
		},
		"checkMembership": {
			`{"query":"{ checkMembership(checks: [{member: \"HR:ana\", container: \"HR:outer\"}]) { isMember } }"}`, "", `"isMember":true`,
		},
	} {
		for range 10 { // the records come into the cache by and by
			c.askAt(read, test.revision, test.body)
		}
		before, begun := c.statements(), time.Now()
		for range times {
			if answer := c.askAt(read, test.revision, test.body); !strings.Contains(answer, test.says) {
				t.Fatalf("%s is answered %s", name, answer)
			}
		}
		grown := c.statements() - before
		looks := 4*int(time.Since(begun)/(500*time.Millisecond)) + 15 // one at each end, one that a hint of ours brought, and two seals
		t.Logf("%s: %d statements in %d requests and about %d looks", name, grown, times, looks)
		if grown > looks {
			t.Errorf("%s: %d statements in %d requests; there were about %d looks", name, grown, times, looks)
		}
	}
}

// statements is how many statements the store of the child has run.
func (c *child) statements() int {
	c.t.Helper()
	_, text := c.get("/metrics", admin)
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "roster_store_statements_total "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				c.t.Fatal(err)
			}
			return int(n)
		}
	}
	c.t.Fatalf("the metrics count no statements:\n%s", text)
	return 0
}

// newToken makes an access token and returns its secret.
func (c *child) newToken(input string) string {
	c.t.Helper()
	answer := c.graphQL(admin, `mutation { createAccessToken(input: `+input+`) { secret userErrors { message } } }`)
	var made struct {
		Data struct{ CreateAccessToken struct{ Secret string } }
	}
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.Data.CreateAccessToken.Secret == "" {
		c.t.Fatalf("no token: %s", answer)
	}
	return made.Data.CreateAccessToken.Secret
}

// create makes a resource by SCIM and returns its id.
func (c *child) create(token, kind, body string) string {
	c.t.Helper()
	status, answer := c.do(http.MethodPost, "/scim/v2/"+kind, token, "application/scim+json", strings.NewReader(body))
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(answer), &made); err != nil || status != http.StatusCreated {
		c.t.Fatalf("%s is answered %d %s", body, status, answer)
	}
	return made.ID
}

// askAt sends a GraphQL request that names a revision, unless that is empty, and returns the answer's body.
func (c *child) askAt(token, revision, body string) string {
	c.t.Helper()
	status, answer := c.ask(token, revision, body)
	if status != http.StatusOK {
		c.t.Fatalf("%s is answered %d %s", body, status, answer)
	}
	return answer
}

// ask is askAt for answers that may be refusals; the status is 0 where there is none.
func (c *child) ask(token, revision, body string) (int, string) {
	c.t.Helper()
	response, err := canary.Client(c.t).Do(c.question(token, revision, body))
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}
