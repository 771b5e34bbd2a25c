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
