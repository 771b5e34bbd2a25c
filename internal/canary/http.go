package canary

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Handler looks at what a handler answers.
func Handler(t testing.TB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &answer{ResponseWriter: w}
		defer func() { lookAt(t, r, w.Header(), seen.body.String()) }()
		next.ServeHTTP(seen, r)
	})
}

// answer keeps what is answered.
type answer struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (a *answer) Write(p []byte) (int, error) {
	a.body.Write(p)
	return a.ResponseWriter.Write(p)
}

// Unwrap gives [http.ResponseController] what it controls.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Client is an HTTP client that looks at what it is answered. It follows no redirect.
func Client(t testing.TB) *http.Client {
	return &http.Client{
		Transport:     Transport(t, http.DefaultTransport),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Transport looks at the answers that another one brings, when their bodies have ended or are closed.
func Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return transport{t, next}
}

type transport struct {
	t    testing.TB
	next http.RoundTripper
}

func (tr transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := tr.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &body{ReadCloser: response.Body, end: func(text string) { lookAt(tr.t, r, response.Header, text) }}
	return response, nil
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (tr transport) CloseIdleConnections() {
	if closer, ok := tr.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// body keeps what is read of it, and shows it once at the end.
type body struct {
	io.ReadCloser
	end func(string)

	mu   sync.Mutex // a body may be closed while it is read
	read strings.Builder
	once sync.Once
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	b.read.Write(p[:n])
	b.mu.Unlock()
	if err != nil {
		b.show()
	}
	return n, err
}

func (b *body) Close() error {
	b.show()
	return b.ReadCloser.Close()
}

func (b *body) show() {
	b.once.Do(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.end(b.read.String())
	})
}

// lookAt looks at an answer.
func lookAt(t testing.TB, r *http.Request, header http.Header, body string) {
	place := "the answer to " + r.Method + " " + r.URL.Path
	var lines strings.Builder
	_ = header.Write(&lines) // a builder takes everything
	Look(t, "the header of "+place, lines.String())
	LookAtAnswer(t, place, body)
}
