package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/roster-gateway/roster/directory"
)

// Observe gives every request an id, logs it when it has ended, counts it, and turns a panic into a plain 500. Neither
// paths nor query strings are logged: they hold instance tokens and people's names.
func Observe(next http.Handler, log *slog.Logger, m *Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := requestID(r.Header.Values(RequestIDHeader))
		noted := &request{Context: r.Context(), id: id}
		var ctx context.Context = noted
		w.Header()[RequestIDHeader] = []string{id}
		answer := &recorder{ResponseWriter: w}
		m.inFlight.Inc()
		aborted := true
		defer func() {
			m.inFlight.Dec()
			if aborted {
				log.InfoContext(ctx, "request aborted", "method", Method(r), "route", routeOf(ctx))
			}
		}()
		r = r.WithContext(ctx)
		guarded(next, answer, r, log)
		aborted = false

		took := time.Since(start)
		route, method, status := routeOf(ctx), Method(r), answer.code()
		m.ended(route, method, status, took, answer.stream())
		if route == GraphQLRoute {
			m.operations.ended(noted.operation.Load(), noted.firstError(), took, answer.stream())
		}
		level := slog.LevelInfo
		if strings.HasPrefix(route, "/health/") {
			level = slog.LevelDebug
		}
		log.LogAttrs(ctx, level, "request",
			slog.String("method", method), slog.String("route", route), slog.Int("status", status),
			slog.Int64("duration_us", took.Microseconds()), slog.Int64("bytes", answer.bytes))
	})
}

// guarded runs the handler. A panic is logged with its stack, and the client gets a 500 without it; where the answer has
// begun already, the connection is cut so that nobody takes the part for the whole.
func guarded(next http.Handler, w *recorder, r *http.Request, log *slog.Logger) {
	defer func() {
		thrown := recover()
		if thrown == nil {
			return
		}
		if err, ok := thrown.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(http.ErrAbortHandler)
		}
		NoteError(r.Context(), string(directory.CodeInternal))
		log.ErrorContext(r.Context(), "panic", "panic", fmt.Sprint(thrown), "stack", string(debug.Stack()))
		if w.status != 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `{"errors":[{"message":"Something went wrong on our side. Try again; if it stays, tell the operator the request id.","extensions":{"code":"INTERNAL","requestId":%q}}]}`+"\n",
			RequestID(r.Context()))
	}()
	next.ServeHTTP(w, r)
}

// Method is the request's method, or OTHER where it is none of HTTP's own: clients must not invent labels.
func Method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "OTHER"
}

// recorder notes the status and the size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the final status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts what is written.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Flush sends what is written so far.
func (w *recorder) Flush() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush() // http.Flusher has no error
}

// Unwrap gives http.ResponseController the connection's own writer.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// stream reports whether the answer is a stream of events.
func (w *recorder) stream() bool {
	return strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
}
