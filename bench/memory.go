package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/roster-gateway/roster/bench/stats"
	"github.com/roster-gateway/roster/directory/links"
	"github.com/roster-gateway/roster/store"
)

// loads is how often the graph is loaded.
const loads = 3

// graph measures how long reading the whole graph takes, and what it then holds, in this process.
func (b *bench) graph(ctx context.Context, r *report) error {
	s, err := store.Open(ctx, store.Config{URL: b.databases.url(b.databases.roster), MaxConns: 2})
	if err != nil {
		return err
	}
	defer s.Close()
	var took []float64
	var held float64
	for range loads {
		before, begun := heapInUse(), time.Now()
		var graph *links.Graph
		if graph, _, err = s.LoadGraph(ctx); err != nil {
			return err
		}
		took = append(took, time.Since(begun).Seconds())
		held = heapInUse() - before
		runtime.KeepAlive(graph)
	}
	r.add(row{Name: "graph load", Limit: "of all links, from Postgres", Target: float64(b.scale), AtMost: true, Unit: "s", Ratio: stats.Median(took)})
	r.add(row{Name: "graph", Limit: "with its indexes", Target: 60 * float64(b.scale), AtMost: true, Unit: "MB", Ratio: held / 1e6})
	return nil
}

// heapInUse is what is not garbage, in bytes.
func heapInUse() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// memory reads the resident memory of the Roster that has done all the work, and how far it grows while a replica that
// has missed much loads its graph anew and holds two.
func (b *bench) memory(ctx context.Context, r *report) error {
	pid, target := b.roster.cmd.Process.Pid, 200.0
	if b.scale > 1 {
		target = 100 * float64(b.scale) // 1 GB at scale 10
	}
	bytes, err := resident(pid, "VmRSS")
	if err != nil {
		return err
	}
	r.add(row{Name: "memory", Limit: "resident, after the run", Target: target, AtMost: true, Unit: "MB", Ratio: float64(bytes) / 1e6})
	if err := forgetPeak(pid); err != nil {
		return err
	}
	if err := b.reload(ctx); err != nil {
		return err
	}
	if bytes, err = resident(pid, "VmHWM"); err != nil {
		return err
	}
	r.add(row{Name: "reload", Limit: "resident, at most", Target: 1.5 * target, AtMost: true, Unit: "MB", Ratio: float64(bytes) / 1e6})
	return nil
}

// reload makes Roster load its graph anew, and waits for it: more changes at once than it takes up one by one.
func (b *bench) reload(ctx context.Context) error {
	db, err := sql.Open("postgres", b.databases.url(b.databases.roster))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `INSERT INTO change_log (kind, ids)
		SELECT 'IDENTITY_UPDATED', array_agg(n) FROM generate_series(1, 101000) AS n GROUP BY n / 1000`); err != nil {
		return err
	}
	_, _, err = b.createUser() // is answered when what was committed before it is taken up
	return err
}

// resident is a figure of the resident memory of a process in bytes: VmRSS is what there is, VmHWM the peak (proc(5)).
func resident(pid int, figure string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, figure+":"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("the system tells no resident memory")
}

// forgetPeak lets the peak begin at what there is now.
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}
