// Package directory is Roster's domain: users, groups, roles and the links between them, the rules that
// decide their names and statuses, the change sets that alter them and the reads that answer about them.
//
// It imports nothing else of Roster. What it needs from storage it declares as the interface [Store].
package directory

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// Limits that every caller of the directory meets, whichever door it came through.
const (
	// MaxPage is the largest page that one read returns, in rows.
	MaxPage = 1000
	// MaxBatch is the largest number of keys that one read takes.
	MaxBatch = 1000
	// MaxNameLength bounds names, display names and external ids, in bytes.
	MaxNameLength = 1024
)

// Directory applies change sets and opens readers. It is safe for concurrent use.
type Directory struct {
	store   Store
	sealer  Sealer
	wake    *broadcast
	now     func() time.Time
	log     *slog.Logger
	replica *replica // nil where reads go to the store
	cache   records
	flights flights
	acting  actingIDs
	// configChecks are the checks of keys whose values mean something outside of this package.
	configChecks map[string]func(value string) error
	types        []*ProviderType
}

// Option changes how a Directory works.
type Option func(*Directory)

// WithSealer gives the key that secrets are encrypted with; without one they are refused.
func WithSealer(s Sealer) Option { return func(d *Directory) { d.sealer = s } }

// WithLog gives the log that the applier writes to.
func WithLog(log *slog.Logger) Option { return func(d *Directory) { d.log = log } }

// WithConfigCheck adds a check to a configuration key, whose error says what is expected (see [ConfigKey]).
func WithConfigCheck(key string, check func(value string) error) Option {
	return func(d *Directory) { d.configChecks[key] = check }
}

// WithProviderType declares what is known of a kind of source, in the place of what the directory knows by itself.
func WithProviderType(t ProviderType) Option {
	return func(d *Directory) {
		d.types = slices.Clone(d.types)
		if at := slices.IndexFunc(d.types, func(known *ProviderType) bool { return known.Name == t.Name }); at >= 0 {
			d.types[at] = &t
		} else {
			d.types = append(d.types, &t)
		}
	}
}

// New returns a Directory over a store, whose reads go to the store.
func New(store Store, options ...Option) *Directory {
	d := &Directory{store: store, wake: newBroadcast(), now: time.Now, log: slog.Default(), types: providerTypes, configChecks: map[string]func(string) error{}}
	for _, o := range options {
		o(d)
	}
	return d
}

// HoldInMemory loads the graph and keeps it up to date until the context ends; from then on readers are answered from
// memory. cacheBytes bounds the hot cache of records, 0 is none. It is called once, before the first reader is opened.
func (d *Directory) HoldInMemory(ctx context.Context, store GraphStore, cacheBytes int64) error {
	cache, err := newRecordCache(cacheBytes)
	if err != nil {
		return err
	}
	replica, err := newReplica(ctx, store, d.now, d.log)
	if err != nil {
		return err
	}
	d.replica, d.cache = replica, cache
	store.OnCommit(d.committed)
	go replica.run(ctx)
	if cache != nil {
		go d.warm(ctx, cacheBytes)
	}
	return nil
}

// OnAccessChange has a function called before the state that includes a change of tokens, providers or instances is
// answered from. Where it fails, the state does not advance. Without a graph in memory nothing is called.
func (d *Directory) OnAccessChange(do func(context.Context) error) {
	if d.replica == nil {
		return
	}
	d.replica.stepping.Lock()
	defer d.replica.stepping.Unlock()
	d.replica.watchers = append(d.replica.watchers, do)
}

// Fresh reports by an error where this replica cannot tell how old its state is.
func (d *Directory) Fresh(ctx context.Context) error {
	if d.replica == nil {
		return nil
	}
	_, err := d.replica.pin(ctx)
	return err
}

// Wake tells the Directory that something was committed elsewhere.
func (d *Directory) Wake() {
	d.wake.wakeAll()
	if d.replica != nil {
		d.replica.wake()
	}
}

// committed waits until reads are answered from a state that includes an own commit. The commit has happened: where
// the state does not come in time the write still succeeded, and readers are who has to wait.
func (d *Directory) committed(ctx context.Context, r Revision) {
	now := d.now()
	d.Wake()
	if d.Await(ctx, r) != nil && d.replica != nil {
		d.replica.owe(now)
	}
}
