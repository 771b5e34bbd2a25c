package syncer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

const (
	// jitter is the part of its interval by which a run may be put off.
	jitter = 0.1
	// quarantineAfter is how many runs in a row have to fail until the instance is shown as quarantined (rule R17).
	quarantineAfter = 5
	// maxBackOff bounds how far failures put the next run off.
	maxBackOff = 6 * time.Hour
	// storePause is how long a run rests that the database would not serve.
	storePause = 2 * time.Second
	// breakPause is how long a run rests whose source broke off in the middle, in looks for work ([Config.Poll]).
	breakPause = 5
)

// Work queues runs that are due and works on runs that wait, until the context ends. What it is working on then is given
// back, for another replica or the next start to go on with.
func (s *Service) Work(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	free := make(chan struct{}, s.cfg.AtOnce)
	for {
		if _, err := s.store.QueueDue(ctx, jitter); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("runs that are due could not be queued; the next look tries again", "error", err)
		}
		for s.take(ctx, free, &running) {
		}
		pause := time.NewTimer(s.cfg.Poll/2 + rand.N(s.cfg.Poll))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		case <-s.wake:
			pause.Stop()
		}
	}
}

// take takes one run up, where there is one and somebody free for it.
func (s *Service) take(ctx context.Context, free chan struct{}, running *sync.WaitGroup) bool {
	select {
	case free <- struct{}{}:
	default:
		return false
	}
	claimed, err := s.store.Claim(ctx, s.owner, s.cfg.Lease)
	if err != nil || claimed == nil {
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("no run could be taken up; the next look tries again", "error", err)
		}
		<-free
		return false
	}
	running.Go(func() {
		defer func() { <-free; s.poke() }()
		s.work(ctx, claimed)
	})
	return true
}

// poke has Work look again at once.
func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// work works on one run, and keeps its lease alive.
func (s *Service) work(ctx context.Context, c *Claimed) {
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var beating sync.WaitGroup
	beating.Go(func() { s.beat(working, c.Lease, stop) })
	err := s.recovered(working, c)
	if lost := context.Cause(working); errors.Is(lost, ErrLost) {
		err = lost
	}
	stop(nil)
	beating.Wait()
	s.end(ctx, c, err)
	s.people.Wake()
}

// recovered works on a run. A panic is an error of this run, which the next replica would only meet again.
func (s *Service) recovered(ctx context.Context, c *Claimed) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.cfg.Log.Error("a synchronization panicked", "run", c.UID, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("a synchronization panicked: %v", r)
		}
	}()
	ctx, span := otel.Tracer("github.com/roster-gateway/roster").Start(ctx, "synchronization") // that its requests belong to
	defer span.End()
	return (&round{s: s, c: c, log: s.cfg.Log.With("run", c.UID)}).run(ctx)
}

// beat renews a lease. Where it is lost, or cannot be renewed in time, the work stops.
func (s *Service) beat(ctx context.Context, l Lease, stop context.CancelCauseFunc) {
	last := time.Now()
	every := time.NewTicker(s.cfg.Lease / 5)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		switch err := s.store.Renew(ctx, l, s.cfg.Lease); {
		case err == nil:
			last = time.Now()
		case errors.Is(err, ErrLost), time.Since(last) > s.cfg.Lease:
			stop(ErrLost)
			return
		}
	}
}

// end ends a run by what its work came to.
func (s *Service) end(ctx context.Context, c *Claimed, err error) {
	log := s.cfg.Log.With("run", c.UID)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Lease)
	defer cancel()
	switch source := connector.AsError(err); {
	case err == nil: // it is finished
		s.count(ctx, &c.Run)
		return
	case errors.Is(err, ErrLost):
		s.dropCancelled(ctx, c)
		return
	case errors.Is(err, context.Canceled):
		err = s.store.Yield(ctx, c.Lease, 0, "")
	case source == nil && isStoreTrouble(err):
		log.Warn("the database does not serve the run; it goes on later", "error", err)
		err = s.store.Yield(ctx, c.Lease, storePause, "")
	case source != nil && source.Code == connector.Throttled:
		err = s.store.Yield(ctx, c.Lease, source.RetryAfter, source.Message)
	case source != nil && source.Code == connector.Unavailable && s.pages(ctx, c) > c.Pages: // it came further than before
		log.Info("the source broke off; the run goes on where it did", "reason", source.Message)
		err = s.store.Yield(ctx, c.Lease, breakPause*s.cfg.Poll, source.Message)
	default:
		if err = s.fail(ctx, c, err); err == nil {
			s.count(ctx, &c.Run)
		}
	}
	if err != nil && !errors.Is(err, ErrLost) {
		log.Warn("the run could not be given back; it is taken up again when its lease has run out", "error", err)
	}
}

// pages counts the pages that a run has kept of a round that was not read to its end; 0 where it was, or it is not known.
func (s *Service) pages(ctx context.Context, c *Claimed) int {
	runs, err := s.store.RunsByUID(ctx, []uuid.UUID{c.UID})
	if err != nil || runs[0] == nil || runs[0].Phase != "read" {
		return 0
	}
	return runs[0].Pages
}

// isStoreTrouble reports whether the database failed in a way that passes.
func isStoreTrouble(err error) bool { return directory.HasCode(err, directory.CodeUnavailable) }

// fail ends a run as failed, or as partial where its source broke off in the middle of a round, and puts the next one off the further the more have failed (rule R17).
func (s *Service) fail(ctx context.Context, c *Claimed, cause error) error {
	f := Finish{Status: Failed, Failed: true}
	if source := connector.AsError(cause); source != nil {
		f.Reason = source.Message
		if n := s.pages(ctx, c); n > 0 && source.Code == connector.Unavailable {
			f.Status = Partial
			f.Reason += fmt.Sprintf(" It had told %d pages by then; nothing of them was taken over, and nothing was deleted.", n)
		}
		if source.Code == connector.NeedsConsent {
			hold := directory.StateNeedsConsent
			f.Hold, f.HoldReason = &hold, source.Message
		}
	} else {
		f.Reason = "Something went wrong on our side. Nothing is lost: the next run goes on. If it stays, tell the operator the run's id."
	}
	s.cfg.Log.Warn("a synchronization failed", "run", c.UID, "reason", cause, "cause", errors.Unwrap(cause))
	instances, err := s.store.InstancesByID(ctx, []int64{c.InstanceID})
	if err != nil {
		return err
	}
	if i := instances[0]; i != nil && i.SyncSchedule != nil {
		f.Retry = backOff(*i.SyncSchedule, c.Failures+1)
	}
	if n := c.Failures + 1; n >= quarantineAfter && f.Hold == nil {
		hold := directory.StateQuarantined
		f.Hold, f.HoldReason = &hold, failedInARow(n, f.Reason, f.Retry)
	}
	return s.store.Finish(ctx, c.Lease, f)
}

// backOff is the time to the next run after some failures in a row: the interval, doubled with each.
func backOff(every time.Duration, failures int) time.Duration {
	wait := every
	for range failures - 1 {
		if wait *= 2; wait >= maxBackOff {
			return max(every, maxBackOff)
		}
	}
	return wait
}

// dropCancelled drops what a run kept aside that was cancelled under its worker; one that another replica took up needs it.
func (s *Service) dropCancelled(ctx context.Context, c *Claimed) {
	runs, err := s.store.RunsByUID(ctx, []uuid.UUID{c.UID})
	if err == nil && runs[0] != nil && !runs[0].Status.Live() {
		err = s.store.Drop(ctx, c.Lease.Run)
	}
	if err != nil {
		s.cfg.Log.Warn("what a cancelled run kept aside could not be dropped", "run", c.UID, "error", err)
	}
}

// failedInARow says why an instance is quarantined for its failures.
func failedInARow(n int, reason string, next time.Duration) string {
	when := "There is no schedule, so that nothing is tried until somebody starts a run."
	if next > 0 {
		when = fmt.Sprintf("The next attempt is in about %s.", next.Round(time.Second))
	}
	return fmt.Sprintf("%d runs failed in a row. The last one: %s %s", n, reason, when)
}
