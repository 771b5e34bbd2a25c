package scim

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

const (
	scimJSON  = "application/scim+json"
	plainJSON = "application/json"
)

// answer is what a request is answered with. The body is JSON; nil is none.
type answer struct {
	status   int
	body     []byte
	etag     string
	location string
	// shows is the address of the resource in the body, its meta.location (RFC 7643 section 3.1).
	shows string
}

// answers are those that were sent, whose bodies are used again unless they are large.
var answers = sync.Pool{New: func() any { return &answer{body: make([]byte, 0, 2048)} }}

const largeBody = 64 << 10

// write sends an answer, which is not to be used any more.
func (rq *request) write(a *answer) {
	header := rq.w.Header()
	if a.etag != "" {
		header.Set("ETag", a.etag)
	}
	if a.location != "" {
		header.Set("Location", a.location)
	}
	if a.shows != "" {
		header.Set("Content-Location", a.shows)
	}
	if a.body == nil {
		rq.w.WriteHeader(a.status)
		return
	}
	header.Set("Content-Type", mediaType(rq.r)+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	rq.w.WriteHeader(a.status)
	_, _ = rq.w.Write(a.body) // the client is gone: nothing to be done
	if cap(a.body) <= largeBody {
		answers.Put(a)
	}
}

// mediaType is application/json for clients that ask for it and not for SCIM's own type (RFC 7644 section 3.8). Those
// that accept neither get SCIM's all the same, as RFC 9110 section 12.4.1 allows: there is no other, and most only never
// set the header.
func mediaType(r *http.Request) string {
	if len(r.Header["Accept"]) == 0 {
		return scimJSON
	}
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
