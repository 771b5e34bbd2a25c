package store

import (
	"context"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// The statements have two forms, one for each way: near is the end that is asked about, far the one that is listed.
type ends struct{ near, far string }

func endsOf(way directory.Way) ends {
	if way == directory.Up {
		return ends{near: "member_id", far: "container_id"}
	}
	return ends{near: "container_id", far: "member_id"}
}

// hop is a lateral set of the identities one effective edge away from the identity that the SQL expression "from"
// names, with a status in the list "statuses". The edges are stored memberships, and merged groups, each nested in its
// survivor. Written as a lateral set it is looked up by index for each identity, whatever the statistics say.
func hop(e ends, from, statuses string) string {
	merged := `SELECT i.id FROM identity i WHERE i.merged_into = ` + from
	if e.far == "container_id" {
		merged = `SELECT i.id FROM identity self JOIN identity i ON i.id = self.merged_into WHERE self.id = ` + from
	}
	counts := ` AND i.status = ANY(string_to_array(` + statuses + `, ','))`
	return `LATERAL (
		SELECT i.id FROM link l JOIN identity i ON i.id = l.` + e.far + ` WHERE l.kind = 'member' AND l.` + e.near + ` = ` + from + counts + `
		UNION ALL
		` + merged + counts + `
	)`
}

// passing is the list of statuses that containers on a path may have: those asked for, and ACTIVE.
func passing(statuses string) string { return statuses + ` || ',ACTIVE'` }

// startOf is the condition on the identity asked about: a container that passes nothing on has no members.
func startOf(e ends) string {
	if e.near == "member_id" {
		return `true`
	}
	return `self.status = ANY(string_to_array(` + passing("q.statuses") + `, ','))`
}

// Every query is a row of q: its number, the identity asked about, statuses, kind (” for any), after, first.
const queryRows = `q AS (
	SELECT * FROM unnest($1::int[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
		AS q (n, of, statuses, kind, after, first)
)`

// directEdges lists direct edges. page is the order and limit of each query.
func directEdges(e ends, page string) string {
	return `WITH ` + queryRows + `, listed AS (
			SELECT q.n, far.id, true AS direct
			FROM q JOIN identity self ON self.id = q.of AND ` + startOf(e) + `
			CROSS JOIN LATERAL (
				SELECT i.id FROM link l JOIN identity i ON i.id = l.` + e.far + `
				WHERE l.kind = 'member' AND l.` + e.near + ` = q.of AND l.` + e.far + ` > q.after
					AND i.status = ANY(string_to_array(q.statuses, ',')) AND (q.kind = '' OR i.kind = q.kind)
				` + page + `
			) AS far
		)`
}

// effectiveEdgesOf lists the closure. It walks each distinct (identity, statuses) once, level by level inside the
// database: UNION drops what was reached before, so cycles end.
func effectiveEdgesOf(e ends, where string) string {
	return `WITH RECURSIVE ` + queryRows + `, reached (of, statuses, id) AS (
			SELECT DISTINCT q.of, q.statuses, x.id
			FROM q
			JOIN identity self ON self.id = q.of AND ` + startOf(e) + `
			CROSS JOIN ` + hop(e, "q.of", passing("q.statuses")) + ` AS x
		UNION
			SELECT r.of, r.statuses, x.id FROM reached r CROSS JOIN ` + hop(e, "r.id", passing("r.statuses")) + ` AS x
		), listed AS (
			SELECT * FROM (
				SELECT q.n, q.of, q.first, r.id, row_number() OVER (PARTITION BY q.n ORDER BY r.id) AS at
				FROM q JOIN reached r ON r.of = q.of AND r.statuses = q.statuses AND r.id > q.after
				JOIN identity i ON i.id = r.id AND i.status = ANY(string_to_array(q.statuses, ',')) AND (q.kind = '' OR i.kind = q.kind)
			) AS numbered ` + where + `
		)`
}

// queryArgs lays queries out as arrays for queryRows. paged is false for counts.
func queryArgs(queries []directory.EdgeQuery, at []int, paged bool) []any {
	var n, of, after, first pq.Int64Array
	var statuses, kinds pq.StringArray
	for _, i := range at {
		q := queries[i]
		limit := int64(q.First)
		if limit == 0 {
			limit = 1 << 40 // all
		}
		if !paged {
			q.After = 0
		}
		n, of, after, first = append(n, int64(i)), append(of, q.Of), append(after, q.After), append(first, limit)
		statuses, kinds = append(statuses, joinStatuses(q.Status)), append(kinds, string(q.Kind))
	}
	return []any{n, of, statuses, kinds, after, first}
}

func joinStatuses(set directory.StatusSet) string {
	text := ""
	for i, status := range set.List() {
		if i > 0 {
			text += ","
		}
		text += string(status)
	}
	return text
}

// split groups the numbers of queries by way and scope, which decide the statement.
func split(queries []directory.EdgeQuery) map[[2]any][]int {
	groups := map[[2]any][]int{}
	for i, q := range queries {
		key := [2]any{q.Way, q.Scope == directory.ScopeEffective}
		groups[key] = append(groups[key], i)
	}
	return groups
}

// Edges implements [directory.Links].
func (s *Store) Edges(ctx context.Context, queries []directory.EdgeQuery) ([][]directory.Edge, error) {
	out := make([][]directory.Edge, len(queries))
	for key, at := range split(queries) {
		e := endsOf(key[0].(directory.Way))
		query := directEdges(e, `ORDER BY l.`+e.far+` LIMIT q.first`) + ` SELECT n, id, direct FROM listed`
		if key[1].(bool) {
			query = effectiveEdgesOf(e, `WHERE at <= first`) + ` SELECT n, id, EXISTS (
				SELECT FROM link l WHERE l.kind = 'member' AND l.` + e.near + ` = listed.of AND l.` + e.far + ` = listed.id) AS direct
				FROM listed`
		}
		var rows []struct {
			N      int   `db:"n"`
			ID     int64 `db:"id"`
			Direct bool  `db:"direct"`
		}
		if err := s.all(ctx, &rows, query+` ORDER BY n, id`, queryArgs(queries, at, true)...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.N] = append(out[row.N], directory.Edge{ID: row.ID, Direct: row.Direct})
		}
	}
	return out, nil
}

// CountEdges implements [directory.Links].
func (s *Store) CountEdges(ctx context.Context, queries []directory.EdgeQuery) ([]int, error) {
	out := make([]int, len(queries))
	for key, at := range split(queries) {
		e := endsOf(key[0].(directory.Way))
		query := directEdges(e, "")
		if key[1].(bool) {
			query = effectiveEdgesOf(e, "")
		}
		var rows []struct {
			N     int `db:"n"`
			Count int `db:"count"`
		}
		if err := s.all(ctx, &rows, query+` SELECT n, count(*) AS count FROM listed GROUP BY n`, queryArgs(queries, at, false)...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			out[row.N] = row.Count
		}
	}
	return out, nil
}

// Managers implements [directory.Store].
func (s *Store) Managers(ctx context.Context, users []int64) ([]int64, error) {
	var rows []struct {
		User    int64 `db:"member_id"`
		Manager int64 `db:"container_id"`
	}
	err := s.all(ctx, &rows, `SELECT member_id, container_id FROM link WHERE kind = 'manager' AND member_id = ANY($1)`, pq.Int64Array(users))
	managers := make(map[int64]int64, len(rows))
	for _, row := range rows {
		managers[row.User] = row.Manager
	}
	out := make([]int64, len(users))
	for i, user := range users {
		out[i] = managers[user]
	}
	return out, err
}

// Reports implements [directory.Store].
func (s *Store) Reports(ctx context.Context, queries []directory.EdgeQuery) ([][]directory.Edge, error) {
	at := make([]int, len(queries))
	for i := range queries {
		at[i] = i
	}
	var rows []struct {
		N  int   `db:"n"`
		ID int64 `db:"member_id"`
	}
	err := s.all(ctx, &rows, `WITH `+queryRows+`
		SELECT q.n, report.member_id FROM q CROSS JOIN LATERAL (
			SELECT member_id FROM link WHERE kind = 'manager' AND container_id = q.of AND member_id > q.after
			ORDER BY member_id LIMIT q.first
		) AS report ORDER BY q.n, report.member_id`, queryArgs(queries, at, true)...)
	out := make([][]directory.Edge, len(queries))
	for _, row := range rows {
		out[row.N] = append(out[row.N], directory.Edge{ID: row.ID, Direct: true})
	}
	return out, err
}

// CountReports implements [directory.Store].
func (s *Store) CountReports(ctx context.Context, managers []int64) ([]int, error) {
	var rows []struct {
		Manager int64 `db:"container_id"`
		Count   int   `db:"count"`
	}
	err := s.all(ctx, &rows, `SELECT container_id, count(*) AS count FROM link
		WHERE kind = 'manager' AND container_id = ANY($1) GROUP BY container_id`, pq.Int64Array(managers))
	counts := make(map[int64]int, len(rows))
	for _, row := range rows {
		counts[row.Manager] = row.Count
	}
	out := make([]int, len(managers))
	for i, manager := range managers {
		out[i] = counts[manager]
	}
	return out, err
}
