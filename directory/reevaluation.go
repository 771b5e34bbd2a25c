package directory

import (
	"context"
	"time"
)

// Reevaluation is an instance whose identities are held against settings that have changed.
type Reevaluation struct {
	InstanceID int64
	// Number counts the changes of settings.
	Number int64
	// To is the id of the identity up to which it is done.
	To int64
}

// Reevaluator is what holding identities against changed settings needs from storage.
type Reevaluator interface {
	// Reevaluations lists the instances where it is under way.
	Reevaluations(ctx context.Context) ([]Reevaluation, error)
	// Reevaluated notes that it has come as far as to; nil is to its end. It reports false, and notes nothing, where it is
	// not where r says: the settings have changed again, or another replica was faster.
	Reevaluated(ctx context.Context, r Reevaluation, to *int64) (bool, error)
}

const (
	// reevaluateAtOnce is how many identities are held against changed settings in one transaction.
	reevaluateAtOnce = 200
	// reevaluateEvery is how often a replica looks for what another one has left undone.
	reevaluateEvery = time.Minute
)

// Reevaluate holds what is there already against settings that change (rule R20), until the context ends: evaluate makes
// the change set for some identities of an instance. It goes on where it was when a process ended.
func (d *Directory) Reevaluate(ctx context.Context, store Reevaluator, evaluate func(*Instance, []*Record) (Changes, error)) {
	changed := make(chan struct{}, 1)
	d.OnAccessChange(func(context.Context) error {
		select {
		case changed <- struct{}{}:
		default:
		}
		return nil
	})
	every := time.NewTicker(reevaluateEvery)
	defer every.Stop()
	for {
		if err := d.ReevaluateAll(ctx, store, evaluate); err != nil && ctx.Err() == nil {
			d.log.Warn("identities could not be held against changed settings; the next round tries again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-every.C:
		}
	}
}

// ReevaluateAll does what there is to do of Reevaluate now.
func (d *Directory) ReevaluateAll(ctx context.Context, store Reevaluator, evaluate func(*Instance, []*Record) (Changes, error)) error {
	for {
		open, err := store.Reevaluations(ctx)
		if err != nil || len(open) == 0 {
			return err
		}
		for _, r := range open {
			if err := d.reevaluate(ctx, store, r, evaluate); err != nil {
				return err
			}
		}
	}
}

// reevaluate takes one step with one instance. Whoever is written to meanwhile is looked at again.
func (d *Directory) reevaluate(ctx context.Context, store Reevaluator, r Reevaluation, evaluate func(*Instance, []*Record) (Changes, error)) error {
	instances, err := d.store.InstancesByID(ctx, []int64{r.InstanceID})
	if err != nil || instances[0] == nil {
		return err
	}
	records, err := d.store.List(ctx, ListQuery{
		InstanceID: r.InstanceID, Status: AnyLive, Order: Order{Field: OrderID}, After: &Position{ID: r.To}, Limit: reevaluateAtOnce,
	})
	if err != nil {
		return err
	}
	var to *int64
	if len(records) > 0 {
		to = &records[len(records)-1].ID
		changes, err := evaluate(instances[0], records)
		if err != nil {
			return err
		}
		if len(changes.Put) > 0 {
			if _, err := d.Apply(ctx, changes); err != nil {
				if HasReason(err, ReasonStale) {
					return nil // the next step is this one again
				}
				return err
			}
		}
	}
	_, err = store.Reevaluated(ctx, r, to)
	return err
}
