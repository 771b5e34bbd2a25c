package main

import (
	"context"
	"math"
	"time"

	"github.com/roster-gateway/roster/bench/load"
	"github.com/roster-gateway/roster/bench/stats"
)

// side is one server under one script.
type side struct {
	address string
	pid     int
	// database is what the server works on; its backends' processor time is told apart from the server's own.
	database string
	script   *load.Script
}

// figures are what was seen of one side: medians of its windows.
type figures struct {
	PerSecond float64 `json:"perSecond"`
	P50       float64 `json:"p50Ms"`
	P99       float64 `json:"p99Ms"`
	// CPU and Database are processor time a request, in ms, of the server and of Postgres for it.
	CPU      float64 `json:"cpuMs"`
	Database float64 `json:"databaseMs"`
	Requests int     `json:"requests"`
	Checked  int     `json:"checked"`
	Wrong    int     `json:"wrong"`
	err      error
}

// Windows are short, so that the sides are measured under much the same circumstances.
const (
	windowLength = time.Second
	warmUpLength = time.Second
)

// alternate measures sides in turns.
func (b *bench) alternate(ctx context.Context, connections int, sides ...side) []figures {
	n := max(1, int(math.Round(b.seconds/windowLength.Seconds())))
	length := b.length() / time.Duration(n)
	seen := make([]windows, len(sides))
	for i, s := range sides {
		warm := b.window(ctx, connections, min(warmUpLength, b.length()/2), s)
		seen[i].note(&warm.Window)
	}
	for round := range n {
		for i := range sides {
			if round%2 == 1 {
				i = len(sides) - 1 - i // A B B A: a drift between neighbours cancels too
			}
			if ctx.Err() == nil {
				seen[i].add(b.window(ctx, connections, length, sides[i]))
			}
		}
	}
	out := make([]figures, len(sides))
	for i := range seen {
		out[i] = seen[i].figures()
	}
	return out
}

// measured is a window with the processor time that it took.
type measured struct {
	load.Window
	cpu, database time.Duration
}

func (b *bench) window(ctx context.Context, connections int, length time.Duration, s side) measured {
	var backends []int
	if s.database != "" {
		backends = b.databases.backends(ctx, s.database)
	}
	cpu, database := processorTime(s.pid), processorTime(backends...)
	m := measured{Window: load.Run(ctx, s.address, connections, length, s.script)}
	m.cpu, m.database = processorTime(s.pid)-cpu, max(0, processorTime(backends...)-database)
	return m
}

// windows collects the windows of one side.
type windows struct {
	perSecond, p50, p99 []float64
	cpu, database       time.Duration
	counted             int // requests that cpu and database belong to
	figure              figures
}

// note takes what is not a figure: how many answers there were, and which were wrong.
func (w *windows) note(seen *load.Window) {
	w.figure.Requests += seen.Requests
	w.figure.Checked += seen.Checked
	w.figure.Wrong += seen.Wrong
	if w.figure.err == nil {
		w.figure.err = seen.FirstWrong
	}
}

func (w *windows) add(m measured) {
	w.note(&m.Window)
	if m.Requests == 0 {
		return
	}
	w.perSecond = append(w.perSecond, m.PerSecond())
	w.p50 = append(w.p50, milliseconds(stats.Percentile(m.Latencies, 50)))
	w.p99 = append(w.p99, milliseconds(stats.Percentile(m.Latencies, 99)))
	w.cpu += m.cpu
	w.database += m.database
	w.counted += m.Requests
}

func (w *windows) figures() figures {
	f := w.figure
	f.PerSecond, f.P50, f.P99 = stats.Median(w.perSecond), stats.Median(w.p50), stats.Median(w.p99)
	f.CPU = stats.Ratio(milliseconds(w.cpu), float64(w.counted))
	f.Database = stats.Ratio(milliseconds(w.database), float64(w.counted))
	return f
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
