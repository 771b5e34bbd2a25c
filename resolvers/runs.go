package resolvers

import (
	"context"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/graph/model"
	"github.com/roster-gateway/roster/syncer"
)

// runByID finds a run, nil where there is none or the id is malformed.
func (r *Resolver) runByID(ctx context.Context, id string) (*syncer.Run, error) {
	uid, err := uuid.Parse(id)
	if err != nil {
		return nil, nil //nolint:nilerr // a malformed id is nobody's
	}
	runs, err := r.Sync.RunsByUID(ctx, []uuid.UUID{uid})
	if err != nil {
		return nil, err
	}
	return runs[0], nil
}

// decideOn does something with a run, and settles what it came to.
func decideOn(ctx context.Context, id string, do func(context.Context, uuid.UUID) (*syncer.Run, error)) (*syncer.Run, []*model.UserError, error) {
	uid, err := uuid.Parse(id)
	var run *syncer.Run
	if err != nil {
		err = directory.NotFound("runId", "There is no synchronization run with this id.")
	} else {
		run, err = do(ctx, uid)
	}
	failures, err := settle(ctx, err)
	return run, failures, err
}

// runFilter selects the runs of a filter; a provider or an instance that is not there selects none.
func (r *Resolver) runFilter(ctx context.Context, f *model.SyncRunFilter) (syncer.RunFilter, error) {
	if f == nil {
		return syncer.RunFilter{}, nil
	}
	out := syncer.RunFilter{Status: f.Status.Value(), StartedAfter: f.StartedAfter.Value(), StartedBefore: f.StartedBefore.Value()}
	provider, instance := f.Provider.Value(), f.Instance.Value()
	if provider == nil && instance == nil {
		return out, nil
	}
	var err error
	out.InstanceIDs, err = r.Sync.InstanceIDs(ctx, provider, instance)
	return out, err
}

// followRun delivers where a run stands until it has ended, the caller goes, or the caller may go on no more.
func (r *Resolver) followRun(ctx context.Context, id string) (<-chan *syncer.Run, error) {
	uid, err := uuid.Parse(id)
	if err != nil {
		return nil, directory.NotFound("id", "There is no synchronization run with this id.")
	}
	return stream(ctx, r, func(ctx context.Context, out chan<- *syncer.Run) error {
		return r.Sync.Follow(ctx, uid, func(run *syncer.Run) error {
			select {
			case out <- run:
			case <-ctx.Done():
			}
			return nil
		})
	}), nil
}
