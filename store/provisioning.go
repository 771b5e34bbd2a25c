package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// insertEventsSQL stores the events of a JSON list: one argument, so that one prepared statement does for any number of
// them. A request without a valid token names its instance by the URL token; those that name none are left out.
const insertEventsSQL = `
INSERT INTO provisioning_event (at, instance_id, method, resource_type, resource_id, external_id, outcome, status, scim_type,
	message, duration, request_id, unknown_members, first_unknown)
SELECT e.at, coalesce(nullif(e.instance_id, 0), i.id), e.method, e.resource_type, e.resource_id, e.external_id, e.outcome, e.status,
	e.scim_type, e.message, e.duration, e.request_id, e.unknown_members, e.first_unknown
FROM json_to_recordset($1::json) AS e (at timestamptz, instance_id bigint, url_token text, method text, resource_type text,
	resource_id uuid, external_id text, outcome text, status int, scim_type text, message text, duration bigint, request_id text,
	unknown_members int, first_unknown text[])
LEFT JOIN provider_instance i ON i.url_token = e.url_token
WHERE e.instance_id <> 0 OR i.id IS NOT NULL
ORDER BY e.at`

// eventRow is an event as it is written and read; on the way in it is an object of insertEventsSQL's list.
type eventRow struct {
	ID             int64          `db:"id" json:"-"`
	At             time.Time      `db:"at" json:"at"`
	InstanceID     int64          `db:"instance_id" json:"instance_id"`
	URLToken       string         `db:"-" json:"url_token"`
	Method         string         `db:"method" json:"method"`
	ResourceType   *string        `db:"resource_type" json:"resource_type"`
	ResourceID     *uuid.UUID     `db:"resource_id" json:"resource_id"`
	ExternalID     *string        `db:"external_id" json:"external_id"`
	Outcome        string         `db:"outcome" json:"outcome"`
	Status         *int           `db:"status" json:"status"`
	SCIMType       *string        `db:"scim_type" json:"scim_type"`
	Message        *string        `db:"message" json:"message"`
	Duration       int64          `db:"duration" json:"duration"`
	RequestID      string         `db:"request_id" json:"request_id"`
	UnknownMembers int            `db:"unknown_members" json:"unknown_members"`
	FirstUnknown   pq.StringArray `db:"first_unknown" json:"first_unknown"`
}

func eventRowOf(e *directory.ProvisioningEvent) eventRow {
	return eventRow{
		At: e.At, InstanceID: e.InstanceID, URLToken: e.URLToken, Method: e.Method, ResourceType: e.ResourceType, ResourceID: e.ResourceID,
		ExternalID: e.ExternalID, Outcome: string(e.Outcome), Status: e.Status, SCIMType: e.SCIMType, Message: e.Message,
		Duration: e.Duration.Microseconds(), RequestID: e.RequestID, UnknownMembers: e.UnknownMembers, FirstUnknown: e.FirstUnknown,
	}
}

func (r *eventRow) event() *directory.ProvisioningEvent {
	return &directory.ProvisioningEvent{
		ID: r.ID, At: r.At, InstanceID: r.InstanceID, Method: r.Method, ResourceType: r.ResourceType, ResourceID: r.ResourceID,
		ExternalID: r.ExternalID, Outcome: directory.ProvisioningOutcome(r.Outcome), Status: r.Status, SCIMType: r.SCIMType, Message: r.Message,
		Duration: time.Duration(r.Duration) * time.Microsecond, RequestID: r.RequestID, UnknownMembers: r.UnknownMembers, FirstUnknown: r.FirstUnknown,
	}
}

// InsertProvisioningEvents implements [directory.ProvisioningStore].
func (s *Store) InsertProvisioningEvents(ctx context.Context, events []directory.ProvisioningEvent) error {
	rows := make([]eventRow, len(events))
	for i := range events {
		rows[i] = eventRowOf(&events[i])
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = s.direct().exec(ctx, insertEventsSQL, list)
	return err
}

// ProvisioningEvents implements [directory.ProvisioningStore].
func (s *Store) ProvisioningEvents(ctx context.Context, f directory.ProvisioningEventFilter, after *directory.ProvisioningPosition, limit int) ([]*directory.ProvisioningEvent, error) {
	c := &conditions{terms: []string{"true"}}
	if f.Provider != nil {
		ids, err := s.instanceIDs(ctx, *f.Provider, f.Instance)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		if len(ids) == 1 { // the index has these in order
			c.add("instance_id = %s", ids[0])
		} else {
			c.add("instance_id = ANY(%s)", ids)
		}
	}
	if f.Outcome != nil {
		oneOf(c, "outcome", f.Outcome, directory.ProvisioningOutcomes...)
	}
	if f.ResourceType != nil {
		c.add("lower(resource_type) = lower(%s)", *f.ResourceType)
	}
	if f.ExternalID != nil {
		c.add("external_id = %s", *f.ExternalID)
	}
	if f.Since != nil {
		c.add("at >= %s", *f.Since)
	}
	if f.Until != nil {
		c.add("at < %s", *f.Until)
	}
	if after != nil {
		c.add("(at, id) < (%s, %s)", after.At, after.ID)
	}
	var rows []eventRow
	err := s.all(ctx, &rows, `SELECT id, at, instance_id, method, resource_type, resource_id, external_id, outcome, status, scim_type,
		message, duration, request_id, unknown_members, first_unknown
		FROM provisioning_event`+c.where()+` ORDER BY at DESC, id DESC LIMIT `+c.bind(limit), c.args...)
	out := make([]*directory.ProvisioningEvent, len(rows))
	for i := range rows {
		out[i] = rows[i].event()
	}
	return out, err
}

// instanceIDs finds the instances of a provider, or those of a name; deleted ones too, which have events.
func (s *Store) instanceIDs(ctx context.Context, provider string, name *string) (pq.Int64Array, error) {
	var key *string
	if name != nil {
		folded := directory.FoldKey(*name)
		key = &folded
	}
	var ids pq.Int64Array
	err := s.all(ctx, &ids, `SELECT i.id FROM provider_instance i JOIN provider p ON p.id = i.provider_id
		WHERE p.name_key = $1 AND ($2::text IS NULL OR i.name_key = $2)`, directory.FoldKey(provider), key)
	return ids, err
}

// pruneEventsSQL deletes the oldest events, where they are older than $1 seconds.
const pruneEventsSQL = `DELETE FROM provisioning_event WHERE id IN (
	SELECT id FROM provisioning_event WHERE at < now() - make_interval(secs => $1) ORDER BY at, id LIMIT $2)`

// PruneProvisioningEvents implements [directory.Housekeeper].
func (s *Store) PruneProvisioningEvents(ctx context.Context, age time.Duration) (deleted int, err error) {
	err = s.inTurn(ctx, func(tx runner) error {
		n, err := tx.exec(ctx, pruneEventsSQL, age.Seconds(), pruneBatch)
		deleted = int(n)
		return err
	})
	return deleted, err
}
