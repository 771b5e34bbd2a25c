package graphqlhttp

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The codes that this package puts in `extensions.code`.
const (
	codeBadInput    = "BAD_USER_INPUT"
	codeForbidden   = "FORBIDDEN"
	codeUnavailable = "UNAVAILABLE"
	codeRateLimited = "RATE_LIMITED"
	codeInternal    = "INTERNAL"
)

// maxMessage is how long a message about a refused request may be, in bytes. Messages quote what was sent, so
// without a bound a short fault in a long request would make a long answer.
const maxMessage = 200

// maxPathName is how much of a name that was sent such a message quotes, in bytes.
const maxPathName = 64

// errRefused marks errors that this package made, which are shown as they are.
var errRefused = errors.New("refused")

// reasonLimit is what `extensions.reason` says of a request that is over a limit, here or behind.
const reasonLimit = "limit"

// refuse is a BAD_USER_INPUT error.
func refuse(format string, args ...any) *gqlerror.Error {
	return coded(codeBadInput, format, args...)
}

// overLimit is a BAD_USER_INPUT error about a limit.
func overLimit(format string, args ...any) *gqlerror.Error {
	err := refuse(format, args...)
	err.Extensions["reason"] = reasonLimit
	return err
}

// noted is how [Config].Failed calls an error: by its code, or LIMIT where the request is over a limit, which operators
// have to tell from mistakes.
func noted(err *gqlerror.Error) string {
	if err.Extensions["reason"] == reasonLimit {
		return "LIMIT"
	}
	return codeOf(err)
}

func coded(code, format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{
		Err:        errRefused,
		Message:    fmt.Sprintf(format, args...),
		Extensions: map[string]any{"code": code},
	}
}

// codeOf returns an error's code, empty where it has none.
func codeOf(err *gqlerror.Error) string {
	code, _ := err.Extensions["code"].(string)
	return code
}

// isProtocol reports whether an error is the executor's about the request itself: its text or its variables.
func isProtocol(err *gqlerror.Error) bool {
	code := codeOf(err)
	return code == errcode.ParseFailed || code == errcode.ValidationFailed
}

// asBadInput is a parser's, validator's or coercion's error in our form: our code, and a bounded length. A path, which
// only coercion sets and which leads into the variables, becomes part of the message: `path` is for the answer's fields.
func asBadInput(err *gqlerror.Error) *gqlerror.Error {
	message := err.Message
	if len(err.Path) > 1 {
		message = fmt.Sprintf("The variable `%s` is wrong: %s.", shorten(err.Path[1:].String(), maxPathName), inWords(message))
	}
	return &gqlerror.Error{
		Err:        errRefused,
		Message:    shorten(message, maxMessage),
		Locations:  err.Locations[:min(len(err.Locations), 3)],
		Extensions: map[string]any{"code": codeBadInput},
	}
}

// inWords says what coercion says in the terms of Go in those of JSON. It also leaves out the number that coercion
// prints where one does not fit, for that is not the number that was sent.
func inWords(message string) string {
	if strings.HasPrefix(message, "cannot use value ") {
		_, wanted, _ := strings.Cut(message, " as ")
		return "that number is no " + wanted
	}
	given, wanted, found := strings.Cut(strings.TrimPrefix(message, "cannot use "), " as ")
	if !found || !strings.HasPrefix(message, "cannot use ") {
		return strings.Replace(message, "must an input type", "must be an input type", 1)
	}
	switch given {
	case "slice":
		given = "a list"
	case "map":
		given = "an object"
	case "bool":
		given = "a boolean"
	case "string":
		given = "a string" // or a number, which is kept as its digits
	case "int", "int32", "int64", "float32", "float64":
		given = "a number"
	}
	return "cannot use " + given + " as " + wanted
}

// shorten cuts a text to at most limit bytes, at a character's boundary.
func shorten(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	const ellipsis = "…"
	cut := limit - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + ellipsis
}

// atMost caps a list of errors; the last one kept says how many were left out.
func atMost(errs gqlerror.List, limit int) gqlerror.List {
	if len(errs) <= limit {
		return errs
	}
	kept := append(gqlerror.List{}, errs[:limit]...)
	rest := &gqlerror.Error{Message: fmt.Sprintf("%d more errors are not shown.", len(errs)-limit)}
	if code := codeOf(errs[limit]); code != "" {
		rest.Extensions = map[string]any{"code": code}
	}
	return append(kept, rest)
}
