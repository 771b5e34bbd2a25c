package front

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The states that /health/ready tells apart. All but stateReady are answered with 503.
const (
	stateStarting   = "starting"
	stateReady      = "ready"
	stateDraining   = "draining"
	stateNoDatabase = "database unreachable"
)

const (
	// pingTimeout bounds how long a probe waits for the database.
	pingTimeout = 2 * time.Second
	// pingAge is how long an answer of the database stands: probes need no token, so they must not become load.
	pingAge = 250 * time.Millisecond
)

// probes knows whether Roster is ready.
type probes struct {
	draining atomic.Bool
	ping     atomic.Pointer[func(context.Context) error]

	mu      sync.Mutex
	checked time.Time
	reached bool
}

func (p *probes) open(ping func(context.Context) error) { p.ping.Store(&ping) }
func (p *probes) drain()                                { p.draining.Store(true) }

func (p *probes) state(ctx context.Context) string {
	ping := p.ping.Load()
	switch {
	case p.draining.Load():
		return stateDraining
	case ping == nil:
		return stateStarting
	case !p.reachable(ctx, *ping):
		return stateNoDatabase
	case p.draining.Load(): // meanwhile
		return stateDraining
	}
	return stateReady
}

// reachable asks the database, one asker at a time.
func (p *probes) reachable(ctx context.Context, ping func(context.Context) error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.checked) < pingAge {
		return p.reached
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTimeout)
	defer cancel()
	p.reached = ping(ctx) == nil
	p.checked = time.Now()
	return p.reached
}

// live answers 200 as long as the process answers at all.
func (f *Front) live(w http.ResponseWriter, r *http.Request) {
	if allowRead(w, r) {
		answer(w, http.StatusOK, health{"live"})
	}
}

// ready answers 200 while requests should be sent here, else 503.
func (f *Front) ready(w http.ResponseWriter, r *http.Request) {
	if !allowRead(w, r) {
		return
	}
	state := f.probes.state(r.Context())
	status := http.StatusOK
	if state != stateReady {
		status = http.StatusServiceUnavailable
	}
	answer(w, status, health{state})
}

type health struct {
	Status string `json:"status"`
}
