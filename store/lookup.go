package store

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// ByIDs implements [directory.Store].
func (s *Store) ByIDs(ctx context.Context, ids []int64) ([]*directory.Record, error) {
	if !slices.ContainsFunc(ids, func(id int64) bool { return id != 0 }) {
		return make([]*directory.Record, len(ids)), nil // no identity has the id 0
	}
	found, err := s.find(ctx, byIDsSQL, pq.Int64Array(ids))
	return align(ids, found, func(r *directory.Record) int64 { return r.ID }), err
}

// ByUIDs implements [directory.Store].
func (s *Store) ByUIDs(ctx context.Context, uids []uuid.UUID) ([]*directory.Record, error) {
	found, err := s.find(ctx, `SELECT `+recordColumns+` FROM identity i WHERE i.uid = ANY($1::uuid[])`, uidArray(uids))
	return align(uids, found, func(r *directory.Record) uuid.UUID { return r.UID }), err
}

// ByFQNKeys implements [directory.Store].
func (s *Store) ByFQNKeys(ctx context.Context, keys []string) ([]*directory.Record, error) {
	return s.byKeys(ctx, keys, `
		(SELECT id, 1 AS rank FROM identity WHERE fqn_key = k.key AND status <> 'DELETED')
		UNION ALL
		(SELECT identity_id, 2 FROM alias WHERE fqn_key = k.key AND retired_at IS NULL)
		UNION ALL
		(SELECT id, 3 FROM identity WHERE fqn_key = k.key AND status = 'DELETED' ORDER BY id DESC LIMIT 1)`)
}

// Tombstones implements [directory.Store].
func (s *Store) Tombstones(ctx context.Context, keys []string) ([]*directory.Record, error) {
	return s.byKeys(ctx, keys, `
		(SELECT a.identity_id AS id, 2 AS rank FROM alias a JOIN identity t ON t.id = a.identity_id
			WHERE a.fqn_key = k.key AND a.retired_at IS NULL AND t.status = 'DELETED')
		UNION ALL
		(SELECT id, 3 FROM identity WHERE fqn_key = k.key AND status = 'DELETED' ORDER BY id DESC LIMIT 1)`)
}

// byKeys reads, for each key, the identity that candidates ranks first.
func (s *Store) byKeys(ctx context.Context, keys []string, candidates string) ([]*directory.Record, error) {
	var rows []struct {
		Key string `db:"key"`
		recordRow
	}
	err := s.all(ctx, &rows, `
		SELECT k.key, `+recordColumns+`
		FROM unnest($1::text[]) AS k (key)
		JOIN LATERAL (SELECT id FROM (`+candidates+`) AS candidates ORDER BY rank LIMIT 1) AS found ON true
		JOIN identity i ON i.id = found.id`, pq.StringArray(keys))
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]*directory.Record, len(rows))
	for i := range rows {
		record, err := rows[i].record()
		if err != nil {
			return nil, err
		}
		byKey[rows[i].Key] = record
	}
	out := make([]*directory.Record, len(keys))
	for i, key := range keys {
		out[i] = byKey[key]
	}
	return out, nil
}

// ByExternalIDs implements [directory.Store].
func (s *Store) ByExternalIDs(ctx context.Context, instance int64, kind directory.IdentityKind, externalIDs []string) ([]*directory.Record, error) {
	found, err := s.find(ctx, `SELECT `+recordColumns+` FROM identity i
		WHERE i.instance_id = $1 AND i.kind = $2 AND i.external_id = ANY($3) AND i.status <> 'DELETED'`,
		instance, string(kind), pq.StringArray(externalIDs))
	return align(externalIDs, found, func(r *directory.Record) string { return *r.ExternalID }), err
}

// ByUserNames implements [directory.Store].
func (s *Store) ByUserNames(ctx context.Context, instance int64, keys []string) ([]*directory.Record, error) {
	found, err := s.find(ctx, `SELECT `+recordColumns+` FROM identity i
		WHERE i.instance_id = $1 AND i.name_key = ANY($2) AND i.kind = 'USER' AND i.status <> 'DELETED'`, instance, pq.StringArray(keys))
	return align(keys, found, func(r *directory.Record) string { return directory.FoldKey(r.Name) }), err
}

// Aliases implements [directory.Store].
func (s *Store) Aliases(ctx context.Context, ids []int64) ([][]string, error) {
	var rows []struct {
		ID  int64  `db:"identity_id"`
		FQN string `db:"fqn"`
	}
	err := s.all(ctx, &rows, `SELECT identity_id, fqn FROM alias
		WHERE identity_id = ANY($1) AND retired_at IS NULL ORDER BY id`, pq.Int64Array(ids))
	byID := map[int64][]string{}
	for _, row := range rows {
		byID[row.ID] = append(byID[row.ID], row.FQN)
	}
	out := make([][]string, len(ids))
	for i, id := range ids {
		out[i] = byID[id]
	}
	return out, err
}

// find reads records.
func (s *Store) find(ctx context.Context, query string, args ...any) ([]*directory.Record, error) {
	return find(ctx, s.direct(), query, args...)
}

func find(ctx context.Context, r runner, query string, args ...any) ([]*directory.Record, error) {
	var rows []recordRow
	if err := r.all(ctx, &rows, query, args...); err != nil {
		return nil, err
	}
	return records(rows)
}

func uidArray(uids []uuid.UUID) pq.StringArray {
	out := make(pq.StringArray, len(uids))
	for i, uid := range uids {
		out[i] = uid.String()
	}
	return out
}
