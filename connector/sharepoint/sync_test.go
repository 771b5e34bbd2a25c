package sharepoint_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	sim "github.com/roster-gateway/roster/internal/sim/sharepoint"
	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

// tenant is an AzureAD source that tells all of a directory. A user's key is "key of" and the name.
type tenant struct{ sim.Directory }

func (d tenant) Read(ctx context.Context, _ connector.From, stage func(context.Context, connector.Page) error) error {
	page := connector.Page{End: &connector.End{}}
	for _, name := range d.Users {
		page.Identities = append(page.Identities, connector.Identity{Kind: directory.KindUser, Key: "key of " + name, Attributes: map[string]any{"userName": name}})
	}
	for _, id := range d.Groups {
		page.Identities = append(page.Identities, connector.Identity{Kind: directory.KindGroup, Key: id, Attributes: map[string]any{"displayName": "Group " + id}})
	}
	return stage(ctx, page)
}

func (tenant) Lookup(context.Context, directory.IdentityKind, string, string) (*connector.Page, error) {
	return nil, nil
}

func (tenant) Check(context.Context, func(connector.Check)) {}

// roster is a directory that is synchronized with a world's site and with the tenant of its people.
type roster struct {
	*world
	rig *synctest.Rig
}

func newRoster(w *world) *roster {
	w.t.Helper()
	aad := connector.Type{
		ProviderType: directory.ProviderType{Name: directory.TypeAzureAD, Description: "Everybody."},
		Open:         func(connector.Config) (connector.Source, error) { return tenant{w.server.Directory}, nil },
	}
	r := &roster{world: w, rig: synctest.New(w.t, patient(), aad)}
	r.rig.Work(r.rig.Service(syncer.Config{Lease: 10 * time.Second, Poll: 20 * time.Millisecond}))
	r.rig.Add("AAD", directory.TypeAzureAD, nil)
	r.rig.Add("Site", directory.TypeSharePoint, configOf(w.server))
	return r
}

// stored are the site groups of Roster by key, with the keys of their members.
func (r *roster) stored() map[string][]string {
	r.t.Helper()
	out := map[string][]string{}
	for key, group := range r.rig.Picture("Site") {
		out[key+" "+group.Name] = sorted(group.Links)
	}
	return out
}

// wanted is what the site holds of those whom the tenant knows; nobody where it was not read yet.
func (r *roster) wanted(known bool) map[string][]string {
	out, state := map[string][]string{}, r.server.Site.State()
	for _, g := range state.Groups {
		var members []string
		for _, m := range g.Members {
			switch {
			case known && m.Kind == sim.User && slices.Contains(r.server.Directory.Users, m.Object):
				members = append(members, "key of "+m.Object)
			case known && (m.Kind == sim.SecurityGroup || m.Kind == sim.GroupMembers):
				members = append(members, m.Object)
			}
		}
		out[key(state.ID, g.ID)+" "+g.Title] = sorted(members)
	}
	return out
}

func TestR12MembersWaitUntilAzureADTellsThem(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		w := start(t, seed)
		w.server.Site.Populate(w.server.Directory, 30, 8, seed)
		r := newRoster(w)
		r.rig.Synced("Site", syncer.StartOptions{})
		if diff := cmp.Diff(r.wanted(false), r.stored()); diff != "" {
			t.Fatalf("seed %d: before the tenant was read (-want +got):\n%s", seed, diff)
		}
		r.rig.Synced("AAD", syncer.StartOptions{})
		if diff := cmp.Diff(r.wanted(true), r.stored()); diff != "" {
			t.Fatalf("seed %d: after it (-want +got):\n%s", seed, diff)
		}
		w.server.Adversary = sim.NewAdversary(seed)
		r.rig.Synced("Site", syncer.StartOptions{}) // while the site changes
		w.server.Settle()
		run := r.rig.Synced("Site", syncer.StartOptions{})
		if diff := cmp.Diff(r.wanted(true), r.stored()); diff != "" {
			t.Fatalf("seed %d: in the end (-want +got):\n%s", seed, diff)
		}
		skipped := map[string]bool{}
		for _, g := range w.truth() {
			for _, login := range g.Skipped {
				skipped[login] = true
			}
		}
		failures, err := r.rig.Store.Failures(t.Context(), run.ID, 0, 1000)
		r.rig.Must(err)
		listed := map[string]bool{}
		for _, failure := range failures {
			listed[failure.ExternalID] = strings.Contains(failure.Message, "is not linked")
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(skipped)), slices.Sorted(maps.Keys(listed))); diff != "" {
			t.Errorf("seed %d: who is listed (-want +got):\n%s", seed, diff)
		}
	}
}
