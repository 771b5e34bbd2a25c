package outbound_test

import (
	"strings"
	"testing"

	"github.com/roster-gateway/roster/internal/outbound"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Zoë 🙂": "Zoë 🙂", "a\x1b[2J\r\nb\x00": "a [2J  b ", "a\u009bb": "a b", "\xff\xfe": "?",
		strings.Repeat("a", 299) + "🙂": strings.Repeat("a", 299) + "...",
	} {
		if got := outbound.Printable(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
