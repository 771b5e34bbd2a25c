package directory

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// ProvisioningOutcome says what became of a request of a provisioning client.
type ProvisioningOutcome string

// The outcomes.
const (
	ProvisioningCreated   ProvisioningOutcome = "CREATED"
	ProvisioningUpdated   ProvisioningOutcome = "UPDATED"
	ProvisioningUnchanged ProvisioningOutcome = "UNCHANGED"
	ProvisioningDeleted   ProvisioningOutcome = "DELETED"
	ProvisioningRefused   ProvisioningOutcome = "REFUSED" // the client has to change something
	ProvisioningFailed    ProvisioningOutcome = "FAILED"  // Roster could not do it

	// ProvisioningRead is counted, and not logged.
	ProvisioningRead ProvisioningOutcome = "READ"
)

// ProvisioningOutcomes lists the outcomes that are logged.
var ProvisioningOutcomes = []ProvisioningOutcome{
	ProvisioningCreated, ProvisioningUpdated, ProvisioningUnchanged, ProvisioningDeleted, ProvisioningRefused, ProvisioningFailed,
}

// ProvisioningEvent is a write of a provisioning client, or a request of one that was refused. It holds no body, no
// filter and no secret.
type ProvisioningEvent struct {
	ID int64
	// At is when the request arrived.
	At time.Time
	// InstanceID is the instance that the client pushes into; 0 where only URLToken names it.
	InstanceID int64
	// URLToken stands for the instance of a request without a valid bearer token. It is not stored; an event whose URL
	// token is of no instance is not logged.
	URLToken string
	Method   string
	// ResourceType is the name of the resource type, nil where the request was refused before that was known.
	ResourceType *string
	// ResourceID is the id of the resource, nil where it got none.
	ResourceID *uuid.UUID
	ExternalID *string
	Outcome    ProvisioningOutcome
	// Status is the HTTP status of the answer, nil where the client did not wait for it.
	Status *int
	// SCIMType is the kind of error (RFC 7644 section 3.12), and Message its sentence; nil where there was none.
	SCIMType, Message *string
	Duration          time.Duration
	RequestID         string
	// UnknownMembers counts members and managers that were left out because there is no such identity, and
	// FirstUnknown lists the first of them as the client named them.
	UnknownMembers int
	FirstUnknown   []string
}

// DurationMs is how long the request took, in milliseconds.
func (e *ProvisioningEvent) DurationMs() int { return int(e.Duration.Milliseconds()) }

// ProvisioningEventFilter selects events; what is nil selects all.
type ProvisioningEventFilter struct {
	// Provider and Instance are names, in any case. Both may be of ones that are deleted.
	Provider, Instance       *string
	Outcome                  []ProvisioningOutcome
	ResourceType, ExternalID *string
	// Since is included, Until is not.
	Since, Until *time.Time
}

// ProvisioningPosition is an event's place in the log.
type ProvisioningPosition struct {
	At time.Time
	ID int64
}

// ProvisioningStore is what the log needs from storage.
type ProvisioningStore interface {
	// InsertProvisioningEvents stores events, but for those of no instance.
	InsertProvisioningEvents(ctx context.Context, events []ProvisioningEvent) error
	// ProvisioningEvents lists events, the newest first, at most limit of those that come after a position.
	ProvisioningEvents(ctx context.Context, f ProvisioningEventFilter, after *ProvisioningPosition, limit int) ([]*ProvisioningEvent, error)
}

// ProvisioningEventConnection is a page of the log.
type ProvisioningEventConnection = Page[*ProvisioningEvent]

// Page is a page of the log, the newest event first. An instance without its provider, a page size out of bounds and a
// cursor of another list are CodeBadInput errors.
func (l *ProvisioningLog) Page(f ProvisioningEventFilter, args PageArgs) (*ProvisioningEventConnection, error) {
	if err := CheckFirst(args.First); err != nil {
		return nil, err
	}
	if f.Instance != nil && f.Provider == nil {
		return nil, BadInput("provider", "provider is required beside instance: instances of several providers may have one name.")
	}
	after, err := provisioningPosition(args.After)
	if err != nil {
		return nil, err
	}
	return NewPage(after != nil, func(ctx context.Context) ([]PageEdge[*ProvisioningEvent], bool, error) {
		events, err := l.store.ProvisioningEvents(ctx, f, after, args.First+1)
		if err != nil {
			return nil, false, err
		}
		events, more := trim(events, args.First)
		edges := make([]PageEdge[*ProvisioningEvent], len(events))
		for i, e := range events {
			edges[i] = PageEdge[*ProvisioningEvent]{
				Node: e, Cursor: newCursor(provisioningList, strconv.FormatInt(e.At.UnixMicro(), 10), strconv.FormatInt(e.ID, 10)),
			}
		}
		return edges, more, nil
	}, nil), nil
}

// provisioningList names the list in its cursors.
const provisioningList = "provisioningLog"

// provisioningPosition reads a cursor of the log.
func provisioningPosition(after *Cursor) (*ProvisioningPosition, error) {
	if after == nil {
		return nil, nil
	}
	parts, err := after.parts(provisioningList, 2)
	if err != nil {
		return nil, err
	}
	at, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return nil, BadInput("after", "This is no cursor of this list.")
	}
	id, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return nil, BadInput("after", "This is no cursor of this list.")
	}
	return &ProvisioningPosition{At: time.UnixMicro(at), ID: id}, nil
}
