package access

import (
	"strings"

	"github.com/roster-gateway/roster/directory"
)

// Anyone is the rule for what every authenticated caller may see, SCIM tokens excepted.
const Anyone Scope = ""

// The doors: where requests come in.
const (
	// DoorGraphQL is /graphql, /metrics, and whatever else has no door of its own.
	DoorGraphQL = "GraphQL"
	// DoorSCIM is /scim/ and /tokens/.
	DoorSCIM = "SCIM"
)

// Rules is the one table of who may use what: the scope that a field needs, by its coordinate ("Query.users"), or by
// its type ("User") for every field of the type that has no rule of its own. The root types have no rule of their
// own, so that every operation is decided here by name.
//
// The doors are in it too: commands come in by one of them, but for those that work on the database itself.
var Rules = map[string]Scope{
	DoorGraphQL: Anyone,
	DoorSCIM:    SCIM,

	"Query.viewer":   Anyone,
	"Query.revision": Read,
	"Query.node":     Read, // an access token is null there without TOKEN_ADMIN
	"Query.nodes":    Read,

	"Query.identity":        Read,
	"Query.identitiesByFqn": Read,
	"Query.identities":      Read,
	"Query.user":            Read,
	"Query.users":           Read,
	"Query.group":           Read,
	"Query.groups":          Read,
	"Query.role":            Read,
	"Query.roles":           Read,

	"Query.resolve":         Read,
	"Query.checkMembership": Read,
	"Query.principals":      Read,

	"Query.providerTypes":    Read,
	"Query.providers":        Read,
	"Query.provider":         Read,
	"Query.providerInstance": Read,
	"Query.conflicts":        Read,
	"Query.changes":          Read,
	"Query.accessTokens":     TokenAdmin,
	"Query.audit":            TokenAdmin,
	"Query.provisioningLog":  SyncAdmin,
	"Query.syncRuns":         SyncAdmin,
	"Query.syncRun":          SyncAdmin,

	"Mutation.createRole":        RoleAdmin,
	"Mutation.updateRole":        RoleAdmin,
	"Mutation.deleteRole":        RoleAdmin,
	"Mutation.addRoleMembers":    RoleAdmin,
	"Mutation.removeRoleMembers": RoleAdmin,

	"Mutation.addProvider":            SyncAdmin,
	"Mutation.updateProvider":         SyncAdmin,
	"Mutation.deleteProvider":         SyncAdmin,
	"Mutation.addProviderInstance":    SyncAdmin,
	"Mutation.updateProviderInstance": SyncAdmin,
	"Mutation.deleteProviderInstance": SyncAdmin,
	"Mutation.setRuntimeConfig":       SyncAdmin,
	"Mutation.deleteRuntimeConfig":    SyncAdmin,

	"Mutation.setSyncSchedule": SyncAdmin,
	"Mutation.testConnection":  SyncAdmin,
	"Mutation.startSync":       SyncAdmin,
	"Mutation.cancelSync":      SyncAdmin,
	"Mutation.approveSync":     SyncAdmin,
	"Mutation.rejectSync":      SyncAdmin,
	"Mutation.resetSyncState":  SyncAdmin,
	"Mutation.syncIdentity":    SyncAdmin,

	"Mutation.createAccessToken": TokenAdmin,
	"Mutation.rotateAccessToken": TokenAdmin,
	"Mutation.revokeAccessToken": TokenAdmin,

	"Subscription.changes": Read,
	"Subscription.syncRun": SyncAdmin,

	"Node":     Read,
	"Identity": Read, "IdentityConnection": Read, "IdentityEdge": Read,
	"Container": Read, "ContainerConnection": Read, "ContainerEdge": Read,
	"User": Read, "UserConnection": Read, "UserEdge": Read,
	"Group": Read, "GroupConnection": Read, "GroupEdge": Read,
	"Role": Read, "RoleConnection": Read, "RoleEdge": Read,
	"MemberConnection": Read, "MemberEdge": Read,
	"Attribute": Read,
	"PageInfo":  Anyone,

	"Resolution": Read, "ResolvedIdentity": Read, "MembershipCheck": Read,
	"Conflict": Read, "ConflictConnection": Read,
	"Change": Read, "ChangeConnection": Read,

	"ProviderType": Read, "ConfigKey": Read,
	"Provider": Read, "ProviderInstance": Read,
	"ProviderInstance.runtimeConfig": SyncAdmin,
	"ProviderInstance.scimUrl":       SyncAdmin,
	"ProviderInstance.runs":          SyncAdmin,
	"RuntimeConfigEntry":             SyncAdmin,

	"SyncRun": SyncAdmin, "SyncRunConnection": SyncAdmin, "SyncRunEdge": SyncAdmin,
	"PlannedChange": SyncAdmin, "PlannedChangeConnection": SyncAdmin,
	"SyncFailure": SyncAdmin, "SyncFailureConnection": SyncAdmin, "ConnectionCheck": SyncAdmin,

	"AuditEvent": TokenAdmin, "AuditEventConnection": TokenAdmin,

	"ProvisioningEvent": SyncAdmin, "ProvisioningEventConnection": SyncAdmin,

	"Viewer":      Anyone,
	"AccessToken": TokenAdmin, "AccessTokenConnection": TokenAdmin, "AccessTokenEdge": TokenAdmin,
	"AccessRestriction": TokenAdmin,

	// A payload repeats what its mutation was allowed to do; the nouns inside it have the rules of their types.
	"UserError":         Anyone,
	"CreateRolePayload": RoleAdmin, "UpdateRolePayload": RoleAdmin, "DeleteRolePayload": RoleAdmin,
	"ChangeRoleMembersPayload": RoleAdmin,
	"AddProviderPayload":       SyncAdmin, "UpdateProviderPayload": SyncAdmin, "DeleteProviderPayload": SyncAdmin,
	"AddProviderInstancePayload": SyncAdmin, "UpdateProviderInstancePayload": SyncAdmin,
	"DeleteProviderInstancePayload": SyncAdmin,
	"SetSyncSchedulePayload":        SyncAdmin, "TestConnectionPayload": SyncAdmin, "StartSyncPayload": SyncAdmin, "CancelSyncPayload": SyncAdmin,
	"ApproveSyncPayload": SyncAdmin, "RejectSyncPayload": SyncAdmin, "ResetSyncStatePayload": SyncAdmin, "SyncIdentityPayload": SyncAdmin,
	"SetRuntimeConfigPayload": SyncAdmin, "DeleteRuntimeConfigPayload": SyncAdmin,
	"CreateAccessTokenPayload": TokenAdmin, "RotateAccessTokenPayload": TokenAdmin, "RevokeAccessTokenPayload": TokenAdmin,
}

// RuleFor returns the scope that a field needs, by its coordinate, or a door. What has no rule is nobody's.
func RuleFor(coordinate string) (needed Scope, ok bool) {
	if needed, ok = Rules[coordinate]; ok {
		return needed, true
	}
	object, _, _ := strings.Cut(coordinate, ".")
	needed, ok = Rules[object]
	return needed, ok
}

// Check refuses a field, by its coordinate, or a door that the principal may not use.
func (p *Principal) Check(coordinate string) error {
	needed, ok := RuleFor(coordinate)
	switch {
	case !ok:
		return forbidden("Nobody may use " + coordinate + ".")
	case !p.May(needed):
		return forbidden(coordinate + " needs the scope " + string(needed) + ", which this access token does not carry.")
	}
	return nil
}

func forbidden(message string) *directory.Error {
	return &directory.Error{Code: directory.CodeForbidden, Message: message}
}
