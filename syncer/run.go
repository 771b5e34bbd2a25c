// Package syncer synchronizes the directory with its sources: it runs connectors by their schedule or when asked to,
// keeps what they read aside, plans what has to change, looks whether that can be meant, and applies it.
package syncer

import (
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// Mode says how much of a source a run reads.
type Mode string

// The modes. AUTO is a differential round where the source has them and there was a full one, else a full one.
const (
	ModeAuto  Mode = "AUTO"
	ModeFull  Mode = "FULL"
	ModeDelta Mode = "DELTA"
)

// Status says where a run stands, or how it ended.
type Status string

// The statuses. Queued and Synchronizing are those of a run that is under way.
const (
	Queued        Status = "QUEUED"
	Synchronizing Status = "SYNCHRONIZING"
	// Complete: everything the source told is in the directory.
	Complete Status = "COMPLETE"
	// Partial: it is, but for the failures; or nothing is, since the source broke off in the middle.
	Partial Status = "PARTIAL"
	Failed  Status = "FAILED"
	// Quarantined: the plan waits for approval (rule R16).
	Quarantined Status = "QUARANTINED"
	Cancelled   Status = "CANCELLED"
	// Planned: a dry run that came to its end (rule R18).
	Planned Status = "PLANNED"
)

// Live reports whether a run of this status is under way.
func (s Status) Live() bool { return s == Queued || s == Synchronizing }

// Run is one execution.
type Run struct {
	ID          int64
	UID         uuid.UUID
	InstanceID  int64
	Mode        Mode
	Status      Status
	DryRun      bool
	SkipDeleted bool
	Scheduled   bool
	// RequestedAt is when it was asked for, StartedAt when the first replica took it up.
	RequestedAt time.Time
	StartedAt   *time.Time
	EndedAt     *time.Time
	// Reason says in a sentence why it is not complete, or what was particular about it.
	Reason *string
	// PlanHash names the plan of a run that is quarantined or planned.
	PlanHash *string
	// Phase is what it is doing: read, plan, apply.
	Phase string
	// Pages counts the pages that were read.
	Pages int
	// RowsPerSecond is how fast it read or wrote lately, of a run that is followed; 0 where it is not known.
	RowsPerSecond float64
	seen          time.Time
	Counts
}

// same reports whether nothing has moved between two looks at a run.
func (r *Run) same(last *Run) bool {
	return r.Status == last.Status && r.Phase == last.Phase && r.Pages == last.Pages && r.Counts == last.Counts
}

// changes counts what the run has written.
func (c *Counts) changes() int {
	return c.Created + c.Updated + c.Disabled + c.Deleted + c.Linked + c.Unlinked
}

// rows counts what the run has read and written.
func (c *Counts) rows() int {
	return c.IdentityCount + c.LinkCount + c.changes()
}

// speedOf measures a run by an earlier look at it.
func (r *Run) speedOf(last *Run) {
	r.seen = time.Now()
	if last != nil {
		r.RowsPerSecond = float64(r.rows()-last.rows()) / r.seen.Sub(last.seen).Seconds()
	}
}

// IsNode marks runs as nodes.
func (*Run) IsNode() {}

// Counts are what a run read and did.
type Counts struct {
	// IdentityCount and LinkCount are what the source told, PropertyCount how many properties that changed.
	IdentityCount, LinkCount, PropertyCount int
	Created, Updated, Disabled, Deleted     int
	Linked, Unlinked                        int
	// Skipped is what no identity of Roster's stands for, Failed what could not be stored.
	Skipped, Failed int
}

// Failure is one thing at the source that was not taken over.
type Failure struct {
	ID         int64
	ExternalID string
	FQN        *string
	Code       directory.SyncFailureCode
	Message    string
}

// Action is what a plan does to one identity or link.
type Action string

// The actions, in the order in which they are carried out but for LINK and UNLINK, which come before DISABLE.
const (
	Create  Action = "CREATE"
	Update  Action = "UPDATE"
	Rename  Action = "RENAME"
	Enable  Action = "ENABLE"
	Disable Action = "DISABLE"
	Delete  Action = "DELETE"
	Link    Action = "LINK"
	Unlink  Action = "UNLINK"
)

// PlannedChange is one line of a plan.
type PlannedChange struct {
	N      int64
	Action Action
	FQN    string
	Detail *string
}

// RunFilter selects runs; what is empty selects all.
type RunFilter struct {
	InstanceIDs                 []int64
	Status                      []Status
	StartedAfter, StartedBefore *time.Time
}
