package azuread

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
	"github.com/roster-gateway/roster/internal/sim/graph"
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
		s.graph.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
		return s, nil
	}
	return patient
}

// TestTheDirectoryBecomesWhatTheTenantIs is the law: whatever the adversary does, two runs after the last change the
// directory is what the tenant is.
func TestTheDirectoryBecomesWhatTheTenantIs(t *testing.T) {
	t.Parallel()
	rig := synctest.New(t, patient())
	rig.Work(rig.Service(syncer.Config{Lease: 10 * time.Second, Poll: 20 * time.Millisecond}))
	synctest.EachSeed(t, *synctest.Seeds, func(t *testing.T, seed uint64) {
		rig := rig.For(t)
		becomesTenant(t, rig, seed, func(_ *rand.Rand, label string, o syncer.StartOptions) *syncer.Run { return rig.Synced(label, o) })
	})
}

// TestR21TheDirectoryBecomesWhatTheTenantIsThoughRunsAreKilled is the same law while the processes that work on runs are
// killed, at one transaction after another.
func TestR21TheDirectoryBecomesWhatTheTenantIsThoughRunsAreKilled(t *testing.T) {
	t.Parallel()
	rig := synctest.New(t, patient())
	synctest.EachSeed(t, *synctest.Kills, func(t *testing.T, seed uint64) {
		rig := rig.For(t)
		becomesTenant(t, rig, seed, func(rng *rand.Rand, label string, o syncer.StartOptions) *syncer.Run {
			return rig.Killed(rng, 40, label, o)
		})
	})
	if left := rig.Aside(); len(left) > 0 {
		t.Errorf("runs that have ended left %v behind", left)
	}
	t.Logf("killed at %v", rig.Died())
}

func becomesTenant(t *testing.T, rig *synctest.Rig, seed uint64, run func(*rand.Rand, string, syncer.StartOptions) *syncer.Run) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 10))
	tenant := graph.NewTenant(seed)
	tenant.Populate(rng.IntN(60), rng.IntN(15), seed)
	tenant.Mutate(rng, rng.IntN(100))
	server, err := graph.Start(graph.Config{Tenant: tenant, Adversary: graph.NewAdversary(seed), PageSize: 1 + rng.IntN(30), LinksPerPage: 1 + rng.IntN(40)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	label := fmt.Sprintf("Tenant%d", seed)
	rig.Add(label, directory.TypeAzureAD, configOf(server))
	for range 2 + rng.IntN(3) {
		tenant.Mutate(rng, rng.IntN(60))
		if rng.IntN(6) == 0 && server.Adversary.Expiries < 3 { // more would end the run, and rightly
			server.Expire()
		}
		run(rng, label, syncer.StartOptions{Mode: []syncer.Mode{syncer.ModeAuto, syncer.ModeAuto, syncer.ModeAuto, syncer.ModeFull}[rng.IntN(4)]})
	}
	server.Adversary.Settle()
	for range 2 { // who returned in the first one is told with all links in the second one
		run(rng, label, syncer.StartOptions{})
	}
	if diff := cmp.Diff(drawn(tenant.State()), rig.Picture(label)); diff != "" {
		t.Fatalf("(-tenant +directory):\n%s", diff)
	}
	// One run is enough, unless it asks for a full round by itself.
	server.Adversary.Expiries = 0
	for range 2 {
		tenant.Mutate(rng, rng.IntN(20))
		first := run(rng, label, syncer.StartOptions{})
		diff := cmp.Diff(drawn(tenant.State()), rig.Picture(label))
		if diff == "" {
			continue
		}
		if next := run(rng, label, syncer.StartOptions{}); first.Mode == syncer.ModeFull || next.Mode != syncer.ModeFull {
			t.Fatalf("a run of mode %s left (-tenant +directory):\n%s", first.Mode, diff)
		}
		if diff := cmp.Diff(drawn(tenant.State()), rig.Picture(label)); diff != "" {
			t.Fatalf("after the full round that was asked for (-tenant +directory):\n%s", diff)
		}
	}
}

// configOf is what an instance is configured with that reads a simulated tenant.
func configOf(server *graph.Server) map[string]string {
	return map[string]string{
		keyTenant: server.Tenant.ID, keyClientID: server.ClientID, keyClientSecret: server.ClientSecret,
		keyAuthority: server.URL(), keyGraph: server.URL(), "tls.caCertificate": string(server.CA()),
	}
}

// drawn is a tenant as the directory has to show it.
func drawn(s graph.State) synctest.Picture {
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
