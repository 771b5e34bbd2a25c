package syncer

import (
	"context"
	"log/slog"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// round is the work on one run: read, settle, plan, guard, apply. Every step leaves the store in a state from which the
// work goes on, here or elsewhere.
type round struct {
	s        *Service
	c        *Claimed
	log      *slog.Logger
	instance *directory.Instance
	rules    *rules
	source   connector.Source
	full     bool
	// seq numbers what is told.
	seq int64
	// refused are those whose names others have.
	refused []IdentityRef
}

// run does what there is left to do of the run.
func (r *round) run(ctx context.Context) error {
	if ok, err := r.prepare(ctx); !ok || err != nil {
		return err
	}
	if r.c.EndState == nil {
		if err := r.read(ctx); err != nil {
			return err
		}
	}
	if err := r.s.store.EndReading(ctx, r.c.Lease); err != nil {
		return err
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	size, err := r.s.store.Plan(ctx, r.c.Lease)
	if err != nil {
		return err
	}
	if ok, err := r.decide(ctx, size); !ok || err != nil {
		return err
	}
	if err := r.apply(ctx, size); err != nil {
		return err
	}
	return r.finish(ctx, Finish{Status: Complete, Advance: true, Refused: r.refused})
}

// prepare looks at the instance and opens its source. It reports false where the run has ended with that.
func (r *round) prepare(ctx context.Context) (bool, error) {
	instances, err := r.s.store.InstancesByID(ctx, []int64{r.c.InstanceID})
	if err != nil {
		return false, err
	}
	r.instance = instances[0]
	if r.instance == nil || !r.instance.Live() {
		return false, r.finish(ctx, Finish{Status: Cancelled, Reason: "The instance or its provider was disabled or deleted."})
	}
	r.full = r.c.Full != nil && *r.c.Full
	if r.rules, err = rulesOf(r.instance); err != nil {
		return false, &connector.Error{Code: connector.Misconfigured, Message: directory.AsError(err).Message, Cause: err}
	}
	r.source, err = r.s.open(ctx, r.instance)
	return err == nil, err
}

// decide looks at a plan before it is applied. It reports false where the run has ended with that.
func (r *round) decide(ctx context.Context, size PlanSize) (bool, error) {
	if !r.c.DryRun && r.c.ApprovedHash == nil {
		doubt := ""
		if !r.c.First && r.c.changes() == 0 {
			doubt = suspicion(r.instance, size)
		}
		if doubt == "" {
			return true, nil
		}
		hash, err := r.keepPlan(ctx)
		if err != nil {
			return false, err
		}
		return false, r.quarantine(ctx, hash, doubt)
	}
	if r.c.ApprovedHash != nil && r.c.changes() > 0 {
		return true, nil // a part of the approved plan is applied; this is the rest
	}
	hash, err := r.keepPlan(ctx)
	switch {
	case err != nil:
		return false, err
	case r.c.DryRun:
		return false, r.finish(ctx, Finish{Status: Planned, PlanHash: &hash})
	case hash != *r.c.ApprovedHash:
		return false, r.quarantine(ctx, hash, "The source or the directory has changed since the plan was approved. Look at the planned changes as they are now, then approve or reject them.")
	}
	return true, nil
}

func (r *round) quarantine(ctx context.Context, hash, why string) error {
	hold := directory.StateQuarantined
	r.log.Warn("a synchronization waits for approval", "reason", why)
	return r.finish(ctx, Finish{Status: Quarantined, Reason: why, PlanHash: &hash, Hold: &hold, HoldReason: why})
}

func (r *round) finish(ctx context.Context, f Finish) error {
	return r.s.store.Finish(ctx, r.c.Lease, f)
}
