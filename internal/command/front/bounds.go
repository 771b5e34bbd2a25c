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

// writeTimeout is how long a client may take to accept what is sent to it, counted anew for each piece.
const writeTimeout = 30 * time.Second

// bounded puts deadlines on the request's body and on the answer, so that slow clients cannot hold connections.
func (f *Front) bounded(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	conn := http.NewResponseController(w)
	now := time.Now()
	if r.Body != nil && r.Body != http.NoBody && conn.SetReadDeadline(now.Add(f.timeout)) == nil {
		r.Body = &timedBody{ReadCloser: r.Body, conn: conn}
	}
	// Also for answers without a body. The deadline of the connection's last answer would stand otherwise.
	_ = conn.SetWriteDeadline(now.Add(f.timeout + writeTimeout)) // not possible on a test's recorder
	return &timedWriter{ResponseWriter: w, conn: conn}, r
}

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

// timedWriter gives each piece of the answer its own deadline.
type timedWriter struct {
	http.ResponseWriter
	conn *http.ResponseController
}

func (w *timedWriter) Write(p []byte) (int, error) {
	_ = w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	return w.ResponseWriter.Write(p)
}

// Flush sends what is written so far.
func (w *timedWriter) Flush() {
	_ = w.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_ = w.conn.Flush() // http.Flusher has no error
}

// Unwrap gives http.ResponseController the connection's own writer.
func (w *timedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

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
