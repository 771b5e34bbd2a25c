package progress

import (
	"bytes"
	"strings"
	"testing"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	var plain, terminal bytes.Buffer
	for _, b := range []*Bar{New(&plain, false, 10, "requests"), New(&terminal, true, 10, "requests"), nil} {
		for range 10 {
			b.Step()
		}
	}
	if text := plain.String(); strings.Count(text, "\n") != 4 || strings.Contains(text, "\r") || !strings.Contains(text, "10 of 10 requests") {
		t.Errorf("not on a terminal: %q", text)
	}
	if text := terminal.String(); !strings.HasSuffix(text, "a second\n") || !strings.Contains(text, "["+strings.Repeat("=", 40)+"]") {
		t.Errorf("on a terminal: %q", text)
	}
}
