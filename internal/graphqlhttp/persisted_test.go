package graphqlhttp

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const named = "{viewer{name}}"

// byHash is a request body that names a query by its hash, with the text beside it unless that is empty.
func byHash(hash, text string) string {
	body := map[string]any{"extensions": map[string]any{"persistedQuery": map[string]any{"version": 1, "sha256Hash": hash}}}
	if text != "" {
		body["query"] = text
	}
	out, _ := json.Marshal(body)
	return string(out)
}

func hashOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func TestG15PersistedQueries(t *testing.T) {
	t.Parallel()
	const answered = `{"data":{"viewer":{"name":"tester"}}}`
	h := newHandler(t, nil)
	notFound := func(when, text string) {
		t.Helper()
		got := post(h, byHash(hashOf(text), ""))
		if got.status != http.StatusBadRequest || got.body != `{"errors":[{"message":"PersistedQueryNotFound","extensions":{"code":"PERSISTED_QUERY_NOT_FOUND"}}]}` {
			t.Errorf("%s: %d %s", when, got.status, got.body)
		}
	}
	notFound("before it was sent", named)
	for name, body := range map[string]string{
		"a mismatch":           byHash(hashOf("{viewer{scopes}}"), named),
		"no hash":              byHash("", named),
		"half of a hash":       byHash(hashOf(named)[:32], named),
		"a hash and more":      byHash(hashOf(named)+"00", named),
		"no hexadecimal digit": byHash(strings.Repeat("x", 64), named),
		"another version":      strings.Replace(byHash(hashOf(named), named), `"version":1`, `"version":2`, 1),
		"no version":           strings.Replace(byHash(hashOf(named), named), `"version":1`, `"v":1`, 1),
		"a text":               `{"query":"{viewer{name}}","extensions":{"persistedQuery":"` + hashOf(named) + `"}}`,
		"a number":             `{"query":"{viewer{name}}","extensions":{"persistedQuery":{"version":1,"sha256Hash":7}}}`,
	} {
		if got := post(h, body); got.status != http.StatusBadRequest || got.errors(t)[0].Extensions.Code != codeBadInput || strings.Contains(got.body, `"data"`) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	notFound("after a mismatch", named)
	notFound("of the other text", "{viewer{scopes}}")
	if got := post(h, byHash(hashOf("{nothing}"), "{nothing}")); got.status != http.StatusBadRequest {
		t.Errorf("an invalid query: %d %s", got.status, got.body)
	}
	notFound("an invalid query", "{nothing}")

	if got := post(h, byHash(hashOf(named), named)); got.body != answered {
		t.Errorf("with its text: %d %s", got.status, got.body)
	}
	if got := post(h, byHash(strings.ToUpper(hashOf(named)), "")); got.body != answered {
		t.Errorf("by its hash: %d %s", got.status, got.body)
	}
	get := func(hash string) exchange {
		extension := fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":"%s"}}`, hash)
		return request(h, http.MethodGet, "/graphql?extensions="+url.QueryEscape(extension), "", nil)
	}
	if got := get(hashOf(named)); got.body != answered {
		t.Errorf("by GET: %d %s", got.status, got.body)
	}
	const mutation = `mutation{deleteRole(input:{name:"x"}){userErrors{code}}}`
	if got := post(h, byHash(hashOf(mutation), mutation)); got.status != http.StatusOK {
		t.Errorf("a mutation: %d %s", got.status, got.body)
	}
	if got := get(hashOf(mutation)); got.status != http.StatusMethodNotAllowed {
		t.Errorf("G12 a persisted mutation by GET: %d %s", got.status, got.body)
	}
}

func TestG15PersistedQueriesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHandler(t, func(cfg *Config) { cfg.Limits.CachedQueries = 20 }).(*handler)
	for i := range 100 {
		text := fmt.Sprintf("{a%d:viewer{name}}", i)
		if got := post(h, byHash(hashOf(text), text)); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
	}
	if n := h.persisted.sent.len(); n != 20 {
		t.Errorf("%d texts are kept, want 20", n)
	}
	long := `{principals(fqn:"` + strings.Repeat("x", maxCachedText) + `")}`
	if got := post(h, byHash(hashOf(long), long)); got.status != http.StatusOK {
		t.Error(got.body)
	}
	if _, kept := h.persisted.sent.get(sha256.Sum256([]byte(long))); kept {
		t.Error("a long text is kept")
	}
}
