// Package scimclient sends SCIM requests as a provisioning client does (RFC 7644).
package scimclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/roster-gateway/roster/internal/outbound"
)

const (
	// maxAnswer bounds an answer that is read, in bytes.
	maxAnswer = 64 << 20
	// tries is how often a request is sent that the server cannot take now.
	tries = 8
	// maxWait bounds what a server may ask to wait.
	maxWait = 2 * time.Minute
)

// Client sends requests to one SCIM service. It is safe for concurrent use.
type Client struct {
	// Base is the address that resource names follow, without a slash at its end.
	Base string
	// Token returns the bearer. rejected is one that the service has just refused, for which there may be another.
	Token func(ctx context.Context, rejected string) (string, error)
	HTTP  *http.Client

	mu sync.Mutex
	// pause is until when the service has asked to be left alone: by all of the requests that are under way.
	pause time.Time
}

// Fixed is the Token of a client whose bearer never changes.
func Fixed(bearer string) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) { return bearer, nil }
}

// Error is a refusal by the service (RFC 7644 section 3.12).
type Error struct {
	Status int
	// Type is the scimType, empty for none.
	Type   string
	Detail string
}

// Error says what the service said.
func (e *Error) Error() string {
	kind := ""
	if e.Type != "" {
		kind = " " + e.Type
	}
	return fmt.Sprintf("SCIM answered %d%s: %s", e.Status, kind, e.Detail)
}

// Send does one request, with a body unless that is nil, and decodes its answer into out unless that is nil. Statuses of
// 300 and more are errors of the type [Error]; 429 and 503 are tried again when the server asks to (RFC 9110 section
// 10.2.3), and 401 with another bearer where there is one.
func (c *Client) Send(ctx context.Context, method, path string, body, out any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	bearer, err := c.Token(ctx, "")
	if err != nil {
		return err
	}
	renewed := false
	for try := 1; ; try++ {
		if err := c.await(ctx); err != nil {
			return err
		}
		header, err := c.once(ctx, method, path, bearer, text, out)
		refusal := (*Error)(nil)
		if !errors.As(err, &refusal) {
			return err
		}
		switch refusal.Status {
		case http.StatusUnauthorized:
			next, failed := c.Token(ctx, bearer)
			if failed != nil {
				return failed
			}
			if renewed || next == bearer {
				return err
			}
			bearer, renewed = next, true
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			if try >= tries {
				return err
			}
			c.hold(wait(header.Get("Retry-After"), try))
		default:
			return err
		}
	}
}

// await returns when the service may be asked.
func (c *Client) await(ctx context.Context) error {
	for {
		c.mu.Lock()
		left := time.Until(c.pause)
		c.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hold keeps all requests back for a time.
func (c *Client) hold(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if until := time.Now().Add(d); until.After(c.pause) {
		c.pause = until
	}
}

// wait is how long a Retry-After asks for, in seconds or as a date; without one, longer with each try.
func wait(retryAfter string, try int) time.Duration {
	d := time.Second << min(try-1, 5)
	if seconds, err := strconv.Atoi(strings.TrimSpace(retryAfter)); err == nil {
		d = time.Duration(min(max(seconds, 0), int(maxWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(retryAfter); err == nil {
		d = max(time.Until(at), 0)
	}
	return min(d, maxWait)
}

// once sends a request once.
func (c *Client) once(ctx context.Context, method, path, bearer string, text []byte, out any) (http.Header, error) {
	var body io.Reader
	if text != nil {
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.Base+path, body)
	if err != nil {
		return nil, errors.New("the Tenant URL is no web address")
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Accept", "application/scim+json, application/json")
	if text != nil {
		request.Header.Set("Content-Type", "application/scim+json")
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unreachable(ctx, err)
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("SCIM answered with more than %d bytes", maxAnswer)
	case response.StatusCode >= http.StatusMultipleChoices:
		return response.Header, refusal(response.StatusCode, answer)
	case out == nil || len(answer) == 0:
		return nil, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return nil, errors.New("SCIM answered with something else than JSON: is this a Tenant URL?")
	}
	return nil, nil
}

// unreachable says why there is no answer, without the address: it holds the token of a Tenant URL.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	return fmt.Errorf("the SCIM service cannot be reached: %w", err)
}

func refusal(status int, answer []byte) error {
	var said struct {
		Detail string `json:"detail"`
		Type   string `json:"scimType"`
	}
	if json.Unmarshal(answer, &said) != nil || said.Detail == "" {
		said.Detail = "it gave no reason"
	}
	return &Error{Status: status, Type: outbound.Printable(said.Type), Detail: outbound.Printable(said.Detail)}
}
