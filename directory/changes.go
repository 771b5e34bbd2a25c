package directory

import "github.com/google/uuid"

// Changes is one change set: it is applied whole, in one transaction, or not at all.
type Changes struct {
	// Instance owns every identity that the change set creates, changes or deletes.
	Instance *Instance
	Put      []Put
	Delete   []Delete
	Members  []MemberChange
	Managers []ManagerChange
	// RefuseUnknownMembers fails the change set where a member or a manager is unknown; else unknown ones are left
	// out and listed in the result.
	RefuseUnknownMembers bool
	// Partial leaves out identities that cannot be stored and lists them as failures, for synchronization; else one
	// of them fails the change set.
	Partial bool
	// Fence makes the change set one of a synchronization run; nil for any other.
	Fence *Fence
	// Action names the change set in the audit trail, such as "scim.user.create".
	Action string
}

// Put is the whole wanted state of one identity.
type Put struct {
	// UID is the identity to change. With New it is the id of the one to create (zero: drawn here). Zero without New
	// finds the identity by ExternalID, and creates it where there is none.
	UID uuid.UUID
	New bool
	// IfVersion fails the put as stale (ReasonStale) unless the row is at this version; 0 takes any.
	IfVersion   int64
	Kind        IdentityKind
	ExternalID  *string
	Name        string
	DisplayName string
	Description *string
	Email       *string
	// Status is StatusActive (also where empty) or StatusDisabled; deletion is a Delete.
	Status       IdentityStatus
	StatusReason *string
	Attrs        AttributeSet
	// Unique are the values of Attrs that no other identity of the instance and kind may have. They are those of the
	// attributes that operators declare so: the names and the external id are unique anyway. Nil leaves those of an
	// identity as they are.
	Unique []UniqueValue
}

// Delete makes one identity a tombstone and drops its links.
type Delete struct {
	UID       uuid.UUID
	IfVersion int64
	Reason    string
}

// MemberChange alters the direct members of one container. Removals come after additions; Replace makes Add the
// whole list.
type MemberChange struct {
	Container uuid.UUID
	IfVersion int64
	Replace   bool
	Add       []uuid.UUID
	Remove    []uuid.UUID
	// AnyInstance allows members of other instances; else such a member is unknown.
	AnyInstance bool
}

// ManagerChange sets the manager of a user; nil clears it, and so does one who is unknown.
type ManagerChange struct {
	User    uuid.UUID
	Manager *uuid.UUID
}

// Result says what a change set did.
type Result struct {
	// Revision is the committed state that includes the change set.
	Revision Revision
	// Records holds the state after the change of each Put, in their order; nil for one that failed (Partial).
	Records []*Record
	// Unknown lists members and managers that were left out, see RefuseUnknownMembers.
	Unknown []uuid.UUID
	// Failures lists puts that were left out (Partial).
	Failures []PutFailure
	// Linked and Unlinked count membership links added and removed.
	Linked, Unlinked int
}

// PutFailure is one put that was left out, by its index in Changes.Put.
type PutFailure struct {
	Index int
	Err   *Error
}

// ChangeKind says what happened to an identity or a link.
type ChangeKind string

// The kinds of change, as the feed delivers them.
const (
	IdentityCreated  ChangeKind = "IDENTITY_CREATED"
	IdentityUpdated  ChangeKind = "IDENTITY_UPDATED"
	IdentityRenamed  ChangeKind = "IDENTITY_RENAMED"
	IdentityEnabled  ChangeKind = "IDENTITY_ENABLED"
	IdentityDisabled ChangeKind = "IDENTITY_DISABLED"
	IdentityDeleted  ChangeKind = "IDENTITY_DELETED"
	MemberAdded      ChangeKind = "MEMBER_ADDED"
	MemberRemoved    ChangeKind = "MEMBER_REMOVED"
)

// Fence holds a change set of a synchronization run against the run's lease: it fails where the run was taken over or
// ended. In the same transaction the run's counts grow by what the change set does.
type Fence struct {
	Run, Number int64
	// UID is the run's public id.
	UID uuid.UUID
	// What the change set does; filled in by the directory.
	Created, Updated, Disabled, Deleted, Properties int
}
