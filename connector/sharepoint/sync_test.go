package sharepoint_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sharepoint"
	"github.com/roster-gateway/roster/directory"
	sim "github.com/roster-gateway/roster/internal/sim/sharepoint"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
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

// plain keeps secrets as they are, which no program does.
type plain struct{}

func (plain) Seal(plaintext, _ []byte) ([]byte, error)    { return plaintext, nil }
func (plain) Unseal(ciphertext, _ []byte) ([]byte, error) { return ciphertext, nil }

// roster is a directory that is synchronized with a world's site and with the tenant of its people.
type roster struct {
	*world
	store  *store.Store
	people *directory.Directory
	sync   *syncer.Service
}

func newRoster(w *world) *roster {
	w.t.Helper()
	r := &roster{world: w}
	var err error
	r.store, err = store.Open(w.t.Context(), store.Config{URL: testpg.New(w.t), MaxConns: 8})
	r.must(err)
	w.t.Cleanup(func() { _ = r.store.Close() })
	site := sharepoint.Type
	site.ConfigKeys = append(slices.Clone(site.ConfigKeys), syncer.ConfigKeys()...)
	site.Open = func(cfg connector.Config) (connector.Source, error) {
		cfg.AllowPrivate = true
		source, err := sharepoint.Type.Open(cfg)
		if err == nil {
			sharepoint.OnPause(source, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })
		}
		return source, err
	}
	aad := connector.Type{
		ProviderType: directory.ProviderType{Name: directory.TypeAzureAD, Description: "Everybody.", ConfigKeys: syncer.ConfigKeys()},
		Open:         func(connector.Config) (connector.Source, error) { return tenant{w.server.Directory}, nil },
	}
	r.people = directory.New(r.store, directory.WithProviderType(site.ProviderType), directory.WithProviderType(aad.ProviderType), directory.WithSealer(plain{}))
	r.sync = syncer.New(r.store, r.people, syncer.Config{Types: []connector.Type{site, aad}, Opener: plain{}, Lease: 10 * time.Second, Poll: 20 * time.Millisecond})
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); r.sync.Work(ctx) }()
	w.t.Cleanup(func() { stop(); <-done })
	_, err = r.people.AddProvider(w.t.Context(), "AAD", directory.TypeAzureAD, true)
	r.must(err)
	_, err = r.people.AddInstance(w.t.Context(), "AAD", "", true)
	r.must(err)
	_, err = r.people.AddInstance(w.t.Context(), "SP", "hr", true)
	r.must(err)
	for key, value := range w.config().Values {
		_, err := r.people.SetRuntimeConfig(w.t.Context(), "SP", "hr", key, value)
		r.must(err)
	}
	// What a site loses at random may be more than the guard lets pass, which is not what is looked at here.
	for _, key := range []string{"guard.maxDeletePercent", "guard.maxUnlinkPercent"} {
		_, err := r.people.SetRuntimeConfig(w.t.Context(), "SP", "hr", key, "100")
		r.must(err)
	}
	return r
}

func (r *roster) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// synced runs a synchronization, which has to complete; members who are nobody do not hinder that.
func (r *roster) synced(label, instance string) *syncer.Run {
	r.t.Helper()
	run, err := r.sync.Start(r.t.Context(), label, instance, syncer.StartOptions{Mode: syncer.ModeAuto})
	r.must(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		runs, err := r.sync.RunsByUID(r.t.Context(), []uuid.UUID{run.UID})
		r.must(err)
		if run = runs[0]; run.Status.Live() {
			continue
		}
		if run.Status != syncer.Complete && run.Status != syncer.Partial {
			r.t.Fatalf("the run of %s is %s: %v", label, run.Status, *run.Reason)
		}
		return run
	}
	r.t.Fatal("the run does not end")
	return nil
}

// stored are the site groups of Roster by key, with the keys of their members.
func (r *roster) stored() map[string][]string {
	r.t.Helper()
	out, ctx := map[string][]string{}, r.t.Context()
	instance, err := r.people.Instance(ctx, "SP", "hr")
	r.must(err)
	groups, err := r.store.List(ctx, directory.ListQuery{InstanceID: instance.ID, Status: directory.AnyLive, Order: directory.Order{Field: directory.OrderID}, Limit: 1000})
	r.must(err)
	for _, group := range groups {
		edges, err := r.store.Edges(ctx, []directory.EdgeQuery{{Of: group.ID, Scope: directory.ScopeDirect, Status: directory.AnyLive}})
		r.must(err)
		members := []string{}
		for _, edge := range edges[0] {
			found, err := r.store.ByIDs(ctx, []int64{edge.ID})
			r.must(err)
			members = append(members, *found[0].ExternalID)
		}
		out[*group.ExternalID+" "+group.Name] = sorted(members)
	}
	return out
}

// wanted is what the site holds of those whom the tenant knows; nobody where it was not read yet.
func (r *roster) wanted(known bool) map[string][]string {
	out, state := map[string][]string{}, r.server.Site.State()
	for _, g := range state.Groups {
		members := []string{}
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
		r.synced("SP", "hr")
		if diff := cmp.Diff(r.wanted(false), r.stored()); diff != "" {
			t.Fatalf("seed %d: before the tenant was read (-want +got):\n%s", seed, diff)
		}
		r.synced("AAD", "")
		if diff := cmp.Diff(r.wanted(true), r.stored()); diff != "" {
			t.Fatalf("seed %d: after it (-want +got):\n%s", seed, diff)
		}
		w.server.Adversary = sim.NewAdversary(seed)
		r.synced("SP", "hr") // while the site changes
		w.server.Settle()
		run := r.synced("SP", "hr")
		if diff := cmp.Diff(r.wanted(true), r.stored()); diff != "" {
			t.Fatalf("seed %d: in the end (-want +got):\n%s", seed, diff)
		}
		skipped := map[string]bool{}
		for _, g := range w.truth() {
			for _, login := range g.Skipped {
				skipped[login] = true
			}
		}
		failures, err := r.sync.Failures(run, directory.PageArgs{First: 1000})
		r.must(err)
		edges, err := failures.Edges(t.Context())
		r.must(err)
		listed := map[string]bool{}
		for _, edge := range edges {
			listed[edge.Node.ExternalID] = strings.Contains(edge.Node.Message, "is not linked")
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(skipped)), slices.Sorted(maps.Keys(listed))); diff != "" {
			t.Errorf("seed %d: who is listed (-want +got):\n%s", seed, diff)
		}
	}
}
