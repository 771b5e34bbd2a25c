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
		woken, reflects, err := d.reflects(ctx, r)
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

// reflects reports whether reads reflect a revision, and when to ask again at the latest where they do not.
func (d *Directory) reflects(ctx context.Context, r Revision) (again <-chan struct{}, reflects bool, err error) {
	if d.replica == nil {
		again = d.wake.wait()
		reflects, err = d.store.Reflects(ctx, r)
		return again, reflects, err
	}
	again = d.replica.applied.wait()
	if reflects, err = d.replica.reflects(r); !reflects {
		d.replica.wake()
	}
	return again, reflects, err
}

// Snapshot is a state of the store that holds everything that was read from it before. What a replica has in memory may
// be older.
func (d *Directory) Snapshot(ctx context.Context) (Revision, error) { return d.store.Snapshot(ctx) }

// Revision is the newest committed state that the view's answers reflect.
func (v *View) Revision(ctx context.Context) (Revision, error) {
	if m, ok := v.source.(*memory); ok {
		s, err := m.pin(ctx)
		if err != nil {
			return Revision{}, err
		}
		return s.revision, nil
	}
	return v.d.store.Snapshot(ctx)
}
