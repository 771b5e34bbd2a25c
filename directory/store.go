package directory

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Source answers the reads of one operation about identities and links, in batches that keep the order of their keys,
// with nil or zero where a key is unknown.
type Source interface {
	Links

	// ByIDs finds identities by the store's key; 0 is nobody's and not looked for.
	ByIDs(ctx context.Context, ids []int64) ([]*Record, error)
	ByUIDs(ctx context.Context, uids []uuid.UUID) ([]*Record, error)
	// ByFQNKeys looks folded FQNs up: a live name before an alias before the latest tombstone.
	ByFQNKeys(ctx context.Context, keys []string) ([]*Record, error)
	// Tombstones looks folded FQNs up among the deleted alone: an alias before the latest of that name.
	Tombstones(ctx context.Context, keys []string) ([]*Record, error)
	// Aliases lists the live former FQNs of each identity, oldest first.
	Aliases(ctx context.Context, ids []int64) ([][]string, error)
	// Managers returns the manager of each user, 0 for none.
	Managers(ctx context.Context, users []int64) ([]int64, error)
	// Reports pages through the users whose manager is q.Of; Way, Scope and Kind are ignored.
	Reports(ctx context.Context, queries []EdgeQuery) ([][]Edge, error)
	CountReports(ctx context.Context, managers []int64) ([]int, error)
	// InstancesByID finds instances, deleted ones too, with their providers.
	InstancesByID(ctx context.Context, ids []int64) ([]*Instance, error)
	// RuntimeConfig lists the configuration of each instance, by key.
	RuntimeConfig(ctx context.Context, instances []int64) ([][]*RuntimeConfigEntry, error)
}

// Store is what the directory needs from storage. Implementations return *[Error] for what a caller may see and any
// other error for what went wrong.
type Store interface {
	Source
	CustomStore

	// ByExternalIDs finds live identities of one instance and kind.
	ByExternalIDs(ctx context.Context, instance int64, kind IdentityKind, externalIDs []string) ([]*Record, error)
	// ByUserNames finds live users of one instance by the folded form of their names.
	ByUserNames(ctx context.Context, instance int64, keys []string) ([]*Record, error)
	List(ctx context.Context, q ListQuery) ([]*Record, error)
	// Resource finds the identity with a uid among those that q selects, whatever its page is; nil where there is none.
	Resource(ctx context.Context, q ListQuery, uid uuid.UUID, links LinkSet) (*Resource, error)
	// Resources is List with links.
	Resources(ctx context.Context, q ListQuery, links LinkSet) ([]*Resource, error)
	// Count counts what List without paging would return.
	Count(ctx context.Context, q ListQuery) (int, error)

	// Commit writes a batch in one transaction. It fails as stale (ReasonStale) where a row is not at the version
	// that the batch was planned from.
	Commit(ctx context.Context, b Batch) (Committed, error)

	// Providers lists every provider that is not deleted, by name; Instances every instance that is not deleted.
	Providers(ctx context.Context) ([]*Provider, error)
	Instances(ctx context.Context) ([]*Instance, error)
	InsertProvider(ctx context.Context, p Provider, a Audit) (*Provider, error)
	UpdateProvider(ctx context.Context, p Provider, a Audit) (*Provider, error)
	InsertInstance(ctx context.Context, i Instance, a Audit) (*Instance, error)
	UpdateInstance(ctx context.Context, i Instance, a Audit) (*Instance, error)
	// SetRuntimeConfig upserts an entry. Sealed is the encrypted form of a secret; then the entry's Value is nil.
	// With reevaluate the instance becomes a [Reevaluation].
	SetRuntimeConfig(ctx context.Context, instance int64, e RuntimeConfigEntry, sealed []byte, reevaluate bool, a Audit) error
	// DeleteRuntimeConfig reports whether the entry existed.
	DeleteRuntimeConfig(ctx context.Context, instance int64, key string, reevaluate bool, a Audit) (bool, error)

	// Conflicts lists those whose identities are all within a scope.
	Conflicts(ctx context.Context, within *Scope, after string, first int) ([]ConflictRow, error)
	CountConflicts(ctx context.Context, within *Scope) (int, error)

	// Snapshot returns the state of the store now.
	Snapshot(ctx context.Context) (Revision, error)
	// Reflects reports whether the state of the store now includes a revision; ReasonExpired where it never can.
	Reflects(ctx context.Context, r Revision) (bool, error)
	// Feed reads changes in causal order: those whose identity, and container where there is one, are within a scope.
	Feed(ctx context.Context, within *Scope, after FeedPosition, first int) ([]ChangeRow, FeedPosition, error)
}

// Batch is a planned transaction. Rows are written in the order of the fields.
type Batch struct {
	// Tombstones drop every link of theirs.
	Tombstones []Tombstone
	Updates    []Update
	Inserts    []Insert
	Members    []MemberWrite
	Managers   []ManagerWrite
	// Unique are all the unique values that identities have from now on.
	Unique []UniqueWrite
	// RefuseUnknown fails the batch where a member or a manager does not exist.
	RefuseUnknown bool
	// Within is the instance that members and managers must belong to unless their write says AnyInstance.
	Within int64
	// Fence is checked first; nil for none.
	Fence *Fence
	Audit Audit
}

// Insert is a new identity. The store draws its ID and picks the first free one of FQNs.
type Insert struct {
	Record Record
	FQNs   []string
	// MergeWithHolder sets MergedInto to the live group of the same instance that holds the plain FQN (policy MERGE).
	MergeWithHolder bool
}

// Update is the whole new state of an identity that was planned at Record.Version.
type Update struct {
	Record Record
	// FQNs are the candidates of a renamed identity; empty leaves the FQN as it is.
	FQNs            []string
	MergeWithHolder bool
	// Alias keeps the old FQN resolving to the identity.
	Alias string
	// Kinds are the changes to log, Properties how many properties they are of.
	Kinds      []ChangeKind
	Properties int
}

// Tombstone is a deletion of an identity; Version 0 takes any version.
type Tombstone struct {
	UID     uuid.UUID
	Version int64
	Reason  string
}

// UniqueWrite makes values those of one identity, and no others, see [Put.Unique].
type UniqueWrite struct {
	UID    uuid.UUID
	Kind   IdentityKind
	Values []UniqueValue
}

// MemberWrite is a MemberChange as the store takes it; Version 0 takes any version.
type MemberWrite = MemberChange

// ManagerWrite is a ManagerChange as the store takes it.
type ManagerWrite = ManagerChange

// Committed says what a batch did.
type Committed struct {
	Revision Revision
	// Inserted and Updated hold the rows as they are now, in the batch's order.
	Inserted, Updated []*Record
	Unknown           []uuid.UUID
	Linked, Unlinked  int
	// Added and Removed are the first members, and Managers the first managers, that were, for the audit row.
	Added, Removed []uuid.UUID
	Managers       []ManagerDone
}

// ManagerDone is a manager that a user had, and the one that the user has now; nil for none.
type ManagerDone struct {
	User   uuid.UUID  `json:"user"`
	Before *uuid.UUID `json:"before"`
	After  *uuid.UUID `json:"after"`
}

// ConflictRow is a conflict with the ids of its identities.
type ConflictRow struct {
	Key   string // the keyset key
	Kind  ConflictKind
	IDs   []int64
	Since time.Time
}

// FeedPosition is a place in the feed: all of snapshot From is behind it, and of the changes between From and To
// those up to (Seq, Index).
type FeedPosition struct {
	Epoch    uuid.UUID
	From, To string // pg_snapshot texts; both empty at the very start
	Seq      int64
	Index    int
}

// ChangeRow is one change with the position right after it.
type ChangeRow struct {
	Position FeedPosition
	// XID is the transaction that made the change.
	XID       uint64
	Kind      ChangeKind
	At        time.Time
	Identity  int64
	Container int64 // 0 where the change is of no link
}
