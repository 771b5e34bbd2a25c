package main

import (
	"context"
	"fmt"

	"github.com/roster-gateway/roster/bench/stats"
	"github.com/roster-gateway/roster/syncer"
)

// readers measures what a page of users costs who reads while a synchronization applies as much again as there is, beside
// what it costs while nothing else happens. This process is the replica that synchronizes; the one that answers takes the
// changes up as they come.
func (b *bench) readers(ctx context.Context, r *report) error {
	s := &synchronized{data: b.data}
	if err := s.open(ctx, b.databases.url(b.databases.roster), "Readers"); err != nil {
		return err
	}
	defer s.store.Close()
	script, _, err := b.pageScripts()
	if err != nil {
		return err
	}
	side := side{address: b.roster.address, pid: b.roster.cmd.Process.Pid, database: b.databases.roster, script: script}
	alone := b.alternate(ctx, connections, side)[0]

	applying, ended := make(chan struct{}), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		defer close(ended)
		begun := false
		run, err := s.run(ctx, syncer.ModeFull, func(run *syncer.Run) {
			if !begun && run.Phase == "apply" {
				begun = true
				close(applying)
			}
		})
		if err == nil && run.Status != syncer.Complete {
			err = fmt.Errorf("the run is %s and counts %+v", run.Status, run.Counts)
		}
		failed <- err
	}()
	select {
	case <-applying:
	case <-ended:
		return <-failed
	}
	var during windows
	for {
		seen := b.window(ctx, connections, windowLength, side)
		select {
		case <-ended: // the last window is not one of applying throughout
			if err := <-failed; err != nil {
				return err
			}
			f := during.figures()
			r.add(row{
				Name: "readers", Limit: "page, nothing else going on", Target: 0.7, Ratio: stats.Ratio(f.PerSecond, alone.PerSecond), Roster: &f, Raw: &alone,
			})
			return nil
		default:
			during.add(seen)
		}
	}
}
