package pgserver

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// maxLine bounds a log line, in bytes; the rest of a longer one is cut off.
const maxLine = 4096

// logPump passes a program's output to slog and keeps its last complaint for error sentences.
type logPump struct {
	log *slog.Logger

	mu        sync.Mutex
	last      string        // the last line
	complaint string        // the first line of level FATAL or PANIC, or "initdb: error:"
	ended     chan struct{} // closed when the output ended
}

func newLogPump(log *slog.Logger) *logPump {
	return &logPump{log: log, ended: make(chan struct{})}
}

// pump reads until all writers are gone.
func (p *logPump) pump(r io.ReadCloser) {
	defer close(p.ended)
	defer r.Close()
	reader := bufio.NewReaderSize(r, maxLine)
	cut := false // the line's start was longer than the buffer and is passed on already
	for {
		line, err := reader.ReadSlice('\n')
		if !cut && len(line) > 0 {
			p.line(strings.TrimSpace(string(line)))
		}
		cut = err == bufio.ErrBufferFull
		if err != nil && !cut {
			return
		}
	}
}

// line judges one line. The server's own lines look like "LOG:  text".
func (p *logPump) line(line string) {
	if line == "" {
		return
	}
	level, text := slog.LevelDebug, line
	complaint := ""
	if severity, rest, ok := strings.Cut(line, ":"); ok {
		rest = strings.TrimSpace(rest)
		switch severity {
		case "WARNING", "ERROR":
			level, text = slog.LevelWarn, rest
		case "FATAL":
			level, text, complaint = slog.LevelWarn, rest, rest
		case "PANIC":
			level, text, complaint = slog.LevelError, rest, rest
		case "LOG", "HINT", "DETAIL":
			text = rest
		case "initdb":
			if message, ok := strings.CutPrefix(rest, "error: "); ok {
				level, complaint = slog.LevelWarn, message
			}
		}
	}
	p.mu.Lock()
	p.last = text
	if p.complaint == "" {
		p.complaint = complaint
	}
	p.mu.Unlock()
	p.log.Log(context.Background(), level, "postgres: "+text)
}

// reason is why the program failed, as far as it said.
func (p *logPump) reason() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.complaint != "":
		return p.complaint
	case p.last != "":
		return p.last
	}
	return "it said nothing"
}
