package directory

import (
	"context"
	"time"
)

// awaitLimit bounds how long a read waits for the state that it asked for.
const awaitLimit = 5 * time.Second

// Await returns when what is read from now on reflects a revision. One that does not come within a bounded time is
// UNAVAILABLE; one of an earlier life of the store is ReasonExpired.
func (d *Directory) Await(ctx context.Context, r Revision) error {
	limit := time.NewTimer(awaitLimit)
	defer limit.Stop()
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		woken := d.wake.wait()
		reflects, err := d.store.Reflects(ctx, r)
		if reflects || err != nil {
			return err
		}
		again := time.NewTimer(pause)
		select {
		case <-woken:
		case <-again.C:
		case <-limit.C:
			again.Stop()
			return &Error{Code: CodeUnavailable, Message: "This replica does not reflect the revision yet. Try again in a moment."}
		case <-ctx.Done():
			again.Stop()
			return &Error{Code: CodeUnavailable, Message: "The request's time was over before this replica reflected the revision. Try again.", Cause: ctx.Err()}
		}
		again.Stop()
	}
}

// Revision is the newest committed state that reads from now on reflect.
func (d *Directory) Revision(ctx context.Context) (Revision, error) { return d.store.Snapshot(ctx) }
