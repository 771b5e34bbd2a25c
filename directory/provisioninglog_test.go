package directory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
)

// troubledStore fails or holds back what is written to a store.
type troubledStore struct {
	directory.ProvisioningStore
	fail error
	held chan struct{} // writing waits for it; nil for not at all
}

func (s *troubledStore) InsertProvisioningEvents(ctx context.Context, events []directory.ProvisioningEvent) error {
	if s.held != nil {
		<-s.held
	}
	if s.fail != nil {
		return s.fail
	}
	return s.ProvisioningStore.InsertProvisioningEvents(ctx, events)
}

func event(instance *directory.Instance, id string) directory.ProvisioningEvent {
	return directory.ProvisioningEvent{At: time.Now(), InstanceID: instance.ID, Method: "POST", Outcome: directory.ProvisioningCreated, RequestID: id}
}

// events lists the request ids of a log, the newest first, in pages of a size.
func (f *fixture) events(l *directory.ProvisioningLog, first int) []string {
	f.Helper()
	out := []string{}
	for args := (directory.PageArgs{First: first}); ; {
		page, err := l.Page(directory.ProvisioningEventFilter{}, args)
		if err != nil {
			f.Fatal(err)
		}
		nodes, err := page.Nodes(f.ctx)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range nodes {
			out = append(out, e.RequestID)
		}
		info, err := page.PageInfo(f.ctx)
		if err != nil {
			f.Fatal(err)
		}
		if !info.HasNextPage {
			return out
		}
		args.After = info.EndCursor
	}
}

// TestFloodDoesNotBlock: a database that takes nothing holds up no request, and memory stays bounded. What comes when
// the queue is full is dropped and counted; the rest is written once it can be.
func TestFloodDoesNotBlock(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	instance := f.instance("HR", directory.TypeSCIM, "")
	s := &troubledStore{ProvisioningStore: f.store, held: make(chan struct{})}
	l := directory.NewProvisioningLog(s, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(f.ctx)
	ended := make(chan struct{})
	go func() { l.Run(ctx); close(ended) }()
	const flood = 20000
	for i := range flood { // which would never end if it waited
		l.Record(event(instance, fmt.Sprint(i)))
	}
	stats := l.Stats()
	if stats.Waiting > 8192 || stats.Dropped < flood-8192-1000 {
		t.Errorf("%d wait and %d were dropped, of %d", stats.Waiting, stats.Dropped, flood)
	}
	close(s.held)
	stop()
	<-ended
	l.Flush(f.ctx)
	stats = l.Stats()
	if got := len(f.events(l, directory.MaxPage)); uint64(got)+stats.Dropped != flood || stats.Waiting != 0 {
		t.Errorf("%d of %d were written, %d dropped, %d wait", got, flood, stats.Dropped, stats.Waiting)
	}
}

// TestStrangersCrowdNobodyOut: requests without a valid token take a small part of the queue.
func TestStrangersCrowdNobodyOut(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	instance := f.instance("HR", directory.TypeSCIM, "")
	l := directory.NewProvisioningLog(f.store, slog.New(slog.DiscardHandler))
	for round := range 2 {
		for range 10000 {
			l.Record(directory.ProvisioningEvent{At: time.Now(), URLToken: instance.URLToken, Method: "GET", Outcome: directory.ProvisioningRefused, RequestID: "stranger"})
		}
		l.Record(event(instance, "client"))
		l.Flush(f.ctx)
		got := f.events(l, directory.MaxPage)
		clients := 0
		for _, id := range got {
			if id == "client" {
				clients++
			}
		}
		if clients != round+1 || len(got) != (round+1)*65 {
			t.Errorf("round %d: %d events, %d of them of clients", round, len(got), clients)
		}
	}
}

// TestEventsOutliveTrouble: an outage of the database loses no event, and one that it refuses holds up no other.
func TestEventsOutliveTrouble(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	instance := f.instance("HR", directory.TypeSCIM, "")
	s := &troubledStore{ProvisioningStore: f.store, fail: &directory.Error{Code: directory.CodeUnavailable}}
	l := directory.NewProvisioningLog(s, slog.New(slog.DiscardHandler))
	l.Record(event(instance, "before"))
	l.Flush(f.ctx)
	l.Record(event(instance, "after"))
	s.fail = nil
	l.Flush(f.ctx)
	if diff := cmp.Diff([]string{"after", "before"}, f.events(l, 10)); diff != "" {
		t.Error(diff)
	}
	s.fail = errors.New("nonsense")
	l.Record(event(instance, "refused"))
	l.Flush(f.ctx)
	s.fail = nil
	l.Record(event(instance, "last"))
	l.Flush(f.ctx)
	if diff := cmp.Diff([]string{"last", "after", "before"}, f.events(l, 10)); diff != "" || l.Stats().Dropped != 1 {
		t.Errorf("%d were dropped: %s", l.Stats().Dropped, diff)
	}
}

// TestWhateverClientsSendCanBeLogged: no text keeps an event, or those beside it, out of the log.
func TestWhateverClientsSendCanBeLogged(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	instance := f.instance("HR", directory.TypeSCIM, "")
	l := directory.NewProvisioningLog(f.store, slog.New(slog.DiscardHandler))
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		e := event(instance, "r")
		text := rapid.OneOf(rapid.String(), rapid.StringN(1000, 1100, -1), rapid.SampledFrom([]string{"\x00", "\xff", `\u0000`, "\ud7ff\xed\xa0\x80"}))
		external, message, unknown := text.Draw(t, "externalId"), text.Draw(t, "message"), text.Draw(t, "unknown")
		e.ExternalID, e.Message, e.FirstUnknown = &external, &message, []string{unknown}
		l.Record(e)
		l.Flush(f.ctx)
		written++
		if stats := l.Stats(); stats.Dropped > 0 || stats.Waiting > 0 {
			t.Fatalf("%+v", stats)
		}
	})
	if got := len(f.events(l, directory.MaxPage)); got != written {
		t.Errorf("%d of %d are in the log", got, written)
	}
}

// TestPagesOfTheLogFit: whatever the page size, the pages hold each event once, the newest first, also where many
// arrived at the same time.
func TestPagesOfTheLogFit(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	instance := f.instance("HR", directory.TypeSCIM, "")
	l := directory.NewProvisioningLog(f.store, slog.New(slog.DiscardHandler))
	want := []string{}
	at := time.Now()
	for i := range 20 {
		e := event(instance, fmt.Sprint(i))
		e.At = at.Add(time.Duration(i/7) * time.Microsecond)
		l.Record(e)
		l.Flush(f.ctx) // ids in this order
		want = append(want, e.RequestID)
	}
	slices.Reverse(want)
	for _, first := range []int{1, 3, 7, 19, 20, 21} {
		if diff := cmp.Diff(want, f.events(l, first)); diff != "" {
			t.Errorf("in pages of %d: %s", first, diff)
		}
	}
}

func TestPageOfTheLogRefuses(t *testing.T) {
	t.Parallel()
	l := directory.NewProvisioningLog(nil, nil)
	name, foreign := "EU", directory.IDCursor("tokens", 7)
	for what, err := range map[string]error{
		"no rows":                     second(l.Page(directory.ProvisioningEventFilter{}, directory.PageArgs{First: 0})),
		"too many rows":               second(l.Page(directory.ProvisioningEventFilter{}, directory.PageArgs{First: 1001})),
		"a foreign cursor":            second(l.Page(directory.ProvisioningEventFilter{}, directory.PageArgs{First: 1, After: &foreign})),
		"instance without a provider": second(l.Page(directory.ProvisioningEventFilter{Instance: &name}, directory.PageArgs{First: 1})),
	} {
		if e := (*directory.Error)(nil); !errors.As(err, &e) || e.Code != directory.CodeBadInput {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
