package canary

import (
	"io"
	"log/slog"
	"testing"
)

// Log is a log of every level that is looked at, and goes nowhere else.
func Log(t testing.TB) *slog.Logger { return LogTo(t, io.Discard) }

// LogTo is a log of every level that is looked at on its way.
func LogTo(t testing.TB, next io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(Writer(t, "the log", next), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Writer looks at what is written, each part by itself, and passes it on.
func Writer(t testing.TB, place string, next io.Writer) io.Writer { return writer{t, place, next} }

type writer struct {
	t     testing.TB
	place string
	next  io.Writer
}

func (w writer) Write(p []byte) (int, error) {
	Look(w.t, w.place, string(p))
	return w.next.Write(p)
}
