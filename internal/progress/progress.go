// Package progress shows how far a long task is.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Bar is a bar that moves on a terminal; elsewhere it is a line for each quarter. It is safe for concurrent use, and a
// nil one shows nothing.
type Bar struct {
	out      io.Writer
	terminal bool
	total    int
	unit     string

	mu    sync.Mutex
	done  int
	begun time.Time
	shown time.Time
}

// New returns a bar for a number of units, which are named as in "requests".
func New(out io.Writer, terminal bool, total int, unit string) *Bar {
	return &Bar{out: out, terminal: terminal, total: total, unit: unit, begun: time.Now()}
}

// Step counts one more unit.
func (b *Bar) Step() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	switch {
	case b.terminal && (b.done == b.total || time.Since(b.shown) > 80*time.Millisecond):
		b.shown = time.Now()
		const width = 40
		full := b.done * width / max(b.total, 1)
		fmt.Fprintf(b.out, "\r  [%s%s] %s", strings.Repeat("=", full), strings.Repeat(" ", width-full), b.rate())
		if b.done == b.total {
			fmt.Fprintln(b.out)
		}
	case !b.terminal && b.done*4/max(b.total, 1) != (b.done-1)*4/max(b.total, 1):
		fmt.Fprintf(b.out, "  %s\n", b.rate())
	}
}

func (b *Bar) rate() string {
	took := time.Since(b.begun)
	return fmt.Sprintf("%d of %d %s, %.1f s, %.0f a second", b.done, b.total, b.unit, took.Seconds(), float64(b.done)/max(took.Seconds(), 1e-3))
}
