package directory

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of failure an [Error] is. GraphQL and SCIM map it to their own forms, each in one place.
type Code string

// The codes of every failure that a caller may see.
const (
	CodeUnauthenticated Code = "UNAUTHENTICATED"
	CodeForbidden       Code = "FORBIDDEN"
	CodeNotFound        Code = "NOT_FOUND"
	CodeBadInput        Code = "BAD_USER_INPUT"
	CodeConflict        Code = "CONFLICT"
	CodeRateLimited     Code = "RATE_LIMITED"
	CodeUnavailable     Code = "UNAVAILABLE"
	CodeInternal        Code = "INTERNAL"
)

// Reason narrows a code where callers act on the difference.
type Reason string

// The reasons.
const (
	// ReasonUniqueness: a value that must be unique is taken (CodeConflict).
	ReasonUniqueness Reason = "uniqueness"
	// ReasonStale: the row is no longer at the version that the caller named (CodeConflict).
	ReasonStale Reason = "stale"
	// ReasonExpired: a cursor or a revision is of an earlier life of the store, or older than what is kept (CodeBadInput).
	ReasonExpired Reason = "expired"
	// ReasonLimit: more was asked for than one request may (CodeBadInput).
	ReasonLimit Reason = "limit"
)

// Error is a failure that a caller may see. Message is one or two plain sentences: what was wrong and what to do.
type Error struct {
	Code   Code
	Reason Reason
	// Field is the path of the input that was wrong, empty where it is none in particular.
	Field   []string
	Message string
	// RetryAfter is how long to wait before trying again (CodeRateLimited), 0 where that is not known.
	RetryAfter time.Duration
	// Cause is for the log only.
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// At returns a copy of the error with its field path put under the given prefix.
func (e *Error) At(prefix ...string) *Error {
	c := *e
	c.Field = append(append([]string{}, prefix...), e.Field...)
	return &c
}

// AsError returns the [Error] in err's chain; a foreign error becomes CodeInternal, its text hidden in Cause.
func AsError(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: "Something went wrong on our side. Try again; if it stays, tell the operator the request id.", Cause: err}
}

// Expired is the error of a cursor or a revision that nothing can be told about any more.
func Expired(message string) *Error {
	return &Error{Code: CodeBadInput, Reason: ReasonExpired, Message: message}
}

// HasReason reports whether err is an [Error] with that reason.
func HasReason(err error, reason Reason) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Reason == reason
}

// HasCode reports whether err is an [Error] with that code.
func HasCode(err error, code Code) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Code == code
}

// BadInput is a CodeBadInput error about one field.
func BadInput(field, format string, args ...any) *Error {
	e := &Error{Code: CodeBadInput, Message: fmt.Sprintf(format, args...)}
	if field != "" {
		e.Field = []string{field}
	}
	return e
}

// NotFound is a CodeNotFound error about one field.
func NotFound(field, format string, args ...any) *Error {
	e := BadInput(field, format, args...)
	e.Code = CodeNotFound
	return e
}

// Clash is a CodeConflict error about one field.
func Clash(reason Reason, field, format string, args ...any) *Error {
	e := BadInput(field, format, args...)
	e.Code, e.Reason = CodeConflict, reason
	return e
}
