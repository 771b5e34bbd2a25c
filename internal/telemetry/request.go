// Package telemetry tells operators what Roster does: request ids, the log and the metrics.
package telemetry

import (
	"context"
	"crypto/rand"
	"sync/atomic"
)

// RequestIDHeader carries a request's id, in both directions.
const RequestIDHeader = "X-Request-Id"

// request is the context of a request, with what is known of it.
type request struct {
	context.Context
	id    string
	route string // touched by the goroutine that serves the request only

	trace string // touched by the goroutine that serves the request only, before it hands the request on
	// What GraphQL told of it, perhaps from other goroutines.
	operation atomic.Pointer[operation]
	code      atomic.Pointer[string] // of the first error
}

type requestKey struct{}

// Value finds the request itself, and what its parent carries.
func (r *request) Value(key any) any {
	if key == (requestKey{}) {
		return r
	}
	return r.Context.Value(key)
}

// WithRequestID returns a context of the request with that id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return &request{Context: ctx, id: id}
}

// RequestID returns the id of the context's request, empty where it has none.
func RequestID(ctx context.Context) string {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r.id
	}
	return ""
}

// SetRoute names the pattern that the context's request matched, such as "/scim/v2/Users/{id}". It stands for the path in
// the log and in the metrics, so it must be one of few and hold nothing that a client chose. It is for the goroutine that
// serves the request.
func SetRoute(ctx context.Context, pattern string) {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		r.route = pattern
	}
}

// firstError is the code of the first error that was noted, empty for none.
func (r *request) firstError() string {
	if code := r.code.Load(); code != nil {
		return *code
	}
	return ""
}

// SetTrace names the trace that the context's request is recorded in; its log lines tell it.
func SetTrace(ctx context.Context, id string) {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		r.trace = id
	}
}

// Seen is what is known of a request.
type Seen struct {
	ID, Route string
	// Operation and OperationType are those of GraphQL, as the metrics name them; empty for none.
	Operation, OperationType string
	// Code is that of the first error; empty for none.
	Code string
}

// Look returns what is known of the context's request by now. It is for the goroutine that serves it.
func Look(ctx context.Context) Seen {
	r, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return Seen{Route: routeOf(ctx)}
	}
	seen := Seen{ID: r.id, Route: routeOf(ctx), Code: r.firstError()}
	if o := r.operation.Load(); o != nil {
		seen.Operation, seen.OperationType = o.name, o.kind
	}
	return seen
}

// GraphQLRoute is the route whose requests are counted by their operations.
const GraphQLRoute = "/graphql"

// routeOf returns the pattern that was set, or a name for all requests that matched none.
func routeOf(ctx context.Context) string {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		if r.route != "" {
			return r.route
		}
	}
	return "(none)"
}

// requestID takes over a client's id if it is sane, and else makes one.
func requestID(offered []string) string {
	if len(offered) == 1 && saneID(offered[0]) {
		return offered[0]
	}
	return rand.Text()
}

// saneID reports whether an id is 1 to 64 letters, digits, '_' and '-' of ASCII: nothing that could forge a log line.
func saneID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
