package tracing

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/roster-gateway/roster/internal/telemetry"
)

const failed = codes.Error

// Handler records each request but probes and scrapes. It goes on with the caller's trace (W3C Trace Context), and names the
// span by the route that the handler behind it has set.
func (t *Tracing) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/health/") || r.URL.Path == "/metrics" {
			next.ServeHTTP(w, r)
			return
		}
		ctx := t.context.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, telemetry.Method(r), trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		telemetry.SetTrace(ctx, span.SpanContext().TraceID().String())
		answer := &status{ResponseWriter: w}
		defer func() { // also where it panics
			seen := telemetry.Look(ctx)
			span.SetName(telemetry.Method(r) + " " + seen.Route)
			span.SetAttributes(attribute.String("http.request.method", telemetry.Method(r)), attribute.String("http.route", seen.Route),
				attribute.Int("http.response.status_code", answer.code), attribute.String("roster.request_id", seen.ID))
			if seen.Operation != "" {
				span.SetAttributes(attribute.String("graphql.operation.name", seen.Operation), attribute.String("graphql.operation.type", seen.OperationType))
			}
			if seen.Code != "" {
				span.SetAttributes(attribute.String("error.type", seen.Code))
			}
			if answer.code >= 500 || answer.code == 0 {
				span.SetStatus(failed, "")
			}
		}()
		next.ServeHTTP(answer, r.WithContext(withBudget(ctx)))
		if answer.code == 0 {
			answer.code = http.StatusOK
		}
	})
}

// status notes the status of an answer; 0 where it has not begun.
type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader notes the final status.
func (s *status) WriteHeader(code int) {
	if s.code == 0 && code >= 200 {
		s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

// Write notes that the answer has begun.
func (s *status) Write(p []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(p)
}

// Unwrap gives http.ResponseController the connection's own writer.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Transport records the requests to others and passes the trace on with them. While tracing is off it is next.
func Transport(next http.RoundTripper) http.RoundTripper { return upstream{next} }

type upstream struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (u upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	if !started.Load() {
		return u.next.RoundTrip(r)
	}
	ctx, span := otel.Tracer(scope).Start(r.Context(), r.Method, trace.WithSpanKind(trace.SpanKindClient))
	if !span.IsRecording() {
		return u.next.RoundTrip(r)
	}
	span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.String("server.address", r.URL.Hostname()))
	r = r.Clone(ctx) // a transport changes no request of its caller's
	otel.GetTextMapPropagator().Inject(ctx, propagation.HeaderCarrier(r.Header))
	response, err := u.next.RoundTrip(r)
	if response != nil {
		span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
		if response.StatusCode >= 400 {
			span.SetStatus(failed, "")
		}
	}
	end(span, err)
	return response, err
}
