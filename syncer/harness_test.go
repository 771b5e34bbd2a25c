package syncer_test

import (
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
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

// world is a directory that is synchronized with tenants: one of the provider AAD, more where a test adds them.
type world struct {
	t       testing.TB
	rig     *synctest.Rig
	store   *store.Store
	people  *directory.Directory
	sync    *syncer.Service
	tenants map[string]*tenant     // by label
	secret  atomic.Pointer[string] // the last one that a tenant was opened with
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, tenants: map[string]*tenant{}}
	w.rig = synctest.New(t, w.connectorType())
	w.store, w.people = w.rig.Store, w.rig.People
	w.sync = w.rig.Service(syncer.Config{Lease: 3 * time.Second, Poll: 20 * time.Millisecond})
	w.add("AAD")
	return w
}

// connectorType opens the tenant that the key test.tenant names.
func (w *world) connectorType() connector.Type {
	return connector.Type{
		ProviderType: directory.ProviderType{
			Name: directory.TypeAzureAD, Description: "A tenant in memory.",
			ConfigKeys: []directory.ConfigKey{
				{Key: "test.tenant", Description: "The tenant.", Required: true}, {Key: "test.secret", Description: "A secret.", Secret: true},
			},
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
	w.rig.Set(label, key, value)
}

func (w *world) must(err error) {
	w.t.Helper()
	w.rig.Must(err)
}

// work works on runs until the test ends.
func (w *world) work() { w.rig.Work(w.sync) }

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
	return w.rig.Wait(uid)
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
	for key, i := range w.rig.Picture(label) {
		line := string(i.Status) + " " + i.Name
		switch {
		case i.Kind == directory.KindGroup:
			line += " members=" + strings.Join(i.Links, ",")
		case len(i.Links) > 0:
			line += " manager=" + i.Links[0]
			fallthrough
		default:
			line += " display=" + i.DisplayName
		}
		out[key] = line
	}
	return out
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
