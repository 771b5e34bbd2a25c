package connector

import (
	"errors"
	"fmt"
	"time"
)

// Code says what the synchronization does about an error of a source.
type Code int

// The codes. An error without one is [Unavailable]: the next run may come off.
const (
	// Unavailable: the source does not answer, or not as it should.
	Unavailable Code = iota
	// StateExpired: the state of the last round leads nowhere any more. A full round follows.
	StateExpired
	// Throttled: the source asks to come back after RetryAfter.
	Throttled
	// Misconfigured: nothing comes off until the configuration is another one.
	Misconfigured
	// NeedsConsent: the source takes the sign-in no more; somebody has to consent or to sign in again.
	NeedsConsent
)

// Error is what went wrong with a source, in a sentence for an admin: what, where, and what to do.
type Error struct {
	Code    Code
	Message string
	// RetryAfter is how long to wait, of [Throttled].
	RetryAfter time.Duration
	// Cause is for the log.
	Cause error
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an error of a code.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError finds the error of a source in a chain; nil where there is none.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
