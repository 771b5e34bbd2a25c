package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/roster-gateway/roster/internal/faultproxy"
)

// recovery is how soon after the end of a fault Roster has to be ready again.
const recovery = 5 * time.Second

// trouble has the network between Roster and its database fail again and again, and Roster recover, until the context ends.
func (w *world) trouble(ctx context.Context, random *rand.Rand) {
	faults := []faultproxy.Fault{faultproxy.Refuse, faultproxy.Reset, faultproxy.BlackHole, faultproxy.Latency, faultproxy.SlowClose}
	for {
		if !pause(ctx, 5*time.Second+time.Duration(random.IntN(5000))*time.Millisecond) {
			return
		}
		fault := faults[random.IntN(len(faults))]
		w.network.Turn(fault)
		pause(ctx, time.Duration(500+random.IntN(4500))*time.Millisecond)
		w.network.Turn(faultproxy.None)
		w.troubles++
		if took := w.recovers(); took > recovery {
			w.mu.Lock()
			w.mistaken++
			w.problem(fmt.Errorf("%s after the end of a fault (%s) Roster does not serve", took, fault))
			w.mu.Unlock()
		}
	}
}

// recovers asks both doors until they serve, and returns how long that took.
func (w *world) recovers() time.Duration {
	begun := time.Now()
	for r := w.replicas[0]; time.Since(begun) < 2*recovery; time.Sleep(20 * time.Millisecond) {
		_, err := w.scimEnds(context.Background(), nil)
		if err == nil {
			_, err = r.graphQL(context.Background(), w.read, "", `{ revision }`, nil, new(object))
		}
		if err == nil {
			break
		}
	}
	return time.Since(begun)
}

// pause waits, and reports whether the context goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
