// Package directory is Roster's domain: users, groups, roles and the links between them, the rules that
// decide their names and statuses, the change sets that alter them and the reads that answer about them.
//
// It imports nothing else of Roster. What it needs from storage it declares as the interface [Store].
package directory

import "time"

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
	store  Store
	sealer Sealer
	wake   *broadcast
	now    func() time.Time
}

// Option changes how a Directory works.
type Option func(*Directory)

// WithSealer gives the key that secrets are encrypted with; without one they are refused.
func WithSealer(s Sealer) Option { return func(d *Directory) { d.sealer = s } }

// New returns a Directory over a store.
func New(store Store, options ...Option) *Directory {
	d := &Directory{store: store, wake: newBroadcast(), now: time.Now}
	for _, o := range options {
		o(d)
	}
	return d
}
