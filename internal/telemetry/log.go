package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
)

// NewLog returns a log in the form "text" or "json", or "auto": text on a terminal, otherwise json. Every record made
// with a request's context carries the request's id. The level is one of slog's names.
func NewLog(w io.Writer, form, level string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		least = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: least}
	var handler slog.Handler
	if form == "text" || form == "auto" && IsTerminal(w) {
		handler = slog.NewTextHandler(w, options)
	} else {
		handler = slog.NewJSONHandler(w, options)
	}
	return slog.New(withRequestID{handler})
}

// IsTerminal reports whether w is a terminal, or another character device.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// withRequestID adds the request id of a record's context.
type withRequestID struct{ slog.Handler }

func (h withRequestID) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withRequestID) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequestID{h.Handler.WithAttrs(attrs)}
}

func (h withRequestID) WithGroup(name string) slog.Handler {
	return withRequestID{h.Handler.WithGroup(name)}
}

// Hold is a writer that keeps what is written until it is released. A start that fails then says its one sentence alone,
// not at the end of everything that went well before.
type Hold struct {
	mu       sync.Mutex
	to       io.Writer
	held     []byte
	released bool
}

// maxHeld bounds what a Hold keeps, in bytes; the oldest is given up first.
const maxHeld = 64 << 10

// NewHold returns a Hold in front of a writer.
func NewHold(to io.Writer) *Hold { return &Hold{to: to} }

// Write keeps p, or passes it on once released.
func (h *Hold) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released {
		return h.to.Write(p)
	}
	h.held = append(h.held, p...)
	if over := len(h.held) - maxHeld; over > 0 {
		h.held = append(h.held[:0], h.held[over:]...)
	}
	return len(p), nil
}

// Release passes on what was kept, and from now on everything at once.
func (h *Hold) Release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.released && len(h.held) > 0 {
		_, _ = h.to.Write(h.held) // as with any log: there is nowhere to tell
	}
	h.held, h.released = nil, true
}
