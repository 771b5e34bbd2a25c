package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/resolvers"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	admin  = &access.Principal{Name: "admin", Scopes: access.AdminScopes}
	reader = &access.Principal{Name: "reader", Scopes: []access.Scope{access.Read}}
)

// gateway is the whole of GraphQL over a database of its own.
type gateway struct {
	store        *store.Store
	directory    *directory.Directory
	access       *access.Service
	exec         *executor.Executor
	provisioning *directory.ProvisioningLog
}

func newGateway(t testing.TB) *gateway {
	t.Helper()
	return newGatewayAt(t, testpg.New(t))
}

// newGatewayAt is one that synchronizes with sources of some types.
func newGatewayAt(t testing.TB, url string, types ...connector.Type) *gateway {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	options := []directory.Option{directory.WithSealer(canary.Sealer{})}
	for _, kind := range types {
		options = append(options, directory.WithProviderType(kind.ProviderType))
	}
	g := &gateway{store: s, directory: directory.New(s, options...)}
	g.access = access.New(s, access.Config{People: g.directory, Log: canary.Log(t)})
	g.provisioning = directory.NewProvisioningLog(s, canary.Log(t))
	sync := syncer.New(s, g.directory, syncer.Config{Types: types, Opener: canary.Sealer{}, Log: canary.Log(t)})
	root := &resolvers.Resolver{Directory: g.directory, Access: g.access, Provisioning: g.provisioning, Audit: s, Sync: sync, PublicURL: "https://roster.example.com"}
	g.exec = executor.New(resolvers.NewSchema(root))
	g.exec.SetErrorPresenter(resolvers.Present)
	g.exec.Use(introspection{})
	for _, extension := range resolvers.Extensions(root) {
		g.exec.Use(extension)
	}
	return g
}

// introspection allows it, which is the server's to decide.
type introspection struct{}

func (introspection) ExtensionName() string { return "Introspection" }

func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

func (introspection) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	op.DisableIntrospection = false
	return nil
}

// answer is a GraphQL response as a client reads it.
type answer struct {
	Data       map[string]any `json:"data,omitempty"`
	Errors     []answerError  `json:"errors,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

type answerError struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

// open starts an operation. Without an operation there are only errors.
func (g *gateway) open(ctx context.Context, by *access.Principal, query string, variables map[string]any) (graphql.ResponseHandler, context.Context) {
	ctx = graphql.StartOperationTrace(access.WithPrincipal(ctx, by))
	op, errs := g.exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
	if len(errs) > 0 {
		return graphql.OneShot(g.exec.DispatchError(graphql.WithOperationContext(ctx, op), errs)), ctx
	}
	return g.exec.DispatchOperation(ctx, op)
}

// run executes a query or a mutation.
func (g *gateway) run(t testing.TB, by *access.Principal, query string, variables map[string]any) answer {
	t.Helper()
	responses, ctx := g.open(t.Context(), by, query, variables)
	return read(t, responses(ctx))
}

func read(t testing.TB, response *graphql.Response) answer {
	t.Helper()
	text, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	canary.LookAtAnswer(t, "the answer", string(text))
	var out answer
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

// data is run for an operation that must not fail.
func (g *gateway) data(t testing.TB, by *access.Principal, query string, variables map[string]any) map[string]any {
	t.Helper()
	got := g.run(t, by, query, variables)
	if len(got.Errors) > 0 {
		t.Fatalf("%s\nfailed: %+v", query, got.Errors)
	}
	return got.Data
}

// code is run for an operation that must fail; it returns the code of its one error.
func (g *gateway) code(t testing.TB, by *access.Principal, query string, variables map[string]any) string {
	t.Helper()
	got := g.run(t, by, query, variables)
	if len(got.Errors) != 1 {
		t.Fatalf("%s\nhas the errors %+v, want one", query, got.Errors)
	}
	code, _ := got.Errors[0].Extensions["code"].(string)
	return code
}

var (
	times    = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*Z"`)
	opaque   = regexp.MustCompile(`"(eyJ|WyIx)[\w-]{8,}"`)
	anyUID   = regexp.MustCompile(`"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"`)
	secrets  = regexp.MustCompile(`"rst_[\w-]{43}"`)
	tenants  = regexp.MustCompile(`/tokens/[\w-]{22}/`)
	requests = regexp.MustCompile(`"requestId": "[^"]*"`)
)

// golden compares a value with testdata/<name>.json, with -update it writes the file. What differs from run to run is
// replaced by its kind.
func golden(t *testing.T, name string, value any) {
	t.Helper()
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for pattern, kind := range map[*regexp.Regexp]string{
		times: `"(time)"`, opaque: `"(opaque)"`, anyUID: `"(uid)"`, secrets: `"(secret)"`, tenants: `/tokens/(token)/`,
		requests: `"requestId": "(id)"`,
	} {
		text = pattern.ReplaceAll(text, []byte(kind))
	}
	text = append(text, '\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func served() *ast.Schema { return resolvers.NewSchema(&resolvers.Resolver{}).Schema() }

// at follows a path of names and indexes into an answer.
func at(t testing.TB, value any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, ok := value.(map[string]any)
			if !ok {
				t.Fatalf("there is no %v of %v in %v", step, path, value)
			}
			value = object[step]
		case int:
			list, ok := value.([]any)
			if !ok || step >= len(list) {
				t.Fatalf("there is no %v of %v in %v", step, path, value)
			}
			value = list[step]
		}
	}
	return value
}

// uid is the public id that the sample gives to an identity.
func uid(name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)) }
