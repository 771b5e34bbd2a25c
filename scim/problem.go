package scim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

const (
	errorURN = "urn:ietf:params:scim:api:messages:2.0:Error"
	// retryAfter is how many seconds a client is asked to wait where the service is not available.
	retryAfter    = "5"
	hiddenMessage = "Something went wrong on our side."
)

// problem is an error answer (RFC 7644 section 3.12).
type problem struct {
	status   int
	scimType string
	detail   string
	header   map[string]string
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s %s", p.status, p.scimType, p.detail) }

func badInput(scimType, format string, args ...any) error {
	return &problem{status: http.StatusBadRequest, scimType: scimType, detail: fmt.Sprintf(format, args...)}
}

func notFound() error {
	return &problem{status: http.StatusNotFound, detail: "There is no such resource."}
}

func notImplemented() error {
	return &problem{status: http.StatusNotImplemented, detail: "This endpoint is not supported."}
}

func stale() error {
	return &problem{status: http.StatusPreconditionFailed, detail: "The resource is at another version."}
}

// problemOf says what an error is to a client. Each kind of error is mapped here and nowhere else.
func problemOf(err error, requestID string) *problem {
	if p := (*problem)(nil); errors.As(err, &p) {
		return p
	}
	if e := (*filter.Error)(nil); errors.As(err, &e) {
		return &problem{status: http.StatusBadRequest, scimType: patch.InvalidFilter, detail: "The filter is not valid: " + e.Error() + "."}
	}
	if e := (*patch.Error)(nil); errors.As(err, &e) {
		return &problem{status: http.StatusBadRequest, scimType: e.Type, detail: e.Msg}
	}
	if e := (*schema.Error)(nil); errors.As(err, &e) {
		return &problem{status: http.StatusBadRequest, scimType: patch.InvalidValue, detail: e.Error() + "."}
	}
	if e := (*schema.MutabilityError)(nil); errors.As(err, &e) {
		return &problem{status: http.StatusBadRequest, scimType: patch.Mutability, detail: e.Error() + "."}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = &directory.Error{Code: directory.CodeUnavailable, Message: "The request took too long. Try again.", Cause: err}
	}
	return domainProblem(directory.AsError(err), requestID)
}

func domainProblem(e *directory.Error, requestID string) *problem {
	p := &problem{status: http.StatusInternalServerError, detail: e.Message}
	switch e.Code {
	case directory.CodeUnauthenticated:
		p.status, p.header = http.StatusUnauthorized, map[string]string{"WWW-Authenticate": `Bearer realm="scim"`}
	case directory.CodeForbidden:
		p.status = http.StatusForbidden
	case directory.CodeNotFound:
		p.status = http.StatusNotFound
	case directory.CodeBadInput:
		p.status, p.scimType = http.StatusBadRequest, patch.InvalidValue
	case directory.CodeConflict:
		p.status = http.StatusConflict
		switch e.Reason {
		case directory.ReasonUniqueness:
			p.scimType = "uniqueness"
		case directory.ReasonStale:
			p.status = http.StatusPreconditionFailed
		}
	case directory.CodeRateLimited:
		p.status, p.header = http.StatusTooManyRequests, map[string]string{"Retry-After": retryAfter}
		if e.RetryAfter > 0 {
			p.header["Retry-After"] = strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds())))
		}
	case directory.CodeUnavailable:
		p.status, p.header = http.StatusServiceUnavailable, map[string]string{"Retry-After": retryAfter}
	default:
		p.detail = hiddenMessage + " The request id is " + requestID + "."
	}
	return p
}

// fail answers with an error.
func (rq *request) fail(err error) {
	if errors.Is(err, context.Canceled) && rq.ctx().Err() != nil {
		return // nobody is there to be told
	}
	p := rq.problem(err)
	for name, value := range p.header {
		rq.w.Header().Set(name, value)
	}
	rq.write(&answer{status: p.status, body: encode(p.body())})
}

// problem is what an error is answered with. Failures of ours are logged.
func (rq *request) problem(err error) *problem {
	p := problemOf(err, rq.id)
	if p.status >= http.StatusInternalServerError && p.status != http.StatusNotImplemented {
		rq.cfg.Log.ErrorContext(rq.ctx(), "scim: request failed", "method", rq.r.Method, "status", p.status, "error", err)
	}
	return p
}

// body is the problem as clients see it.
func (p *problem) body() map[string]any {
	body := map[string]any{"schemas": []string{errorURN}, "status": strconv.Itoa(p.status), "detail": p.detail}
	if p.scimType != "" {
		body["scimType"] = p.scimType
	}
	return body
}
