package graphqlhttp

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/internal/httpbody"
)

// httpRefusal is a refusal whose status does not depend on the form of the answer.
type httpRefusal struct {
	shown  *gqlerror.Error
	status int
	allow  string
}

func (r *httpRefusal) Error() string { return r.shown.Message }

func refuseHTTP(status int, format string, args ...any) *httpRefusal {
	return &httpRefusal{shown: refuse(format, args...), status: status}
}

// read takes the parameters of an operation out of a request. Its errors are *httpRefusal.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, error) {
	params := &graphql.RawParams{Headers: r.Header}
	params.ReadTime.Start = graphql.Now()
	// A body that drips in would hold its connection for good, also where the server only skips it.
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(h.deadline))
	var err error
	switch r.Method {
	case http.MethodPost:
		err = h.readBody(r, params)
	case http.MethodGet:
		err = h.readQuery(r, params)
	default:
		refusal := refuseHTTP(http.StatusMethodNotAllowed, "GraphQL is served to GET and POST requests.")
		refusal.allow = "GET, POST"
		return nil, refusal
	}
	params.ReadTime.End = graphql.Now()
	if refusal := (*gqlerror.Error)(nil); errors.As(err, &refusal) {
		return nil, &httpRefusal{shown: refusal, status: http.StatusBadRequest}
	}
	if err == nil {
		_ = connection.SetReadDeadline(time.Time{}) // else it would end the connection while the operation runs
	}
	return params, err
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (h *handler) readBody(r *http.Request, params *graphql.RawParams) error {
	if !isJSON(r.Header.Get("Content-Type")) {
		return refuseHTTP(http.StatusUnsupportedMediaType, "The body must be JSON in UTF-8: send it with Content-Type: application/json.")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return refuseHTTP(http.StatusUnsupportedMediaType, "The body must not be compressed.")
	}
	buf := bodies.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= maxPooled {
			buf.Reset()
			bodies.Put(buf)
		}
	}()
	err := httpbody.Read(r, h.limits.Body, func(body io.Reader) error {
		_, err := buf.ReadFrom(body)
		return err
	})
	if err != nil {
		if errors.Is(err, httpbody.ErrTooLarge) {
			return h.tooLarge()
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return refuseHTTP(http.StatusBadRequest, "The body is shorter than its Content-Length.")
		}
		return refuseHTTP(http.StatusRequestTimeout, "The body could not be read to its end.")
	}
	return decodeRequest(buf.Bytes(), h.limits.InputDepth, params)
}

func (h *handler) tooLarge() error {
	return refuseHTTP(http.StatusRequestEntityTooLarge, "The request is larger than %d bytes, which is the limit.", h.limits.Body)
}

// readQuery reads the parameters of a GET request (GraphQL over HTTP, section "GET").
func (h *handler) readQuery(r *http.Request, params *graphql.RawParams) error {
	if int64(len(r.URL.RawQuery)) > h.limits.Body {
		return h.tooLarge()
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refuse("The query string is malformed.")
	}
	for _, key := range []string{"query", "operationName", "variables", "extensions"} {
		if len(values[key]) > 1 {
			return refuse("The query string repeats `%s`.", key)
		}
	}
	params.Query = values.Get("query")
	params.OperationName = values.Get("operationName")
	if params.Variables, err = h.jsonParameter(values, "variables"); err != nil {
		return err
	}
	if params.Extensions, err = h.jsonParameter(values, "extensions"); err != nil {
		return err
	}
	return needQuery(values.Has("query"), params)
}

func (h *handler) jsonParameter(values url.Values, key string) (map[string]any, error) {
	text := values.Get(key)
	if text == "" {
		return nil, nil
	}
	value, err := decodeJSON([]byte(text), h.limits.InputDepth+1)
	if err != nil {
		return nil, err
	}
	return optionalObject(key, value)
}
