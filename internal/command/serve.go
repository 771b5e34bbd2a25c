package command

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/certificate"
	"github.com/roster-gateway/roster/internal/command/front"
	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/telemetry"
	"github.com/roster-gateway/roster/internal/tracing"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
)

// Wire builds what answers requests over an open store.
type Wire func(Parts) (Gateway, error)

// Parts are what a gateway is built from.
type Parts struct {
	// Background ends when Roster has stopped serving; what runs beside requests runs until then.
	Background context.Context
	Settings   *config.Settings
	Store      *store.Store
	PublicURL  string
	Log        *slog.Logger
	// Metrics are what the gateway tells of itself.
	Metrics *telemetry.Metrics
	// Tracing records requests; nil records nothing.
	Tracing *tracing.Tracing
	// Sealer encrypts secrets, and decrypts them; nil where there are no keys for it.
	Sealer Sealer
	// Stopping is closed when streams have to end.
	Stopping <-chan struct{}
}

// Sealer encrypts secrets at rest, and decrypts them for who needs them.
type Sealer interface {
	directory.Sealer
	syncer.Opener
}

// Gateway is what answers requests.
type Gateway struct {
	front.Handlers
	// Bootstrap makes the first access token of a new Roster and returns its secret; empty where there is one already.
	Bootstrap func(ctx context.Context) (secret string, err error)
	// ExpiringTokens is how many access tokens expire soon.
	ExpiringTokens func() int
	// Replica describes the state in memory.
	Replica func() directory.ReplicaStats
	// Provisioning is what SCIM clients did; what of it waits to be written is written at the end.
	Provisioning *directory.ProvisioningLog
	// WriteUses writes which access tokens were used last, as far as it waits to be written.
	WriteUses func(context.Context) error
	// Sync is the synchronization with sources.
	Sync *syncer.Service
}

type serveCommand struct {
	config.Settings `embed:""`
}

// Help says how to read the list of flags.
func (serveCommand) Help() string { return settingsHelp }

const settingsHelp = "After a flag's = stands its default, or what it takes. Every setting is also an environment variable, named in " +
	"brackets; a flag wins over its variable."

// Run serves until the program is told to stop.
func (c *serveCommand) Run(p *program) error {
	if err := c.Complete(); err != nil {
		return err
	}
	s, err := start(p, &c.Settings)
	if s == nil || err != nil {
		return err
	}
	return s.run(p.ctx)
}

// service is a running Roster.
type service struct {
	settings *config.Settings
	log      *slog.Logger
	hold     *telemetry.Hold // what log writes to
	front    *front.Front
	address  net.Addr
	http     *http.Server
	// management serves probes and scrapes apart; nil where it has no address of its own.
	management *http.Server
	// certificate is what TLS is served with; nil without TLS.
	certificate *certificate.Keeper
	limits      connectionLimits
	tracing     *tracing.Tracing // nil where no collector is named
	ended       chan error       // of serving HTTP
	metrics     *telemetry.Metrics
	database    *database
	store       *store.Store
	// stopBackground ends what runs beside requests.
	stopBackground context.CancelFunc
	provisioning   *directory.ProvisioningLog
	writeUses      func(context.Context) error
}

// start brings Roster up: listener, database, schema, handlers, first token. The listener comes first because a port that
// is taken is the commonest mistake, and should be told before anything is written; until all is there it answers the
// probes alone. start returns nil without an error where it was told to stop.
func start(p *program, settings *config.Settings) (*service, error) {
	boundGarbage()
	hold := telemetry.NewHold(p.stderr)
	if settings.LogLevel == "debug" {
		hold.Release()
	}
	s := &service{
		settings: settings,
		log:      newLog(p.stderr, hold, settings.Log),
		hold:     hold,
		metrics:  telemetry.NewMetrics(version()),
		limits:   defaultLimits,
		ended:    make(chan error, 2),
	}
	slog.SetDefault(s.log)
	var err error
	if s.tracing, err = tracing.Start(p.ctx, version(), s.log); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	err = s.open(p)
	if err != nil {
		s.close(time.Now().Add(stopLimit))
		hold.Flush()
		if p.ctx.Err() != nil {
			return nil, nil
		}
		return nil, err
	}
	hold.Release()
	s.log.Info("serving", "address", s.address.String(), "public_url", settings.PublicURLAt(s.address), "version", version())
	return s, nil
}

// newLog logs into the hold, in the form that fits the writer behind it.
func newLog(behind io.Writer, hold *telemetry.Hold, settings config.Log) *slog.Logger {
	form := settings.LogFormat
	if form == "auto" {
		form = "json"
		if telemetry.IsTerminal(behind) {
			form = "text"
		}
	}
	return telemetry.NewLog(hold, form, settings.LogLevel)
}

// open opens everything behind the listener.
func (s *service) open(p *program) error {
	var err error
	if s.database, err = openDatabase(p.ctx, s.settings.Database, s.log); err != nil {
		return err
	}
	s.store, err = store.Open(p.ctx, store.Config{
		URL: s.database.url, MaxConns: s.settings.DatabaseMaxConns, Timeout: s.settings.RequestTimeout, Trace: s.tracing.Statement(),
	})
	if err != nil {
		return err
	}
	sealer, err := openKeyset(s.settings)
	if err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(p.ctx))
	s.stopBackground = stop
	if s.certificate != nil {
		go s.certificate.Watch(background)
		s.metrics.ObserveCertificate(s.certificate.NotAfter)
	}
	gateway, err := p.wire(Parts{
		Background: background, Settings: s.settings, Store: s.store, PublicURL: s.settings.PublicURLAt(s.address), Log: s.log, Metrics: s.metrics, Tracing: s.tracing, Sealer: sealer, Stopping: s.front.Stopping(),
	})
	if err != nil {
		return err
	}
	if s.settings.AdminToken == "" {
		secret, err := gateway.Bootstrap(p.ctx)
		if err != nil {
			return fmt.Errorf("the first access token could not be made: %w", err)
		}
		if secret != "" {
			s.log.Info("made an admin token and wrote it to standard output; it is not shown again")
			fmt.Fprintln(p.stdout, secret)
		}
	}
	s.metrics.ObserveStore(s.store.Statements, s.store.Stats)
	s.metrics.ObserveReplica(gateway.Replica)
	s.metrics.ObserveTokens(gateway.ExpiringTokens)
	s.provisioning, s.writeUses = gateway.Provisioning, gateway.WriteUses
	s.metrics.ObserveProvisioning(s.provisioning.Stats)
	s.metrics.ObserveSync(gateway.Sync)
	s.metrics.ObserveReady(s.front.Ready)
	gateway.Metrics = s.metrics.Handler()
	giveBackMemory()
	s.front.Open(gateway.Handlers)
	return nil
}
