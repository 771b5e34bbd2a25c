package directory_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/roster-gateway/roster/directory"
)

// patient is a context that is asked a few times whether it is over before it is.
type patient struct {
	context.Context
	asked atomic.Int32
	until int32
}

func (p *patient) Err() error {
	if p.asked.Add(1) > p.until {
		return context.DeadlineExceeded
	}
	return nil
}

// Walks in memory end when nobody waits for them any more, also where one call asks for very many.
func TestWalksEndWithTheirRequest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	i := f.instance("HR", directory.TypeSCIM, "")
	team, ana := f.put(i, group("Team"))[0], f.put(i, user("ana"))[0]
	f.link(i, team, ana)
	queries, pairs := make([]directory.EdgeQuery, 100_000), make([]directory.Pair, 100_000)
	for n := range queries {
		queries[n] = directory.LinkArgs{}.Query(team.ID, directory.Down)
		pairs[n] = directory.Pair{Member: ana.ID, Container: team.ID}
	}
	for name, walk := range map[string]func(context.Context, directory.Source) error{
		"edges":  func(ctx context.Context, s directory.Source) error { _, err := s.Edges(ctx, queries); return err },
		"counts": func(ctx context.Context, s directory.Source) error { _, err := s.CountEdges(ctx, queries); return err },
		"paths":  func(ctx context.Context, s directory.Source) error { _, err := s.Paths(ctx, pairs); return err },
		"rows": func(ctx context.Context, s directory.Source) error {
			_, err := s.ByIDs(ctx, []int64{ana.ID})
			return err
		},
	} {
		for _, until := range []int32{0, 10} {
			ctx := &patient{Context: t.Context(), until: until}
			err := walk(ctx, f.View().Source())
			if wantsEnd := until == 0 || name != "rows"; errors.Is(err, context.DeadlineExceeded) != wantsEnd {
				t.Errorf("%s, over after %d: %v", name, until, err)
			}
			if name != "rows" && ctx.asked.Load() > until+1 {
				t.Errorf("%s went on after its end", name)
			}
		}
	}
}
