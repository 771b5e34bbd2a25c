package pgserver

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLogPump(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*maxLine)
	for name, test := range map[string]struct{ output, want, reason string }{
		"levels": {
			output: "LOG:  starting\nWARNING:  careful\nFATAL:  no lock\nFATAL:  later\nPANIC:  all is lost\n\n",
			want: "level=DEBUG msg=\"postgres: starting\"\nlevel=WARN msg=\"postgres: careful\"\nlevel=WARN msg=\"postgres: no lock\"\n" +
				"level=WARN msg=\"postgres: later\"\nlevel=ERROR msg=\"postgres: all is lost\"\n",
			reason: "no lock",
		},
		"initdb": {
			output: "creating: it\ninitdb: error: no space\ninitdb: removing contents",
			want: "level=DEBUG msg=\"postgres: creating: it\"\nlevel=WARN msg=\"postgres: initdb: error: no space\"\n" +
				"level=DEBUG msg=\"postgres: initdb: removing contents\"\n",
			reason: "no space",
		},
		"a long line is cut": {
			output: "LOG:  " + long + "\nLOG:  short\n",
			want:   "level=DEBUG msg=\"postgres: " + long[:maxLine-len("LOG:  ")] + "\"\nlevel=DEBUG msg=\"postgres: short\"\n",
			reason: "short",
		},
		"silence": {reason: "it said nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			pump := newLogPump(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
				Level: slog.LevelDebug,
				ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return a
				},
			})))
			pump.pump(io.NopCloser(strings.NewReader(test.output)))
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if got := pump.reason(); got != test.reason {
				t.Errorf("reason %q, want %q", got, test.reason)
			}
		})
	}
}
