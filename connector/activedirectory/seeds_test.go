package activedirectory

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	sim "github.com/roster-gateway/roster/internal/sim/ldap"
	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

// patient is the connector, but that it waits for nothing.
func patient() connector.Type {
	patient := Type
	patient.Open = func(cfg connector.Config) (connector.Source, error) {
		s, err := open(cfg)
		if err != nil {
			return nil, err
		}
		s.pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
		return s, nil
	}
	return patient
}

// TestTheDirectoryBecomesWhatTheDomainIs is the law: whatever the adversary does, a few runs after the last change the
// directory is what the domain is.
func TestTheDirectoryBecomesWhatTheDomainIs(t *testing.T) {
	t.Parallel()
	rig := synctest.New(t, patient())
	rig.Work(rig.Service(syncer.Config{Lease: 10 * time.Second, Poll: 20 * time.Millisecond}))
	synctest.EachSeed(t, *synctest.Seeds, func(t *testing.T, seed uint64) {
		rig := rig.For(t)
		becomesDomain(t, rig, seed, func(_ *rand.Rand, label string, o syncer.StartOptions) *syncer.Run { return rig.Synced(label, o) })
	})
}

// TestR21TheDirectoryBecomesWhatTheDomainIsThoughRunsAreKilled is the same law while the processes that work on runs are
// killed, at one transaction after another.
func TestR21TheDirectoryBecomesWhatTheDomainIsThoughRunsAreKilled(t *testing.T) {
	t.Parallel()
	rig := synctest.New(t, patient())
	synctest.EachSeed(t, *synctest.Kills, func(t *testing.T, seed uint64) {
		rig := rig.For(t)
		becomesDomain(t, rig, seed, func(rng *rand.Rand, label string, o syncer.StartOptions) *syncer.Run {
			return rig.Killed(rng, 40, label, o)
		})
	})
	if left := rig.Aside(); len(left) > 0 {
		t.Errorf("runs that have ended left %v behind", left)
	}
}

func becomesDomain(t *testing.T, rig *synctest.Rig, seed uint64, run func(*rand.Rand, string, syncer.StartOptions) *syncer.Run) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 10))
	server := drawnServer(t, seed, rng)
	defer server.Close()
	label := fmt.Sprintf("Domain%d", seed)
	rig.Add(label, directory.TypeActiveDirectory, configOf(server))
	for range 2 + rng.IntN(3) {
		server.Domain.Mutate(rng, rng.IntN(60))
		if rng.IntN(6) == 0 {
			server.FailOver()
		}
		run(rng, label, syncer.StartOptions{Mode: []syncer.Mode{syncer.ModeAuto, syncer.ModeAuto, syncer.ModeAuto, syncer.ModeFull}[rng.IntN(4)]})
	}
	server.Adversary.Settle()
	for range 2 { // who returned in the first one is told with all links in the second one
		run(rng, label, syncer.StartOptions{})
	}
	if diff := cmp.Diff(drawn(server.Domain.State()), rig.Picture(label)); diff != "" {
		t.Fatalf("(-domain +directory):\n%s", diff)
	}
	// One run is enough, unless it asks for a full round by itself.
	for range 2 {
		server.Domain.Mutate(rng, rng.IntN(20))
		first := run(rng, label, syncer.StartOptions{})
		diff := cmp.Diff(drawn(server.Domain.State()), rig.Picture(label))
		if diff == "" {
			continue
		}
		if next := run(rng, label, syncer.StartOptions{}); first.Mode == syncer.ModeFull || next.Mode != syncer.ModeFull {
			t.Fatalf("a run of mode %s left (-domain +directory):\n%s", first.Mode, diff)
		}
		if diff := cmp.Diff(drawn(server.Domain.State()), rig.Picture(label)); diff != "" {
			t.Fatalf("after the full round that was asked for (-domain +directory):\n%s", diff)
		}
	}
}

// drawn is a domain as the directory has to show it.
func drawn(s sim.State) synctest.Picture {
	out := synctest.Picture{}
	for o, p := range truth(s) {
		text := func(name string) string {
			value, _ := p.Attributes[name].(string)
			return value
		}
		i := synctest.Identity{Kind: o.kind, Status: directory.StatusActive, Name: text("displayName"), Description: text("description"), Attributes: maps.Clone(p.Attributes), Links: p.Others}
		if i.DisplayName = i.Name; o.kind == directory.KindUser {
			i.Name = text("userName")
		}
		if i.DisplayName == "" {
			i.DisplayName = i.Name
		}
		if p.Attributes["active"] == false {
			i.Status = directory.StatusDisabled
		}
		if emails, ok := p.Attributes["emails"].([]any); ok {
			i.Email = emails[0].(map[string]any)["value"].(string)
		}
		for _, name := range []string{"userName", "displayName", "description"} {
			delete(i.Attributes, name)
		}
		out[o.key] = i
	}
	return out
}
