package front

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/roster-gateway/roster/directory"
)

// AtLeastHeader names a revision that the answer has to reflect.
const AtLeastHeader = "Roster-At-Least"

// acceptTimeout is how long a client may take to accept each piece of an answer.
const acceptTimeout = 30 * time.Second

// bounded puts deadlines on the request's body and on the answer, so that slow clients cannot hold connections.
func (f *Front) bounded(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	b := &exchange{ResponseWriter: w, conn: http.NewResponseController(w), accept: f.accept}
	now := time.Now()
	if r.Body != nil && r.Body != http.NoBody && b.conn.SetReadDeadline(now.Add(f.timeout)) == nil {
		b.body.ReadCloser, b.body.conn = r.Body, b.conn
		r.Body = &b.body
	}
	// Also for answers without a body. The deadline of the connection's last answer would stand otherwise.
	_ = b.conn.SetWriteDeadline(now.Add(f.timeout + f.accept)) // not possible on a test's recorder
	return b, r
}

// exchange is a request's body and its answer. Each piece of the answer has its own deadline.
type exchange struct {
	http.ResponseWriter
	conn   *http.ResponseController
	accept time.Duration
	body   timedBody
}

func (e *exchange) Write(p []byte) (int, error) {
	_ = e.conn.SetWriteDeadline(time.Now().Add(e.accept))
	return e.ResponseWriter.Write(p)
}

// Flush sends what is written so far.
func (e *exchange) Flush() {
	_ = e.conn.SetWriteDeadline(time.Now().Add(e.accept))
	_ = e.conn.Flush() // http.Flusher has no error
}

// Unwrap gives http.ResponseController the connection's own writer.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// timedBody lifts the read deadline at the body's end: later the connection is only watched for the client's leaving, and
// a deadline would look like that.
type timedBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.conn.SetReadDeadline(time.Time{}) // it could be set, so it can be lifted
	}
	return n, err
}

// timed ends the request's context when its time is over.
func (f *Front) timed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), f.timeout)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// atLeast lets a request wait until this replica reflects the revision that it names. SCIM needs none of this: it reads
// from the database itself.
func (f *Front) atLeast(next http.Handler, await func(context.Context, directory.Revision) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if named := r.Header.Values(AtLeastHeader); len(named) > 0 {
			if err := f.await(r.Context(), named, await); err != nil {
				f.refuse(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (f *Front) await(ctx context.Context, named []string, await func(context.Context, directory.Revision) error) error {
	if len(named) > 1 {
		return directory.BadInput(AtLeastHeader, "The header %s was sent more than once. Send the newest revision only.", AtLeastHeader)
	}
	revision, err := directory.ParseRevision(named[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	err = await(ctx, revision)
	if errors.Is(err, context.DeadlineExceeded) {
		return &directory.Error{Code: directory.CodeUnavailable, Message: "This replica does not reflect the revision yet. Try again.", Cause: err}
	}
	return err
}
