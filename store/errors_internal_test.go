package store

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/roster-gateway/roster/directory"
)

// A server that goes away in the middle of a greeting or of an answer leaves the driver with the end of a stream. A statement
// that ended with its context leaves the error of that context to the next one on the connection.
func TestAConnectionThatEndsIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		io.EOF, io.ErrUnexpectedEOF, fmt.Errorf("pq: %w", io.EOF), context.Canceled, fmt.Errorf("pq: %w", context.DeadlineExceeded),
	} {
		if got := mapError(context.Background(), err); !directory.HasCode(got, directory.CodeUnavailable) {
			t.Errorf("%v becomes %v", err, got)
		}
	}
}
