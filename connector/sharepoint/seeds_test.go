package sharepoint_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/azuread"
	"github.com/roster-gateway/roster/connector/sharepoint"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/sim/graph"
	sim "github.com/roster-gateway/roster/internal/sim/sharepoint"
	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

// patient is the connector, but that it waits for nothing.
func patient() connector.Type {
	patient := sharepoint.Type
	patient.Open = func(cfg connector.Config) (connector.Source, error) {
		source, err := sharepoint.Type.Open(cfg)
		if err == nil {
			sharepoint.OnPause(source, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })
		}
		return source, err
	}
	return patient
}

// synchronize runs a synchronization of an instance to its end.
type synchronize func(rng *rand.Rand, label string)

// TestTheDirectoryBecomesWhatTheSiteIs is the law: whatever the adversaries of a site and of the tenant of its people do,
// after the last change the directory's site groups hold whom the site's hold.
func TestTheDirectoryBecomesWhatTheSiteIs(t *testing.T) {
	t.Parallel()
	rig := synctest.New(t, patient(), azuread.Type)
	rig.Work(rig.Service(syncer.Config{Lease: 10 * time.Second, Poll: 20 * time.Millisecond}))
	synctest.EachSeed(t, *synctest.Seeds, func(t *testing.T, seed uint64) {
		rig := rig.For(t)
		becomesSite(t, rig, seed, func(rng *rand.Rand, label string) { rig.Synced(label, anyMode(rng)) })
	})
}

// TestR21TheDirectoryBecomesWhatTheSiteIsThoughRunsAreKilled is the same law while the processes that work on runs are
// killed, at one transaction after another.
func TestR21TheDirectoryBecomesWhatTheSiteIsThoughRunsAreKilled(t *testing.T) {
	t.Parallel()
	rig := synctest.New(t, patient(), azuread.Type)
	synctest.EachSeed(t, *synctest.Kills, func(t *testing.T, seed uint64) {
		rig := rig.For(t)
		becomesSite(t, rig, seed, func(rng *rand.Rand, label string) { rig.Killed(rng, 25, label, anyMode(rng)) })
	})
	if left := rig.Aside(); len(left) > 0 {
		t.Errorf("runs that have ended left %v behind", left)
	}
	t.Logf("killed at %v", rig.Died())
}

func anyMode(rng *rand.Rand) syncer.StartOptions {
	return syncer.StartOptions{Mode: []syncer.Mode{syncer.ModeAuto, syncer.ModeAuto, syncer.ModeFull}[rng.IntN(3)]}
}

// place is a simulated site, and the simulated tenant of its people.
type place struct {
	tenant *graph.Tenant
	aad    *graph.Server
	site   *sim.Server
	// names are the user principal names that the site knows people by, folded, with their ids in the tenant.
	names map[string]string
	// label and aadLabel are those of the providers.
	label, aadLabel string
}

// newPlace makes a site whose groups hold people of the tenant of the same seed, as roster sim does. The tenant fails no
// request, so that nothing waits; all else that its adversary does goes on.
func newPlace(t *testing.T, rng *rand.Rand, seed uint64) *place {
	t.Helper()
	p := &place{tenant: graph.NewTenant(seed), names: map[string]string{}, label: fmt.Sprintf("Site%d", seed), aadLabel: fmt.Sprintf("Tenant%d", seed)}
	p.tenant.Populate(rng.IntN(40), rng.IntN(12), seed)
	adversary := graph.NewAdversary(seed)
	adversary.Faults = 0
	var err error
	if p.aad, err = graph.Start(graph.Config{Tenant: p.tenant, Adversary: adversary, PageSize: 1 + rng.IntN(30), LinksPerPage: 1 + rng.IntN(40)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.aad.Close() })
	people := sim.Directory{}
	for id, user := range p.tenant.State().Users {
		name := user.Attributes["userPrincipalName"].(string)
		p.names[strings.ToLower(name)] = id
		people.Users = append(people.Users, name)
	}
	people.Groups = slices.Sorted(maps.Keys(p.tenant.State().Groups))
	slices.Sort(people.Users)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.site = &sim.Server{Site: sim.NewSite(seed), Directory: people, Key: appKey(), Adversary: sim.NewAdversary(seed)}
	p.site.Site.Populate(people, rng.IntN(40), rng.IntN(12), seed)
	if err := p.site.Start(listener, seed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.site.Close() })
	return p
}

func becomesSite(t *testing.T, rig *synctest.Rig, seed uint64, run synchronize) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 11))
	p := newPlace(t, rng, seed)
	config := configOf(p.site)
	config["sp.aadProvider"] = p.aadLabel
	rig.Add(p.label, directory.TypeSharePoint, config)
	rig.Add(p.aadLabel, directory.TypeAzureAD, map[string]string{
		"aad.tenantDomain": p.tenant.ID, "aad.clientId": p.aad.ClientID, "aad.clientSecret": p.aad.ClientSecret,
		"aad.authorityHost": p.aad.URL(), "aad.graphEndpoint": p.aad.URL(), "tls.caCertificate": string(p.aad.CA()),
	})
	order := []string{p.label, p.aadLabel} // the site before its people, or after them
	if seed%2 == 1 {
		slices.Reverse(order)
	}
	for range 1 + rng.IntN(3) {
		for _, label := range order {
			run(rng, label)
			p.site.Site.Mutate(rng, p.site.Directory, rng.IntN(20))
			p.tenant.Mutate(rng, rng.IntN(30))
		}
	}
	p.site.Settle()
	p.aad.Adversary.Settle()
	for range 2 {
		for _, label := range order {
			run(rng, label)
		}
	}
	if diff := cmp.Diff(p.drawn(t, rig), rig.Picture(p.label)); diff != "" {
		t.Fatalf("(-site +directory):\n%s", diff)
	}
}

// drawn is the site as the directory has to show it: its groups, with those members whom the tenant knows.
func (p *place) drawn(t *testing.T, rig *synctest.Rig) synctest.Picture {
	t.Helper()
	out, people, state := synctest.Picture{}, p.tenant.State(), p.site.Site.State()
	for _, g := range state.Groups {
		i := synctest.Identity{Kind: directory.KindGroup, Status: directory.StatusActive, Name: g.Title, DisplayName: g.Title, Description: g.Description}
		i.Attributes = directory.AttributeSet{"loginName": g.Title}
		for _, m := range g.Members {
			if there, ok := people.Groups[m.Object]; ok && there.Status != graph.SoftDeleted && (m.Kind == sim.SecurityGroup || m.Kind == sim.GroupMembers) {
				i.Links = append(i.Links, m.Object)
			}
			id := p.names[strings.ToLower(m.Object)]
			if there, ok := people.Users[id]; ok && there.Status != graph.SoftDeleted && m.Kind == sim.User && p.leadsTo(t, rig, m.Object, id, there) {
				i.Links = append(i.Links, id)
			}
		}
		slices.Sort(i.Links)
		i.Links = slices.Compact(i.Links)
		out[key(state.ID, g.ID)] = i
	}
	return out
}

// leadsTo reports whether a name that a site knows somebody by has to lead there: the present one, or a former one that
// the directory has seen (rule R09).
func (p *place) leadsTo(t *testing.T, rig *synctest.Rig, name, id string, now graph.Object) bool {
	t.Helper()
	if strings.EqualFold(now.Attributes["userPrincipalName"].(string), name) {
		return true
	}
	found, err := rig.People.Reader().ByFQN(t.Context(), p.aadLabel+":"+name)
	rig.Must(err)
	return found != nil && found.Base().Status != directory.StatusDeleted && *found.Base().ExternalID == id
}
