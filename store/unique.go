package store

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// freeValuesSQL takes values from identities that have others now, and claimValuesSQL gives them those that they have not,
// keepValuesSQL those that they had before, unless somebody else has them. They are statements of their own, so that
// identities can exchange values in one batch.
const (
	freeValuesSQL = `DELETE FROM unique_value u WHERE u.uid = ANY($1::uuid[]) AND NOT EXISTS (
		SELECT FROM unnest($2::uuid[], $3::text[], $4::bytea[]) AS w (uid, attribute, digest)
		WHERE w.uid = u.uid AND w.attribute = u.attribute AND w.digest = u.digest)`
	insertValues = `INSERT INTO unique_value (instance_id, type, attribute, digest, uid)
		SELECT $1, w.type, w.attribute, w.digest, w.uid
		FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::text[], $6::boolean[]) AS w (uid, attribute, digest, type, had)
		WHERE NOT EXISTS (SELECT FROM unique_value u WHERE u.uid = w.uid AND u.attribute = w.attribute AND u.digest = w.digest)`
	claimValuesSQL = insertValues + ` AND NOT w.had ORDER BY w.attribute, w.digest`
	keepValuesSQL  = insertValues + ` AND w.had ORDER BY w.attribute, w.digest ON CONFLICT DO NOTHING`
)

// writeUnique makes the unique values of identities those of the batch.
func writeUnique(ctx context.Context, r runner, b directory.Batch) error {
	if len(b.Unique) == 0 {
		return nil
	}
	var of, uids, attributes, kinds pq.StringArray
	var sums pq.ByteaArray
	var had pq.BoolArray
	for _, u := range b.Unique {
		of = append(of, u.UID.String())
		names, digests, kept := digests(u.Values)
		attributes, sums, had = append(attributes, names...), append(sums, digests...), append(had, kept...)
		for range names {
			uids, kinds = append(uids, u.UID.String()), append(kinds, string(u.Kind))
		}
	}
	if _, err := r.exec(ctx, freeValuesSQL, of, uids, attributes, sums); err != nil || len(uids) == 0 {
		return err
	}
	for _, query := range []string{claimValuesSQL, keepValuesSQL} {
		if _, err := r.exec(ctx, query, b.Within, uids, attributes, sums, kinds, had); err != nil {
			return err
		}
	}
	return nil
}

// digests are unique values as they are stored.
func digests(values []directory.UniqueValue) (attributes pq.StringArray, sums pq.ByteaArray, had pq.BoolArray) {
	attributes, sums, had = make(pq.StringArray, len(values)), make(pq.ByteaArray, len(values)), make(pq.BoolArray, len(values))
	for i, v := range values {
		sum := sha256.Sum256([]byte(v.Value))
		attributes[i], sums[i], had[i] = v.Attribute, sum[:], v.Had
	}
	return attributes, sums, had
}

// takenSQL is the attribute of one of the new values that another resource has.
const takenSQL = `SELECT u.attribute FROM unique_value u
	JOIN unnest($4::text[], $5::bytea[], $6::boolean[]) AS w (attribute, digest, had) USING (attribute, digest)
	WHERE NOT w.had AND u.instance_id = $1 AND u.type = $2 AND u.uid <> $3::uuid ORDER BY u.attribute LIMIT 1`

// nameTaken says of which attribute the value is that was taken, where that was why a write failed.
func (s *Store) nameTaken(ctx context.Context, failed error, instance int64, kind, uid string, values []directory.UniqueValue) error {
	if p := (*pq.Error)(nil); !errors.As(failed, &p) || p.Constraint != uniqueValueKey {
		return failed
	}
	names, sums, had := digests(values)
	var attribute string
	if err := s.get(ctx, &attribute, takenSQL, instance, kind, uid, names, sums, had); err != nil {
		return failed // the other one has gone in the meantime, or so has the database
	}
	return directory.Clash(directory.ReasonUniqueness, attribute, "Another resource of this provider instance has this value of %s.", attribute)
}
