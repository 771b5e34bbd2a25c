// Package scim is the SCIM 2.0 door of Roster (RFC 7643, RFC 7644): it reads what provisioning clients send, hands
// change sets to the directory and shows identities as SCIM resources. It holds no rules about identities of its own.
package scim

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
	"github.com/roster-gateway/roster/scim/schema"
)

// DefaultMaxBody is the largest request body that is read where the configuration names none, in bytes.
const DefaultMaxBody = 1 << 20

// Config is what the handler is told about its surroundings.
type Config struct {
	// PublicURL is the address under which clients reach the server, without a trailing slash.
	PublicURL string
	// MaxBody is the largest request body that is read, in bytes; 0 is [DefaultMaxBody].
	MaxBody int64
	// Registry holds the schemas and resource types; nil is [schema.Default].
	Registry *schema.Registry
	// Log takes failures and left-out members; nil is the default logger.
	Log *slog.Logger
	// Wrong is told of each request that has no valid token. Its error, unless nil, is answered in place of 401. It may be
	// nil.
	Wrong func(*http.Request) error
	// Spend takes the cost of a request from its caller's budget, and says in the header what is left. Its error, unless
	// nil, is answered. It may be nil.
	Spend func(ctx context.Context, header http.Header, cost int64) error
	// Events takes what clients write and are refused; nil keeps nothing.
	Events *directory.ProvisioningLog
}

// Authenticator finds out who acts. It is given the values of the Authorization header as they came. An error that is
// no [directory.Error] of another kind means that nobody is known.
type Authenticator interface {
	Authenticate(ctx context.Context, authorization []string) (*access.Principal, error)
	// InstanceAt returns the instance whose Tenant URL holds a token, nil where there is none.
	InstanceAt(ctx context.Context, urlToken string) (*directory.Instance, error)
}

type handler struct {
	directory   *directory.Directory
	auth        Authenticator
	cfg         Config
	registry    *schema.Registry
	collections map[string]*collection // by the id of their resource type
}

// NewHandler serves everything under /scim/ and /tokens/.
func NewHandler(d *directory.Directory, auth Authenticator, cfg Config) http.Handler {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Registry == nil {
		cfg.Registry = schema.Default()
	}
	h := &handler{directory: d, auth: auth, cfg: cfg, registry: cfg.Registry, collections: map[string]*collection{}}
	for _, rt := range h.registry.ResourceTypes {
		h.collections[rt.ID] = newCollection(rt)
	}
	return h
}

// request is one request on its way through the handler.
type request struct {
	*handler
	w         http.ResponseWriter
	r         *http.Request
	context   context.Context // of r, with who acts
	id        string
	principal *access.Principal
	// instance owns everything that the request reads and writes.
	instance *directory.Instance
	// base is the address of the endpoints in the form that the client uses, and shape the same without its token.
	base  string
	shape string
	query query
	// listed is the endpoint whose resources are asked for, empty for those of all.
	listed string
	// given is the body of a request that is a part of another one.
	given map[string]any
	note  note
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, writes := directory.WithWrites(r.Context())
	rq := &request{handler: h, w: w, r: r, id: telemetry.RequestID(ctx), note: note{begun: time.Now()}}
	if rq.id == "" { // nobody before has seen to it
		rq.id = uuid.NewString()
		ctx = telemetry.WithRequestID(ctx, rq.id)
		w.Header().Set(telemetry.RequestIDHeader, rq.id)
	}
	rq.context = ctx
	answer, err := rq.safely(rq.serve)
	if revision := rq.revision(writes, err != nil); revision != nil {
		w.Header().Set("Roster-Revision", revision.String())
	}
	if err != nil {
		rq.record(r.Method, 0, err)
		rq.fail(err)
		return
	}
	rq.record(r.Method, answer.status, nil)
	rq.write(answer)
}

// revision is a state that holds what the request wrote, and what it found written as it should be; nil for a request
// that did neither. Only the latter asks the database.
func (rq *request) revision(writes *directory.Writes, failed bool) *directory.Revision {
	if failed || !writes.Unchanged() {
		return writes.Last()
	}
	now, err := rq.directory.Snapshot(rq.ctx())
	if err != nil { // what the request asked for is so all the same
		rq.cfg.Log.WarnContext(rq.ctx(), "scim: an answer goes without its revision", "error", err)
		return nil
	}
	return &now
}

// safely serves the request, or a part of it; a panic becomes an internal error.
func (rq *request) safely(serve func() (*answer, error)) (out *answer, err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if e, ok := p.(error); ok && errors.Is(e, http.ErrAbortHandler) {
			panic(p)
		}
		rq.cfg.Log.ErrorContext(rq.ctx(), "scim: panic", "panic", p, "stack", string(debug.Stack()))
		err = &directory.Error{Code: directory.CodeInternal, Message: hiddenMessage}
	}()
	return serve()
}

func (rq *request) ctx() context.Context { return rq.context }

// serve lets the request in and hands it to its endpoint.
func (rq *request) serve() (*answer, error) {
	if err := rq.authenticate(); err != nil {
		return nil, err
	}
	rest, err := rq.enter()
	if err != nil {
		return nil, err
	}
	if rq.query, err = parseQuery(rq.r.URL.RawQuery); err != nil {
		return nil, err
	}
	return rq.route(rest)
}

// authenticate finds the principal, before anything else about the request is looked at.
func (rq *request) authenticate() error {
	p, err := rq.auth.Authenticate(rq.ctx(), rq.r.Header.Values("Authorization"))
	if e := (*directory.Error)(nil); errors.As(err, &e) && e.Code != directory.CodeUnauthenticated {
		return err // the credential could not be checked
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	if p == nil || err != nil {
		if rq.cfg.Wrong != nil {
			if over := rq.cfg.Wrong(rq.r); over != nil {
				return over
			}
		}
		return &directory.Error{Code: directory.CodeUnauthenticated, Message: "A valid bearer token is required.", Cause: err}
	}
	rq.principal = p
	rq.context = directory.WithActor(access.WithPrincipal(rq.ctx(), p), p.Actor("scim", rq.id))
	return rq.spend(1)
}

// spend takes a cost from the caller's budget.
func (rq *request) spend(cost int) error {
	if rq.cfg.Spend == nil {
		return nil
	}
	return rq.cfg.Spend(rq.ctx(), rq.w.Header(), int64(cost))
}
