package graphqlhttp

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// maxPooled is how large a buffer may be and still be kept for the next request, in bytes.
const maxPooled = 256 << 10

// largeAnswer is the size from which an answer no longer fits the buffers between us and the client, so that a
// client that does not read would hold us up; writeTimeout is how long one may take.
const (
	largeAnswer  = 32 << 10
	writeTimeout = 30 * time.Second
)

var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// encode writes a GraphQL response object. A response without data, which is that of a request that was not
// executed, has no `data` entry (GraphQL specification, section 7.1).
func encode(buf *bytes.Buffer, resp *graphql.Response) error {
	buf.WriteByte('{')
	separator := ""
	if len(resp.Errors) > 0 {
		errs, err := json.Marshal(resp.Errors)
		if err != nil {
			return err
		}
		buf.WriteString(`"errors":`)
		buf.Write(errs)
		separator = ","
	}
	if resp.Data != nil {
		buf.WriteString(separator)
		buf.WriteString(`"data":`)
		buf.Write(resp.Data)
		separator = ","
	}
	if len(resp.Extensions) > 0 {
		extensions, err := json.Marshal(resp.Extensions)
		if err != nil {
			return err
		}
		buf.WriteString(separator)
		buf.WriteString(`"extensions":`)
		buf.Write(extensions)
	}
	buf.WriteByte('}')
	return nil
}

// reply writes the one answer to a request: whoever comes first, the operation or the guard of its deadline.
type reply struct {
	media media

	mu       sync.Mutex
	w        http.ResponseWriter
	answered bool
	// over is set when the handler is about to return, after which nobody may touch w.
	over bool
}

// send writes a response object, unless the request was already answered.
func (a *reply) send(status int, resp *graphql.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sendLocked(status, resp)
}

// sendLate answers from outside of the handler's goroutine. The connection is busy until the operation ends, so it
// must not take another request.
func (a *reply) sendLate(status int, resp *graphql.Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || a.answered {
		return
	}
	a.w.Header().Set("Connection", "close")
	a.sendLocked(status, resp)
	_ = http.NewResponseController(a.w).Flush()
}

func (a *reply) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
}

func (a *reply) sendLocked(status int, resp *graphql.Response) {
	if a.answered {
		return
	}
	a.answered = true
	buf := answers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxPooled {
			answers.Put(buf)
		}
	}()
	if err := encode(buf, resp); err != nil {
		buf.Reset()
		status = http.StatusInternalServerError
		_ = encode(buf, &graphql.Response{Errors: gqlerror.List{coded(codeInternal, "The answer could not be encoded.")}})
	}
	header := a.w.Header()
	setCommonHeaders(header)
	header.Set("Content-Type", a.media.contentType())
	header.Set("Content-Length", strconv.Itoa(buf.Len()))
	if buf.Len() > largeAnswer {
		connection := http.NewResponseController(a.w)
		if connection.SetWriteDeadline(time.Now().Add(writeTimeout)) == nil {
			defer func() {
				_ = connection.Flush()
				_ = connection.SetWriteDeadline(time.Time{})
			}()
		}
	}
	a.w.WriteHeader(status)
	_, _ = a.w.Write(buf.Bytes())
}

// refuse answers a request that is not well-formed.
func (a *reply) refuse(refusal *httpRefusal) {
	if refusal.allow != "" {
		a.w.Header().Set("Allow", refusal.allow)
	}
	if refusal.status == http.StatusRequestEntityTooLarge || refusal.status == http.StatusRequestTimeout {
		a.w.Header().Set("Connection", "close")
	}
	a.send(refusal.status, &graphql.Response{Errors: gqlerror.List{refusal.shown}})
}

func setCommonHeaders(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Add("Vary", "Accept")
}

// status is the HTTP status of a well-formed request that was refused before it was executed (GraphQL over HTTP,
// section "Status Codes").
func (m media) status(errs gqlerror.List) int {
	if m != mediaGraphQL {
		return http.StatusOK
	}
	switch codeOf(errs[0]) {
	case "UNAUTHENTICATED":
		return http.StatusUnauthorized
	case codeForbidden:
		return http.StatusForbidden
	case codeRateLimited:
		return http.StatusTooManyRequests
	case codeUnavailable:
		return http.StatusServiceUnavailable
	case codeInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
