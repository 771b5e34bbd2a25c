// Package audit reads the audit trail: its events, found by who, what and when, and the chain of hashes by which it can be
// shown that none of them was changed. Events are written by whatever changes something, in the change's own transaction;
// see directory.Audit.
package audit

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/roster-gateway/roster/directory"
)

// Event is one row of the trail: a change that was made.
type Event struct {
	ID int64
	// At is when the transaction of the change began, to the microsecond.
	At time.Time
	// Actor, Token, Door and RequestID are those of [directory.Actor].
	Actor, Token, Door, RequestID string
	Action, Target                string
	// Detail is a JSON object of what changed, as the database writes it; nil for none.
	Detail *string
	// Hash seals the event; nil until it is in the chain.
	Hash *Hash
}

// Door is a way in, as the API names it.
type Door string

// The doors.
const (
	GraphQL Door = "GRAPHQL"
	SCIM    Door = "SCIM"
	Sync    Door = "SYNC"   // a synchronization run
	System  Door = "SYSTEM" // Roster itself, and its commands
)

// Doors lists the doors.
var Doors = []Door{GraphQL, SCIM, Sync, System}

// Filter selects events; what is nil selects all.
type Filter struct {
	// Since is included, Until is not.
	Since, Until *time.Time
	// Actor, Target and RequestID are whole and in exactly this case.
	Actor, Target, RequestID *string
	Action                   []string
	Door                     []Door
}

// Store is what reading the trail needs from storage.
type Store interface {
	// AuditEvents lists events, the newest first, at most limit of those that come after the event with an id; 0 begins at the
	// newest.
	AuditEvents(ctx context.Context, f Filter, after int64, limit int) ([]*Event, error)
}

// EventConnection is a page of the trail.
type EventConnection = directory.Page[*Event]

// list names the trail in its cursors.
const list = "audit"

// Page is a page of the trail, the newest event first. A page size out of bounds and a cursor of another list are
// CodeBadInput errors.
func Page(store Store, f Filter, args directory.PageArgs) (*EventConnection, error) {
	if err := directory.CheckFirst(args.First); err != nil {
		return nil, err
	}
	after, err := directory.AfterID(list, args.After)
	if err != nil {
		return nil, err
	}
	return directory.NewPage(args.After != nil, func(ctx context.Context) ([]directory.PageEdge[*Event], bool, error) {
		events, err := store.AuditEvents(ctx, f, after, args.First+1)
		if err != nil {
			return nil, false, err
		}
		more := len(events) > args.First
		events = events[:min(len(events), args.First)]
		edges := make([]directory.PageEdge[*Event], len(events))
		for i, e := range events {
			edges[i] = directory.PageEdge[*Event]{Cursor: directory.IDCursor(list, e.ID), Node: e}
		}
		return edges, more, nil
	}, nil), nil
}

// Number is the id as text.
func (e *Event) Number() string { return strconv.FormatInt(e.ID, 10) }

// TokenID is the public id of the access token, nil for none.
func (e *Event) TokenID() *string { return optional(e.Token) }

// Request is the id of the request, nil for none.
func (e *Event) Request() *string { return optional(e.RequestID) }

// Way is the door as the API names it.
func (e *Event) Way() Door { return Door(strings.ToUpper(e.Door)) }

// HashText is the hash as text, nil for none.
func (e *Event) HashText() *string {
	if e.Hash == nil {
		return nil
	}
	return optional(e.Hash.String())
}

// The parts of a detail that say what a change made of what.
const (
	beforeKey = "before"
	afterKey  = "after"
)

// Before is what the change replaced or deleted, as a JSON object; nil where that says nothing.
func (e *Event) Before() *string { return e.part(beforeKey) }

// After is what the change made of it; nil where it is gone.
func (e *Event) After() *string { return e.part(afterKey) }

// Remarks are what else is known of the change, as a JSON object; nil for nothing.
func (e *Event) Remarks() *string {
	parts := e.parts()
	delete(parts, beforeKey)
	delete(parts, afterKey)
	if len(parts) == 0 {
		return nil
	}
	text, _ := json.Marshal(parts) // of JSON
	return optional(string(text))
}

func (e *Event) parts() map[string]json.RawMessage {
	parts := map[string]json.RawMessage{}
	if e.Detail != nil {
		_ = json.Unmarshal([]byte(*e.Detail), &parts) // valid: the database has parsed it
	}
	return parts
}

func (e *Event) part(key string) *string { return optional(string(e.parts()[key])) }

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
