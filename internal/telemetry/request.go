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
