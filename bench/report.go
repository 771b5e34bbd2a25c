package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"

	"github.com/roster-gateway/roster/bench/stats"
)

// report is what a run came to.
type report struct {
	Scale   int     `json:"scale"`
	Seconds float64 `json:"seconds"`
	Rows    []row   `json:"rows"`
	err     error
}

// row is one line of the table.
type row struct {
	Name  string `json:"name"`
	Limit string `json:"limit"`
	// Target bounds Ratio from below or, where AtMost says so, from above. 0 is no target.
	Target float64  `json:"target"`
	AtMost bool     `json:"atMost"`
	Ratio  float64  `json:"ratio"`
	Unit   string   `json:"unit,omitempty"`
	Met    bool     `json:"met"`
	Note   string   `json:"note,omitempty"`
	Roster *figures `json:"roster,omitempty"`
	Raw    *figures `json:"raw,omitempty"`
	Peer   *figures `json:"peer,omitempty"`
}

func (r *report) add(line row) {
	line.Met = line.Note == "" && (line.AtMost && line.Ratio <= line.Target || !line.AtMost && line.Ratio >= line.Target)
	for _, f := range []*figures{line.Roster, line.Raw, line.Peer} {
		if f == nil {
			continue
		}
		if f.err != nil {
			r.fail(fmt.Errorf("%s: %d of %d answers, such as: %w", line.Name, f.Wrong, f.Requests, f.err))
		}
		if f.Requests == 0 {
			r.fail(fmt.Errorf("%s: there were no answers", line.Name))
		}
	}
	r.Rows = append(r.Rows, line)
}

func (r *report) fail(err error) { r.err = errors.Join(r.err, err) }

// wrong is why the figures mean nothing; nil where they do.
func (r *report) wrong() error { return r.err }

func (r *report) print(out io.Writer) {
	fmt.Fprintf(out, "Scale %d, %g s a side, %d processors, %s\n", r.Scale, r.Seconds, runtime.NumCPU(), runtime.Version())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "workload\ttarget\tratio\tmet\tRoster/s\tp50 ms\tp99 ms\tCPU ms\tdb ms\tlimit/s\tp50 ms\tCPU ms\tdb ms\tCPU ratio\t")
	for i := range r.Rows {
		r.Rows[i].print(w)
	}
	w.Flush()
	for _, line := range r.Rows {
		if line.Peer != nil && line.Roster != nil {
			fmt.Fprintf(out, "%s: %.1f times the peer's throughput (%.0f/s; p50 %.2f ms beside its %.2f ms)\n",
				line.Name, stats.Ratio(line.Roster.PerSecond, line.Peer.PerSecond), line.Peer.PerSecond, line.Roster.P50, line.Peer.P50)
		}
	}
}

func (l *row) print(w io.Writer) {
	target, ratio, met := "-", fmt.Sprintf("%.2f", l.Ratio), "-"
	if l.Unit == "MB" {
		ratio = fmt.Sprintf("%.0f", l.Ratio)
	}
	if l.Target > 0 {
		target, met = ">= "+fmt.Sprint(l.Target), "no"
		if l.AtMost {
			target = "<= " + fmt.Sprint(l.Target)
		}
		if l.Met {
			met = "yes"
		}
	}
	if l.Unit != "" {
		target += " " + l.Unit
	}
	if l.Note != "" {
		ratio, met = "-", l.Note
	}
	roster, raw, saving := "-\t-\t-\t-\t-", "-\t-\t-\t-", "-"
	if f := l.Roster; f != nil {
		roster = fmt.Sprintf("%.0f\t%.2f\t%.2f\t%.3f\t%.3f", f.PerSecond, f.P50, f.P99, f.CPU, f.Database)
		if f.PerSecond == 0 { // times alone were measured
			roster = fmt.Sprintf("-\t%.2f\t%.2f\t-\t-", f.P50, f.P99)
		}
	}
	if f := l.Raw; f != nil {
		raw = fmt.Sprintf("%.0f\t%.2f\t%.3f\t%.3f", f.PerSecond, f.P50, f.CPU, f.Database)
		saving = fmt.Sprintf("%.2f", stats.Ratio(f.CPU+f.Database, l.Roster.CPU+l.Roster.Database))
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", l.Name, target, ratio, met, roster, raw, saving)
}

func (r *report) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
