package command

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/roster-gateway/roster/directory"
)

// maxSentence bounds what a failed command says, in bytes.
const maxSentence = 700

// sentence says on one line why a command failed and what to do. The causes of errors stay out of it: they can hold what
// the sentence of the error leaves out with care.
func sentence(err error) string {
	if e := (*directory.Error)(nil); errors.As(err, &e) {
		return e.Message
	}
	return oneLine(err.Error())
}

// listenError says why Roster cannot listen on the address that a variable names.
func listenError(variable, address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("the address %s is in use by another program: stop that one, or choose another address with %s", address, variable)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on %s: choose a port above 1023 with %s", address, variable)
	}
	return fmt.Errorf("cannot listen on %s (%s): choose another address with %s", address, reason(err), variable)
}

// reason is the innermost text of an error: without addresses and names of calls.
func reason(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return oneLine(err.Error())
}

// oneLine puts a text on one line of bounded length.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxSentence {
		text = strings.ToValidUTF8(text[:maxSentence], "") + "..."
	}
	return text
}
