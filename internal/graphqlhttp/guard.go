package graphqlhttp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// grace is what an operation gets beyond its deadline to notice that it is over. After it the request is answered
// without the operation.
const grace = 500 * time.Millisecond

var errDeadline = errors.New("the request's time is up")

// expired reports whether ctx ended because a request's time was up, and not because its client left.
func expired(ctx context.Context) bool {
	return ctx.Err() != nil && errors.Is(context.Cause(ctx), errDeadline)
}

func (h *handler) late() *gqlerror.Error {
	return coded(codeUnavailable, "The request was not done within %s. Ask for less, or try again.", h.deadline)
}

// answerLate answers in place of an operation that goes on past its deadline and grace.
func (h *handler) answerLate(answer *reply) {
	errs := gqlerror.List{h.late()}
	answer.sendLate(answer.media.status(errs), &graphql.Response{Errors: errs})
}

// present maps an error to what callers may see.
func (h *handler) present(ctx context.Context, err error) *gqlerror.Error {
	own := (*gqlerror.Error)(nil)
	if errors.As(err, &own) && errors.Is(own.Err, errRefused) {
		return own
	}
	if expired(ctx) {
		late := h.late()
		if own != nil {
			late.Path, late.Locations = own.Path, own.Locations
		}
		return late
	}
	if h.cfg.Present == nil {
		return h.hidden(ctx, own)
	}
	shown := h.cfg.Present(ctx, err)
	if shown == nil || codeOf(shown) != codeInternal || h.cfg.RequestID == nil {
		return shown
	}
	if _, named := shown.Extensions["requestId"]; named {
		return shown
	}
	named := *shown // the presenter may share its error, and its map, among requests
	named.Extensions = maps.Clone(shown.Extensions)
	named.Extensions["requestId"] = h.cfg.RequestID(ctx)
	return &named
}

// hidden is an error of which callers see nothing but where it was and how to ask about it.
func (h *handler) hidden(ctx context.Context, err *gqlerror.Error) *gqlerror.Error {
	masked := h.internal(h.requestID(ctx))
	if err != nil {
		masked.Path, masked.Locations = err.Path, err.Locations
	}
	return masked
}

func (h *handler) internal(requestID string) *gqlerror.Error {
	masked := coded(codeInternal, "Something went wrong on our side. Try again; if it stays, tell the operator the request id.")
	masked.Extensions["requestId"] = requestID
	return masked
}

func (h *handler) requestID(ctx context.Context) string {
	if h.cfg.RequestID != nil {
		if id := h.cfg.RequestID(ctx); id != "" {
			return id
		}
	}
	return rand.Text()
}

// recovered logs a panic of a resolver and masks it.
func (h *handler) recovered(ctx context.Context, p any) error { return h.masked(ctx, p) }

func (h *handler) masked(ctx context.Context, p any) *gqlerror.Error {
	id := h.requestID(ctx)
	h.log.LogAttrs(ctx, slog.LevelError, "A resolver panicked.",
		slog.String("requestId", id),
		slog.String("panic", fmt.Sprint(p)),
		slog.String("stack", string(debug.Stack())))
	return h.internal(id)
}

// panicked answers for a panic outside of any resolver.
func (h *handler) panicked(ctx context.Context, answer *reply, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	answer.send(http.StatusInternalServerError, &graphql.Response{Errors: gqlerror.List{h.masked(ctx, p)}})
}

func (h *handler) mayIntrospect(ctx context.Context) bool {
	return h.cfg.Introspection == nil || h.cfg.Introspection(ctx)
}

// guard is the extension that runs before the server's own: it checks what needs the operation and its variables.
type guard struct{ *handler }

// ExtensionName names the extension in gqlgen's logs.
func (guard) ExtensionName() string { return "Limits" }

// Validate accepts every schema.
func (guard) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses an operation that costs too much or reads a schema that its caller may not see.
func (g guard) MutateOperationContext(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	opCtx.DisableIntrospection = !g.mayIntrospect(ctx)
	if doc, ok := ctx.Value(documentKey{}).(*document); ok && doc.introspects && opCtx.DisableIntrospection {
		return coded(codeForbidden, "You may not read the schema: introspection is off.")
	}
	if refusal := checkNulls(ctx, opCtx.Operation, opCtx.Variables); refusal != nil {
		return refusal
	}
	cost := g.scale.measure(opCtx.Operation, opCtx.Variables)
	if cost > g.limits.Cost {
		return overLimit("The operation may produce %s objects, the limit is %d: ask for smaller pages, fewer keys or fewer levels.", objects(cost), g.limits.Cost)
	}
	return g.spend(ctx, cost)
}

type replyKey struct{}

// spending returns a context in which what is left of the caller's budget is told in the header of an answer.
func (h *handler) spending(ctx context.Context, answer *reply) context.Context {
	if h.cfg.Spend == nil {
		return ctx
	}
	return context.WithValue(ctx, replyKey{}, answer)
}

// spend takes the cost of an operation from its caller's budget.
func (h *handler) spend(ctx context.Context, cost int64) *gqlerror.Error {
	if h.cfg.Spend == nil {
		return nil
	}
	var header http.Header
	if answer, ok := ctx.Value(replyKey{}).(*reply); ok {
		answer.mu.Lock() // the guard of the deadline may be answering
		defer answer.mu.Unlock()
		if !answer.answered {
			header = answer.w.Header()
		}
	}
	if err := h.cfg.Spend(ctx, header, cost); err != nil {
		return gqlerror.Wrap(err)
	}
	return nil
}

// objects prints a measured cost; a saturated one is beyond counting.
func objects(cost int64) string {
	const countable = 1_000_000_000_000
	if cost > countable {
		return fmt.Sprintf("more than %d", int64(countable))
	}
	return fmt.Sprint(cost)
}
