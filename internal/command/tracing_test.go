package command

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	traces "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
)

// receiver takes spans as a collector does (OTLP specification, "OTLP/HTTP").
type receiver struct {
	server *httptest.Server

	mu    sync.Mutex
	spans []*traces.Span
	raw   strings.Builder
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		var sent collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || request.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", request.URL, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(body)
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.server.Close)
	return r
}

// text is all that was sent.
func (r *receiver) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.raw.String()
}

// find returns the spans whose names begin so.
func (r *receiver) find(name string) (found []*traces.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, span := range r.spans {
		if strings.HasPrefix(span.Name, name) {
			found = append(found, span)
		}
	}
	return found
}

func attributes(span *traces.Span) map[string]string {
	out := map[string]string{}
	for _, a := range span.Attributes {
		if out[a.Key] = a.Value.GetStringValue(); out[a.Key] == "" {
			out[a.Key] = a.Value.String()
		}
	}
	return out
}

// TestTraces follows a request that goes on with a client's trace, through GraphQL and SCIM to the database.
func TestTraces(t *testing.T) {
	t.Parallel()
	r := receive(t)
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.server.URL, "ROSTER_CACHE_SIZE=0")
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	ask := func(query string) {
		t.Helper()
		request := c.question(admin, "", query)
		request.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
		request.Header.Set("baggage", "user=canary-baggage")
		answer, err := canary.Transport(t, &http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	ask(`{"query":"mutation New($n: String!) { createRole(input: {name: $n}) { userErrors { message } } }","variables":{"n":"canary-name"}}`)
	ask(`{"query":"query Who($n: String!) { users(search: $n) { nodes { id } } user(id: \"canary-id\") { id } }","variables":{"n":"canary-name"}}`)
	ask(`{"query":"query Broken { nothing }"}`)
	c.get("/scim/v2/Users/canary-id?filter=canary", "canary-token")
	c.get("/health/ready", "")
	c.get("/metrics", admin)
	c.signal(syscall.SIGTERM)
	if code := c.exit(patience); code != 0 {
		t.Fatalf("it ended with %d", code)
	}
	roots := r.find("POST /graphql")
	if len(roots) != 3 {
		t.Fatalf("%d requests were recorded, want 3", len(roots))
	}
	for _, span := range roots {
		if hex.EncodeToString(span.TraceId) != trace || hex.EncodeToString(span.ParentSpanId) != "00f067aa0ba902b7" {
			t.Errorf("it does not go on with the client's trace: %v", span)
		}
	}
	first := attributes(roots[0])
	for name, want := range map[string]string{"http.route": "/graphql", "http.request.method": "POST", "graphql.operation.name": "New", "graphql.operation.type": "mutation"} {
		if first[name] != want {
			t.Errorf("%s is %q, want %q", name, first[name], want)
		}
	}
	if got := attributes(roots[2])["error.type"]; got != "BAD_USER_INPUT" {
		t.Errorf("a refused request has the error.type %q", got)
	}
	for _, name := range []string{"graphql.execute", "Mutation.createRole", "graphql.plan", "postgresql "} {
		spans := r.find(name)
		if len(spans) == 0 {
			t.Errorf("there is no span %s", name)
			continue
		}
		if hex.EncodeToString(spans[0].TraceId) != trace {
			t.Errorf("%s is in another trace", name)
		}
	}
	if len(r.find("GET /scim/v2/Users/{id}")) != 1 || len(r.find("GET /health/ready")) != 0 || len(r.find("GET /metrics")) != 0 {
		t.Error("SCIM has to be recorded, and probes and scrapes not")
	}
	if text := r.text(); strings.Contains(text, "canary") || strings.Contains(text, admin) {
		t.Error("a span holds what somebody asked for")
	}
	if log := c.stderr.String(); !strings.Contains(log, `"trace_id":"`+trace+`"`) {
		t.Error("the log does not name the trace")
	}
}

// TestTracesThatCannotBeSent: a collector that is not there is told of, and nobody waits for it.
func TestTracesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
	c.graphQL(admin, `{ viewer { name } }`)
	c.signal(syscall.SIGTERM)
	if code := c.exit(patience); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if !strings.Contains(c.stderr.String(), "traces could not be sent") {
		t.Error("the log does not tell")
	}
	requireFailure(t, launch(t, []string{"ROSTER_DATABASE_URL=postgres://127.0.0.1:1/x", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, "serve"),
		exitFailed, "http/protobuf")
}
