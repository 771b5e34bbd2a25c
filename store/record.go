package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// recordColumns are the columns of a recordRow, of a table or query named i.
const recordColumns = `i.id, i.uid, i.kind, i.instance_id, i.external_id, i.name, i.fqn, i.display_name, i.description,
	i.email, i.status, i.status_reason, i.merged_into, i.attributes, i.version, i.created_at, i.updated_at, i.synced_at`

// recordRow is an identity as it is read.
type recordRow struct {
	ID           int64      `db:"id"`
	UID          uuid.UUID  `db:"uid"`
	Kind         string     `db:"kind"`
	InstanceID   int64      `db:"instance_id"`
	ExternalID   *string    `db:"external_id"`
	Name         string     `db:"name"`
	FQN          string     `db:"fqn"`
	DisplayName  string     `db:"display_name"`
	Description  *string    `db:"description"`
	Email        *string    `db:"email"`
	Status       string     `db:"status"`
	StatusReason *string    `db:"status_reason"`
	MergedInto   *int64     `db:"merged_into"`
	Attributes   []byte     `db:"attributes"`
	Version      int64      `db:"version"`
	CreatedAt    time.Time  `db:"created_at"`
	UpdatedAt    time.Time  `db:"updated_at"`
	SyncedAt     *time.Time `db:"synced_at"`
}

func (r *recordRow) record() (*directory.Record, error) {
	attrs, err := decodeAttributes(r.Attributes)
	if err != nil {
		return nil, fmt.Errorf("attributes of identity %d: %w", r.ID, err)
	}
	return &directory.Record{
		ID: r.ID, UID: r.UID, Kind: directory.IdentityKind(r.Kind), InstanceID: r.InstanceID, ExternalID: r.ExternalID,
		Name: r.Name, FQN: r.FQN, DisplayName: r.DisplayName, Description: r.Description, Email: r.Email,
		Status: directory.IdentityStatus(r.Status), StatusReason: r.StatusReason, MergedInto: r.MergedInto,
		Attrs: attrs, Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, SyncedAt: r.SyncedAt,
	}, nil
}

func records(rows []recordRow) ([]*directory.Record, error) {
	out := make([]*directory.Record, len(rows))
	for i := range rows {
		record, err := rows[i].record()
		if err != nil {
			return nil, err
		}
		out[i] = record
	}
	return out, nil
}

// decodeAttributes keeps numbers as they were written.
func decodeAttributes(raw []byte) (directory.AttributeSet, error) {
	if len(raw) == 0 || string(raw) == "{}" {
		return directory.AttributeSet{}, nil
	}
	attrs := directory.AttributeSet{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return attrs, decoder.Decode(&attrs)
}

// align puts values in the order of keys, with nil where a key has none.
func align[K comparable, V any](keys []K, values []*V, key func(*V) K) []*V {
	byKey := make(map[K]*V, len(values))
	for _, v := range values {
		byKey[key(v)] = v
	}
	out := make([]*V, len(keys))
	for i, k := range keys {
		out[i] = byKey[k]
	}
	return out
}
