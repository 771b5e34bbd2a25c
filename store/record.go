package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
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
	attrs, err := compact(r.Attributes)
	if err != nil {
		return nil, fmt.Errorf("attributes of identity %d: %w", r.ID, err)
	}
	share(&attrs, &r.FQN, &r.Name, &r.DisplayName, r.Email, r.ExternalID, r.Description, r.StatusReason)
	record := r.bare()
	record.Attrs = directory.AttributesOf(attrs)
	return record, nil
}

// heldRecord is a record with the two texts that it points to most often: one allocation, where a cache of many would
// hold three.
type heldRecord struct {
	directory.Record
	externalID, email string
}

// bare is the record without its attributes.
func (r *recordRow) bare() *directory.Record {
	held := &heldRecord{Record: directory.Record{
		ID: r.ID, UID: r.UID, Kind: constant(r.Kind, recordKinds), InstanceID: r.InstanceID,
		Name: r.Name, FQN: r.FQN, DisplayName: r.DisplayName, Description: r.Description,
		Status: constant(r.Status, recordStatuses), StatusReason: r.StatusReason, MergedInto: r.MergedInto,
		Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, SyncedAt: r.SyncedAt,
	}}
	if r.ExternalID != nil {
		held.externalID = *r.ExternalID
		held.ExternalID = &held.externalID
	}
	if r.Email != nil {
		held.email = *r.Email
		held.Email = &held.email
	}
	return &held.Record
}

var (
	recordKinds    = []directory.IdentityKind{directory.KindUser, directory.KindGroup, directory.KindRole}
	recordStatuses = []directory.IdentityStatus{directory.StatusActive, directory.StatusDisabled, directory.StatusDeleted}
)

// constant is the one of the constants that a text reads like, so that no record holds a copy of it.
func constant[T ~string](text string, of []T) T {
	if i := slices.Index(of, T(text)); i >= 0 {
		return of[i]
	}
	return T(text)
}

// compact is a JSON text without the spaces that Postgres writes.
func compact(raw []byte) (string, error) {
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	return b.String(), err
}

// share moves texts into one string. One that occurs in those before it takes no room: a user's name is the end of the
// FQN, and an e-mail address stands among the attributes.
func share(texts ...*string) {
	size := 0
	for _, text := range texts {
		if text != nil {
			size += len(*text)
		}
	}
	all, at := make([]byte, 0, size), make([]int, len(texts))
	for i, text := range texts {
		if text == nil {
			continue
		}
		if at[i] = bytes.Index(all, []byte(*text)); at[i] < 0 {
			at[i] = len(all)
			all = append(all, *text...)
		}
	}
	held := string(all)
	for i, text := range texts {
		if text != nil {
			*text = held[at[i] : at[i]+len(*text)]
		}
	}
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
