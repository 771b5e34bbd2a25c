package directory

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Retention is how long what is over is kept.
type Retention struct {
	// Changes is how long the change log reaches back: cursors and revisions from before are expired.
	Changes time.Duration
	// Tombstones is how long deleted identities can still be told from unknown ones.
	Tombstones time.Duration
	// Provisioning is how long the provisioning log reaches back.
	Provisioning time.Duration
	// Synchronization is how long the history of synchronization reaches back. An instance's latest run is kept whatever
	// its age.
	Synchronization time.Duration
	// Audit is how long the audit trail reaches back; 0 keeps all of it.
	Audit time.Duration
}

// Housekeeper is what keeping house needs from storage. Each call is one bounded transaction, and is to be repeated until
// it finds nothing. While another replica keeps house it does nothing.
type Housekeeper interface {
	// PruneChanges deletes the oldest entries of the change log that are older than age.
	PruneChanges(ctx context.Context, age time.Duration) (deleted int, err error)
	// PurgeTombstones deletes the rows of identities that have been deleted for longer than age.
	PurgeTombstones(ctx context.Context, age time.Duration) (deleted int, err error)
	// PruneProvisioningEvents deletes the oldest events of the provisioning log that are older than age.
	PruneProvisioningEvents(ctx context.Context, age time.Duration) (deleted int, err error)
	// PruneRuns deletes synchronization runs that ended longer than age ago, after their failures and plans. It leaves
	// those that are under way or wait for approval, and the latest of each instance.
	PruneRuns(ctx context.Context, age time.Duration) (deleted int, err error)
	// PruneAudit deletes the oldest events of the audit trail that are sealed and older than age.
	PruneAudit(ctx context.Context, age time.Duration) (deleted int, err error)
	// DropLeftovers drops what runs kept aside that are not under way any more, as a crash leaves it behind.
	DropLeftovers(ctx context.Context) (dropped int, err error)
}

const (
	// keepHouseEvery is about how often a replica looks for what is over.
	keepHouseEvery = 10 * time.Minute
	// keepHousePause is what lies between two transactions, so that others get their turn.
	keepHousePause = 100 * time.Millisecond
)

// KeepHouse deletes what is older than the retention, now and then, until the context ends.
func (d *Directory) KeepHouse(ctx context.Context, store Housekeeper, keep Retention) {
	for {
		// Replicas that start together need not look together.
		pause := time.NewTimer(keepHouseEvery/2 + rand.N(keepHouseEvery))
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		if err := d.TidyUp(ctx, store, keep); err != nil && ctx.Err() == nil {
			d.log.Warn("what is over could not be deleted; the next round tries again", "error", err)
		}
	}
}

// TidyUp deletes all that is older than the retention, in as many transactions as it takes.
func (d *Directory) TidyUp(ctx context.Context, store Housekeeper, keep Retention) error {
	pruneAudit := store.PruneAudit
	if keep.Audit == 0 {
		pruneAudit = func(context.Context, time.Duration) (int, error) { return 0, nil }
	}
	for _, step := range []struct {
		what string
		age  time.Duration
		do   func(context.Context, time.Duration) (int, error)
	}{
		{"tombstones", keep.Tombstones, store.PurgeTombstones},
		{"changes", keep.Changes, store.PruneChanges},
		{"provisioning events", keep.Provisioning, store.PruneProvisioningEvents},
		{"synchronization runs", keep.Synchronization, store.PruneRuns},
		{"audit events", keep.Audit, pruneAudit},
		{"tables of runs that have ended", 0, func(ctx context.Context, _ time.Duration) (int, error) { return store.DropLeftovers(ctx) }},
	} {
		total := 0
		for {
			deleted, err := step.do(ctx, step.age)
			if err != nil {
				return err
			}
			if deleted == 0 {
				break
			}
			total += deleted
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(keepHousePause):
			}
		}
		if total > 0 {
			d.Wake()
			d.log.Info("deleted what is over", slog.String("what", step.what), slog.Int("rows", total))
		}
	}
	return nil
}
