package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
)

// house is a Front over handlers that answer with their names; the wall lets "Bearer good" through.
type house struct {
	front *Front
	await func(context.Context, directory.Revision) error
	ping  func(context.Context) error
}

func newHouse(timeout time.Duration) *house {
	h := &house{
		front: New(slog.New(slog.DiscardHandler), timeout),
		await: func(context.Context, directory.Revision) error { return nil },
		ping:  func(context.Context) error { return nil },
	}
	return h
}

func (h *house) open() *house {
	h.front.Open(Handlers{
		GraphQL: named("graphql"), SCIM: named("scim"), Console: named("console"), Metrics: named("metrics"),
		Wall: func(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer good" {
					refuse(w, r, &directory.Error{Code: directory.CodeUnauthenticated, Message: "A token is required."})
					return
				}
				next.ServeHTTP(w, r)
			})
		},
		Await: func(ctx context.Context, r directory.Revision) error { return h.await(ctx, r) },
		Ping:  func(ctx context.Context) error { return h.ping(ctx) },
	})
	return h
}

func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name) })
}

// ask answers status, body and headers of a request.
func (h *house) ask(request *http.Request) (int, string, http.Header) {
	w := httptest.NewRecorder()
	telemetry.Observe(h.front, slog.New(slog.DiscardHandler), telemetry.NewMetrics("test")).ServeHTTP(w, request)
	return w.Code, w.Body.String(), w.Header()
}

func get(path string) *http.Request { return httptest.NewRequest("GET", path, nil) }

func good(r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Bearer good")
	return r
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	h := newHouse(time.Second).open()
	for _, c := range []struct {
		method, path string
		token        bool
		status       int
		body         string
	}{
		{"GET", "/graphql", true, 200, "graphql"},
		{"POST", "/graphql", true, 200, "graphql"},
		{"POST", "/graphql", false, 401, "UNAUTHENTICATED"},
		{"GET", "/metrics", true, 200, "metrics"},
		{"POST", "/metrics", true, 405, "GET and HEAD"},
		{"GET", "/metrics", false, 401, "UNAUTHENTICATED"},
		{"POST", "/metrics", false, 401, "UNAUTHENTICATED"},
		{"GET", "/scim/v2/Users", false, 200, "scim"}, // it has its own wall
		{"GET", "/scim/v2/Users/", false, 200, "scim"},
		{"GET", "/tokens/t/Users", false, 200, "scim"},
		{"GET", "/", false, 200, "console"},
		{"GET", "/explorer/app.js", false, 200, "console"},
		{"POST", "/", false, 401, "UNAUTHENTICATED"},
		{"POST", "/", true, 404, "NOT_FOUND"},
		{"GET", "/nothing", false, 401, "UNAUTHENTICATED"},
		{"GET", "/nothing", true, 404, "NOT_FOUND"},
		{"GET", "/health/live", false, 200, "live"},
		{"HEAD", "/health/ready", false, 200, ""},
		{"DELETE", "/health/ready", false, 405, "GET and HEAD"},
	} {
		request := httptest.NewRequest(c.method, c.path, nil)
		if c.token {
			good(request)
		}
		status, body, header := h.ask(request)
		if status != c.status || !strings.Contains(body, c.body) {
			t.Errorf("%s %s (token: %t): %d %s; want %d %s", c.method, c.path, c.token, status, body, c.status, c.body)
		}
		if (header.Get("WWW-Authenticate") != "") != (status == 401) {
			t.Errorf("%s %s: %d with the challenge %q", c.method, c.path, status, header.Get("WWW-Authenticate"))
		}
	}
}

// TestScrapesApart: what the management listener answers, and that the other one answers no scrapes then.
func TestScrapesApart(t *testing.T) {
	t.Parallel()
	h := newHouse(time.Second)
	management := h.front.Management()
	ask := func(handler http.Handler, request *http.Request) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request)
		return w.Code
	}
	if got := ask(management, good(get("/metrics"))); got != 503 {
		t.Errorf("before it has started /metrics answers %d", got)
	}
	h.open()
	for _, c := range []struct {
		path                  string
		token                 bool
		management, elsewhere int
	}{
		{"/metrics", true, 200, 404},
		{"/metrics", false, 401, 401},
		{"/health/live", false, 200, 200},
		{"/health/ready", false, 200, 200},
		{"/graphql", true, 404, 200},
		{"/graphql", false, 401, 401},
		{"/scim/v2/Users", true, 404, 200},
		{"/scim/v2/Users", false, 401, 200}, // it has its own wall
		{"/tokens/t/Users", true, 404, 200},
		{"/", false, 401, 200},
		{"/health/../metrics", true, 404, 404},
	} {
		request := get(c.path)
		if c.token {
			good(request)
		}
		if got := ask(management, request); got != c.management {
			t.Errorf("%s of the management listener (token: %t): %d, want %d", c.path, c.token, got, c.management)
		}
		if got := ask(h.front, request); got != c.elsewhere {
			t.Errorf("%s (token: %t): %d, want %d", c.path, c.token, got, c.elsewhere)
		}
	}
}

// TestA16OnlyPlainPathsAreRoutes: whatever is put before, into or after a route, it is that route no more, unless it still
// is the very same text.
func TestA16OnlyPlainPathsAreRoutes(t *testing.T) {
	t.Parallel()
	pieces := rapid.SampledFrom([]string{"/", "//", ".", "..", "%2e", "%2f", "%2F", "%00", "graphql", "metrics", "health", "live", "ready", "scim", "tokens", "v2", "explorer", ";", "%67raphql", "\\"})
	rapid.Check(t, func(t *rapid.T) {
		text := "/" + strings.Join(rapid.SliceOfN(pieces, 0, 8).Draw(t, "pieces"), "")
		u, err := url.ParseRequestURI(text)
		if err != nil {
			return
		}
		route := routeOf(u)
		switch route {
		case routeLive, routeReady, routeGraphQL, routeMetrics:
			if text != route {
				t.Fatalf("%s is routed to %s", text, route)
			}
		case routeSCIM, routeTokens:
			if !strings.HasPrefix(text, route) || strings.Contains(text, "//") || strings.Contains(text, "/..") || strings.Contains(text, "%2") {
				t.Fatalf("%s is routed to %s", text, route)
			}
		case routeConsole:
			if text != "/" && (!strings.HasPrefix(text, "/explorer/") || strings.Contains(text, "/..") || strings.Contains(text, "%2")) {
				t.Fatalf("%s is routed to the console", text)
			}
		}
	})
}

// A path with a character percent-encoded that need not be is not routed at all: no handler sees it without a token, and none
// with one.
func TestCVE2026_32130PercentEncodedPathRoutedWithoutAuth(t *testing.T) {
	t.Parallel()
	h := newHouse(time.Second).open()
	for _, route := range []string{routeGraphQL, routeMetrics, "/scim/v2/Users", "/tokens/t/Users", "/health/live"} {
		for i := 1; i < len(route); i++ {
			for _, format := range []string{"%%%02x", "%%%02X", "%%25%02x"} {
				if format == "%%25%02x" && (strings.HasPrefix(route, "/scim/") || strings.HasPrefix(route, "/tokens/")) {
					continue // the name of a resource, which that door looks up for those who have a token
				}
				path := route[:i] + fmt.Sprintf(format, route[i]) + route[i+1:]
				if status, body, _ := h.ask(get(path)); status != http.StatusUnauthorized {
					t.Errorf("%s without a token: %d %s", path, status, body)
				}
				if status, body, _ := h.ask(good(get(path))); status != http.StatusNotFound {
					t.Errorf("%s with a token: %d %s", path, status, body)
				}
			}
		}
	}
}

func TestPhases(t *testing.T) {
	t.Parallel()
	h := newHouse(time.Second)
	requirePhase(t, h, 503, "starting", false)
	if status, _, header := h.ask(good(get("/graphql"))); status != 503 || header.Get("Retry-After") == "" {
		t.Errorf("before it has started /graphql answers %d", status)
	}
	h.open()
	requirePhase(t, h, 200, "ready", true)

	h.ping = func(context.Context) error { return errors.New("gone") }
	time.Sleep(pingAge)
	requirePhase(t, h, 503, "database unreachable", false)
	h.ping = func(context.Context) error { return nil }
	time.Sleep(pingAge)
	requirePhase(t, h, 200, "ready", true)

	h.front.Drain()
	requirePhase(t, h, 503, "draining", false)
	status, body, header := h.ask(good(get("/graphql")))
	if status != 200 || body != "graphql" || header.Get("Connection") != "close" {
		t.Errorf("while it drains /graphql answers %d %s, Connection: %q", status, body, header.Get("Connection"))
	}
	h.front.EndStreams()
	select {
	case <-h.front.Stopping():
	default:
		t.Error("streams do not end")
	}
}

func requirePhase(t *testing.T, h *house, status int, state string, ready bool) {
	t.Helper()
	got, body, _ := h.ask(get("/health/ready"))
	if got != status || !strings.Contains(body, `"`+state+`"`) || h.front.Ready() != ready {
		t.Errorf("/health/ready answers %d %s, want %d %s", got, body, status, state)
	}
	if got, _, _ := h.ask(get("/health/live")); got != 200 {
		t.Errorf("/health/live answers %d while %s", got, state)
	}
}

// TestProbesAreNoLoad: many probes share one question to the database.
func TestProbesAreNoLoad(t *testing.T) {
	t.Parallel()
	h, asked := newHouse(time.Second), 0
	h.ping = func(context.Context) error { asked++; return nil }
	h.open()
	begun := time.Now()
	for range 100 {
		h.ask(get("/health/ready"))
	}
	if most := int(time.Since(begun)/pingAge) + 1; asked > most {
		t.Errorf("100 probes asked the database %d times, want at most %d", asked, most)
	}
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	wanted := directory.Revision{Epoch: uuid.New(), XID: 7}
	h := newHouse(50 * time.Millisecond).open()
	ask := func(values ...string) (int, string) {
		request := good(httptest.NewRequest("POST", "/graphql", nil))
		request.Header[AtLeastHeader] = values
		status, body, _ := h.ask(request)
		return status, body
	}
	var awaited directory.Revision
	h.await = func(_ context.Context, r directory.Revision) error { awaited = r; return nil }
	if status, body := ask(wanted.String()); status != 200 || awaited != wanted {
		t.Errorf("a revision: %d %s, awaited %v", status, body, awaited)
	}
	for _, values := range [][]string{{"nonsense"}, {""}, {wanted.String(), wanted.String()}} {
		if status, body := ask(values...); status != 400 || !strings.Contains(body, "BAD_USER_INPUT") {
			t.Errorf("%q: %d %s", values, status, body)
		}
	}
	h.await = func(ctx context.Context, _ directory.Revision) error { <-ctx.Done(); return ctx.Err() }
	if status, body := ask(wanted.String()); status != 503 || !strings.Contains(body, "UNAVAILABLE") {
		t.Errorf("a replica that is late: %d %s", status, body)
	}
	h.await = func(context.Context, directory.Revision) error {
		return &directory.Error{Code: directory.CodeBadInput, Reason: directory.ReasonExpired, Message: "Too old."}
	}
	if status, body := ask(wanted.String()); status != 400 || !strings.Contains(body, "Too old.") {
		t.Errorf("an expired revision: %d %s", status, body)
	}
	unauthenticated := httptest.NewRequest("POST", "/graphql", nil)
	unauthenticated.Header.Set(AtLeastHeader, wanted.String())
	h.await = func(context.Context, directory.Revision) error {
		t.Error("a caller without a token can wait")
		return nil
	}
	h.ask(unauthenticated)
}

func TestRefusalsHideCauses(t *testing.T) {
	t.Parallel()
	h := newHouse(time.Second).open()
	h.await = func(context.Context, directory.Revision) error { return errors.New("canary") }
	request := good(get("/graphql"))
	request.Header.Set(AtLeastHeader, directory.Revision{Epoch: uuid.New(), XID: 1}.String())
	request.Header.Set(telemetry.RequestIDHeader, "id-1")
	status, body, _ := h.ask(request)
	if status != 500 || strings.Contains(body, "canary") || !strings.Contains(body, `"requestId":"id-1"`) {
		t.Errorf("a foreign error: %d %s", status, body)
	}
}
