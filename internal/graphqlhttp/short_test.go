package graphqlhttp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// shortcut is a schema with a short road of its own.
type shortcut struct {
	graphql.ExecutableSchema
	road func(ctx context.Context, dst []byte) ([]byte, gqlerror.List, bool)
}

func (s shortcut) AppendData(ctx context.Context, _ *graphql.OperationContext, dst []byte) ([]byte, gqlerror.List, bool) {
	return s.road(ctx, dst)
}

func newShortcut(t *testing.T, deadline time.Duration, road func(ctx context.Context, dst []byte) ([]byte, gqlerror.List, bool)) http.Handler {
	t.Helper()
	return NewHandler(shortcut{newFixture(t).schema(), road}, Config{
		Present: presented, Deadline: deadline, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
}

// work works in memory until it is not wanted any more, as the plans of Roster do.
func work(ctx context.Context) (worked bool) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if ctx.Err() != nil {
			return true
		}
	}
	return false
}

func TestTheShortRoadKeepsItsTime(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]bool{"its answer is whole": true, "it gave up": false} {
		t.Run(name, func(t *testing.T) {
			h := newShortcut(t, 100*time.Millisecond, func(ctx context.Context, dst []byte) ([]byte, gqlerror.List, bool) {
				if !work(ctx) {
					t.Error("nobody told that its time is up")
				}
				return append(dst, `{}`...), nil, whole
			})
			got := ask(h, `{viewer{name}}`)
			if !strings.Contains(got.body, `"UNAVAILABLE"`) || got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "data") {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
}

// Nothing is answered to a client that left, and the executor is not asked in its place.
func TestTheShortRoadEndsWithItsClient(t *testing.T) {
	t.Parallel()
	client, leave := context.WithCancel(t.Context())
	h := newShortcut(t, time.Minute, func(ctx context.Context, dst []byte) ([]byte, gqlerror.List, bool) {
		leave()
		return dst, nil, !work(ctx)
	})
	r := httptest.NewRequestWithContext(client, http.MethodPost, "/graphql", strings.NewReader(`{"query":"{user(id:\"panic\"){id}}"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Body.Len() > 0 {
		t.Errorf("answered %s", w.Body)
	}
}

func TestTheShortRoadMayDecline(t *testing.T) {
	t.Parallel()
	h := newShortcut(t, time.Minute, func(_ context.Context, dst []byte) ([]byte, gqlerror.List, bool) { return dst, nil, false })
	if got := ask(h, `{viewer{name}}`); got.body != `{"data":{"viewer":{"name":"tester"}}}` {
		t.Error(got.body)
	}
}

// heapInUse is how many bytes are reachable.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes in two rounds
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestRefusalsLeaveNoMemory refuses much, ever anew: no text, error or document of it is kept.
func TestRefusalsLeaveNoMemory(t *testing.T) {
	h := newHandler(t, nil)
	refuse := func(round int) {
		for _, body := range []string{
			`{"query":"{` + numbered(10_000, " a%d:__typename") + `}"}`, `{"query":"{nothing` + fmt.Sprint(round) + strings.Repeat("x", 200_000) + `}"}`,
			`{"query":"{__typename` + strings.Repeat(" @x", 20_000) + `}"}`, `{"query":"` + doubling(26, "", "name") + fmt.Sprint("#", round) + `"}`,
			`{"query":"query Q` + fmt.Sprint(round) + `{users(first:1000){nodes{memberOf(first:1000){nodes{id}}}}}"}`, `{"query":"{viewer{name}}` + strings.Repeat(" ", 1<<20) + `"}`,
			byHash(hashOf(fmt.Sprint(round)), "{viewer{name}}"), `[` + strings.Repeat(`{"query":"{viewer{name}}"},`, 10_000) + `{}]`,
		} {
			if got := post(h, body); got.status < 400 {
				t.Fatalf("%d %.200s", got.status, got.body)
			}
		}
	}
	refuse(0)
	before := heapInUse()
	for round := range 15 {
		refuse(round)
	}
	if kept := heapInUse() - before; kept > 2<<20 {
		t.Errorf("120 refusals keep %d bytes", kept)
	}
	runtime.KeepAlive(h)
}

// TestKeptQueriesDoNotKeepTheirRequests: a small query may come in a large body.
func TestKeptQueriesDoNotKeepTheirRequests(t *testing.T) {
	h := newHandler(t, nil)
	large := strings.Repeat("x", 900<<10)
	before := heapInUse()
	for i := range 30 {
		if got := post(h, fmt.Sprintf(`{"query":"{a%d:viewer{name}}","other":"%s"}`, i, large)); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
	}
	if kept := heapInUse() - before; kept > 4<<20 {
		t.Errorf("30 queries keep %d bytes", kept)
	}
	runtime.KeepAlive(h)
}
