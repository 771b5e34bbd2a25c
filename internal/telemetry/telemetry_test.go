package telemetry

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// observed serves one request and returns its answer and the log.
func observed(t *testing.T, handler http.HandlerFunc, request *http.Request) (*http.Response, string, *Metrics) {
	t.Helper()
	var log bytes.Buffer
	metrics := NewMetrics("test")
	answer := httptest.NewRecorder()
	Observe(handler, NewLog(&log, "json", "debug"), metrics).ServeHTTP(answer, request)
	return answer.Result(), log.String(), metrics
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	for offered, kept := range map[string]bool{
		"abc-DEF_09": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a\"b": false, "a\nb": false, "ä": false, "../x": false,
	} {
		seen := ""
		request := httptest.NewRequest("GET", "/", nil)
		request.Header[RequestIDHeader] = []string{offered}
		answer, log, _ := observed(t, func(_ http.ResponseWriter, r *http.Request) { seen = RequestID(r.Context()) }, request)
		if (seen == offered) != kept || !saneID(seen) {
			t.Errorf("%q became %q", offered, seen)
		}
		if echoed := answer.Header.Get(RequestIDHeader); echoed != seen {
			t.Errorf("%q is echoed as %q, the context has %q", offered, echoed, seen)
		}
		if !strings.Contains(log, `"request_id":"`+seen+`"`) {
			t.Errorf("the log lacks %q: %s", seen, log)
		}
	}
	twice := httptest.NewRequest("GET", "/", nil)
	twice.Header[RequestIDHeader] = []string{"one", "two"}
	if answer, _, _ := observed(t, func(http.ResponseWriter, *http.Request) {}, twice); len(answer.Header.Get(RequestIDHeader)) != 26 {
		t.Errorf("two ids became %q", answer.Header.Get(RequestIDHeader))
	}
	if id := RequestID(context.Background()); id != "" {
		t.Errorf("no request has the id %q", id)
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	request := httptest.NewRequest("POST", "/tokens/canary1/Users?filter=canary2", strings.NewReader("canary3"))
	request.Header.Set("Authorization", "Bearer canary4")
	_, log, metrics := observed(t, func(w http.ResponseWriter, r *http.Request) {
		SetRoute(r.Context(), "/tokens/{token}/Users")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "12345")
	}, request)
	if strings.Contains(log, "canary") {
		t.Errorf("the log holds what it must not: %s", log)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(log), &line); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"msg": "request", "method": "POST", "route": "/tokens/{token}/Users", "status": 201.0, "bytes": 5.0} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	text := scrape(t, metrics)
	if want := `roster_http_requests_total{method="POST",route="/tokens/{token}/Users",status="201"} 1`; !strings.Contains(text, want) {
		t.Errorf("the metrics lack %s", want)
	}
}

func TestUnknownRoutesAndMethodsShareLabels(t *testing.T) {
	t.Parallel()
	_, _, metrics := observed(t, func(http.ResponseWriter, *http.Request) {}, httptest.NewRequest("CANARY", "/canary", nil))
	if text := scrape(t, metrics); !strings.Contains(text, `{method="OTHER",route="(none)",status="200"} 1`) || strings.Contains(strings.ToLower(text), "canary") {
		t.Errorf("clients can make labels:\n%s", text)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	answer, log, _ := observed(t, func(http.ResponseWriter, *http.Request) { panic("canary") }, httptest.NewRequest("GET", "/", nil))
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusInternalServerError || strings.Contains(string(body), "canary") {
		t.Errorf("a panic was answered %d %s (%v)", answer.StatusCode, body, err)
	}
	if !json.Valid(body) || !strings.Contains(string(body), answer.Header.Get(RequestIDHeader)) {
		t.Errorf("the answer lacks the request id: %s", body)
	}
	if !strings.Contains(log, `"panic":"canary"`) || !strings.Contains(log, "telemetry_test.go") {
		t.Errorf("the log lacks the panic or its stack: %s", log)
	}
}

func TestPanicWithinAnAnswerCutsIt(t *testing.T) {
	t.Parallel()
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("it ended with %v", err)
		}
	}()
	observed(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "part")
		panic("canary")
	}, httptest.NewRequest("GET", "/", nil))
}

func TestStreamsHaveNoDuration(t *testing.T) {
	t.Parallel()
	_, _, metrics := observed(t, func(w http.ResponseWriter, r *http.Request) {
		SetRoute(r.Context(), "/graphql")
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
	}, httptest.NewRequest("POST", "/graphql", nil))
	if text := scrape(t, metrics); strings.Contains(text, "roster_http_request_duration_seconds_count") || !strings.Contains(text, `route="/graphql",status="200"} 1`) {
		t.Errorf("a stream is counted wrongly:\n%s", text)
	}
}

func TestStoreFigures(t *testing.T) {
	t.Parallel()
	m := NewMetrics("1.2.3")
	m.ObserveStore(func() uint64 { return 42 }, func() sql.DBStats { return sql.DBStats{MaxOpenConnections: 20, InUse: 3, Idle: 4, WaitCount: 5} })
	m.ObserveReady(func() bool { return true })
	text := scrape(t, m)
	for _, want := range []string{
		"roster_store_statements_total 42", "roster_store_connections_max 20", "roster_store_connections_in_use 3", "roster_store_connections_idle 4",
		"roster_store_connection_waits_total 5", "roster_ready 1", `roster_build_info{version="1.2.3"} 1`, "go_goroutines", "process_open_fds",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	return answer.Body.String()
}

func TestLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := NewLog(&out, "auto", "warn").With("part", "x")
	log.Info("quiet")
	log.WarnContext(WithRequestID(context.Background(), "id-1"), "loud", slog.Int("n", 1))
	if text := out.String(); strings.Contains(text, "quiet") || !strings.Contains(text, `"part":"x","n":1,"request_id":"id-1"`) {
		t.Errorf("the log is %s", text)
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	hold := NewHold(&out)
	_, _ = hold.Write(bytes.Repeat([]byte("x"), maxHeld))
	_, _ = hold.Write([]byte("end\n"))
	if out.Len() != 0 {
		t.Error("it let something through before its release")
	}
	hold.Release()
	hold.Release()
	_, _ = hold.Write([]byte("more"))
	hold.Flush()
	if out.Len() != maxHeld+4 || !strings.HasSuffix(out.String(), "end\nmore") {
		t.Errorf("%d bytes came through", out.Len())
	}
}

// pipe hands on what is written to it.
type pipe chan string

func (p pipe) Write(text []byte) (int, error) {
	p <- string(text)
	return len(text), nil
}

func TestHoldGathersLines(t *testing.T) {
	t.Parallel()
	out := make(pipe, 100)
	hold := NewHold(out)
	hold.Release()
	log := NewLog(hold, "text", "info")
	for range 10 {
		log.Info("line")
	}
	if text := <-out; strings.Count(text, "line") < 2 {
		t.Errorf("the first piece is %q", text)
	}
	log.Info("before")
	log.Warn("loud")
	all := ""
	for len(out) > 0 { // without waiting: a warning is written at once
		all += <-out
	}
	if !strings.Contains(all, "before") || !strings.Contains(all, "loud") {
		t.Errorf("a warning waits: %q", all)
	}
	hold.Flush()
	if len(out) != 0 {
		t.Errorf("written twice: %q", <-out)
	}
}
