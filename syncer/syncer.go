package syncer

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// Opener decrypts the secrets of the runtime configuration.
type Opener interface {
	Unseal(ciphertext, context []byte) ([]byte, error)
}

// Config says what is synchronized, and how.
type Config struct {
	// Types are the kinds of source that can be read.
	Types []connector.Type
	// Opener decrypts secrets; nil where there are no keys for it.
	Opener Opener
	// AllowPrivate allows sources at addresses that are not of the public internet.
	AllowPrivate bool
	Log          *slog.Logger
	// Lease is how long a replica that says nothing keeps its run; 0 is 15 seconds.
	Lease time.Duration
	// Poll is how often a replica looks for work; 0 is a second.
	Poll time.Duration
	// AtOnce is how many runs a replica works on; 0 is 2.
	AtOnce int
	// Chunk is how many rows the store changes by itself in one transaction; 0 is 5,000.
	Chunk int64
	// ChunksAtOnce is how many chunks are applied at once. 0 is two where the directory is empty but for what the run
	// has created, else one: where others are somebody reads them, for whom the rest of the machine is left.
	ChunksAtOnce int
}

// Service synchronizes. It is safe for concurrent use.
type Service struct {
	store    Store
	people   *directory.Directory
	cfg      Config
	owner    string
	wake     chan struct{}
	counters *counters
}

// New returns a Service. It works on runs only while [Service.Work] runs.
func New(store Store, people *directory.Directory, cfg Config) *Service {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Lease == 0 {
		cfg.Lease = 15 * time.Second
	}
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	if cfg.AtOnce == 0 {
		cfg.AtOnce = 2
	}
	if cfg.Chunk == 0 {
		cfg.Chunk = 5000
	}
	return &Service{store: store, people: people, cfg: cfg, owner: rand.Text(), wake: make(chan struct{}, 1), counters: newCounters()}
}

// Synchronizes reports whether instances of a provider type are synchronized.
func (s *Service) Synchronizes(name directory.ProviderTypeName) bool { return s.typeOf(name) != nil }

func (s *Service) typeOf(name directory.ProviderTypeName) *connector.Type {
	if i := slices.IndexFunc(s.cfg.Types, func(t connector.Type) bool { return t.Name == name }); i >= 0 {
		return &s.cfg.Types[i]
	}
	return nil
}

// open opens the source of an instance with its configuration as it is now.
func (s *Service) open(ctx context.Context, i *directory.Instance) (connector.Source, error) {
	t := s.typeOf(i.Provider.Type)
	if t == nil {
		return nil, connector.Errorf(connector.Misconfigured, "Instances of type %s are not synchronized.", i.Provider.Type)
	}
	values := make(map[string]string, len(i.Config))
	for key, value := range i.Config {
		values[key] = value
	}
	sealed, err := s.store.SyncSecrets(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	for key, ciphertext := range sealed {
		if s.cfg.Opener == nil {
			return nil, connector.Errorf(connector.Misconfigured, "The secret %s cannot be read: Roster runs without the keys that it was encrypted with.", key)
		}
		value, err := s.cfg.Opener.Unseal(ciphertext, directory.SecretContext(i.ID, key))
		if err != nil {
			return nil, connector.Errorf(connector.Misconfigured, "The secret %s cannot be decrypted with the keys that Roster has. Set it again, or give Roster the keys that it was set with.", key)
		}
		values[key] = string(value)
	}
	for _, key := range t.ConfigKeys {
		if key.Required && values[key.Key] == "" {
			return nil, connector.Errorf(connector.Misconfigured, "The configuration key %s is not set: %s Set it with setRuntimeConfig.", key.Key, key.Description)
		}
	}
	return t.Open(connector.Config{Values: values, AllowPrivate: s.cfg.AllowPrivate, Log: s.cfg.Log})
}
