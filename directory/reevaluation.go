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
		changes, err := d.holdBack(instances[0], records, evaluate)
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

// KeepResolving is the configuration key that says whether the identities of a disabled instance go on counting
// (rule R22).
const KeepResolving = "keepResolvingWhenDisabled"

// suspended is the reason of identities that are disabled because their instance is.
const suspended = "the provider instance is disabled"

// holdBack disables who is active in an instance that is disabled and says that its identities then stop counting, and
// lets them count again once it is enabled, or says otherwise. For all others the settings decide.
func (d *Directory) holdBack(i *Instance, records []*Record, evaluate func(*Instance, []*Record) (Changes, error)) (Changes, error) {
	stop := !i.Live() && i.Config[KeepResolving] == "false"
	var held, others []*Record
	for _, r := range records {
		if isHeld := r.StatusReason != nil && *r.StatusReason == suspended; isHeld || stop && r.Status == StatusActive {
			held = append(held, r)
		} else {
			others = append(others, r)
		}
	}
	changes := Changes{Instance: i, Action: "instance.suspend"}
	if !stop && len(others) > 0 {
		var err error
		if changes, err = evaluate(i, others); err != nil {
			return changes, err
		}
	}
	for _, r := range held {
		put := Put{
			UID: r.UID, IfVersion: r.Version, Kind: r.Kind, ExternalID: r.ExternalID, Name: r.Name, DisplayName: r.DisplayName,
			Description: r.Description, Email: r.Email, Attrs: r.Attrs.Set(), Status: StatusActive,
		}
		if stop {
			reason := suspended
			put.Status, put.StatusReason = StatusDisabled, &reason
		}
		changes.Put = append(changes.Put, put)
	}
	return changes, nil
}
