package telemetry

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

const (
	// maxOperations bounds the operations that have time series of their own. Clients choose the names.
	maxOperations = 100
	// maxOperationName is how long the name of one of them may be, in bytes.
	maxOperationName = 64
)

// The names of operations that have none of their own in the metrics. No operation can be called so.
const (
	anonymousOperation = "(anonymous)"
	otherOperations    = "(other)"
	// noOperation stands for requests that were refused before an operation was found, or before their caller might run it.
	noOperation = "(none)"
)

// operations are the figures of GraphQL operations, by name.
type operations struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec

	known atomic.Pointer[map[operationKey]*operation] // replaced when it grows: every request reads it
	mu    sync.Mutex                                  // held by who replaces it
	none  *operation
}

type operationKey struct{ kind, name string }

// operation is one that has time series of its own, or one that stands for others.
type operation struct {
	operationKey
	good     prometheus.Counter // those without an error; the others are rare, and looked up
	duration prometheus.Observer
}

func newOperations() *operations {
	o := &operations{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_graphql_requests_total",
			Help: "GraphQL requests that ended, by the operation's name and type and by the code of the first error, OK where there was none.",
		}, []string{"operation", "type", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "roster_graphql_request_duration_seconds", Help: "Time that GraphQL requests took, by the operation's name and type. Subscriptions are not in it.",
			Buckets: durationBuckets,
		}, []string{"operation", "type"}),
	}
	o.known.Store(&map[operationKey]*operation{})
	o.none = o.make(operationKey{"none", noOperation})
	return o
}

func (o *operations) make(key operationKey) *operation {
	return &operation{key, o.requests.WithLabelValues(key.name, key.kind, "OK"), o.durations.WithLabelValues(key.name, key.kind)}
}

// find returns the figures of an operation. The first names have some of their own, those after them share.
func (o *operations) find(kind, name string) *operation {
	key := operationKey{kind, name}
	if name == "" {
		key.name = anonymousOperation
	}
	if found := (*o.known.Load())[key]; found != nil {
		return found
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	known := *o.known.Load()
	if len(known) >= maxOperations || len(key.name) > maxOperationName {
		key.name = otherOperations
	}
	if known[key] == nil {
		known = maps.Clone(known)
		known[key] = o.make(key)
		o.known.Store(&known)
	}
	return known[key]
}

// ended counts a request for an operation, or for none that was found.
func (o *operations) ended(of *operation, code string, took time.Duration, stream bool) {
	if of == nil {
		of = o.none
	}
	if code == "" {
		of.good.Inc()
	} else {
		o.requests.WithLabelValues(of.name, of.kind, code).Inc()
	}
	if !stream {
		of.duration.Observe(took.Seconds())
	}
}

// Operations is an extension of GraphQL executors that notes which operation a request runs. It has to come last, so that
// nobody chooses names in the metrics who may not run the operation.
func (m *Metrics) Operations() graphql.HandlerExtension { return noteOperation{m.operations} }

type noteOperation struct{ *operations }

// ExtensionName names the extension in gqlgen's logs.
func (noteOperation) ExtensionName() string { return "Telemetry" }

// Validate accepts every schema.
func (noteOperation) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext notes the operation.
func (n noteOperation) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		r.operation.Store(n.find(string(op.Operation.Operation), op.Operation.Name))
	}
	return nil
}

// NoteError notes the code of an error in the answer to the context's request; the first one counts. The codes have to be
// few, and nothing that a client chose.
func NoteError(ctx context.Context, code string) {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		if code == "" {
			code = "UNKNOWN"
		}
		r.code.CompareAndSwap(nil, &code)
	}
}
