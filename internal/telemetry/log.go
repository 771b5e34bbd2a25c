package telemetry

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
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
	out := withRequestID{Handler: handler}
	if hold, ok := w.(*Hold); ok {
		out.urgent = hold.Flush
	}
	return slog.New(out)
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

// withRequestID adds the request id of a record's context, and sees to it that warnings are written at once.
type withRequestID struct {
	slog.Handler
	urgent func() // nil where everything is
}

func (h withRequestID) Handle(ctx context.Context, r slog.Record) error {
	if of, ok := ctx.Value(requestKey{}).(*request); ok {
		r.AddAttrs(slog.String("request_id", of.id))
		if of.trace != "" {
			r.AddAttrs(slog.String("trace_id", of.trace))
		}
	}
	err := h.Handler.Handle(ctx, r)
	if h.urgent != nil && r.Level >= slog.LevelWarn {
		h.urgent()
	}
	return err
}

func (h withRequestID) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequestID{h.Handler.WithAttrs(attrs), h.urgent}
}

func (h withRequestID) WithGroup(name string) slog.Handler {
	return withRequestID{h.Handler.WithGroup(name), h.urgent}
}

// Hold is a writer that keeps what is written until it is released. A start that fails then says its one sentence alone,
// not at the end of everything that went well before. Once released it passes on what was written within a few
// milliseconds in one piece: a line a request would otherwise be a system call a request.
type Hold struct {
	mu       sync.Mutex
	to       io.Writer
	held     []byte
	released bool
	due      bool // a flush is under way
}

const (
	// maxHeld bounds what a Hold keeps, in bytes. Before the release the oldest is given up first; after it, whoever
	// writes waits.
	maxHeld = 64 << 10
	// gather is how long lines wait for others.
	gather = 5 * time.Millisecond
)

// NewHold returns a Hold in front of a writer.
func NewHold(to io.Writer) *Hold { return &Hold{to: to} }

// Write keeps p.
func (h *Hold) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = append(h.held, p...)
	over := len(h.held) - maxHeld
	switch {
	case over > 0 && h.released:
		h.flush()
	case over > 0:
		h.held = append(h.held[:0], h.held[over:]...)
	case h.released && !h.due:
		h.due = true
		time.AfterFunc(gather, h.Flush)
	}
	return len(p), nil
}

// Release passes on what was kept, and from now on everything that is written.
func (h *Hold) Release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.released = true
	h.flush()
}

// Flush passes on what was written since the release.
func (h *Hold) Flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.due = false
	if h.released {
		h.flush()
	}
}

func (h *Hold) flush() {
	if len(h.held) > 0 {
		_, _ = h.to.Write(h.held) // as with any log: there is nowhere to tell
	}
	h.held = h.held[:0]
}
