package directory

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"
)

// The bounds of the log's queue.
const (
	// maxWaiting is how many events wait to be written at most, and maxStrangers how many of those may be of requests
	// without a valid token: whoever knows a Tenant URL must not crowd out the events of clients.
	maxWaiting   = 8192
	maxStrangers = 64
	// maxProvisioningBatch is how many events one statement writes.
	maxProvisioningBatch = 1000
	// writeProvisioningEvery is how long events wait for others.
	writeProvisioningEvery = 250 * time.Millisecond
	// writeProvisioningLimit is how long writing what waits may take.
	writeProvisioningLimit = 2 * time.Second
	// maxEventText bounds each text of an event, in bytes, and maxFirstUnknown the number of unknown members listed.
	maxEventText    = 1024
	maxFirstUnknown = 10
)

// ProvisioningLog collects what provisioning clients did and writes it in batches, so that no request waits for it. Where
// events come faster than they can be written, the newest are dropped and counted. It is safe for concurrent use; nil
// logs nothing.
type ProvisioningLog struct {
	store ProvisioningStore
	log   *slog.Logger
	wake  chan struct{} // there is a full batch

	mu        sync.Mutex
	waiting   []ProvisioningEvent
	strangers int // of those waiting, the ones without a valid token
	stats     ProvisioningStats

	writing sync.Mutex // held by whoever writes
}

// ProvisioningStats are figures of a log since its start.
type ProvisioningStats struct {
	Requests map[ProvisioningKind]uint64
	// Dropped counts events that were not written.
	Dropped uint64
	Waiting int
}

// ProvisioningKind is what requests are counted by. ResourceType is empty where it was not known.
type ProvisioningKind struct {
	ResourceType, Method string
	Outcome              ProvisioningOutcome
}

// NewProvisioningLog returns a log. Events are written by [ProvisioningLog.Run].
func NewProvisioningLog(store ProvisioningStore, log *slog.Logger) *ProvisioningLog {
	return &ProvisioningLog{
		store: store, log: log, wake: make(chan struct{}, 1),
		stats: ProvisioningStats{Requests: map[ProvisioningKind]uint64{}},
	}
}

// Record counts a request, and takes its event to be written soon unless it was a read. It never waits.
func (l *ProvisioningLog) Record(e ProvisioningEvent) {
	if l == nil {
		return
	}
	kind := ProvisioningKind{Method: e.Method, Outcome: e.Outcome}
	if e.ResourceType != nil {
		kind.ResourceType = *e.ResourceType
	}
	stranger := e.InstanceID == 0
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Requests[kind]++
	if e.Outcome == ProvisioningRead || stranger && e.URLToken == "" {
		return
	}
	if len(l.waiting) >= maxWaiting || stranger && l.strangers >= maxStrangers {
		l.stats.Dropped++
		return
	}
	if stranger {
		l.strangers++
	}
	l.waiting = append(l.waiting, e.tidy())
	if len(l.waiting) >= maxProvisioningBatch {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// tidy makes what a client sent fit to be stored.
func (e ProvisioningEvent) tidy() ProvisioningEvent {
	for _, text := range []**string{&e.ExternalID, &e.SCIMType, &e.Message} {
		if *text != nil {
			tidied := tidyText(**text)
			*text = &tidied
		}
	}
	e.URLToken, e.RequestID = tidyText(e.URLToken), tidyText(e.RequestID)
	first := make([]string, min(len(e.FirstUnknown), maxFirstUnknown))
	for i := range first {
		first[i] = tidyText(e.FirstUnknown[i])
	}
	e.FirstUnknown = first
	e.At = e.At.Truncate(time.Microsecond)
	return e
}

func tidyText(text string) string {
	text = strings.ToValidUTF8(text[:min(len(text), maxEventText)], "")
	return strings.ReplaceAll(text, "\x00", "")
}

// Run writes events until the context ends. What comes in later, and what is left then, is for [ProvisioningLog.Flush].
func (l *ProvisioningLog) Run(ctx context.Context) {
	ticker := time.NewTicker(writeProvisioningEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-l.wake:
		}
		// The end must not cut a statement short whose events nobody could then tell were written.
		unhurried, done := context.WithTimeout(context.WithoutCancel(ctx), writeProvisioningLimit)
		l.Flush(unhurried)
		done()
	}
}

// Flush writes what waits. Events that cannot be written because the database does not answer go on waiting; those that
// it refuses are dropped.
func (l *ProvisioningLog) Flush(ctx context.Context) {
	l.writing.Lock()
	defer l.writing.Unlock()
	for batch := l.take(); len(batch) > 0; batch = l.take() {
		err := l.store.InsertProvisioningEvents(ctx, batch)
		switch {
		case err == nil:
		case ctx.Err() != nil, AsError(err).Code == CodeUnavailable:
			l.giveBack(batch)
			return
		default:
			l.log.WarnContext(ctx, "events of the provisioning log could not be written", "events", len(batch), "error", err)
			l.drop(len(batch))
		}
	}
}

// take removes the oldest events from the queue.
func (l *ProvisioningLog) take() []ProvisioningEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), maxProvisioningBatch)
	batch := l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil // its memory goes with the batch
	}
	l.strangers -= strangersIn(batch)
	return batch
}

// giveBack puts events back to the head of the queue, as many as have room.
func (l *ProvisioningLog) giveBack(batch []ProvisioningEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := max(0, len(batch)+len(l.waiting)-maxWaiting)
	l.stats.Dropped += uint64(over)
	kept := batch[:len(batch)-over]
	l.waiting = append(kept, l.waiting...)
	l.strangers += strangersIn(kept)
}

func (l *ProvisioningLog) drop(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Dropped += uint64(n)
}

func strangersIn(events []ProvisioningEvent) int {
	n := 0
	for i := range events {
		if events[i].InstanceID == 0 {
			n++
		}
	}
	return n
}

// Stats describes the log now.
func (l *ProvisioningLog) Stats() ProvisioningStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.stats
	out.Requests, out.Waiting = maps.Clone(l.stats.Requests), len(l.waiting)
	return out
}
