package graphqlhttp

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestListedOperations runs what is on the list, by text and by hash, and nothing else.
func TestListedOperations(t *testing.T) {
	t.Parallel()
	type admin struct{}
	h := newHandler(t, func(cfg *Config) {
		cfg.Operations = []string{named + "\n", "query A{revision} query B{viewer{name}}"}
		cfg.Unlisted = func(ctx context.Context) bool { return ctx.Value(admin{}) != nil }
	}).(*handler)
	asAdmin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), admin{}, true)))
	})
	const other = "{viewer{scopes}}"
	for name, c := range map[string]struct {
		by     http.Handler
		body   string
		status int
	}{
		"by its text":              {h, `{"query":"{viewer{name}}"}`, 200},
		"with space around it":     {h, `{"query":"\n {viewer{name}} "}`, 200},
		"one of two":               {h, `{"query":"query A{revision} query B{viewer{name}}","operationName":"B"}`, 200},
		"by its hash":              {h, byHash(hashOf(named), ""), 200},
		"by the hash of its file":  {h, byHash(hashOf(named+"\n"), ""), 200},
		"another":                  {h, `{"query":"{viewer{scopes}}"}`, 403},
		"another, persisted":       {h, byHash(hashOf(other), other), 403},
		"another, with a comment":  {h, `{"query":"{viewer{name}}#"}`, 403},
		"another, not even valid":  {h, `{"query":"{"}`, 403},
		"introspection":            {h, `{"query":"{__schema{queryType{name}}}"}`, 403},
		"nothing":                  {h, `{"query":""}`, 403},
		"another, of an admin":     {asAdmin, `{"query":"{viewer{scopes}}"}`, 200},
		"a wrong one, of an admin": {asAdmin, `{"query":"{"}`, 400},
	} {
		if got := post(c.by, c.body); got.status != c.status || c.status == 403 && got.errors(t)[0].Extensions.Code != codeForbidden {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, c.status)
		}
	}
	if got := post(asAdmin, byHash(hashOf(other), other)); got.status != http.StatusOK {
		t.Errorf("an admin persists another: %d %s", got.status, got.body)
	}
	if got := post(h, byHash(hashOf(other), "")); got.status != http.StatusForbidden {
		t.Errorf("what an admin persisted is run by others: %d %s", got.status, got.body)
	}
	if n := h.documents.cache.len(); n != 1 {
		t.Errorf("%d texts are kept beside the list, want the admin's", n)
	}
}

func TestReadOperations(t *testing.T) {
	t.Parallel()
	schema := newFixture(t).schema()
	write := func(t *testing.T, files map[string]string) string {
		t.Helper()
		dir := t.TempDir()
		for name, text := range files {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	dir := write(t, map[string]string{
		"a.graphql": "{a:revision}\n", "b/c.gql": "{b:revision}", "d.json": `{"2":"{d:revision}","1":"{c:revision}"}`,
		"e.json": `{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"7","name":"E","type":"query","body":"query E{revision}"}]}`,
		"README": "not read",
	})
	got, err := ReadOperations(dir, schema, Limits{})
	if diff := cmp.Diff([]string{"{a:revision}\n", "{b:revision}", "{c:revision}", "{d:revision}", "query E{revision}"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := ReadOperations(filepath.Join(dir, "a.graphql"), schema, Limits{}); len(got) != 1 || err != nil {
		t.Errorf("one file: %q %v", got, err)
	}
	for name, c := range map[string]struct {
		files map[string]string
		says  string
	}{
		"nothing":       {nil, "holds no operations"},
		"no operation":  {map[string]string{"a.graphql": "fragment F on Query{revision}"}, "a.graphql holds an operation that is not valid: The query holds no operation."},
		"unknown field": {map[string]string{"a.json": `{"1":"{revisoin}"}`}, `a.json holds an operation that is not valid: Cannot query field "revisoin" on type "Query". Did you mean "revision"?`},
		"too deep":      {map[string]string{"a.gql": `{user(id:"1"){` + nested(40, "manager{", "id", "}") + "}}"}, "the limit is 32"},
		"no JSON":       {map[string]string{"a.json": "{"}, "a.json: it is no JSON object"},
		"a list":        {map[string]string{"a.json": "[]"}, "a.json: it is no JSON object"},
		"no texts":      {map[string]string{"a.json": `{"a":1}`}, "a.json: it is no JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadOperations(write(t, c.files), schema, Limits{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
	if _, err := ReadOperations(filepath.Join(dir, "missing"), schema, Limits{}); err == nil || strings.Contains(err.Error(), "lstat") {
		t.Error(err)
	}
}
