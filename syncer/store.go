package syncer

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// ErrLost says that a run is not the caller's any more: it was cancelled, or another replica has taken it up.
var ErrLost = errors.New("the run is another replica's now, or was ended")

// Lease is the right to work on a run. Every write of the run holds it against the fence, so that whoever lost it
// writes nothing.
type Lease struct {
	Run, Fence int64
}

// Claimed is a run that was taken up, and where it stands.
type Claimed struct {
	Lease
	Run
	// Full says whether the round is a full one; nil where that was not decided yet.
	Full *bool
	// FromState is what the round began with, Resume where its reading goes on; nil at the beginning.
	FromState, Resume []byte
	EndState          []byte
	ApprovedHash      *string
	// First says that the instance never had a run that completed; Failures are those in a row since the last that did.
	First    bool
	Failures int
}

// Store is what synchronization needs from storage. Where a lease was lost, methods fail with [ErrLost].
type Store interface {
	Runs
	Leases
	Stage
	Apply

	Instances(ctx context.Context) ([]*directory.Instance, error)
	InstancesByID(ctx context.Context, ids []int64) ([]*directory.Instance, error)
	// ByExternalIDs finds live identities of one instance and kind, nil where there is none.
	ByExternalIDs(ctx context.Context, instance int64, kind directory.IdentityKind, externalIDs []string) ([]*directory.Record, error)
	// ByUserNames finds live users of one instance by the folded form of their names, nil where there is none.
	ByUserNames(ctx context.Context, instance int64, keys []string) ([]*directory.Record, error)
	// SyncSecrets returns the encrypted values of an instance's configuration.
	SyncSecrets(ctx context.Context, instance int64) (map[string][]byte, error)
}

// Runs keeps runs and what they failed at.
type Runs interface {
	// InsertRun queues a run. It fails as a conflict where one of the instance is under way.
	InsertRun(ctx context.Context, r Run, a directory.Audit) (*Run, error)
	// ApproveRun queues a run that waits with a plan, to carry out that plan and no other. It reports false where no
	// such run waits.
	ApproveRun(ctx context.Context, uid uuid.UUID, planHash string, a directory.Audit) (bool, error)
	RunsByUID(ctx context.Context, uids []uuid.UUID) ([]*Run, error)
	// ListRuns lists the newest first, from before an id (0: from the newest).
	ListRuns(ctx context.Context, f RunFilter, before int64, limit int) ([]*Run, error)
	CountRuns(ctx context.Context, f RunFilter) (int, error)
	Failures(ctx context.Context, run, after int64, limit int) ([]*Failure, error)
	CountFailures(ctx context.Context, run int64) (int, error)
	PlannedChanges(ctx context.Context, run, after int64, limit int) ([]*PlannedChange, error)
	CountPlannedChanges(ctx context.Context, run int64) (int, error)
	// CancelRun ends a run that is under way, or that waits for approval, with a reason. It reports whether it was one.
	CancelRun(ctx context.Context, uid uuid.UUID, from []Status, reason string, a directory.Audit) (bool, error)
	// PlanStands reports whether nothing was written to the instance's identities since the run's plan was made.
	PlanStands(ctx context.Context, run int64) (bool, error)

	// SetSchedule sets the time between runs, and when the next one is due; nil is not scheduled.
	SetSchedule(ctx context.Context, instance int64, every *time.Duration, next *time.Time, a directory.Audit) error
	// ResetState makes the next round a full one.
	ResetState(ctx context.Context, instance int64, a directory.Audit) error
}

// Leases hands out runs.
type Leases interface {
	// QueueDue queues a run for each instance that is due, and puts its next one off by its schedule.
	QueueDue(ctx context.Context, jitter float64) (int, error)
	// Claim takes up a run that waits, or whose lease has run out; nil where there is none.
	Claim(ctx context.Context, owner string, lease time.Duration) (*Claimed, error)
	// Renew prolongs a lease.
	Renew(ctx context.Context, l Lease, lease time.Duration) error
	// Yield gives a run back, to be taken up again after a while. It keeps what was read.
	Yield(ctx context.Context, l Lease, after time.Duration, reason string) error
	// Finish ends a run, and drops what it kept aside.
	Finish(ctx context.Context, l Lease, f Finish) error
}

// Finish is how a run ends.
type Finish struct {
	// Status is how it ends; Complete becomes Partial where something failed, and Quarantined becomes Cancelled where
	// the same plan waits already.
	Status   Status
	Reason   string
	PlanHash *string
	// Advance makes the end of the round the instance's state, and counts as a success: it lifts what holds the instance.
	Advance bool
	// Refused are those that the next round tries again, as others had their names.
	Refused []IdentityRef
	// Hold is why the instance is held, nil for what it was; HoldReason says it in a sentence.
	Hold       *directory.InstanceState
	HoldReason string
	// Retry is when the instance's next run is due at the earliest; 0 is by its schedule.
	Retry time.Duration
	// Failed counts a failure of the instance.
	Failed bool
}

// IdentityRef is what an identity is known by at its source.
type IdentityRef struct {
	Kind directory.IdentityKind
	Key  string
}

// Stage keeps aside what a round reads.
type Stage interface {
	// BeginRound decides what kind of round it is and makes room for it. What was kept aside of the run is dropped.
	BeginRound(ctx context.Context, l Lease, full bool, state []byte) error
	// StageMore keeps one page, with where the reading goes on; end is set with the last one.
	StageMore(ctx context.Context, l Lease, p StagedPage) error
	// EndReading makes what was read ready to be looked through.
	EndReading(ctx context.Context, l Lease) error
	// Refused lists some of those that the last run refused for their names, where this round told of others and not of
	// them.
	Refused(ctx context.Context, l Lease, limit int) ([]IdentityRef, error)
	// Unsettled lists what was told of the next identities that are not whole or were told several times, those of an
	// identity together and in order.
	Unsettled(ctx context.Context, l Lease, afterKind, afterKey string, limit int) ([]Staged, error)
	// Settle puts whole rows in the place of all that was told of the identities.
	Settle(ctx context.Context, l Lease, rows []Staged, links []StagedLink) error
}

// StagedPage is a page as it is kept aside.
type StagedPage struct {
	// Pages is how many pages of the source these are.
	Pages      int
	Identities []Staged
	Links      []StagedLink
	Failures   []Failure
	Resume     []byte
	End        *connector.End
}

// join adds the page that follows.
func (p *StagedPage) join(next StagedPage) {
	p.Pages += next.Pages
	p.Identities = append(p.Identities, next.Identities...)
	p.Links = append(p.Links, next.Links...)
	p.Failures = append(p.Failures, next.Failures...)
	p.Resume, p.End = next.Resume, next.End
}

// StagedLink is a link as it is kept aside.
type StagedLink struct {
	Seq int64
	connector.Link
}

// PlanSize is how much a plan changes.
type PlanSize struct {
	// Actions counts identities by action.
	Actions map[Action]int
	// Unlinked counts the instance's links that go, those of deleted identities included.
	Unlinked int
	// Identities and Links are how many the instance has.
	Identities, Links int
	// Simple is the last step that [Apply.CreateSimple] takes; those are the first ones.
	Simple    int64
	LinkSteps LinkSteps
	// Alone says that nobody but the instance's own identities is stored.
	Alone bool
}

// LinkSteps are the steps of a plan that change links: up to Made those that make them, then up to Removed those that
// remove them.
type LinkSteps struct {
	Made, Removed int64
}

// Step is an identity that a plan changes.
type Step struct {
	N      int64
	Action Action
	Kind   directory.IdentityKind
	Key    string
	// ID is the identity, 0 for one to be created.
	ID int64
	// Record is the row to be; nil for a removal.
	Record  *directory.Record
	Digest  uuid.UUID
	Removal connector.Removal
}

// Apply plans and applies what was kept aside. Planning again after a part was applied plans the rest.
type Apply interface {
	// Plan compares what was kept aside with what is stored.
	Plan(ctx context.Context, l Lease) (PlanSize, error)
	// Steps lists the steps of some actions in the order of their numbers, but for creations that [Apply.CreateSimple]
	// takes.
	Steps(ctx context.Context, l Lease, actions []Action, after int64, limit int) ([]Step, error)
	// AllSteps lists the steps of all actions by their identities' kinds and keys, after one of them.
	AllSteps(ctx context.Context, l Lease, afterKind, afterKey string, limit int) ([]Step, error)
	// ForgetPlan drops the lines of an earlier plan of the run, KeepPlan keeps lines of the new one.
	ForgetPlan(ctx context.Context, l Lease) error
	KeepPlan(ctx context.Context, l Lease, lines []PlannedChange) error
	// KeepPlannedLinks keeps the links that would be made and removed as the lines after a number.
	KeepPlannedLinks(ctx context.Context, l Lease, after int64) error
	// CreateSimple creates, of the steps after one up to another, the identities whose names are free.
	CreateSimple(ctx context.Context, l Lease, after, upTo int64) error
	// Mark notes that identities are as the steps want them, so that they are not planned again.
	Mark(ctx context.Context, l Lease, steps []Step) error
	// PlanLinks compares links, once the identities are there.
	PlanLinks(ctx context.Context, l Lease) (LinkSteps, error)
	// Relink makes, or removes, the links of the steps after one up to another.
	Relink(ctx context.Context, l Lease, remove bool, after, upTo int64) error
	// KeepPending keeps links to who is not there yet, and forgets those that were made since, of whatever instance.
	KeepPending(ctx context.Context, l Lease) error
	// NoteFailures lists what could not be applied.
	NoteFailures(ctx context.Context, l Lease, failures []Failure) error
	// Drop drops what a run kept aside that was ended by somebody else.
	Drop(ctx context.Context, run int64) error
}
