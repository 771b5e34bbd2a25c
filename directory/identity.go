package directory

import (
	"time"

	"github.com/google/uuid"
)

// IdentityKind tells users, groups and roles apart.
type IdentityKind string

// The kinds of identity.
const (
	KindUser  IdentityKind = "USER"
	KindGroup IdentityKind = "GROUP"
	KindRole  IdentityKind = "ROLE"
)

// IsContainer reports whether identities of this kind have members.
func (k IdentityKind) IsContainer() bool { return k == KindGroup || k == KindRole }

// IdentityStatus says whether an identity counts.
type IdentityStatus string

// The statuses. A disabled identity keeps its links and regains them when it is active again; a deleted one is a
// tombstone that has lost them for good.
const (
	StatusActive   IdentityStatus = "ACTIVE"
	StatusDisabled IdentityStatus = "DISABLED"
	StatusDeleted  IdentityStatus = "DELETED"
)

// Record is one identity as it is stored: what users, groups and roles have in common.
type Record struct {
	// ID is the store's own key: immutable, increasing, never shown.
	ID int64
	// UID is the public id, the same in GraphQL and in SCIM.
	UID uuid.UUID
	// Kind never changes.
	Kind IdentityKind
	// InstanceID is the provider instance that owns the identity.
	InstanceID int64
	// ExternalID is the source's own immutable key, opaque; nil where the source has none.
	ExternalID *string
	// Name is a user's userName, a group's displayName or a role's name.
	Name string
	// FQN is the name that is unique on the whole platform.
	FQN string
	// DisplayName is never empty: it falls back to Name.
	DisplayName string
	Description *string
	// Email is the primary e-mail address.
	Email        *string
	Status       IdentityStatus
	StatusReason *string
	// MergedInto is the ID of the group that this one was merged into (policy MERGE), else nil.
	MergedInto *int64
	// Attrs holds every further attribute under its SCIM name (RFC 7643).
	Attrs Attributes
	// Version grows by one with each change of the row or, for a container, of its direct members.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
	// SyncedAt is when a synchronization last saw the identity at its source; nil for pushed identities.
	SyncedAt *time.Time
}

// Identity is a user, a group or a role.
type Identity interface {
	Node
	// Base returns the record behind the noun.
	Base() *Record
}

// Container is an identity that has members: a group or a role.
type Container interface {
	Identity
	IsContainer()
}

// Node is anything with a public id.
type Node interface{ IsNode() }

// The nouns of the public API, each a view on a [Record].
type (
	// User is a person or a service account.
	User struct{ Record }
	// Group is a container that a provider owns.
	Group struct{ Record }
	// Role is a container that Roster owns; its members may come from several providers.
	Role struct{ Record }
)

// Base returns the record itself, so that every noun that embeds it is an [Identity].
func (r *Record) Base() *Record { return r }

// IsNode marks every identity as a [Node].
func (*Record) IsNode() {}

// IsContainer marks groups as containers.
func (*Group) IsContainer() {}

func (*Role) IsContainer() {}

// Identity returns the record as the noun of its kind.
func (r *Record) Identity() Identity {
	switch r.Kind {
	case KindGroup:
		return &Group{Record: *r}
	case KindRole:
		return &Role{Record: *r}
	default:
		return &User{Record: *r}
	}
}

// UserName is the user's name at its source: a userPrincipalName, a sAMAccountName, a SCIM userName.
func (u *User) UserName() string { return u.Name }

// GivenName is the SCIM attribute name.givenName.
func (u *User) GivenName() *string { return u.Attrs.GivenName() }

// FamilyName is the SCIM attribute name.familyName.
func (u *User) FamilyName() *string { return u.Attrs.FamilyName() }

// UserType is the SCIM attribute userType.
func (u *User) UserType() *string { return u.Attrs.UserType() }

// Attributes lists every further attribute, flattened to names with text values, sorted by name.
func (r *Record) Attributes() []Attribute { return r.Attrs.Flatten() }
