// Package tracing records how requests and synchronizations spend their time, as OpenTelemetry traces, and sends them to a
// collector. It is off unless the standard variables name one, and then costs nothing: nothing is wrapped.
//
// Spans say what was done and how long it took: routes, names of operations and fields, SQL texts with placeholders, hosts.
// They hold no arguments, no paths with names in them, no tokens and nobody's data.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names the spans' origin.
const scope = "github.com/roster-gateway/roster"

// quietFor is how long failures of a collector are not told of again.
const quietFor = time.Minute

// Tracing sends spans. A nil Tracing is off: its methods return what they are given.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	context  propagation.TraceContext
}

// Wanted tells whether the environment names a collector (OpenTelemetry, "OTLP Exporter Configuration" and "General SDK
// Configuration").
func Wanted() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// started tells whether there is a provider for what leads to others.
var started atomic.Bool

// Start begins to send spans where they are [Wanted]; otherwise it returns nil. Its error is one sentence for the operator.
// Nothing waits for the collector: what it does not take in time is dropped, and told of in the log once a minute.
func Start(ctx context.Context, version string, log *slog.Logger) (*Tracing, error) {
	if !Wanted() {
		return nil, nil
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if protocol := os.Getenv(variable); protocol != "" && protocol != "http/protobuf" {
			return nil, fmt.Errorf("%s is %q: traces are sent by http/protobuf alone, for which collectors listen on port 4318", variable, protocol)
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, errors.New("traces cannot be sent to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names: write it as http://127.0.0.1:4318")
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "roster"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, errors.New("OTEL_RESOURCE_ATTRIBUTES cannot be read: write it as key=value,key=value")
	}
	t := &Tracing{provider: sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))}
	t.tracer = t.provider.Tracer(scope)
	otel.SetTracerProvider(t.provider) // for what leads to others: see Transport
	otel.SetTextMapPropagator(t.context)
	otel.SetErrorHandler(&complaint{log: log})
	started.Store(true)
	return t, nil
}

// Stop sends what waits, until ctx ends.
func (t *Tracing) Stop(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Statement begins a span of an SQL statement with placeholders; the function that it returns ends it. It is nil where
// tracing is off.
func (t *Tracing) Statement() func(ctx context.Context, text string) func(error) {
	if t == nil {
		return nil
	}
	return func(ctx context.Context, text string) func(error) {
		if !allowed(ctx) {
			return func(error) {}
		}
		operation, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		_, span := t.tracer.Start(ctx, "postgresql "+operation, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("db.system.name", "postgresql"), attribute.String("db.operation.name", operation), attribute.String("db.query.text", shortened(text))))
		return func(err error) { end(span, err) }
	}
}

// maxSpans bounds the spans of one request: a page of a thousand users could have thousands.
const maxSpans = 200

type budgetKey struct{}

// withBudget lets the spans of a request in. What Roster looks after by itself has none: it would be a trace a second.
func withBudget(ctx context.Context) context.Context {
	return context.WithValue(ctx, budgetKey{}, new(atomic.Int64))
}

// allowed takes one span from the request's budget.
func allowed(ctx context.Context) bool {
	spans, ok := ctx.Value(budgetKey{}).(*atomic.Int64)
	return ok && spans.Add(1) <= maxSpans
}

// maxText bounds how much of a statement a span holds, in bytes.
const maxText = 2000

func shortened(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}

// end ends a span. Of an error it says that there was one: its text may quote what was asked for.
func end(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(failed, "")
	}
	span.End()
}
