package graphqlhttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
)

const changesQuery = `{"query":"subscription{changes{kind}}"}`

// openStream posts an operation that accepts events.
func openStream(ctx context.Context, t *testing.T, target, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", asJSON)
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// readEvents reads whole events, comments left out, until the stream ends or n were read.
func readEvents(t *testing.T, body io.Reader, n int) []string {
	t.Helper()
	var events []string
	event := ""
	lines := bufio.NewScanner(body)
	for len(events) < n && lines.Scan() {
		switch line := lines.Text(); {
		case line == "":
			if event != "" {
				events = append(events, event)
			}
			event = ""
		case !strings.HasPrefix(line, ":"):
			event += line + "|"
		}
	}
	return events
}

func TestSubscription(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(f.handler(t, func(cfg *Config) { cfg.Deadline = 50 * time.Millisecond }))
	defer server.Close()
	resp := openStream(t.Context(), t, server.URL, changesQuery)
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream; charset=utf-8" {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	go func() {
		for _, kind := range []string{"MEMBER_ADDED", "MEMBER_REMOVED", "IDENTITY_CREATED"} {
			time.Sleep(60 * time.Millisecond) // past the deadline of other operations
			f.events <- &directory.Change{Kind: directory.ChangeKind(kind)}
		}
		close(f.events)
	}()
	want := []string{
		`event: next|data: {"data":{"changes":{"kind":"MEMBER_ADDED"}}}|`,
		`event: next|data: {"data":{"changes":{"kind":"MEMBER_REMOVED"}}}|`,
		`event: next|data: {"data":{"changes":{"kind":"IDENTITY_CREATED"}}}|`,
		`event: complete|data:|`,
	}
	if diff := cmp.Diff(want, readEvents(t, resp.Body, 10)); diff != "" {
		t.Error(diff)
	}
}

func TestStreamsOfOneEvent(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(f.handler(t, func(cfg *Config) { cfg.Deadline = 200 * time.Millisecond }))
	defer server.Close()
	const completed = `event: complete|data:|`
	for name, c := range map[string]struct{ body, want string }{
		"a query":               {`{"query":"{viewer{name}}"}`, `event: next|data: {"data":{"viewer":{"name":"tester"}}}|`},
		"an unknown field":      {`{"query":"subscription{change}"}`, `"code":"BAD_USER_INPUT"`},
		"a limit":               {`{"query":"{users(first:1000000){nodes{id}}}"}`, `The operation may produce 1000001 objects`},
		"two fields":            {`{"query":"subscription{changes{kind} b:changes{kind}}"}`, `"code":"BAD_USER_INPUT"`},
		"a field skipped":       {`{"query":"subscription{...@include(if:false){changes{kind}}}"}`, `"code":"BAD_USER_INPUT"`},
		"an error at the start": {`{"query":"subscription{changes(after:\"x\"){kind}}"}`, `event: next|data: {"errors":[{"message":"This is no cursor of this list.","path":["changes"],`},
		"a panic at the start":  {`{"query":"subscription{changes(after:\"panic\"){kind}}"}`, `"code":"INTERNAL"`},
		"a query that is late":  {`{"query":"{user(id:\"slow\"){id}}"}`, `"code":"UNAVAILABLE"`},
	} {
		t.Run(name, func(t *testing.T) {
			events := readEvents(t, openStream(t.Context(), t, server.URL, c.body).Body, 10)
			if len(events) != 2 || !strings.Contains(events[0], c.want) || events[1] != completed {
				t.Errorf("%q, want %q and its end", events, c.want)
			}
			if strings.Contains(fmt.Sprint(events), "secret") {
				t.Errorf("a secret is shown: %q", events)
			}
		})
	}
	t.Run("by GET", func(t *testing.T) {
		r, _ := http.NewRequest(http.MethodGet, server.URL+"?query="+url.QueryEscape("{viewer{name}}"), nil)
		r.Header.Set("Accept", "text/event-stream")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if events := readEvents(t, resp.Body, 10); len(events) != 2 {
			t.Errorf("%q", events)
		}
	})
	t.Run("no JSON", func(t *testing.T) {
		resp := openStream(t.Context(), t, server.URL, "{")
		if resp.StatusCode != http.StatusBadRequest || !strings.HasPrefix(resp.Header.Get("Content-Type"), asJSON) {
			t.Errorf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
		}
	})
}

func TestStreamKeepsAlive(t *testing.T) {
	server := httptest.NewServer(newFixture(t).handler(t, func(cfg *Config) { cfg.KeepAlive = 20 * time.Millisecond }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := bufio.NewScanner(openStream(ctx, t, server.URL, changesQuery).Body)
	for comments := 0; comments < 4; {
		if !lines.Scan() {
			t.Fatal("the stream ended")
		}
		if lines.Text() == ":" {
			comments++
		}
	}
}

func TestStreamEnds(t *testing.T) {
	stopping := make(chan struct{})
	f := newFixture(t)
	h := f.handler(t, func(cfg *Config) { cfg.Stopping = stopping }).(*handler)
	server := httptest.NewServer(h)
	defer server.Close()
	gone := func() bool {
		for range 200 {
			if h.streams.count() == 0 {
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	}
	t.Run("when the client leaves", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		openStream(ctx, t, server.URL, changesQuery)
		cancel()
		if !gone() {
			t.Error("the stream is still open")
		}
	})
	t.Run("when the server stops", func(t *testing.T) {
		resp := openStream(t.Context(), t, server.URL, changesQuery)
		close(stopping)
		if diff := cmp.Diff([]string{`event: complete|data:|`}, readEvents(t, resp.Body, 10)); diff != "" {
			t.Error(diff)
		}
		if !gone() {
			t.Error("the stream is still open")
		}
	})
}

func TestG18StreamsAreCapped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits Limits
		second string // who asks for the second stream; the first is of "a"
		status int
		says   string
	}{
		"in all":            {Limits{Subscriptions: 1}, "b", http.StatusTooManyRequests, "1 event streams are open, which is the limit."},
		"of one caller":     {Limits{SubscriptionsPerCaller: 1}, "a", http.StatusTooManyRequests, "1 event streams are open with this access token"},
		"of another caller": {Limits{SubscriptionsPerCaller: 1}, "b", http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type caller struct{}
			h := newHandler(t, func(cfg *Config) {
				cfg.Limits = c.limits
				cfg.Caller = func(ctx context.Context) string { return ctx.Value(caller{}).(string) }
			}).(*handler)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), caller{}, strings.TrimPrefix(r.URL.Path, "/"))))
			}))
			t.Cleanup(server.Close)
			ctx, cancel := context.WithCancel(t.Context())
			t.Cleanup(cancel)
			openStream(ctx, t, server.URL+"/a", changesQuery)
			second := openStream(ctx, t, server.URL+"/"+c.second, changesQuery)
			if second.StatusCode != c.status {
				t.Errorf("status %d, want %d", second.StatusCode, c.status)
			}
			if c.says == "" {
				return
			}
			body, err := io.ReadAll(second.Body)
			if err != nil || !strings.Contains(string(body), c.says) || !strings.Contains(string(body), `"RATE_LIMITED"`) || second.Header.Get("Retry-After") == "" {
				t.Errorf("Retry-After %q, %v: %s", second.Header.Get("Retry-After"), err, body)
			}
			cancel()
			for range 500 {
				if h.streams.count() == 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if h.streams.count() != 0 || len(h.streams.by) != 0 {
				t.Errorf("%d streams of %d callers are left", h.streams.count(), len(h.streams.by))
			}
		})
	}
}

// TestSafetyR22SlowClientsAreCut opens a stream whose client never reads.
func TestSafetyR22SlowClientsAreCut(t *testing.T) {
	f := newFixture(t)
	h := f.handler(t, func(cfg *Config) { cfg.WriteTimeout = 200 * time.Millisecond }).(*handler)
	server := httptest.NewServer(h)
	defer server.Close()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: %d\r\n\r\n%s", len(changesQuery), changesQuery)
	change := &directory.Change{Kind: directory.ChangeKind(strings.Repeat("x", 1<<20))}
	timeout := time.After(20 * time.Second)
	for opened := false; !opened || h.streams.count() > 0; opened = opened || h.streams.count() > 0 {
		select {
		case f.events <- change:
		case <-time.After(10 * time.Millisecond):
		case <-timeout:
			t.Fatal("the client is still connected")
		}
	}
}

// TestSafetyR22QuietStreamsAreNotCut: the deadline is of one event, not of the time until the next one. On HTTP/2 a deadline
// that stands when nothing is written ends the stream.
func TestSafetyR22QuietStreamsAreNotCut(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		f := newFixture(t)
		server := httptest.NewUnstartedServer(f.handler(t, func(cfg *Config) { cfg.WriteTimeout = 100 * time.Millisecond }))
		server.EnableHTTP2 = version == 2
		server.StartTLS()
		request, err := http.NewRequest(http.MethodPost, server.URL, strings.NewReader(changesQuery))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "text/event-stream")
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.ProtoMajor != version {
			t.Errorf("HTTP/%d, want %d", response.ProtoMajor, version)
		}
		time.Sleep(400 * time.Millisecond)
		sent := make(chan bool, 1)
		go func() {
			select {
			case f.events <- &directory.Change{Kind: "LATE"}:
				sent <- true
			case <-time.After(10 * time.Second):
				sent <- false
			}
		}()
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() && !strings.Contains(lines.Text(), "event: next") {
		}
		if !<-sent || lines.Err() != nil || !strings.Contains(lines.Text(), "event: next") {
			t.Errorf("HTTP/%d: the stream ended while nothing happened: %v", version, lines.Err())
		}
		response.Body.Close()
		server.Close()
	}
}
