package scim

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const (
	scimJSON  = "application/scim+json"
	plainJSON = "application/json"
)

// answer is what a request is answered with; a nil body is none.
type answer struct {
	status   int
	body     map[string]any
	etag     string
	location string
}

func (rq *request) write(a *answer) {
	header := rq.w.Header()
	if a.etag != "" {
		header.Set("ETag", a.etag)
	}
	if a.location != "" {
		header.Set("Location", a.location)
	}
	if a.body == nil {
		rq.w.WriteHeader(a.status)
		return
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(a.body); err != nil { // only what is no JSON value, which is a fault of ours
		rq.cfg.Log.ErrorContext(rq.ctx(), "scim: answer", "error", err)
		rq.w.WriteHeader(http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", mediaType(rq.r)+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(b.Len()))
	rq.w.WriteHeader(a.status)
	_, _ = rq.w.Write(b.Bytes()) // the client is gone: nothing to be done
}

// mediaType is application/json for clients that ask for it and not for SCIM's own type (RFC 7644 section 3.8).
func mediaType(r *http.Request) string {
	plain := false
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		switch kind, _, _ := mime.ParseMediaType(part); kind {
		case scimJSON, "*/*", "application/*":
			return scimJSON
		case plainJSON:
			plain = true
		}
	}
	if plain {
		return plainJSON
	}
	return scimJSON
}
