package directory

import (
	"time"

	"github.com/google/uuid"
)

// ProviderTypeName names a kind of source.
type ProviderTypeName string

// The provider types. SCIM is pushed into Roster, ScimPull read from a remote server; Local is kept in Roster.
const (
	TypeAzureAD         ProviderTypeName = "AzureAD"
	TypeSharePoint      ProviderTypeName = "SharePoint"
	TypeActiveDirectory ProviderTypeName = "ActiveDirectory"
	TypeSQL             ProviderTypeName = "SQL"
	TypeSCIM            ProviderTypeName = "SCIM"
	TypeScimPull        ProviderTypeName = "ScimPull"
	TypeLocal           ProviderTypeName = "Local"
)

// LocalProvider is the label of the built-in provider whose one instance holds the roles.
const LocalProvider = "Local"

// BuiltInProviders exist from the first start and are never deleted.
var BuiltInProviders = []Provider{
	{Name: "K2", Type: TypeActiveDirectory},
	{Name: "SP", Type: TypeSharePoint},
	{Name: "K2SQL", Type: TypeSQL},
	{Name: LocalProvider, Type: TypeLocal},
}

// Provider is one security label bound to a provider type.
type Provider struct {
	ID      int64
	UID     uuid.UUID
	Name    string
	Type    ProviderTypeName
	Enabled bool
	BuiltIn bool
	// DeletedAt is set once the provider was deleted; its row stays for history.
	DeletedAt *time.Time
}

// IsNode marks providers as nodes.
func (*Provider) IsNode() {}

// DuplicateNamePolicy says what a second group of one name becomes (rule R07).
type DuplicateNamePolicy string

// The policies for duplicate names.
const (
	KeepSeparate DuplicateNamePolicy = "KEEP_SEPARATE"
	Merge        DuplicateNamePolicy = "MERGE"
)

// RenamePolicy says what becomes of a group's old name (rule R08).
type RenamePolicy string

// The policies for renames.
const (
	Follow     RenamePolicy = "FOLLOW"
	DisableOld RenamePolicy = "DISABLE_OLD"
)

// InstanceState says what a provider instance is doing.
type InstanceState string

// The states of an instance.
const (
	StateIdle         InstanceState = "IDLE"
	StateSyncing      InstanceState = "SYNCING"
	StateQuarantined  InstanceState = "QUARANTINED"
	StateNeedsConsent InstanceState = "NEEDS_CONSENT"
	StateDisabled     InstanceState = "DISABLED"
)

// Instance is one domain or site of a provider: the scope of external ids and the owner of identities.
type Instance struct {
	ID   int64
	UID  uuid.UUID
	Name string
	// Provider is the label that the instance belongs to.
	Provider       *Provider
	Enabled        bool
	DuplicateNames DuplicateNamePolicy
	Renames        RenamePolicy
	// URLToken names a SCIM instance in its Tenant URL; it is no credential.
	URLToken string
	// SyncSchedule is the interval between runs; nil where the instance is not scheduled.
	SyncSchedule *time.Duration
	NextRunAt    *time.Time
	LastSyncedAt *time.Time
	DeletedAt    *time.Time
	// Syncing says that a run is under way.
	Syncing bool
	// Hold is StateQuarantined or StateNeedsConsent where synchronization waits, for the reason HoldReason; else empty.
	Hold       InstanceState
	HoldReason string
	// Config holds the runtime configuration that is not secret.
	Config map[string]string
}

// IsNode marks instances as nodes.
func (*Instance) IsNode() {}

// Live reports whether the instance and its provider are both enabled and not deleted.
func (i *Instance) Live() bool {
	return i.Enabled && i.DeletedAt == nil && i.Provider.Enabled && i.Provider.DeletedAt == nil
}

// State says what the instance is doing.
func (i *Instance) State() InstanceState {
	switch {
	case !i.Live():
		return StateDisabled
	case i.Syncing:
		return StateSyncing
	case i.Hold != "":
		return i.Hold
	}
	return StateIdle
}

// StateReason says why an instance is not idle; nil where it is.
func (i *Instance) StateReason() *string {
	reason := ""
	switch i.State() {
	case StateIdle:
		return nil
	case StateSyncing:
		reason = "A synchronization is under way."
	case StateQuarantined, StateNeedsConsent:
		reason = i.HoldReason
	case StateDisabled:
		if reason = "The instance is disabled."; !i.Provider.Enabled {
			reason = "The provider is disabled."
		}
	}
	return &reason
}

// PlainFQN is the FQN that an identity of this instance has unless another one holds it.
func (i *Instance) PlainFQN(kind IdentityKind, name string) string {
	return PlainFQN(kind, i.Provider.Name, i.Name, name)
}

// RuntimeConfigEntry is one key of an instance's configuration; Value is nil where the key is secret.
type RuntimeConfigEntry struct {
	Key       string
	Value     *string
	Secret    bool
	UpdatedAt time.Time
	// UpdatedBy is the name of the actor that set the value.
	UpdatedBy string
}

// ProviderType describes a kind of source and the configuration keys that its instances take.
type ProviderType struct {
	Name        ProviderTypeName
	Description string
	ConfigKeys  []ConfigKey
	// Schedule is the time between two runs of a new instance; 0 where instances are not synchronized.
	Schedule time.Duration
}

// ConfigKey declares one runtime configuration key.
type ConfigKey struct {
	Key         string
	Description string
	Required    bool
	Secret      bool
	// Check refuses bad values with a sentence that says what is expected; nil takes any text.
	Check func(value string) error `json:"-"`
	// Reevaluates says that identities which are there already are held against a new value ([Directory.Reevaluate]).
	Reevaluates bool `json:"-"`
}
