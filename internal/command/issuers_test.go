package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/internal/testoidc"
	"github.com/roster-gateway/roster/internal/testpg"
)

// A person signs in at an issuer of the file, and acts as the user whom Roster knows by then.
func TestIssuersOfAFile(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	file := filepath.Join(t.TempDir(), "issuers.json")
	text := fmt.Sprintf(`{"issuers": [{
		"issuer": %q, "audience": "roster",
		"grants": [{"claim": "scp", "value": "read", "scopes": ["READ"]}, {"claim": "roles", "value": "Push", "scopes": ["SCIM"]}],
		"identity": {"claim": "oid", "provider": "HR"}
	}]}`, p.URL())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_OIDC_ISSUERS="+file)
	made := c.graphQL(admin, `mutation { addProvider(input: {name: "HR", type: SCIM}) { userErrors { message } }
		addProviderInstance(input: {provider: "HR"}) { userErrors { message } }
		createAccessToken(input: {name: "push", scopes: [SCIM], provider: "HR"}) { secret } }`)
	var tokens struct {
		Data struct{ CreateAccessToken struct{ Secret string } }
	}
	if err := json.Unmarshal([]byte(made), &tokens); err != nil {
		t.Fatal(err)
	}
	ana := p.Token(p.Claims("roster", map[string]any{"scp": "read", "oid": "ana-1"}))
	ask := func(body string) (int, string) {
		return c.do(http.MethodPost, "/graphql", ana, "application/json", strings.NewReader(body))
	}
	const viewer = `{"query": "{ viewer { scopes identity { fqn } } }"}`
	if status, answer := ask(viewer); status != http.StatusForbidden || !strings.Contains(answer, "not known") {
		t.Errorf("before she is pushed: %d %s", status, answer)
	}
	status, answer := c.do(http.MethodPost, "/scim/v2/Users", tokens.Data.CreateAccessToken.Secret, "application/scim+json",
		strings.NewReader(`{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ana@x", "externalId": "ana-1"}`))
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, answer)
	}
	if status, answer := ask(viewer); status != http.StatusOK || !strings.Contains(answer, `{"viewer":{"scopes":["READ"],"identity":{"fqn":"HR:ana@x"}}}`) {
		t.Errorf("when she is there: %d %s", status, answer)
	}
	if _, answer := ask(`{"query": "{ accessTokens { totalCount } }"}`); !strings.Contains(answer, "FORBIDDEN") {
		t.Errorf("what was not granted: %s", answer)
	}
}

// TestZ3Z4IssuersTokensAreNarrowed: whoever is out of the parts of a token is not there for it, and neither behind a role.
func TestZ3Z4IssuersTokensAreNarrowed(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	file := filepath.Join(t.TempDir(), "issuers.json")
	text := fmt.Sprintf(`{"issuers": [{
		"issuer": %q, "audience": "roster", "grants": [{"claim": "scp", "value": "read", "scopes": ["READ"]}],
		"restrictTo": [{"provider": "Local"}, {"claim": "groups", "value": "HR", "provider": "HR"}, {"claim": "groups", "value": "CORP", "provider": "CORP", "instance": ""}]
	}]}`, p.URL())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_OIDC_ISSUERS="+file)
	c.create(c.pushInto("HR"), "Users", `{"userName": "ana"}`)
	c.create(c.pushInto("CORP"), "Users", `{"userName": "bo"}`)
	c.graphQL(admin, `mutation { createRole(input: {name: "R"}) { userErrors { message } } }`)
	c.graphQL(admin, `mutation { addRoleMembers(input: {role: "R", members: ["HR:ana", "CORP:bo"]}) { userErrors { message } } }`)
	const query = `{ identitiesByFqn(fqns: ["HR:ana", "CORP:bo"]) { fqn } users(first: 10) { totalCount } roles(first: 1) { nodes { members { totalCount nodes { fqn } } } } }`
	const form = `{"data":{"identitiesByFqn":[%s,%s],"users":{"totalCount":%d},"roles":{"nodes":[{"members":{"totalCount":%[3]d,"nodes":[%s]}}]}}}`
	for _, test := range []struct {
		groups    []string
		ana, bo   string
		n         int
		inTheRole string
	}{
		{[]string{"HR"}, `{"fqn":"HR:ana"}`, "null", 1, `{"fqn":"HR:ana"}`},
		{[]string{"CORP", "x"}, "null", `{"fqn":"CORP:bo"}`, 1, `{"fqn":"CORP:bo"}`},
		{[]string{"HR", "CORP"}, `{"fqn":"HR:ana"}`, `{"fqn":"CORP:bo"}`, 2, `{"fqn":"HR:ana"},{"fqn":"CORP:bo"}`},
		{nil, "null", "null", 0, ""},
	} {
		token := p.Token(p.Claims("roster", map[string]any{"scp": "read", "groups": test.groups}))
		if got, want := c.graphQL(token, query), fmt.Sprintf(form, test.ana, test.bo, test.n, test.inTheRole); got != want {
			t.Errorf("%v: %s\nwant %s", test.groups, got, want)
		}
	}
}
