package plan_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/graphqlhttp"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/resolvers"
	"github.com/roster-gateway/roster/resolvers/plan"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
)

// roads are the two ways to answer about one directory.
type roads struct {
	directory    *directory.Directory
	provisioning *directory.ProvisioningLog
	schema       *plan.Schema
	planned      http.Handler
	generated    http.Handler
	// by is who asks; nil is the admin.
	by *access.Principal
	// broken is whether something behind fails, so that answers may say so.
	broken bool
}

func newRoads(d *directory.Directory, a *access.Service, s *store.Store) *roads {
	log := directory.NewProvisioningLog(s, slog.New(slog.DiscardHandler))
	root := &resolvers.Resolver{
		Directory: d, Access: a, Provisioning: log, Audit: s, Sync: syncer.New(s, d, syncer.Config{}), PublicURL: "https://roster.example.com",
	}
	r := &roads{directory: d, provisioning: log, schema: plan.NewSchema(resolvers.NewSchema(root), d)}
	cfg := graphqlhttp.Config{
		Present: resolvers.Present, Extensions: resolvers.Extensions(root),
		Limits: graphqlhttp.Limits{Errors: 100_000, RequestErrors: 100, Cost: 1 << 40},
	}
	r.planned = graphqlhttp.NewHandler(r.schema, cfg)
	r.generated = graphqlhttp.NewHandler(resolvers.NewSchema(root), cfg)
	return r
}

// overPostgres opens the two roads over a database of its own: its rows themselves, or a replica's memory of them.
func overPostgres(t testing.TB, inMemory bool) *roads {
	t.Helper()
	return overDatabase(t, testpg.New(t), inMemory)
}

func overDatabase(t testing.TB, url string, inMemory bool) *roads {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := directory.New(s)
	if inMemory {
		const smallCache = 4 << 10 // so that records come from both the cache and the store
		if err := d.HoldInMemory(t.Context(), s, smallCache); err != nil {
			t.Fatal(err)
		}
	}
	return newRoads(d, access.New(s, access.Config{}), s)
}

var admin = &access.Principal{Name: "admin", Scopes: access.AdminScopes}

// request encodes a GraphQL request.
func request(t tester, query string, variables map[string]any) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func send(h http.Handler, body []byte, by *access.Principal) []byte {
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(access.WithPrincipal(r.Context(), by)))
	return w.Body.Bytes()
}

// answer is a response with its data as it was sent, and its errors in the order of their paths: the generated
// executor reports them as its goroutines come to them.
type answer struct {
	Data   string
	Errors []string
}

var (
	asOf      = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]*Z"`)
	revisions = regexp.MustCompile(`"eyJ2[\w-]*"`)
	requestID = regexp.MustCompile(`"requestId":"[^"]*"`)
)

func read(t tester, body []byte, maskTimes bool) answer {
	t.Helper()
	var wire struct {
		Data   json.RawMessage
		Errors []json.RawMessage
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	out := answer{Data: revisions.ReplaceAllString(string(wire.Data), `"(revision)"`)}
	if maskTimes {
		out.Data = asOf.ReplaceAllString(out.Data, `"(time)"`)
	}
	for _, e := range wire.Errors {
		out.Errors = append(out.Errors, requestID.ReplaceAllString(string(e), `"requestId":"(id)"`))
	}
	slices.Sort(out.Errors)
	return out
}

// same holds the two roads equal on an operation. It returns the answer, and whether a plan gave it.
func (r *roads) same(t tester, query string, variables map[string]any) (answer, bool) {
	t.Helper()
	body := request(t, query, variables)
	mask := strings.Contains(query, "asOf") // the time of the answer differs
	before, _ := r.schema.Counts()
	by := r.by
	if by == nil {
		by = admin
	}
	got := read(t, send(r.planned, body, by), mask)
	after, _ := r.schema.Counts()
	want := read(t, send(r.generated, body, by), mask)
	if at := slices.IndexFunc(want.Errors, func(e string) bool { return strings.Contains(e, `"INTERNAL"`) }); at >= 0 && !r.broken {
		t.Fatalf("nothing is broken, and the answer is %s\n%s", want.Errors[at], body)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the roads differ (-generated +planned):\n%s\n%s", diff, body)
	}
	return got, after > before
}

func (r *roads) instance(t testing.TB, provider, name string) *directory.Instance {
	t.Helper()
	if _, err := r.directory.AddProvider(t.Context(), provider, directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	i, err := r.directory.AddInstance(t.Context(), provider, name, true)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (r *roads) apply(t testing.TB, c directory.Changes) *directory.Result {
	t.Helper()
	result, err := r.directory.Apply(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// uid is the public id that the tests give to an identity.
func uid(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)) }

// tester is a test, or a check of a property.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func init() { testpg.Checks(25) }
