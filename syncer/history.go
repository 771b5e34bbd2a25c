package syncer

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// The lists of runs, failures and planned changes in cursors.
const (
	runList     = "syncRuns"
	failureList = "syncFailures"
	planList    = "plannedChanges"
)

// The pages of the API.
type (
	RunConnection           = directory.Page[*Run]
	RunEdge                 = directory.PageEdge[*Run]
	FailureConnection       = directory.Page[*Failure]
	PlannedChangeConnection = directory.Page[*PlannedChange]
)

// RunsOf pages through runs, the newest first.
func (s *Service) RunsOf(f RunFilter, args directory.PageArgs) (*RunConnection, error) {
	return page(runList, args, func(ctx context.Context, before int64, limit int) ([]*Run, error) {
		return s.store.ListRuns(ctx, f, before, limit)
	},
		func(r *Run) int64 { return r.ID }, func(ctx context.Context) (int, error) { return s.store.CountRuns(ctx, f) })
}

// Failures pages through what a run could not take over.
func (s *Service) Failures(r *Run, args directory.PageArgs) (*FailureConnection, error) {
	return page(failureList, args, func(ctx context.Context, after int64, limit int) ([]*Failure, error) {
		return s.store.Failures(ctx, r.ID, after, limit)
	}, func(f *Failure) int64 { return f.ID }, func(ctx context.Context) (int, error) { return s.store.CountFailures(ctx, r.ID) })
}

// PlannedChanges pages through the plan of a run that waits or was a rehearsal.
func (s *Service) PlannedChanges(r *Run, args directory.PageArgs) (*PlannedChangeConnection, error) {
	return page(planList, args, func(ctx context.Context, after int64, limit int) ([]*PlannedChange, error) {
		return s.store.PlannedChanges(ctx, r.ID, after, limit)
	}, func(c *PlannedChange) int64 { return c.N }, func(ctx context.Context) (int, error) { return s.store.CountPlannedChanges(ctx, r.ID) })
}

// page is a page of a list that is numbered.
func page[T any](
	list string, args directory.PageArgs, rows func(ctx context.Context, after int64, limit int) ([]T, error),
	number func(T) int64, count func(ctx context.Context) (int, error),
) (*directory.Page[T], error) {
	if err := directory.CheckFirst(args.First); err != nil {
		return nil, err
	}
	after, err := directory.AfterID(list, args.After)
	if err != nil {
		return nil, err
	}
	return directory.NewPage(args.After != nil, func(ctx context.Context) ([]directory.PageEdge[T], bool, error) {
		found, err := rows(ctx, after, args.First+1)
		if err != nil {
			return nil, false, err
		}
		more := len(found) > args.First
		found = found[:min(len(found), args.First)]
		edges := make([]directory.PageEdge[T], len(found))
		for i, row := range found {
			edges[i] = directory.PageEdge[T]{Cursor: directory.IDCursor(list, number(row)), Node: row}
		}
		return edges, more, nil
	}, count), nil
}

// InstanceIDs are the instances of a provider and of a name, of any where that is nil, for a [RunFilter].
func (s *Service) InstanceIDs(ctx context.Context, provider, name *string) ([]int64, error) {
	all, err := s.store.Instances(ctx)
	ids := []int64{0} // no filter at all would be any
	for _, i := range all {
		if (provider == nil || directory.FoldKey(*provider) == directory.FoldKey(i.Provider.Name)) &&
			(name == nil || directory.FoldKey(*name) == directory.FoldKey(i.Name)) {
			ids = append(ids, i.ID)
		}
	}
	return ids, err
}

// RunsByUID finds runs by their public ids, nil where there is none.
func (s *Service) RunsByUID(ctx context.Context, ids []uuid.UUID) ([]*Run, error) {
	return s.store.RunsByUID(ctx, ids)
}

// followEvery is how often somebody who follows a run is told where it stands.
const followEvery = 500 * time.Millisecond

// Follow tells where a run stands, whenever that has changed, until the run has ended.
func (s *Service) Follow(ctx context.Context, uid uuid.UUID, tell func(*Run) error) error {
	if _, _, err := s.run(ctx, uid); err != nil {
		return err
	}
	every := time.NewTicker(followEvery)
	defer every.Stop()
	var last *Run
	for {
		runs, err := s.store.RunsByUID(ctx, []uuid.UUID{uid})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil || runs[0] == nil:
			return err
		}
		if now := runs[0]; last == nil || !now.same(last) {
			now.speedOf(last)
			if err := tell(now); err != nil {
				return err
			}
			last = now
		}
		if !last.Status.Live() {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}
