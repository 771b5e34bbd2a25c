// Package graphqlhttp serves GraphQL over HTTP on gqlgen's executor: the GraphQL-over-HTTP specification for
// queries and mutations, GraphQL over Server-Sent Events for subscriptions, and a limit for everything that a
// request may make the server do. It knows nothing of the schema that it serves.
package graphqlhttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Config is what a handler needs beside its schema. Every field but Present may be left zero.
type Config struct {
	// Limits bounds each request; see [DefaultLimits].
	Limits Limits
	// Weigh says what a leaf field costs, in objects: more than nothing where it is worked out when it is asked for,
	// such as a count. Default: leaf fields cost nothing.
	Weigh func(*ast.FieldDefinition) int64
	// Log takes what operators must see: panics, with their stack. Default: [slog.Default].
	Log *slog.Logger
	// Present maps any error of a resolver or an extension to the GraphQL error that callers may see: a code in its
	// extensions, the text of foreign errors hidden. Errors about the request itself do not pass through it.
	// Default: everything is INTERNAL.
	Present graphql.ErrorPresenterFunc
	// Headers adds to the headers of an answer in one piece what its response holds; nil adds nothing.
	Headers func(http.Header, *graphql.Response)
	// Failed is told the code of the first error of each answer that has one, and of each result of a stream; LIMIT where the
	// request is over a limit. nil is not told.
	Failed func(ctx context.Context, code string)
	// Extensions are the server's own. They run after the limits, in order. None may change the query's text:
	// it is parsed before they run.
	Extensions []graphql.HandlerExtension
	// Deadline is how long a query or a mutation may take, from the end of its body. Default: 10 s.
	Deadline time.Duration
	// Introspection tells whether the caller may see the schema; where not, errors suggest no names either.
	// Default: everybody may.
	Introspection func(context.Context) bool
	// Caller names who asks, for the limits that each caller has. Default: all are one.
	Caller func(context.Context) string
	// Operations, unless nil, are the texts of all that may be run, and Unlisted tells whether the caller may run others
	// besides. Default: nobody may.
	Operations []string
	Unlisted   func(context.Context) bool
	// Spend takes the cost of an operation, in objects, from its caller's budget, and says in the header of the answer what
	// is left; the header is nil where it has been sent. Its error passes through Present. Default: nobody has a budget.
	Spend func(ctx context.Context, header http.Header, cost int64) error
	// RequestID names the request in ctx, in logs and in errors whose text is hidden. Default: a random name for
	// each panic.
	RequestID func(context.Context) string
	// Stopping, when closed, ends open subscriptions.
	Stopping <-chan struct{}
	// KeepAlive is how often an idle event stream gets a comment. Default: 12 s.
	KeepAlive time.Duration
	// WriteTimeout is how long one event may take to be written before a slow client is cut off. Default: 10 s.
	WriteTimeout time.Duration
}

// NewHandler returns a handler for one path, whatever its name. It panics where an extension or one of the Operations
// does not fit the schema: see [ReadOperations].
func NewHandler(schema graphql.ExecutableSchema, cfg Config) http.Handler {
	h := &handler{
		cfg:       cfg,
		limits:    cfg.Limits.orDefaults(),
		log:       cfg.Log,
		deadline:  orDefault(cfg.Deadline, 10*time.Second),
		keepAlive: orDefault(cfg.KeepAlive, 12*time.Second),
		write:     orDefault(cfg.WriteTimeout, 10*time.Second),
		exec:      executor.New(schema),
		schema:    schema.Schema(),
	}
	h.short, _ = schema.(ShortRoad)
	if h.log == nil {
		h.log = slog.Default()
	}
	h.scale = newScale(schema.Schema(), h.limits.ListSize, cfg.Weigh)
	h.documents = newDocuments(schema.Schema(), h.limits)
	h.persisted = newPersisted(h.limits)
	if cfg.Operations != nil {
		h.list(cfg.Operations)
	}
	h.exec.SetQueryCache(fromContext{})
	h.exec.SetErrorPresenter(h.present)
	h.exec.SetRecoverFunc(h.recovered)
	h.exec.Use(guard{h})
	for _, extension := range cfg.Extensions {
		h.exec.Use(extension)
	}
	for _, extension := range append([]graphql.HandlerExtension{guard{h}}, cfg.Extensions...) {
		if m, ok := extension.(graphql.OperationContextMutator); ok {
			h.mutators = append(h.mutators, m)
		}
	}
	return h
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}

type handler struct {
	cfg       Config
	limits    Limits
	scale     scale
	log       *slog.Logger
	deadline  time.Duration
	keepAlive time.Duration
	write     time.Duration
	exec      *executor.Executor
	schema    *ast.Schema
	short     ShortRoad                         // nil where the schema has none
	mutators  []graphql.OperationContextMutator // of the extensions, in order
	documents *documents
	persisted *persisted
	streams   openStreams
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	answer := &reply{w: w, media: negotiate(r), headers: h.cfg.Headers, ctx: ctx, failed: h.cfg.Failed}
	defer func() {
		if p := recover(); p != nil {
			h.panicked(ctx, answer, p)
		}
	}()
	form := answer.media
	if form == mediaNone || form == mediaStream {
		answer.media = mediaJSON // for errors
	}
	params, err := h.read(w, r)
	if refusal := (*httpRefusal)(nil); errors.As(err, &refusal) {
		answer.refuse(refusal)
		return
	}
	switch form {
	case mediaNone:
		answer.refuse(refuseHTTP(http.StatusNotAcceptable, "Answers are application/graphql-response+json, application/json or, for subscriptions, text/event-stream: accept one of them."))
	case mediaStream:
		h.stream(ctx, answer, r, params)
	default:
		h.answer(ctx, answer, r, params)
	}
}

// answer runs a query or a mutation and answers in one piece.
func (h *handler) answer(ctx context.Context, answer *reply, r *http.Request, params *graphql.RawParams) {
	timed := newDeadline(ctx, h.deadline, func() { h.answerLate(answer) })
	defer timed.finish()
	defer answer.end()

	ctx, op, errs := h.operation(h.spending(timed, answer), params)
	if len(errs) > 0 {
		h.refuse(answer, errs)
		return
	}
	if op.Operation == ast.Subscription {
		h.refuse(answer, gqlerror.List{refuse("A subscription is answered as a stream of events: send Accept: text/event-stream.")})
		return
	}
	if refusal := methodFits(r, op); refusal != nil {
		answer.refuse(refusal)
		return
	}
	if h.answerShort(ctx, answer, op, params) {
		return
	}
	ctx = graphql.StartOperationTrace(ctx)
	opCtx, errs := h.exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		h.refuse(answer, h.requestErrors(graphql.WithOperationContext(ctx, opCtx), errs))
		return
	}
	timed.start() // a resolver may wait for what knows no context
	responses, ctx := h.exec.DispatchOperation(ctx, opCtx)
	resp := responses(ctx)
	if resp == nil {
		if !expired(ctx) {
			return // the client is gone
		}
		resp = &graphql.Response{Errors: gqlerror.List{h.late()}}
	}
	resp.Errors = atMost(resp.Errors, h.limits.Errors)
	status := http.StatusOK
	if resp.Data == nil && len(resp.Errors) > 0 {
		status = answer.media.status(resp.Errors)
	}
	answer.send(status, resp)
}

// operation finds the operation that a request names in its document, and returns a context that carries the
// document. What is refused here is spent as well: to find it wrong was work.
func (h *handler) operation(ctx context.Context, params *graphql.RawParams) (context.Context, *ast.OperationDefinition, gqlerror.List) {
	doc, errs := h.document(ctx, params)
	if len(errs) > 0 {
		if over := h.spend(ctx, 1); over != nil {
			errs = h.requestErrors(ctx, gqlerror.List{over})
		}
		return ctx, nil, errs
	}
	op := doc.ast.Operations.ForName(params.OperationName)
	switch {
	case op != nil:
		return context.WithValue(ctx, documentKey{}, doc), op, nil
	case params.OperationName == "":
		return ctx, nil, gqlerror.List{refuse("The query holds %d operations: name the one to run in `operationName`.", len(doc.ast.Operations))}
	default:
		return ctx, nil, gqlerror.List{refuse("The query holds no operation named %q.", shorten(params.OperationName, maxPathName))}
	}
}

// document finds the document of a request by its text, or by the hash that names the text.
func (h *handler) document(ctx context.Context, params *graphql.RawParams) (*document, gqlerror.List) {
	hash, refusal := namedHash(params)
	if refusal != nil {
		return nil, gqlerror.List{refusal}
	}
	if hash != nil && params.Query == "" {
		text, known := h.persisted.get(*hash)
		if !known {
			return nil, gqlerror.List{notPersisted()}
		}
		params.Query = text
	}
	if h.documents.listed != nil && !h.documents.isListed(params.Query) && !h.mayRunUnlisted(ctx) {
		return nil, gqlerror.List{coded(codeForbidden, "This operation is not on the list of those that are run here. Ask the operator to add its text.")}
	}
	doc, errs := h.documents.get(params.Query, h.mayIntrospect(ctx))
	if hash != nil && len(errs) == 0 {
		h.persisted.keep(*hash, params.Query)
	}
	return doc, errs
}

// methodFits refuses a GET request that would change something, which links and prefetching could then do
// (GraphQL over HTTP, section "GET").
func methodFits(r *http.Request, op *ast.OperationDefinition) *httpRefusal {
	if r.Method != http.MethodGet || op.Operation != ast.Mutation {
		return nil
	}
	refusal := refuseHTTP(http.StatusMethodNotAllowed, "A mutation must be sent by POST.")
	refusal.allow = http.MethodPost
	return refusal
}

// requestErrors brings the errors of an operation that was not executed into the form that callers see.
func (h *handler) requestErrors(ctx context.Context, errs gqlerror.List) gqlerror.List {
	out := make(gqlerror.List, 0, len(errs))
	for _, err := range errs {
		switch {
		case errors.Is(err.Err, errRefused):
		case isProtocol(err):
			err = asBadInput(err)
		default:
			err = h.present(ctx, err)
		}
		if err != nil {
			out = append(out, err)
		}
	}
	return atMost(out, h.limits.RequestErrors)
}

// refuse answers a well-formed request that is not executed.
func (h *handler) refuse(answer *reply, errs gqlerror.List) {
	if len(errs) == 0 {
		errs = gqlerror.List{coded(codeInternal, "The request was refused.")}
	}
	answer.send(answer.media.status(errs), &graphql.Response{Errors: errs})
}
