package store

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// upwardEdges are the edges that can be reached upwards from a set of active members, over active containers only.
var upwardEdges = `
	WITH RECURSIVE reached (member_id, container_id) AS (
		SELECT m.id, x.id FROM identity m CROSS JOIN ` + hop(endsOf(directory.Up), "m.id", "'ACTIVE'") + ` AS x
		WHERE m.id = ANY($1) AND m.status = 'ACTIVE'
	UNION
		SELECT r.container_id, x.id FROM reached r CROSS JOIN ` + hop(endsOf(directory.Up), "r.container_id", "'ACTIVE'") + ` AS x
	)
	SELECT member_id, container_id FROM reached ORDER BY member_id, container_id`

// Paths implements [directory.Links]: it reads what lies above all the members in one statement and searches it
// breadth first.
func (s *Store) Paths(ctx context.Context, pairs []directory.Pair) ([][]int64, error) {
	members := make(pq.Int64Array, len(pairs))
	for i, p := range pairs {
		members[i] = p.Member
	}
	var rows []struct {
		Member    int64 `db:"member_id"`
		Container int64 `db:"container_id"`
	}
	if err := s.all(ctx, &rows, upwardEdges, members); err != nil {
		return nil, err
	}
	up := map[int64][]int64{}
	for _, row := range rows {
		up[row.Member] = append(up[row.Member], row.Container)
	}
	out := make([][]int64, len(pairs))
	for i, p := range pairs {
		out[i] = shortestPath(up, p.Member, p.Container)
	}
	return out, nil
}

// shortestPath searches upwards for a path of at least one edge; nil where there is none.
func shortestPath(up map[int64][]int64, start, target int64) []int64 {
	from := map[int64]int64{} // container -> the identity it was reached from
	for frontier := []int64{start}; len(frontier) > 0; {
		next := []int64{}
		for _, id := range frontier {
			for _, container := range up[id] {
				if _, seen := from[container]; seen {
					continue
				}
				from[container] = id
				if container == target {
					return readBack(from, start, target)
				}
				next = append(next, container)
			}
		}
		frontier = next
	}
	return nil
}

func readBack(from map[int64]int64, start, target int64) []int64 {
	path := []int64{target}
	for id := from[target]; ; id = from[id] {
		path = append(path, id)
		if id == start {
			slices.Reverse(path)
			return path
		}
	}
}
