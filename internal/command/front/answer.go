package front

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
)

// statuses are the HTTP forms of the codes, outside of GraphQL and SCIM.
var statuses = map[directory.Code]int{
	directory.CodeUnauthenticated: http.StatusUnauthorized,
	directory.CodeForbidden:       http.StatusForbidden,
	directory.CodeNotFound:        http.StatusNotFound,
	directory.CodeBadInput:        http.StatusBadRequest,
	directory.CodeConflict:        http.StatusConflict,
	directory.CodeRateLimited:     http.StatusTooManyRequests,
	directory.CodeUnavailable:     http.StatusServiceUnavailable,
}

// turnAway refuses whom the wall does not let through.
func (f *Front) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if o := f.opened.Load(); o != nil && o.Wrong != nil && directory.HasCode(err, directory.CodeUnauthenticated) {
		if over := o.Wrong(r); over != nil {
			err = over
		}
	}
	f.refuse(w, r, err)
}

// refuse answers with an error, in the form of a GraphQL request error.
func (f *Front) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := directory.AsError(err)
	status, known := statuses[e.Code]
	if !known {
		status = http.StatusInternalServerError
	}
	telemetry.NoteError(r.Context(), string(e.Code))
	if e.Cause != nil {
		f.log.WarnContext(r.Context(), "request refused", "code", e.Code, "error", e.Cause)
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="roster"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(e.RetryAfter.Seconds())))))
	}
	answer(w, status, errorBody(e, telemetry.RequestID(r.Context())))
}

func errorBody(e *directory.Error, requestID string) any {
	type extensions struct {
		Code      directory.Code `json:"code"`
		RequestID string         `json:"requestId,omitempty"`
	}
	type message struct {
		Message    string     `json:"message"`
		Extensions extensions `json:"extensions"`
	}
	return struct {
		Errors []message `json:"errors"`
	}{[]message{{e.Message, extensions{e.Code, requestID}}}}
}

func answer(w http.ResponseWriter, status int, body any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // our own structs: cannot fail
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the client may be gone
}

func (f *Front) notFound(w http.ResponseWriter, r *http.Request) {
	f.refuse(w, r, &directory.Error{Code: directory.CodeNotFound, Message: "There is nothing at this address."})
}

// readOnly refuses every method but GET and HEAD.
func (f *Front) readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowRead(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// allowRead answers 405 to every method but GET and HEAD, and reports whether the request may go on.
func allowRead(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	answer(w, http.StatusMethodNotAllowed, errorBody(
		&directory.Error{Code: directory.CodeBadInput, Message: "This address answers GET and HEAD only."}, telemetry.RequestID(r.Context())))
	return false
}
