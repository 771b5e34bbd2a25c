package graphqlhttp

import (
	"context"
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

// buffers hold answers while they are made.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

type buffer struct{ bytes []byte }

func borrow() *buffer {
	b := buffers.Get().(*buffer)
	b.bytes = b.bytes[:0]
	return b
}

func (b *buffer) giveBack() {
	if cap(b.bytes) <= maxPooled {
		buffers.Put(b)
	}
}

// appendResponse appends a GraphQL response object. A response without data, which is that of a request that was not
// executed, has no `data` entry (GraphQL specification, section 7.1).
func appendResponse(dst []byte, resp *graphql.Response) ([]byte, error) {
	dst = append(dst, '{')
	separator := ""
	if len(resp.Errors) > 0 {
		errs, err := json.Marshal(resp.Errors)
		if err != nil {
			return nil, err
		}
		dst = append(append(dst, `"errors":`...), errs...)
		separator = ","
	}
	if resp.Data != nil {
		dst = append(append(append(dst, separator...), `"data":`...), resp.Data...)
		separator = ","
	}
	if len(resp.Extensions) > 0 {
		extensions, err := json.Marshal(resp.Extensions)
		if err != nil {
			return nil, err
		}
		dst = append(append(append(dst, separator...), `"extensions":`...), extensions...)
	}
	return append(dst, '}'), nil
}

// reply writes the one answer to a request: whoever comes first, the operation or the guard of its deadline.
type reply struct {
	media   media
	headers func(http.Header, *graphql.Response) // nil for none
	ctx     context.Context                      // of the request, for failed
	failed  func(context.Context, string)        // nil for none

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
	buf := borrow()
	defer buf.giveBack()
	var err error
	if buf.bytes, err = appendResponse(buf.bytes, resp); err != nil {
		status = http.StatusInternalServerError
		buf.bytes, _ = appendResponse(nil, &graphql.Response{Errors: gqlerror.List{coded(codeInternal, "The answer could not be encoded.")}})
	}
	if a.headers != nil && !a.answered {
		a.headers(a.w.Header(), resp)
	}
	if a.failed != nil && !a.answered && len(resp.Errors) > 0 {
		a.failed(a.ctx, noted(resp.Errors[0]))
	}
	a.write(status, buf.bytes)
}

// sendEncoded is send for a response object that is encoded already.
func (a *reply) sendEncoded(status int, body []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.write(status, body)
}

// write sends the one answer. The caller holds the lock.
func (a *reply) write(status int, body []byte) {
	if a.answered {
		return
	}
	a.answered = true
	header := a.w.Header()
	setCommonHeaders(header)
	header["Content-Type"] = a.media.contentType()
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		if _, given := header["Retry-After"]; !given {
			header["Retry-After"] = []string{"1"}
		}
	}
	if len(body) > largeAnswer {
		connection := http.NewResponseController(a.w)
		if connection.SetWriteDeadline(time.Now().Add(writeTimeout)) == nil {
			defer func() {
				_ = connection.Flush()
				_ = connection.SetWriteDeadline(time.Time{})
			}()
		}
	}
	a.w.WriteHeader(status)
	_, _ = a.w.Write(body)
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

// The values of headers that are always the same, shared by all answers: nobody writes into a header's values.
var (
	noStore = []string{"no-store"}
	noSniff = []string{"nosniff"}
	accept  = []string{"Accept"}
)

func setCommonHeaders(header http.Header) {
	header["Cache-Control"], header["X-Content-Type-Options"] = noStore, noSniff
	if _, varies := header["Vary"]; varies {
		header.Add("Vary", "Accept")
	} else {
		header["Vary"] = accept
	}
}

// status is the HTTP status of a well-formed request that was refused before it was executed (GraphQL over HTTP,
// section "Status Codes").
func (m media) status(errs gqlerror.List) int {
	code := codeOf(errs[0])
	if m != mediaGraphQL && code != codeRateLimited { // who has to wait is told so by the status: proxies and clients act on it
		return http.StatusOK
	}
	switch code {
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
