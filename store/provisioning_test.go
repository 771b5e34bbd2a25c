package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// logStore is a store with instances to log for.
type logStore struct {
	testing.TB
	*store.Store
}

func newLogStore(t testing.TB) *logStore {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: testpg.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &logStore{t, s}
}

func (s *logStore) instances(label string, names ...string) []*directory.Instance {
	s.Helper()
	provider, err := s.InsertProvider(s.Context(), directory.Provider{Name: label, Type: directory.TypeSCIM, Enabled: true}, directory.Audit{})
	if err != nil {
		s.Fatal(err)
	}
	out := make([]*directory.Instance, len(names))
	for i, name := range names {
		if out[i], err = s.InsertInstance(s.Context(), directory.Instance{Name: name, Provider: provider, Enabled: true}, directory.Audit{}); err != nil {
			s.Fatal(err)
		}
	}
	return out
}

func (s *logStore) insert(events ...directory.ProvisioningEvent) {
	s.Helper()
	if err := s.InsertProvisioningEvents(s.Context(), events); err != nil {
		s.Fatal(err)
	}
}

// requestIDs lists the events that a filter selects by their request ids.
func (s *logStore) requestIDs(f directory.ProvisioningEventFilter) string {
	s.Helper()
	events, err := s.ProvisioningEvents(s.Context(), f, nil, 1000)
	if err != nil {
		s.Fatal(err)
	}
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.RequestID
	}
	return strings.Join(ids, " ")
}

func TestEventComesBackAsItWasStored(t *testing.T) {
	t.Parallel()
	s := newLogStore(t)
	instance := s.instances("HR", "")[0]
	id, status := uuid.New(), 409
	full := directory.ProvisioningEvent{
		At: time.Date(2024, 3, 1, 8, 0, 0, 123456000, time.UTC), InstanceID: instance.ID, Method: "POST", ResourceType: text("User"),
		ResourceID: &id, ExternalID: text(`x"\'😀`), Outcome: directory.ProvisioningRefused, Status: &status, SCIMType: text("uniqueness"),
		Message: text("Taken.\n"), Duration: 1234 * time.Microsecond, RequestID: "r1", UnknownMembers: 3, FirstUnknown: []string{`{a,"b`, "", "NULL"},
	}
	bare := directory.ProvisioningEvent{At: full.At.Add(-time.Hour), InstanceID: instance.ID, Method: "GET", Outcome: directory.ProvisioningFailed, RequestID: "r2"}
	s.insert(bare, full)
	got, err := s.ProvisioningEvents(t.Context(), directory.ProvisioningEventFilter{}, nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*directory.ProvisioningEvent{&full, &bare}, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(full, "ID")); diff != "" {
		t.Error(diff)
	}
}

// TestEventWithoutTokenFindsItsInstance: by the URL token, which itself is kept nowhere.
func TestEventWithoutTokenFindsItsInstance(t *testing.T) {
	t.Parallel()
	s := newLogStore(t)
	instances := s.instances("HR", "EU", "US")
	event := func(id, urlToken string) directory.ProvisioningEvent {
		return directory.ProvisioningEvent{At: time.Now(), URLToken: urlToken, Method: "GET", Outcome: directory.ProvisioningRefused, RequestID: id}
	}
	s.insert(event("unknown", "nonsense"), event("none", ""), event("us", instances[1].URLToken))
	for _, c := range []struct{ instance, want string }{{"EU", ""}, {"us", "us"}} {
		if got := s.requestIDs(directory.ProvisioningEventFilter{Provider: text("hr"), Instance: &c.instance}); got != c.want {
			t.Errorf("%s has %q, want %q", c.instance, got, c.want)
		}
	}
	if got := s.requestIDs(directory.ProvisioningEventFilter{}); got != "us" {
		t.Errorf("there are %q", got)
	}
}

func TestEventsAreSelected(t *testing.T) {
	t.Parallel()
	s := newLogStore(t)
	hr, sales := s.instances("HR", "EU", "US"), s.instances("Sales", "EU")
	begin := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	for i, e := range []directory.ProvisioningEvent{
		{InstanceID: hr[0].ID, Outcome: directory.ProvisioningCreated, ResourceType: text("User"), ExternalID: text("a")},
		{InstanceID: hr[1].ID, Outcome: directory.ProvisioningRefused, ResourceType: text("User"), ExternalID: text("A")},
		{InstanceID: sales[0].ID, Outcome: directory.ProvisioningUpdated, ResourceType: text("Group")},
		{InstanceID: hr[0].ID, Outcome: directory.ProvisioningFailed},
	} {
		e.At, e.Method, e.RequestID = begin.Add(time.Duration(i)*time.Minute), "POST", fmt.Sprint(i)
		s.insert(e)
	}
	at := func(minute int) *time.Time { t := begin.Add(time.Duration(minute) * time.Minute); return &t }
	for _, c := range []struct {
		name   string
		filter directory.ProvisioningEventFilter
		want   string
	}{
		{"all", directory.ProvisioningEventFilter{}, "3 2 1 0"},
		{"provider", directory.ProvisioningEventFilter{Provider: text("hr")}, "3 1 0"},
		{"instance", directory.ProvisioningEventFilter{Provider: text("HR"), Instance: text("eu")}, "3 0"},
		{"unknown provider", directory.ProvisioningEventFilter{Provider: text("nobody")}, ""},
		{"outcomes", directory.ProvisioningEventFilter{Outcome: []directory.ProvisioningOutcome{"REFUSED", "FAILED"}}, "3 1"},
		{"no outcome", directory.ProvisioningEventFilter{Outcome: []directory.ProvisioningOutcome{}}, ""},
		{"resource type", directory.ProvisioningEventFilter{ResourceType: text("user")}, "1 0"},
		{"externalId", directory.ProvisioningEventFilter{ExternalID: text("a")}, "0"},
		{"since", directory.ProvisioningEventFilter{Since: at(1)}, "3 2 1"},
		{"until", directory.ProvisioningEventFilter{Until: at(1)}, "0"},
		{"together", directory.ProvisioningEventFilter{Provider: text("HR"), Since: at(1), Until: at(3)}, "1"},
	} {
		if got := s.requestIDs(c.filter); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestEventsArePruned: by their age, in bounded batches.
func TestEventsArePruned(t *testing.T) {
	t.Parallel()
	s := newLogStore(t)
	instance := s.instances("HR", "")[0]
	const old = 6000
	events := make([]directory.ProvisioningEvent, old)
	for i := range events {
		events[i] = directory.ProvisioningEvent{At: time.Now().Add(-48 * time.Hour), InstanceID: instance.ID, Method: "GET", Outcome: "REFUSED", RequestID: "old"}
	}
	s.insert(events...)
	s.insert(directory.ProvisioningEvent{At: time.Now().Add(-time.Hour), InstanceID: instance.ID, Method: "GET", Outcome: "REFUSED", RequestID: "new"})
	steps := []int{}
	for deleted := -1; deleted != 0; {
		var err error
		if deleted, err = s.PruneProvisioningEvents(t.Context(), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, deleted)
	}
	if diff := cmp.Diff([]int{5000, 1000, 0}, steps); diff != "" {
		t.Error(diff)
	}
	if got := s.requestIDs(directory.ProvisioningEventFilter{}); got != "new" {
		t.Errorf("left are %q", got)
	}
}
