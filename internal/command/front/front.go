// Package front is what every request meets first: it knows the routes, lets nobody past without a token, answers the
// probes, bounds what slow clients can hold, and winds down in order.
package front

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
)

// Handlers answer the routes of a Roster that has started.
type Handlers struct {
	GraphQL http.Handler
	// SCIM serves /scim/ and /tokens/ and authenticates its callers itself, so that its refusals have SCIM's form.
	SCIM http.Handler
	// Console serves static files, which hold no data, to everybody.
	Console http.Handler
	Metrics http.Handler
	// Wall lets callers with a token of the GraphQL API through, and hands what to answer the others to refuse.
	Wall func(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler
	// Wrong is told of each request that has no valid token. Its error, unless nil, is answered in place of the refusal. It
	// may be nil. SCIM tells it by itself.
	Wrong func(*http.Request) error
	// Await returns when this replica reflects the revision.
	Await func(ctx context.Context, r directory.Revision) error
	// Ping reports whether the database answers.
	Ping func(ctx context.Context) error
}

// Front answers requests in each phase of Roster's life: the probes always, everything else between Open and the end.
type Front struct {
	log     *slog.Logger
	timeout time.Duration
	// accept is how long a client may take to accept what is sent to it, counted anew for each piece.
	accept time.Duration
	opened atomic.Pointer[opened]
	probes probes
	// apart is whether a listener of its own answers scrapes.
	apart bool

	stopping chan struct{}
}

// opened is the Handlers with what the front puts around them.
type opened struct {
	Handlers
	graphQL, metrics, nothing http.Handler
}

// New returns a Front that is starting. timeout is what one request may take.
func New(log *slog.Logger, timeout time.Duration) *Front {
	return &Front{log: log, timeout: timeout, accept: acceptTimeout, stopping: make(chan struct{})}
}

// Open begins to serve.
func (f *Front) Open(h Handlers) {
	o := &opened{Handlers: h}
	o.graphQL = h.Wall(f.atLeast(h.GraphQL, h.Await), f.turnAway)
	o.metrics = h.Wall(f.readOnly(h.Metrics), f.turnAway)
	o.nothing = h.Wall(http.HandlerFunc(f.notFound), f.turnAway)
	f.opened.Store(o)
	f.probes.open(h.Ping)
}

// Drain makes /health/ready answer 503 while everything is served as before.
func (f *Front) Drain() { f.probes.drain() }

// EndStreams closes Stopping. It is called once.
func (f *Front) EndStreams() { close(f.stopping) }

// Stopping is closed when streams have to end, which would go on for ever.
func (f *Front) Stopping() <-chan struct{} { return f.stopping }

// Ready reports what /health/ready would answer.
func (f *Front) Ready() bool { return f.probes.state(context.Background()) == stateReady }

// The routes, as the log and the metrics name them, but for SCIM's, see [scimRoute].
const (
	routeLive    = "/health/live"
	routeReady   = "/health/ready"
	routeGraphQL = telemetry.GraphQLRoute
	routeMetrics = "/metrics"
	routeSCIM    = "/scim/"
	routeTokens  = "/tokens/"
	routeConsole = "/"
)

// noSniff is a header's value, shared by all answers.
var noSniff = []string{"nosniff"}

// ServeHTTP routes by the path as it was sent: one that is not in its plainest form matches nothing, so that no other
// reading of it, by a proxy or by a handler, opens a way around the wall. (ServeMux would redirect such paths, and
// refuse wrong methods, before anybody was authenticated.)
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w, r, route := f.received(w, r)
	switch o := f.opened.Load(); {
	case route == routeLive:
		f.live(w, r)
	case route == routeReady:
		f.ready(w, r)
	case o == nil:
		f.refuse(w, r, starting())
	case route == routeGraphQL:
		o.graphQL.ServeHTTP(w, r)
	case route == routeMetrics && !f.apart:
		o.metrics.ServeHTTP(w, r)
	case route == routeSCIM || route == routeTokens:
		f.timed(o.SCIM).ServeHTTP(w, r)
	case route == routeConsole && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		o.Console.ServeHTTP(w, r)
	default:
		o.nothing.ServeHTTP(w, r)
	}
}

// Management answers the probes, and scrapes to callers with a token; it is for a listener of its own. The Front itself
// then answers no scrapes. It is called before either serves.
func (f *Front) Management() http.Handler {
	f.apart = true
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, r, route := f.received(w, r)
		switch o := f.opened.Load(); {
		case route == routeLive:
			f.live(w, r)
		case route == routeReady:
			f.ready(w, r)
		case o == nil:
			f.refuse(w, r, starting())
		case route == routeMetrics:
			o.metrics.ServeHTTP(w, r)
		default:
			o.nothing.ServeHTTP(w, r)
		}
	})
}

// received is what is done to every request: it is bounded, and its route is found and named.
func (f *Front) received(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request, string) {
	w.Header()["X-Content-Type-Options"] = noSniff
	if f.probes.draining.Load() {
		w.Header().Set("Connection", "close") // the next request goes to another replica
	}
	w, r = f.bounded(w, r)
	route := routeOf(r.URL)
	switch route {
	case "":
	case routeSCIM, routeTokens:
		telemetry.SetRoute(r.Context(), scimRoute(r.URL.Path))
	default:
		telemetry.SetRoute(r.Context(), route)
	}
	return w, r, route
}

func starting() error {
	return &directory.Error{Code: directory.CodeUnavailable, Message: "Roster is starting. Try again in a moment."}
}

// routeOf is the route of a path, empty where it is none.
func routeOf(u *url.URL) string {
	switch {
	case !plain(u):
		return ""
	case u.Path == routeLive, u.Path == routeReady, u.Path == routeGraphQL, u.Path == routeMetrics:
		return u.Path
	case strings.HasPrefix(u.Path, routeSCIM):
		return routeSCIM
	case strings.HasPrefix(u.Path, routeTokens):
		return routeTokens
	case u.Path == "/", strings.HasPrefix(u.Path, "/explorer/"):
		return routeConsole
	}
	return ""
}

// encodedColon is what clients write for the colons of a schema's URN in a path.
var encodedColon = strings.NewReplacer("%3A", ":", "%3a", ":")

// plain reports whether a path is in its plainest form: nothing encoded that need not be but colons, no empty and no
// dotted segments. One slash at its end is let through to SCIM, whose clients send it.
func plain(u *url.URL) bool {
	if u.RawPath != "" && encodedColon.Replace(u.RawPath) != u.Path || !strings.HasPrefix(u.Path, "/") {
		return false
	}
	clean := path.Clean(u.Path)
	return u.Path == clean || u.Path == clean+"/"
}
