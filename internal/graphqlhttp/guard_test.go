package graphqlhttp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/directory"
)

func TestErrorsKeepOrderAndPaths(t *testing.T) {
	got := ask(newHandler(t, nil), `{a:user(id:"bad"){id} b:user(id:"x"){name} c:user(id:"nobody"){id} d:user(id:"secret"){id}}`)
	if got.status != http.StatusOK {
		t.Errorf("status %d", got.status)
	}
	if want := `"data":{"a":null,"b":{"name":"x"},"c":null,"d":null}`; !strings.Contains(got.body, want) {
		t.Errorf("%s, want %s", got.body, want)
	}
	codes := map[any]string{}
	for _, err := range got.errors(t) {
		codes[err.Path[0]] = err.Extensions.Code
	}
	if diff := cmp.Diff(map[any]string{"a": "BAD_USER_INPUT", "d": "INTERNAL"}, codes); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(got.body, "relation") {
		t.Error("the text of a foreign error is shown")
	}
}

func TestG19PanicsAreMasked(t *testing.T) {
	var log bytes.Buffer
	handler := newHandler(t, func(cfg *Config) {
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		cfg.RequestID = func(context.Context) string { return "request-7" }
	})
	got := ask(handler, `{viewer{name} user(id:"panic"){id}}`)
	errs := got.errors(t)
	if got.status != http.StatusOK || len(errs) != 1 || errs[0].Extensions.Code != "INTERNAL" || errs[0].Extensions.RequestID != "request-7" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !cmp.Equal(errs[0].Path, []any{"user"}) || strings.Contains(got.body, "secret") || !strings.Contains(got.body, `"name":"tester"`) {
		t.Error(got.body)
	}
	if text := log.String(); !strings.Contains(text, "request-7") || !strings.Contains(text, "a secret of the resolver") || !strings.Contains(text, "fixture_test.go") {
		t.Errorf("the log lacks the panic: %s", text)
	}
	got = ask(handler, `{user(id:"secret"){id}}`)
	if errs := got.errors(t); errs[0].Extensions.RequestID != "request-7" {
		t.Error(got.body)
	}
}

// hook is an extension made of functions.
type hook struct {
	mutate func(context.Context, *graphql.OperationContext) *gqlerror.Error
	around func(context.Context, graphql.OperationHandler) graphql.ResponseHandler
}

func (hook) ExtensionName() string                   { return "Hook" }
func (hook) Validate(graphql.ExecutableSchema) error { return nil }
func (h hook) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if h.mutate == nil {
		return nil
	}
	return h.mutate(ctx, op)
}

func (h hook) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if h.around == nil {
		return next(ctx)
	}
	return h.around(ctx, next)
}

func TestExtensions(t *testing.T) {
	refusing := func(err *gqlerror.Error) http.Handler {
		return newHandler(t, func(cfg *Config) {
			cfg.Extensions = []graphql.HandlerExtension{hook{mutate: func(context.Context, *graphql.OperationContext) *gqlerror.Error { return err }}}
		})
	}
	t.Run("an error of the domain is presented", func(t *testing.T) {
		got := ask(refusing(gqlerror.Wrap(&directory.Error{Code: directory.CodeForbidden, Message: "No."})), "{viewer{name}}")
		if got.status != http.StatusForbidden || got.body != `{"errors":[{"message":"No.","extensions":{"code":"FORBIDDEN"}}]}` {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
	t.Run("a foreign error is hidden", func(t *testing.T) {
		got := ask(refusing(gqlerror.Wrap(context.Canceled)), "{viewer{name}}")
		if got.status != http.StatusInternalServerError || strings.Contains(got.body, "cancel") {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
	t.Run("a panic is masked", func(t *testing.T) {
		handler := newHandler(t, func(cfg *Config) {
			cfg.Extensions = []graphql.HandlerExtension{hook{mutate: func(context.Context, *graphql.OperationContext) *gqlerror.Error { panic("secret") }}}
		})
		got := ask(handler, "{viewer{name}}")
		if errs := got.errors(t); got.status != http.StatusInternalServerError || errs[0].Extensions.Code != codeInternal || errs[0].Extensions.RequestID == "" || strings.Contains(got.body, "secret") {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
	t.Run("what they register is in the answer", func(t *testing.T) {
		handler := newHandler(t, func(cfg *Config) {
			cfg.Extensions = []graphql.HandlerExtension{revisions{}}
		})
		if got := ask(handler, "{viewer{name}}"); got.body != `{"data":{"viewer":{"name":"tester"}},"extensions":{"revision":"7"}}` {
			t.Error(got.body)
		}
	})
}

type revisions struct{}

func (revisions) ExtensionName() string                   { return "Revisions" }
func (revisions) Validate(graphql.ExecutableSchema) error { return nil }
func (revisions) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	graphql.RegisterExtension(ctx, "revision", "7")
	return next(ctx)
}

func TestG23TimeBudget(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(f.handler(t, func(cfg *Config) { cfg.Deadline = 100 * time.Millisecond }))
	defer server.Close()
	defer close(f.released)
	for name, c := range map[string]struct {
		query  string
		within time.Duration
		closed bool
	}{
		"a resolver that notices":       {`{viewer{name} user(id:"slow"){id}}`, 400 * time.Millisecond, false},
		"a resolver that does not hear": {`{viewer{name} user(id:"deaf"){id}}`, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			r, _ := http.NewRequest(http.MethodPost, server.URL, strings.NewReader(`{"query":"`+strings.ReplaceAll(c.query, `"`, `\"`)+`"}`))
			r.Header.Set("Content-Type", asJSON)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var body bytes.Buffer
			_, _ = body.ReadFrom(resp.Body)
			if took := time.Since(start); took > c.within*slowdown {
				t.Errorf("took %s", took)
			}
			if !strings.Contains(body.String(), `"code":"UNAVAILABLE"`) || !strings.Contains(body.String(), "100ms") || resp.Close != c.closed {
				t.Errorf("closed %v, %s", resp.Close, &body)
			}
		})
	}
}

func TestIntrospection(t *testing.T) {
	type admin struct{}
	handler := newHandler(t, func(cfg *Config) {
		cfg.Introspection = func(ctx context.Context) bool { return ctx.Value(admin{}) != nil }
	})
	asAdmin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), admin{}, true)))
	})
	for _, query := range []string{"{__schema{queryType{name}}}", `{...F} fragment F on Query{__type(name:"User"){name}}`} {
		if got := ask(handler, query); got.status != http.StatusForbidden || got.errors(t)[0].Extensions.Code != codeForbidden {
			t.Errorf("G9 a reader: %d %s", got.status, got.body)
		}
		if got := ask(asAdmin, query); got.status != http.StatusOK {
			t.Errorf("an admin: %d %s", got.status, got.body)
		}
		if got := ask(handler, query); got.status != http.StatusForbidden {
			t.Errorf("G9 a reader, from the cache: %d %s", got.status, got.body)
		}
	}
	if got := ask(handler, "{__typename}"); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, query := range []string{"{viewr{name}}", "{viewer}", `{user(idd:"1"){id}}`, "{identities(kinds:[USR]){nodes{id}}}", "query($a:Usr){user(id:$a){id}}"} {
		if got := ask(handler, query); strings.Contains(got.body, "Did you mean") || got.status != http.StatusBadRequest {
			t.Errorf("G11 %d %s", got.status, got.body)
		}
		if got := ask(asAdmin, query); query[0] == '{' && query != "{viewer}" && !strings.Contains(got.body, "Did you mean") {
			t.Errorf("no suggestion for an admin: %s", got.body)
		}
	}
}

func TestQueryCache(t *testing.T) {
	f := newFixture(t)
	h := f.handler(t, func(cfg *Config) { cfg.Limits.CachedQueries = 3 }).(*handler)
	for _, text := range []string{"{a:viewer{name}}", "{b:viewer{name}}", "{c:viewer{name}}", "{a:viewer{name}}", "{d:viewer{name}}", "{wrong}", "{", "{viewer{name}}#" + strings.Repeat("x", maxCachedText)} {
		ask(h, text)
	}
	if got := h.documents.cache.len(); got != 3 {
		t.Errorf("%d documents are kept, want 3", got)
	}
	for text, want := range map[string]bool{"{a:viewer{name}}": true, "{b:viewer{name}}": false, "{c:viewer{name}}": true, "{d:viewer{name}}": true} {
		if _, got := h.documents.cache.get(text); got != want {
			t.Errorf("%s is kept: %v, want %v", text, got, want)
		}
	}
	first, _ := h.documents.get("{d:viewer{name}}", true)
	again, _ := h.documents.get("{d:viewer{name}}", true)
	if first != again {
		t.Error("a document that is kept was made again")
	}
}

func TestQueryCacheIsBoundedInBytes(t *testing.T) {
	c := newCache[string, *document](1 << 20)
	for i := range 1000 {
		c.add(fmt.Sprint(i), &document{}, 8000)
	}
	if c.bytes > maxCachedTexts || c.len() < 200 {
		t.Errorf("%d texts of %d bytes are kept", c.len(), c.bytes)
	}
}

func TestPerOperation(t *testing.T) {
	type key struct{}
	made := atomic.Int64{}
	handler := newHandler(t, func(cfg *Config) {
		cfg.Extensions = []graphql.HandlerExtension{hook{mutate: func(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
			kept := PerOperation(ctx, op.Operation, key{}, func() []string {
				made.Add(1)
				return Coordinates(op.Operation)
			})
			if len(kept) != 2 {
				return gqlerror.Errorf("%v", kept)
			}
			return nil
		}}}
	})
	ask(handler, "{viewer{name}}")
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if got := ask(handler, "{viewer{name}}"); got.status != http.StatusOK {
				t.Error(got.body)
			}
		})
	}
	wait.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times, want once", made.Load())
	}
	op := &ast.OperationDefinition{}
	if got := PerOperation(context.Background(), op, key{}, func() int { return 7 }); got != 7 {
		t.Error(got)
	}
}

func BenchmarkUser(b *testing.B) {
	handler := newHandler(b, nil)
	const body = `{"query":"query($id:ID!){user(id:$id){id fqn kind name displayName description email status externalId userName}}","variables":{"id":"x"}}`
	b.ReportAllocs()
	for b.Loop() {
		if got := post(handler, body); got.status != http.StatusOK {
			b.Fatal(got.body)
		}
	}
}
