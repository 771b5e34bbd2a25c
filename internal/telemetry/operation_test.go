package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// run serves one GraphQL request that runs an operation and has errors with these codes.
func run(m *Metrics, kind ast.Operation, name string, codes ...string) {
	note := m.Operations().(graphql.OperationContextMutator)
	Observe(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		SetRoute(r.Context(), GraphQLRoute)
		if kind != "" {
			_ = note.MutateOperationContext(r.Context(), &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: kind, Name: name}})
		}
		if kind == ast.Subscription {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		for _, code := range codes {
			NoteError(r.Context(), code)
		}
	}), slog.New(slog.DiscardHandler), m).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/graphql", nil))
}

func TestOperationsAreCounted(t *testing.T) {
	t.Parallel()
	m := NewMetrics("test")
	run(m, ast.Query, "WhoIs")
	run(m, ast.Query, "WhoIs")
	run(m, ast.Query, "WhoIs", "NOT_FOUND", "INTERNAL")
	run(m, ast.Query, "WhoIs", "")
	run(m, ast.Mutation, "")
	run(m, ast.Subscription, "Changes")
	run(m, "", "", "BAD_USER_INPUT")
	text := scrape(t, m)
	for _, want := range []string{
		`roster_graphql_requests_total{code="OK",operation="WhoIs",type="query"} 2`,
		`roster_graphql_requests_total{code="NOT_FOUND",operation="WhoIs",type="query"} 1`,
		`roster_graphql_requests_total{code="UNKNOWN",operation="WhoIs",type="query"} 1`,
		`roster_graphql_requests_total{code="OK",operation="(anonymous)",type="mutation"} 1`,
		`roster_graphql_requests_total{code="OK",operation="Changes",type="subscription"} 1`,
		`roster_graphql_requests_total{code="BAD_USER_INPUT",operation="(none)",type="none"} 1`,
		`roster_graphql_request_duration_seconds_count{operation="WhoIs",type="query"} 4`,
		`roster_graphql_request_duration_seconds_count{operation="Changes",type="subscription"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no line %s", want)
		}
	}
	if strings.Contains(text, `code="INTERNAL"`) {
		t.Error("a request is counted for each of its errors")
	}
}

// TestOperationNamesAreBounded: whoever may ask may choose names, but not fill the memory with them.
func TestOperationNamesAreBounded(t *testing.T) {
	t.Parallel()
	m := NewMetrics("test")
	run(m, ast.Query, "First")
	run(m, ast.Query, strings.Repeat("x", maxOperationName+1))
	var all sync.WaitGroup
	for i := range 4 * maxOperations {
		all.Go(func() { run(m, ast.Query, "Op"+strconv.Itoa(i)) })
	}
	all.Wait()
	run(m, ast.Query, "First")
	run(m, ast.Mutation, "Late")
	text := scrape(t, m)
	if n := strings.Count(text, "\nroster_graphql_requests_total{"); n > maxOperations+3 { // and the others of two types, and none
		t.Errorf("there are %d time series", n)
	}
	for _, want := range []string{`operation="First",type="query"} 2`, `operation="(other)",type="mutation"} 1`, `operation="(other)",type="query"} `} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(text, "xxx") {
		t.Error("a long name is a label")
	}
}

func BenchmarkOperation(b *testing.B) {
	m := NewMetrics("test")
	note := m.Operations().(graphql.OperationContextMutator)
	op := &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: ast.Query, Name: "WhoIs"}}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		r := &request{Context: context.Background()}
		for p.Next() {
			_ = note.MutateOperationContext(r, op)
			m.operations.ended(r.operation.Load(), "", 1000, false)
		}
	})
}
