package graphqlhttp

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// openStreams counts the event streams that are open, in all and for each caller.
type openStreams struct {
	mu  sync.Mutex
	all int
	by  map[string]int
}

// enter counts a stream of a caller. It returns which limit there is no room under, empty where it was counted.
func (s *openStreams) enter(caller string, limits Limits) (full string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.all >= limits.Subscriptions:
		return fmt.Sprintf("%d event streams are open, which is the limit.", limits.Subscriptions)
	case s.by[caller] >= limits.SubscriptionsPerCaller:
		return fmt.Sprintf("%d event streams are open with this access token, which is the limit for one.", limits.SubscriptionsPerCaller)
	}
	if s.by == nil {
		s.by = map[string]int{}
	}
	s.all++
	s.by[caller]++
	return ""
}

func (s *openStreams) leave(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.by[caller]--; s.by[caller] == 0 {
		delete(s.by, caller)
	}
}

func (s *openStreams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// stream answers any operation as a stream of events (GraphQL over Server-Sent Events, "distinct connections
// mode"): `next` for each result, then `complete`. Errors in the operation are a `next` event too, for clients
// cannot read the body of a refused stream; who is to wait is told so by the status.
func (h *handler) stream(ctx context.Context, answer *reply, r *http.Request, params *graphql.RawParams) {
	caller := h.caller(ctx)
	if full := h.streams.enter(caller, h.limits); full != "" {
		answer.refuse(&httpRefusal{shown: coded(codeRateLimited, "%s Try again later.", full), status: http.StatusTooManyRequests})
		return
	}
	defer h.streams.leave(caller)

	ctx, op, errs := h.operation(h.spending(ctx, answer), params)
	cancel := context.CancelFunc(func() {})
	if op != nil {
		if refusal := methodFits(r, op); refusal != nil {
			answer.refuse(refusal)
			return
		}
		ctx, cancel = h.streamContext(ctx, op)
	}
	defer cancel()

	var opCtx *graphql.OperationContext
	if len(errs) == 0 {
		ctx = graphql.StartOperationTrace(ctx)
		if opCtx, errs = h.exec.CreateOperationContext(ctx, params); len(errs) > 0 {
			errs = h.requestErrors(graphql.WithOperationContext(ctx, opCtx), errs)
		}
	}
	if len(errs) > 0 && codeOf(errs[0]) == codeRateLimited {
		h.refuse(answer, errs)
		return
	}
	events := make(chan []byte)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(events)
		h.produce(ctx, opCtx, errs, events)
	}()
	// The producer may be waiting for us or for its resolver: both end with the context.
	defer func() { <-done }()
	defer cancel()
	answer.answered = true
	h.writeEvents(ctx, answer.w, events)
}

// caller names who asks, for the limits that each caller has.
func (h *handler) caller(ctx context.Context) string {
	if h.cfg.Caller == nil {
		return ""
	}
	return h.cfg.Caller(ctx)
}

// streamContext is the context of a streamed operation. Only subscriptions go on past the deadline.
func (h *handler) streamContext(ctx context.Context, op *ast.OperationDefinition) (context.Context, context.CancelFunc) {
	if op.Operation == ast.Subscription {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, h.deadline, errDeadline)
}

// produce runs an operation, unless errs say why not, and sends its encoded results until it ends or the context does.
func (h *handler) produce(ctx context.Context, op *graphql.OperationContext, errs gqlerror.List, events chan<- []byte) {
	send := func(resp *graphql.Response) bool {
		if h.cfg.Failed != nil && len(resp.Errors) > 0 {
			h.cfg.Failed(ctx, noted(resp.Errors[0]))
		}
		// Encoded here, because the executor reuses the memory of a result for the next one.
		event, err := nextEvent(resp)
		if err != nil {
			return false
		}
		select {
		case events <- event:
			return true
		case <-ctx.Done():
			return false
		}
	}
	defer func() {
		if p := recover(); p != nil {
			send(&graphql.Response{Errors: gqlerror.List{h.masked(ctx, p)}})
		}
	}()
	if len(errs) > 0 {
		send(&graphql.Response{Errors: errs})
		return
	}
	responses, ctx := h.exec.DispatchOperation(ctx, op)
	for {
		resp := responses(ctx)
		if resp == nil {
			return
		}
		resp.Errors = atMost(resp.Errors, h.limits.Errors)
		if !send(resp) {
			return
		}
	}
}

func nextEvent(resp *graphql.Response) ([]byte, error) {
	event, err := appendResponse([]byte("event: next\ndata: "), resp)
	return append(event, "\n\n"...), err
}

var (
	// completeEvent has an empty data line because browsers drop events that have none.
	completeEvent = []byte("event: complete\ndata:\n\n")
	commentLine   = []byte(":\n\n")
)

// eventWriter writes events, each within a time limit.
type eventWriter struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	timeout    time.Duration
	// sent is set once a result was written.
	sent bool
}

func (e *eventWriter) start() {
	header := e.w.Header()
	setCommonHeaders(header)
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("X-Accel-Buffering", "no") // proxies must not hold events back
	e.w.WriteHeader(http.StatusOK)
}

// write reports whether the event reached the connection.
func (e *eventWriter) write(event []byte) bool {
	_ = e.connection.SetWriteDeadline(time.Now().Add(e.timeout))
	if _, err := e.w.Write(event); err != nil {
		return false
	}
	if e.connection.Flush() != nil {
		return false
	}
	_ = e.connection.SetWriteDeadline(time.Time{}) // of an idle stream of HTTP/2 it would be the end
	return true
}

// writeEvents writes what arrives until the events end, the client leaves or reads too slowly, or the server stops.
func (h *handler) writeEvents(ctx context.Context, w http.ResponseWriter, events <-chan []byte) {
	e := &eventWriter{w: w, connection: http.NewResponseController(w), timeout: h.write}
	e.start()
	if !e.write(commentLine) {
		return
	}
	idle := time.NewTicker(h.keepAlive)
	defer idle.Stop()
	for {
		select {
		case event, more := <-events:
			if !more {
				h.complete(ctx, e)
				return
			}
			if !e.write(event) {
				return
			}
			e.sent = true
			idle.Reset(h.keepAlive)
		case <-idle.C:
			if !e.write(commentLine) {
				return
			}
		case <-h.cfg.Stopping:
			e.write(completeEvent)
			return
		case <-ctx.Done():
			h.complete(ctx, e)
			return
		}
	}
}

// complete ends a stream whose client is still there.
func (h *handler) complete(ctx context.Context, e *eventWriter) {
	if ctx.Err() != nil && !expired(ctx) {
		return
	}
	if expired(ctx) && !e.sent {
		if event, err := nextEvent(&graphql.Response{Errors: gqlerror.List{h.late()}}); err == nil && !e.write(event) {
			return
		}
	}
	e.write(completeEvent)
}
