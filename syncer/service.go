package syncer

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// DefaultSchedule is the time between two runs that most directories do well with (rule R13).
const DefaultSchedule = 15 * time.Minute

// The bounds of a schedule.
const (
	minSchedule = time.Second
	maxSchedule = 366 * 24 * time.Hour
)

// instanceOf finds an instance that can be synchronized.
func (s *Service) instanceOf(ctx context.Context, provider, name string) (*directory.Instance, error) {
	i, err := s.people.InstanceNamed(ctx, provider, name)
	if err != nil {
		return nil, err
	}
	if !s.Synchronizes(i.Provider.Type) {
		return nil, directory.BadInput("provider", "Instances of type %s are not synchronized: nothing reads them from a source.", i.Provider.Type)
	}
	return i, nil
}

// liveInstance finds an instance that may be synchronized now (rule R22).
func (s *Service) liveInstance(ctx context.Context, provider, name string) (*directory.Instance, error) {
	i, err := s.instanceOf(ctx, provider, name)
	if err == nil && !i.Live() {
		return nil, directory.Clash("", "instance", "%s Enable it first.", *i.StateReason())
	}
	return i, err
}

func audit(ctx context.Context, action string, i *directory.Instance, detail map[string]any) directory.Audit {
	return directory.Audit{Actor: directory.ActorFrom(ctx), Action: action, Target: i.Label(), Detail: detail}
}

// StartOptions say what kind of run to start.
type StartOptions struct {
	Mode Mode
	// DryRun plans and lists, and changes nothing (rule R18).
	DryRun bool
	// SkipDeleted takes back nothing that has gone at the source (rule R15).
	SkipDeleted bool
}

// Start queues a run of an instance, whatever its schedule and its failures.
func (s *Service) Start(ctx context.Context, provider, instance string, o StartOptions) (*Run, error) {
	i, err := s.liveInstance(ctx, provider, instance)
	if err != nil {
		return nil, err
	}
	run, err := s.store.InsertRun(ctx, Run{UID: uuid.Must(uuid.NewV7()), InstanceID: i.ID, Mode: o.Mode, DryRun: o.DryRun, SkipDeleted: o.SkipDeleted},
		audit(ctx, "sync.start", i, map[string]any{"mode": o.Mode, "dryRun": o.DryRun, "skipDeleted": o.SkipDeleted}))
	s.poke()
	return run, err
}

// run finds a run and its instance.
func (s *Service) run(ctx context.Context, uid uuid.UUID) (*Run, *directory.Instance, error) {
	runs, err := s.store.RunsByUID(ctx, []uuid.UUID{uid})
	if err != nil {
		return nil, nil, err
	}
	if runs[0] == nil {
		return nil, nil, directory.NotFound("runId", "There is no synchronization run with the id %s.", uid)
	}
	instances, err := s.store.InstancesByID(ctx, []int64{runs[0].InstanceID})
	return runs[0], instances[0], err
}

// Cancel ends a run that is under way. What it has applied stays; nothing is written after Cancel has returned.
func (s *Service) Cancel(ctx context.Context, uid uuid.UUID) (*Run, error) {
	run, i, err := s.run(ctx, uid)
	if err != nil {
		return nil, err
	}
	return s.endRun(ctx, run, i, []Status{Queued, Synchronizing}, "cancel", "is not under way")
}

// Reject drops the plan of a run that waits for approval.
func (s *Service) Reject(ctx context.Context, uid uuid.UUID) (*Run, error) {
	run, i, err := s.run(ctx, uid)
	if err != nil {
		return nil, err
	}
	return s.endRun(ctx, run, i, []Status{Quarantined}, "reject", "does not wait for approval")
}

func (s *Service) endRun(ctx context.Context, run *Run, i *directory.Instance, from []Status, verb, not string) (*Run, error) {
	past := map[string]string{"cancel": "Cancelled", "reject": "Rejected"}[verb]
	ended, err := s.store.CancelRun(ctx, run.UID, from, fmt.Sprintf("%s by %s.", past, directory.ActorFrom(ctx).Name), audit(ctx, "sync."+verb, i, map[string]any{"run": run.UID}))
	if err != nil {
		return nil, err
	}
	now, _, err := s.run(ctx, run.UID)
	if err != nil {
		return nil, err
	}
	if !ended {
		return nil, directory.Clash("", "runId", "The run %s: it is %s.", not, now.Status)
	}
	s.counters.ended(i.Provider.Type, now)
	if err := s.store.Drop(ctx, run.ID); err != nil {
		s.cfg.Log.Warn("what a run kept aside could not be dropped yet", "run", run.UID, "error", err)
	}
	return now, nil
}

// Approve has a run that waits carry out its plan. The run reads the source once more and goes on only if what it would do
// is exactly what was approved; else it waits again, with the new plan. A plan that the directory has moved on from is
// refused at once.
func (s *Service) Approve(ctx context.Context, uid uuid.UUID, planHash string) (*Run, error) {
	run, i, err := s.run(ctx, uid)
	if err != nil {
		return nil, err
	}
	if run.Status != Quarantined {
		return nil, directory.Clash("", "runId", "The run does not wait for approval: it is %s.", run.Status)
	}
	if run.PlanHash == nil || *run.PlanHash != planHash {
		return nil, directory.Clash(directory.ReasonStale, "planHash", "This is not the hash of the plan that waits. Look at the planned changes, and send the run's planHash.")
	}
	if !i.Live() {
		return nil, directory.Clash("", "runId", "%s Enable it first.", *i.StateReason())
	}
	stands, err := s.store.PlanStands(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	if !stands {
		return nil, directory.Clash(directory.ReasonStale, "planHash", "The directory has changed since this plan was made. Start a run, and look at its plan.")
	}
	approved, err := s.store.ApproveRun(ctx, uid, planHash, audit(ctx, "sync.approve", i, map[string]any{"run": uid, "planHash": planHash}))
	if err != nil {
		return nil, err
	}
	if !approved {
		return nil, directory.Clash(directory.ReasonStale, "runId", "Somebody else has decided about this run in the meantime.")
	}
	s.poke()
	run, _, err = s.run(ctx, uid)
	return run, err
}

// ResetState makes the next round of an instance a full one.
func (s *Service) ResetState(ctx context.Context, provider, instance string) (*directory.Instance, error) {
	i, err := s.instanceOf(ctx, provider, instance)
	if err != nil {
		return nil, err
	}
	if err := s.store.ResetState(ctx, i.ID, audit(ctx, "sync.reset", i, nil)); err != nil {
		return nil, err
	}
	return s.people.InstanceNamed(ctx, provider, instance)
}

// SetSchedule sets the time between two runs, in force at once; nil ends automatic runs. The first one is due at once
// where the instance has never been synchronized, else one interval after its last success.
func (s *Service) SetSchedule(ctx context.Context, provider, instance string, every *time.Duration) (*directory.Instance, error) {
	i, err := s.instanceOf(ctx, provider, instance)
	if err != nil {
		return nil, err
	}
	var next *time.Time
	if every != nil {
		if *every < minSchedule || *every > maxSchedule || *every%time.Second != 0 {
			return nil, directory.BadInput("every", "A schedule is of whole seconds, from one second to 366 days, such as PT15M or 00:00:15:00.")
		}
		at := time.Now()
		if i.LastSyncedAt != nil && i.LastSyncedAt.Add(*every).After(at) {
			at = i.LastSyncedAt.Add(*every)
		}
		next = &at
	}
	a := audit(ctx, "instance.schedule.set", i, nil)
	a.Before, a.After = map[string]any{"every": interval(i.SyncSchedule)}, map[string]any{"every": interval(every)}
	if err := s.store.SetSchedule(ctx, i.ID, every, next, a); err != nil {
		return nil, err
	}
	s.poke()
	return s.people.InstanceNamed(ctx, provider, instance)
}

// interval is a schedule in the audit trail.
func interval(every *time.Duration) any {
	if every == nil {
		return nil
	}
	return every.String()
}

// TestConnection tries the source of an instance step by step. Its error is of the request; what is wrong with the source
// is in the steps.
func (s *Service) TestConnection(ctx context.Context, provider, instance string) ([]connector.Check, error) {
	i, err := s.instanceOf(ctx, provider, instance)
	if err != nil {
		return nil, err
	}
	checks := []connector.Check{}
	source, err := s.open(ctx, i)
	if bad := connector.AsError(err); bad != nil {
		return append(checks, connector.Check{Name: "configuration", Detail: bad.Message}), nil
	}
	if err != nil {
		return nil, err
	}
	checks = append(checks, connector.Check{Name: "configuration", OK: true, Detail: "Every key that is required is set."})
	source.Check(ctx, func(c connector.Check) { checks = append(checks, c) })
	return checks, nil
}
