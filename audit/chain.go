package audit

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Mark is a place in the chain: the number of a seal, from 1 on, and its hash.
type Mark struct {
	Seq  int64 `json:"seq"`
	Hash Hash  `json:"hash"`
}

// Chain is how far the chain reaches: from after its anchor, the last event that retention has deleted, up to its head.
type Chain struct{ Anchor, Head Mark }

// Sealer is what sealing needs from storage.
type Sealer interface {
	// SealAudit adds committed events to the chain, a bounded number, and returns how many, and whether there may be more.
	// While another replica seals it does nothing.
	SealAudit(ctx context.Context) (sealed int, more bool, err error)
}

// sealEvery is about how often a replica looks for events to seal.
const sealEvery = time.Second

// KeepSealing seals events soon after they have committed, until the context ends.
func KeepSealing(ctx context.Context, store Sealer, log *slog.Logger) {
	failing := false
	for {
		// Replicas that start together need not look together.
		pause := time.NewTimer(sealEvery/2 + rand.N(sealEvery))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		err := sealAll(ctx, store)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			log.Warn("the audit trail could not be sealed; what waits is sealed later", "error", err)
		}
		failing = err != nil
	}
}

func sealAll(ctx context.Context, store Sealer) error {
	for {
		if _, more, err := store.SealAudit(ctx); err != nil || !more {
			return err
		}
	}
}
