package plan_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// broken is a store of which one method may fail. A batch of the generated road can outlive its answer, so what fails
// is changed atomically.
type broken struct {
	directory.Store
	fault atomic.Pointer[fault]
}

// fault is a method that returns an error, or panics where there is none.
type fault struct {
	method string
	err    error
}

func (b *broken) fail(method string) error {
	f := b.fault.Load()
	if f == nil || f.method != method {
		return nil
	}
	if f.err == nil {
		panic("broken: " + method)
	}
	return f.err
}

// through calls a method of the store unless it is the one that fails.
func through[K, V any](ctx context.Context, b *broken, method string, keys K, read func(context.Context, K) (V, error)) (V, error) {
	if err := b.fail(method); err != nil {
		var none V
		return none, err
	}
	return read(ctx, keys)
}

func (b *broken) ByIDs(ctx context.Context, ids []int64) ([]*directory.Record, error) {
	return through(ctx, b, "ByIDs", ids, b.Store.ByIDs)
}

func (b *broken) ByUIDs(ctx context.Context, uids []uuid.UUID) ([]*directory.Record, error) {
	return through(ctx, b, "ByUIDs", uids, b.Store.ByUIDs)
}

func (b *broken) ByFQNKeys(ctx context.Context, keys []string) ([]*directory.Record, error) {
	return through(ctx, b, "ByFQNKeys", keys, b.Store.ByFQNKeys)
}

func (b *broken) Edges(ctx context.Context, q []directory.EdgeQuery) ([][]directory.Edge, error) {
	return through(ctx, b, "Edges", q, b.Store.Edges)
}

func (b *broken) CountEdges(ctx context.Context, q []directory.EdgeQuery) ([]int, error) {
	return through(ctx, b, "CountEdges", q, b.Store.CountEdges)
}

func (b *broken) Paths(ctx context.Context, pairs []directory.Pair) ([][]int64, error) {
	return through(ctx, b, "Paths", pairs, b.Store.Paths)
}

func (b *broken) Managers(ctx context.Context, ids []int64) ([]int64, error) {
	return through(ctx, b, "Managers", ids, b.Store.Managers)
}

func (b *broken) Reports(ctx context.Context, q []directory.EdgeQuery) ([][]directory.Edge, error) {
	return through(ctx, b, "Reports", q, b.Store.Reports)
}

func (b *broken) CountReports(ctx context.Context, ids []int64) ([]int, error) {
	return through(ctx, b, "CountReports", ids, b.Store.CountReports)
}

func (b *broken) Aliases(ctx context.Context, ids []int64) ([][]string, error) {
	return through(ctx, b, "Aliases", ids, b.Store.Aliases)
}

func (b *broken) InstancesByID(ctx context.Context, ids []int64) ([]*directory.Instance, error) {
	return through(ctx, b, "InstancesByID", ids, b.Store.InstancesByID)
}

func (b *broken) List(ctx context.Context, q directory.ListQuery) ([]*directory.Record, error) {
	return through(ctx, b, "List", q, b.Store.List)
}

func (b *broken) Count(ctx context.Context, q directory.ListQuery) (int, error) {
	return through(ctx, b, "Count", q, b.Store.Count)
}

func (b *broken) Snapshot(ctx context.Context) (directory.Revision, error) {
	return through(ctx, b, "Snapshot", struct{}{}, func(ctx context.Context, _ struct{}) (directory.Revision, error) { return b.Store.Snapshot(ctx) })
}

// everything reads by every method of the source.
const everything = `query($u: ID!) {
	user(id: $u) { name manager { name } reports { totalCount nodes { name } } aliases instance { name } provider { name } memberOf { totalCount nodes { name } } }
	roles { totalCount pageInfo { endCursor } nodes { members { edges { node { id } } } memberCount a: hasMember(fqn: "HR:user0-1") b: hasMember(fqn: "HR:user0-1", scope: DIRECT) } }
	principals(fqn: "HR:user0-1") identity(fqn: "Role0") { id } identitiesByFqn(fqns: ["Role0"]) { id }
	checkMembership(checks: [{member: "HR:user0-1", container: "Role0"}]) { isMember path { id } }
	resolve(fqns: ["Role0", "HR:user0-1"]) { revision results { identity { aliases } users { totalCount nodes { id } } } }
}`

// each is everything, field by field: a field that may not be null hides what is beside it.
var each = []string{
	`query($u: ID!) { user(id: $u) { name manager { name } } }`,
	`query($u: ID!) { user(id: $u) { name } a: user(id: $u) { reports { totalCount nodes { id } edges { cursor } pageInfo { endCursor } } } }`,
	`query($u: ID!) { user(id: $u) { memberOf { totalCount nodes { aliases provider { id } } } } }`,
	`{ identity(fqn: "Role0") { id ... on Container { hasMember(fqn: "HR:user0-1") } } other: identity(fqn: "HR:user0-1") { instance { id } } }`,
	`{ checkMembership(checks: [{member: "HR:user0-1", container: "Role0"}]) { isMember path { id aliases } } }`,
	everything,
}

// What fails below fails alike on both roads: the same errors, at the same places, with the same nulls.
func TestFailures(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{URL: testpg.New(t), MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := &broken{Store: s}
	w := worldOver(t, newRoads(directory.New(b), access.New(s, access.Config{}), s), 1)
	w.broken = true
	failures := map[string]error{
		"known":   &directory.Error{Code: directory.CodeUnavailable, Message: "Not now."},
		"foreign": errors.New("the network is down"),
		"panic":   nil,
	}
	for _, method := range []string{
		"", "ByIDs", "ByUIDs", "ByFQNKeys", "Edges", "CountEdges", "Paths", "Managers", "Reports", "CountReports",
		"Aliases", "InstancesByID", "List", "Count", "Snapshot",
	} {
		for name, failure := range failures {
			t.Run(method+" "+name, func(t *testing.T) {
				b.fault.Store(&fault{method, failure})
				for _, query := range each {
					w.same(t, query, map[string]any{"u": uid("user0-1").String()})
				}
			})
		}
	}
	if planned, left := w.schema.Counts(); planned < 3*left {
		t.Errorf("plans answered %d operations and gave %d up", planned, left)
	}
}
