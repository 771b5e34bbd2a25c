package syncer_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

// TestSafetyR12AKilledRunEndsAsAnUninterruptedOne kills the process that works on a run at one transaction after another, at
// random, and has another one go on (rule R21).
func TestSafetyR12AKilledRunEndsAsAnUninterruptedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for seed := range *synctest.Kills {
		label := fmt.Sprintf("Killed%d", seed)
		source := w.add(label)
		rng := rand.New(rand.NewPCG(uint64(seed), 7))
		source.pageSize = 1 + rng.IntN(4)
		for _, key := range []string{"guard.maxDeletePercent", "guard.maxUnlinkPercent"} {
			w.set(label, key, "100")
		}
		for range 3 {
			source.mutate(rng, 4+rng.IntN(12))
			w.rig.Killed(rng, 25, label, syncer.StartOptions{Mode: []syncer.Mode{syncer.ModeAuto, syncer.ModeFull}[rng.IntN(2)]})
			if source.returned {
				source.returned = false
				w.rig.Killed(rng, 25, label, syncer.StartOptions{})
			}
			w.agree(label)
		}
	}
	if left := w.rig.Aside(); len(left) > 0 {
		t.Errorf("runs that have ended left %v behind", left)
	}
	t.Logf("killed at %v", w.rig.Died())
}
