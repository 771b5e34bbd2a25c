package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/roster-gateway/roster/bench/load"
	"github.com/roster-gateway/roster/bench/stats"
)

// names are the workloads in the order in which they run: what writes comes last.
var names = []string{
	"user", "page", "members", "diamond", "check", "principals", "resolve", "scim-get", "scim-filter", "scim-create", "scim-add",
	"sync", "visible", "graph", "memory", "readers",
}

// read is a workload whose two sides are compared by their throughput, or one at a time by how long an answer takes.
type read struct {
	name, limit string
	target      float64
	alone       bool // one connection, and the median latency is compared
	database    bool // the baseline works on Postgres
	scripts     func(b *bench) (roster, raw *load.Script, err error)
}

var reads = []read{
	{name: "user", limit: "a constant", target: 0.5, scripts: (*bench).userScripts},
	{name: "page", limit: "appends from memory", target: 0.5, scripts: (*bench).pageScripts},
	{name: "members", limit: "expanded in memory", target: 0.3, scripts: (*bench).membersScripts},
	{name: "diamond", limit: "expanded in memory", target: 5, alone: true, scripts: (*bench).diamondScripts},
	{name: "check", limit: "a constant", target: 0.45, scripts: (*bench).checkScripts},
	{name: "principals", limit: "expanded in memory", target: 0.4, scripts: (*bench).principalsScripts},
	{name: "resolve", limit: "expanded in memory", scripts: (*bench).resolveScripts},
	{name: "scim-get", limit: "one prepared SELECT", target: 0.6, database: true, scripts: (*bench).scimGetScripts},
	{name: "scim-filter", limit: "one prepared SELECT", target: 0.6, database: true, scripts: (*bench).scimFilterScripts},
	{name: "scim-create", limit: "one prepared INSERT", target: 0.6, database: true, scripts: (*bench).scimCreateScripts},
}

// measure runs the workloads that are wanted.
func (b *bench) measure(ctx context.Context) (*report, error) {
	r := &report{Scale: b.scale, Seconds: b.seconds}
	for _, w := range reads {
		if !b.wants(w.name) {
			continue
		}
		if err := b.read(ctx, w, r); err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
	}
	for _, step := range []struct {
		name string
		run  func(context.Context, *report) error
	}{
		{"scim-add", b.adds},
		{"sync", b.syncRows},
		{"visible", b.visible},
		{"graph", b.graph},
		{"memory", b.memory},
		{"readers", b.readers},
	} {
		if !b.wants(step.name) {
			continue
		}
		say("%s", step.name)
		if err := step.run(ctx, r); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return r, ctx.Err()
}

func (b *bench) read(ctx context.Context, w read, r *report) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	say("%s", w.name)
	roster, raw, err := w.scripts(b)
	if err != nil {
		return err
	}
	n := connections
	if w.alone {
		n = 1
	}
	f := b.alternate(ctx, n, b.sides(w.name, roster, raw, w.database)...)
	row := row{Name: w.name, Limit: w.limit, Target: w.target, Roster: &f[0], Raw: &f[1], Ratio: stats.Ratio(f[0].PerSecond, f[1].PerSecond)}
	if len(f) > 2 {
		row.Peer = &f[2]
	}
	if w.alone {
		row.AtMost, row.Unit, row.Ratio = true, "x the time", stats.Ratio(f[0].P50, f[1].P50)
	}
	r.add(row)
	return nil
}

// sides are Roster, its baseline and, where it knows the workload, the peer.
func (b *bench) sides(name string, roster, raw *load.Script, database bool) []side {
	sides := []side{
		{address: b.roster.address, pid: b.roster.cmd.Process.Pid, database: b.databases.roster, script: roster},
		{address: b.raw.address, pid: b.raw.cmd.Process.Pid, script: raw},
	}
	if database {
		sides[1].database = b.databases.raw
	}
	return append(sides, b.peerSide(name)...)
}

// adds measures adding one member: one request at a time for the sizes of groups beside each other, while there are users
// enough who are not in the largest one, then beside its baseline for each size.
func (b *bench) adds(ctx context.Context, r *report) error {
	small, _ := b.addScripts(sizes[0])
	large, _ := b.addScripts(sizes[len(sizes)-1])
	f := b.alternate(ctx, 1, b.sides("", large, nil, true)[0], b.sides("", small, nil, true)[0])
	r.add(row{
		Name: "scim-add flat", Limit: "50,000 beside 10, alone", Target: 1.3, AtMost: true, Unit: "x the time",
		Roster: &f[0], Raw: &f[1], Ratio: stats.Ratio(f[0].P50, f[1].P50),
	})
	for _, size := range sizes {
		roster, raw := b.addScripts(size)
		f := b.alternate(ctx, connections, b.sides("scim-add", roster, raw, true)[:2]...)
		r.add(row{
			Name: "scim-add " + size, Limit: "one prepared INSERT", Target: 0.5, Roster: &f[0], Raw: &f[1],
			Ratio: stats.Ratio(f[0].PerSecond, f[1].PerSecond),
		})
	}
	var wrong error
	for _, size := range sizes {
		wrong = errors.Join(wrong, b.adder(size).verify())
	}
	r.fail(wrong)
	return nil
}
