//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// resource is the audience of Roster in these tests.
const resource = "https://roster.example.com"

// TestSignInPushAndEndOfConsent is the life of a custom integration, against a certified provider.
func TestSignInPushAndEndOfConsent(t *testing.T) {
	p := startProvider(t)
	g := startRoster(t, "ROSTER_OIDC_ISSUER="+p.issuer, "ROSTER_OIDC_AUDIENCE="+resource)
	tenant := g.tenantURL("Acme")
	login := []string{"--url", tenant, "--issuer", p.issuer, "--resource", resource}
	users := []string{"users", "--url", tenant}

	ada := newUser(t)
	ada.is(3, "nobody is signed in", users...)
	ada.login(login...)

	t.Run("push", func(t *testing.T) {
		const people, groups = 300, 20
		file := filepath.Join(t.TempDir(), "directory.jsonl")
		if err := os.WriteFile(file, []byte(organization(people, groups)), 0o600); err != nil {
			t.Fatal(err)
		}
		ada.is(0, fmt.Sprintf("created %d, updated 0, unchanged 0, failed 0\n", people+groups), "push", file, "--url", tenant)
		ada.is(0, fmt.Sprintf("created 0, updated 0, unchanged %d, failed 0\n", people+groups), "push", file, "--url", tenant)
		if n := strings.Count(ada.is(0, "user7@acme.example", users...), "\n"); n != people+1 {
			t.Errorf("%d lines list %d users", n, people)
		}
		data := g.graphQL(`{ users(first: 1) { totalCount } groups(first: 1) { totalCount } }`)
		if got := fmt.Sprint(data["users"], data["groups"]); got != fmt.Sprintf("map[totalCount:%d] map[totalCount:%d]", people, groups) {
			t.Errorf("GraphQL counts %s", got)
		}
	})
	t.Run("refresh", func(t *testing.T) {
		p.tell("ttl 6 3600")
		ada.login(login...)
		before := ada.tokens()
		awaitEnd(t, before)
		ada.is(0, "user7@acme.example", users...)
		after := ada.tokens()
		if after["refreshToken"] == before["refreshToken"] || after["accessToken"] == before["accessToken"] {
			t.Error("the tokens on the disk are the old ones")
		}
		awaitEnd(t, after)
		var all sync.WaitGroup
		for range 4 { // the provider ends the sign-in where a refresh token comes twice
			all.Go(func() {
				if code, _, stderr := ada.run(users...); code != 0 {
					t.Errorf("one of several at once ended with %d: %s", code, stderr)
				}
			})
		}
		all.Wait()
		ada.is(0, "user7@acme.example", users...)
	})
	t.Run("key rotation", func(t *testing.T) {
		for _, step := range []string{"rotate", "drop"} {
			p.tell(step)
			awaitEnd(t, ada.tokens())
			deadline := time.Now().Add(patience)
			for code, _, stderr := ada.run(users...); code != 0; code, _, stderr = ada.run(users...) {
				if code != 1 || time.Now().After(deadline) {
					t.Fatalf("after %s it ends with %d: %s", step, code, stderr)
				}
				time.Sleep(time.Second)
			}
		}
	})
	t.Run("refused", func(t *testing.T) {
		p.tell("ttl 3600 3600")
		other := startProvider(t)
		for name, c := range map[string]struct {
			says string
			args []string
		}{
			"audience":      {"401", []string{"--url", tenant, "--issuer", p.issuer, "--resource", "https://other.example.com"}},
			"scope":         {"403: This access token lacks what gives a scope here", append([]string{"--scope", "openid offline_access {resource}/read"}, login...)},
			"issuer":        {"401", []string{"--url", tenant, "--issuer", other.issuer, "--resource", resource}},
			"no Tenant URL": {"403", []string{"--url", g.base + "/scim/v2", "--issuer", p.issuer, "--resource", resource}},
			"another token": {"404", []string{"--url", g.base + "/tokens/unknown", "--issuer", p.issuer, "--resource", resource}},
		} {
			mallory := newUser(t)
			mallory.login(c.args...)
			at := tenant
			for i, arg := range c.args {
				if arg == "--url" {
					at = c.args[i+1]
				}
			}
			if code, stdout, stderr := mallory.run("users", "--url", at); code != 1 || !strings.Contains(stderr, c.says) || stdout != "" {
				t.Errorf("%s: it ended with %d: %s", name, code, stderr)
			}
		}
	})
	t.Run("service", func(t *testing.T) {
		p.tell("ttl 2 3600")
		robot := newUser(t, "ROSTER_SCIM_CLIENT_SECRET=service-secret")
		robot.is(0, "Signed in", append([]string{"login", "--client-id", "roster-service", "--client-credentials"}, login...)...)
		robot.is(0, "user7@acme.example", users...) // with another token, as 2 seconds are within the margin
		robot.env = nil
		robot.is(1, "ROSTER_SCIM_CLIENT_SECRET", users...)
	})
	t.Run("consent runs out", func(t *testing.T) {
		p.tell("ttl 2 3")
		ada.login(login...)
		time.Sleep(4 * time.Second)
		ada.is(3, "Sign in again with: roster scim login --url "+tenant+" --issuer "+p.issuer+" --client-id roster-cli", users...)
		if left := ada.tokens(); left != nil {
			t.Error("void tokens are left on the disk")
		}
		ada.is(3, "nobody is signed in", users...)
	})
	t.Run("consent is taken back", func(t *testing.T) {
		p.tell("ttl 2 3600")
		ada.login(login...)
		ada.is(0, "user7@acme.example", users...)
		p.tell("revoke")
		ada.is(3, "consent has run out", users...)
	})
	for _, secret := range []string{"eyJ", strings.TrimSuffix(tenant[strings.Index(tenant, "/tokens/")+8:], "/scim/v2")} {
		if strings.Contains(g.log.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// awaitEnd returns when an access token is over.
func awaitEnd(t *testing.T, tokens map[string]any) {
	t.Helper()
	ends, err := time.Parse(time.RFC3339, fmt.Sprint(tokens["expires"]))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(ends))
}

// organization is a directory in JSON Lines.
func organization(people, groups int) string {
	var b strings.Builder
	for i := range groups {
		fmt.Fprintf(&b, `{"externalId":"g%d","displayName":"Group %d","members":[{"value":"u%d"},{"value":"u%d"},{"value":"user%d@acme.example"}]}`+"\n", i, i, i, i+1, i+2)
	}
	for i := range people {
		fmt.Fprintf(&b, `{"externalId":"u%d","userName":"user%d@acme.example","displayName":"User %d","active":true}`+"\n", i, i, i)
	}
	return b.String()
}
