package syncer_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
)

// world is a directory that is synchronized with tenants: one of the provider AAD, more where a test adds them.
type world struct {
	t       testing.TB
	store   *store.Store
	people  *directory.Directory
	sync    *syncer.Service
	tenants map[string]*tenant     // by label
	secret  atomic.Pointer[string] // the last one that a tenant was opened with
}

func newWorld(t testing.TB) *world {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: testpg.New(t), MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, store: s, tenants: map[string]*tenant{}}
	w.people = directory.New(s, directory.WithProviderType(w.connectorType().ProviderType), directory.WithSealer(plain{}))
	w.sync = w.service()
	w.add("AAD")
	return w
}

// service is one replica's.
func (w *world) service() *syncer.Service {
	return syncer.New(w.store, w.people, syncer.Config{Types: []connector.Type{w.connectorType()}, Opener: plain{}, Lease: 3 * time.Second, Poll: 20 * time.Millisecond})
}

// connectorType opens the tenant that the key test.tenant names.
func (w *world) connectorType() connector.Type {
	return connector.Type{
		ProviderType: directory.ProviderType{
			Name: directory.TypeAzureAD, Description: "A tenant in memory.",
			ConfigKeys: append([]directory.ConfigKey{
				{Key: "test.tenant", Description: "The tenant.", Required: true}, {Key: "test.secret", Description: "A secret.", Secret: true},
			}, syncer.ConfigKeys()...),
		},
		Open: func(c connector.Config) (connector.Source, error) {
			if secret, ok := c.Values["test.secret"]; ok {
				w.secret.Store(&secret)
			}
			t := w.tenants[c.Values["test.tenant"]]
			if t == nil {
				return nil, connector.Errorf(connector.Misconfigured, "There is no tenant %q.", c.Values["test.tenant"])
			}
			return t, nil
		},
	}
}

// add adds a provider with a tenant.
func (w *world) add(label string) *tenant {
	w.t.Helper()
	w.tenants[label] = newTenant()
	_, err := w.people.AddProvider(w.t.Context(), label, directory.TypeAzureAD, true)
	w.must(err)
	_, err = w.people.AddInstance(w.t.Context(), label, "", true)
	w.must(err)
	w.set(label, "test.tenant", label)
	return w.tenants[label]
}

func (w *world) set(label, key, value string) {
	w.t.Helper()
	_, err := w.people.SetRuntimeConfig(w.t.Context(), label, "", key, value)
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// plain keeps secrets as they are, which no program does.
type plain struct{}

func (plain) Seal(plaintext, _ []byte) ([]byte, error)    { return plaintext, nil }
func (plain) Unseal(ciphertext, _ []byte) ([]byte, error) { return ciphertext, nil }

// work works on runs until the test ends.
func (w *world) work() {
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); w.sync.Work(ctx) }()
	w.t.Cleanup(func() { stop(); <-done })
}

// start starts a run and waits for its end.
func (w *world) start(label string, o syncer.StartOptions) *syncer.Run {
	w.t.Helper()
	if o.Mode == "" {
		o.Mode = syncer.ModeAuto
	}
	run, err := w.sync.Start(w.t.Context(), label, "", o)
	w.must(err)
	return w.wait(run.UID)
}

// wait waits until a run has ended.
func (w *world) wait(uid uuid.UUID) *syncer.Run {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		runs, err := w.sync.RunsByUID(w.t.Context(), []uuid.UUID{uid})
		w.must(err)
		if !runs[0].Status.Live() {
			return runs[0]
		}
	}
	w.t.Fatal("the run does not end")
	return nil
}

// sync synchronizes and expects a status.
func (w *world) synced(label string, o syncer.StartOptions, want syncer.Status) *syncer.Run {
	w.t.Helper()
	run := w.start(label, o)
	if run.Status != want {
		reason := ""
		if run.Reason != nil {
			reason = *run.Reason
		}
		w.t.Fatalf("the run is %s (%s), want %s", run.Status, reason, want)
	}
	return run
}

// picture is what a directory, or a tenant, looks like: the identities by key with their state, their members and
// managers.
type picture map[string]string

// directoryPicture draws the identities of a provider that are not deleted.
func (w *world) directoryPicture(label string) picture {
	w.t.Helper()
	out := picture{}
	i, err := w.people.Instance(w.t.Context(), label, "")
	w.must(err)
	ctx, r := w.t.Context(), w.people.Reader()
	var all []*directory.Record
	for after := int64(0); ; {
		records, err := w.store.List(ctx, directory.ListQuery{
			InstanceID: i.ID, Status: directory.AnyLive, Order: directory.Order{Field: directory.OrderID}, After: &directory.Position{ID: after}, Limit: 1000,
		})
		w.must(err)
		if len(records) == 0 {
			break
		}
		all, after = append(all, records...), records[len(records)-1].ID
	}
	for _, record := range all {
		if record.ExternalID == nil || inBin(record) {
			continue
		}
		line := string(record.Status) + " " + record.Name
		if record.Kind == directory.KindUser {
			if manager, err := r.Manager(ctx, &directory.User{Record: *record}); err == nil && manager != nil && !inBin(&manager.Record) {
				line += " manager=" + *manager.ExternalID
			}
			line += " display=" + record.DisplayName
		} else {
			edges, err := w.store.Edges(ctx, []directory.EdgeQuery{{Of: record.ID, Scope: directory.ScopeDirect, Status: directory.AnyLive}})
			w.must(err)
			var members []string
			for _, edge := range edges[0] {
				found, err := w.store.ByIDs(ctx, []int64{edge.ID})
				w.must(err)
				if !inBin(found[0]) {
					members = append(members, *found[0].ExternalID)
				}
			}
			slices.Sort(members)
			line += " members=" + strings.Join(members, ",")
		}
		out[*record.ExternalID] = line
	}
	return out
}

// inBin reports whether an identity was removed softly: whether it has its links still does not matter until it returns.
func inBin(r *directory.Record) bool {
	return r.Status == directory.StatusDisabled && r.StatusReason != nil && strings.HasPrefix(*r.StatusReason, "deleted at the source")
}

// picture draws a tenant as Roster has to show it, without who was removed softly: Roster has them disabled, if at all.
func (t *tenant) picture() picture {
	out := picture{}
	for id, o := range t.objects {
		if o.removed {
			continue
		}
		name, _ := o.attrs["userName"].(string)
		if o.kind == directory.KindGroup {
			name, _ = o.attrs["displayName"].(string)
		}
		status := "ACTIVE "
		if o.attrs["active"] == false {
			status = "DISABLED "
		}
		line := status + name
		if o.kind == directory.KindUser {
			if manager := t.objects[o.manager]; manager != nil && !manager.removed {
				line += " manager=" + o.manager
			}
			display, _ := o.attrs["displayName"].(string)
			if display == "" {
				display = name
			}
			line += " display=" + display
		} else {
			var members []string
			for _, member := range slices.Sorted(maps.Keys(o.members)) {
				if there := t.objects[member]; there != nil && !there.removed {
					members = append(members, member)
				}
			}
			line += " members=" + strings.Join(members, ",")
		}
		out[id] = line
	}
	return out
}

// agree compares a provider's identities with its tenant.
func (w *world) agree(label string) {
	w.t.Helper()
	if diff := cmp.Diff(w.tenants[label].picture(), w.directoryPicture(label)); diff != "" {
		w.t.Fatalf("the directory is not what the source is (-source +directory):\n%s", diff)
	}
}

var quiet = slog.New(slog.DiscardHandler)
