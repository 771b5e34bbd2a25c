package store

import (
	"context"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

var _ directory.SecretStore = (*Store)(nil)

// SealedSecrets implements [directory.SecretStore].
func (s *Store) SealedSecrets(ctx context.Context, instance int64, key string, limit int) ([]directory.SealedSecret, error) {
	var rows []struct {
		Instance int64  `db:"instance_id"`
		Key      string `db:"key"`
		Sealed   []byte `db:"sealed"`
		Provider string `db:"provider"`
		Name     string `db:"name"`
	}
	err := s.all(ctx, &rows, `SELECT c.instance_id, c.key, c.sealed, p.name AS provider, pi.name FROM runtime_config c
		JOIN provider_instance pi ON pi.id = c.instance_id JOIN provider p ON p.id = pi.provider_id
		WHERE c.sealed IS NOT NULL AND pi.deleted_at IS NULL AND (c.instance_id, c.key) > ($1, $2)
		ORDER BY c.instance_id, c.key LIMIT $3`, instance, key, limit)
	out := make([]directory.SealedSecret, len(rows))
	for i, r := range rows {
		owner := directory.Instance{Name: r.Name, Provider: &directory.Provider{Name: r.Provider}}
		out[i] = directory.SealedSecret{Instance: r.Instance, Key: r.Key, Owner: owner.Label(), Sealed: r.Sealed}
	}
	return out, err
}

// swapSQL compares before it writes, so that a secret which is set at the same time stays as it was set.
const swapSQL = `
WITH swapped AS (
	UPDATE runtime_config c SET sealed = f.fresh
	FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::bytea[]) AS f (instance, key, sealed, fresh)
	WHERE c.instance_id = f.instance AND c.key = f.key AND c.sealed = f.sealed RETURNING 1
), audited AS (` + auditRows + ` WHERE EXISTS (SELECT FROM swapped))
SELECT count(*) FROM swapped`

// SwapSecrets implements [directory.SecretStore].
func (s *Store) SwapSecrets(ctx context.Context, secrets []directory.SealedSecret, a directory.Audit) (swapped int, err error) {
	var instances pq.Int64Array
	var keys pq.StringArray
	var sealed, fresh pq.ByteaArray
	for _, secret := range secrets {
		instances, keys = append(instances, secret.Instance), append(keys, secret.Key)
		sealed, fresh = append(sealed, secret.Sealed), append(fresh, secret.Fresh)
	}
	err = retry(ctx, func() error { return s.get(ctx, &swapped, swapSQL, auditJSON(a), instances, keys, sealed, fresh) })
	return swapped, err
}
