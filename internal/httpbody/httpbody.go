// Package httpbody refuses request bodies that are too large in a way that clients hear of.
package httpbody

import (
	"errors"
	"io"
	"net/http"
)

// ErrTooLarge says that a body has more bytes than it may.
var ErrTooLarge = errors.New("the body is too large")

// Read has a body of at most limit bytes read by into, and fails with [ErrTooLarge] where it is larger.
//
// A client that is still sending when the connection is closed may never see the answer (RFC 9112 section 9.6). So what
// goes beyond the limit is read too, up to as much again, and thrown away. One that asks before it sends (Expect:
// 100-continue, RFC 9110 section 10.1.1), or says that it has much more, is told at once.
func Read(r *http.Request, limit int64, into func(io.Reader) error) error {
	if r.ContentLength > limit {
		if r.ContentLength <= 2*limit && r.Header.Get("Expect") == "" {
			discard(r.Body, limit+limit)
		}
		return ErrTooLarge
	}
	counted := &counter{from: r.Body}
	if err := into(io.LimitReader(counted, limit+1)); err != nil {
		return err
	}
	if counted.n > limit {
		discard(r.Body, limit)
		return ErrTooLarge
	}
	return nil
}

// discard reads on; what it does not get to see makes no difference.
func discard(body io.Reader, most int64) { _, _ = io.CopyN(io.Discard, body, most) }

type counter struct {
	from io.Reader
	n    int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}
