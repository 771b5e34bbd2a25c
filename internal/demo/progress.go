package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// progress shows how far a long task is: a bar that moves on a terminal, else a line for each quarter.
type progress struct {
	out      io.Writer
	terminal bool
	total    int

	mu    sync.Mutex
	done  int
	begun time.Time
	shown time.Time
}

func newProgress(out io.Writer, terminal bool, total int) *progress {
	return &progress{out: out, terminal: terminal, total: total, begun: time.Now()}
}

// step counts one more request.
func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	switch {
	case p.terminal && (p.done == p.total || time.Since(p.shown) > 80*time.Millisecond):
		p.shown = time.Now()
		const width = 40
		full := p.done * width / max(p.total, 1)
		fmt.Fprintf(p.out, "\r  [%s%s] %s", strings.Repeat("=", full), strings.Repeat(" ", width-full), p.rate())
		if p.done == p.total {
			fmt.Fprintln(p.out)
		}
	case !p.terminal && p.done*4/max(p.total, 1) != (p.done-1)*4/max(p.total, 1):
		fmt.Fprintf(p.out, "  %s\n", p.rate())
	}
}

func (p *progress) rate() string {
	took := time.Since(p.begun)
	return fmt.Sprintf("%d of %d requests, %.1f s, %.0f a second", p.done, p.total, took.Seconds(), float64(p.done)/max(took.Seconds(), 1e-3))
}
