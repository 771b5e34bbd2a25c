package resolvers_test

import (
	"testing"
)

// step is one operation of a story, told by an admin. Its answer goes into the story's golden file.
type step struct {
	name      string
	query     string
	variables map[string]any
}

func (g *gateway) tell(t *testing.T, story string, steps []step) {
	t.Helper()
	type told struct {
		Step   string
		Answer answer
	}
	out := []told{}
	for _, s := range steps {
		out = append(out, told{s.name, g.run(t, admin, s.query, s.variables)})
	}
	golden(t, story, out)
}

func TestRoleMutations(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	const failures = ` userErrors { code field message } } }`
	const create = `mutation($in: CreateRoleInput!) { createRole(input: $in) { role { fqn description memberCount }` + failures
	const rename = `mutation($in: UpdateRoleInput!) { updateRole(input: $in) { role { fqn description aliases }` + failures
	const remove = `mutation($in: DeleteRoleInput!) { deleteRole(input: $in) {` + failures
	const add = `mutation($in: ChangeRoleMembersInput!) { addRoleMembers(input: $in) { role { fqn members { nodes { fqn } } }` + failures
	const drop = `mutation($in: ChangeRoleMembersInput!) { removeRoleMembers(input: $in) { role { fqn members { nodes { fqn } } }` + failures
	in := func(v map[string]any) map[string]any { return map[string]any{"in": v} }
	g.tell(t, "role_mutations", []step{
		{"create", create, in(map[string]any{"name": "Auditors", "description": "Those who look"})},
		{"create: taken in another case", create, in(map[string]any{"name": "AUDITORS"})},
		{"create: blank", create, in(map[string]any{"name": "  "})},
		{"create: separator", create, in(map[string]any{"name": "A:b"})},
		{"update: nothing given", rename, in(map[string]any{"name": "Auditors"})},
		{"update: name", rename, in(map[string]any{"name": "Auditors", "newName": "Inspectors"})},
		{"update: by its former name, description null", rename, in(map[string]any{"name": "auditors", "description": nil})},
		{"update: unknown", rename, in(map[string]any{"name": "Nobody", "newName": "Somebody"})},
		{"update: taken", rename, in(map[string]any{"name": "Inspectors", "newName": "Empty"})},
		{"add members", add, in(map[string]any{"role": "Inspectors", "members": []string{"HR:ana", "hr:backend", "Empty"}})},
		{"add members: again", add, in(map[string]any{"role": "Inspectors", "members": []string{"HR:ana"}})},
		{"add members: one is unknown", add, in(map[string]any{"role": "Inspectors", "members": []string{"HR:bob", "HR:nobody"}})},
		{"add members: unknown role", add, in(map[string]any{"role": "Nobody", "members": []string{"HR:bob"}})},
		{"remove members", drop, in(map[string]any{"role": "Inspectors", "members": []string{"HR:ana", "HR:bob"}})},
		{"remove members: one is unknown", drop, in(map[string]any{"role": "Inspectors", "members": []string{"HR:nobody"}})},
		{"delete", remove, in(map[string]any{"name": "Inspectors"})},
		{"delete: gone", remove, in(map[string]any{"name": "Inspectors"})},
		{"the tombstone", `{ role(name: "Inspectors") { status memberCount(status: [ACTIVE, DISABLED, DELETED]) } }`, nil},
	})
}

func TestProviderMutations(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	const failures = ` userErrors { code field message } } }`
	const add = `mutation($in: AddProviderInput!) { addProvider(input: $in) { provider { id name type enabled instances { name } }` + failures
	const change = `mutation($in: UpdateProviderInput!) { updateProvider(input: $in) { provider { name enabled }` + failures
	const remove = `mutation($in: DeleteProviderInput!) { deleteProvider(input: $in) {` + failures
	in := func(v map[string]any) map[string]any { return map[string]any{"in": v} }
	g.tell(t, "provider_mutations", []step{
		{"add", add, in(map[string]any{"name": "HR", "type": "SCIM"})},
		{"add: taken in another case", add, in(map[string]any{"name": "hr", "type": "SQL"})},
		{"add: blank", add, in(map[string]any{"name": "", "type": "SCIM"})},
		{"add: separator", add, in(map[string]any{"name": `H\R`, "type": "SCIM"})},
		{"add: a second Local", add, in(map[string]any{"name": "Mine", "type": "Local"})},
		{"update", change, in(map[string]any{"name": "hr", "enabled": false})},
		{"update: null", change, in(map[string]any{"name": "HR", "enabled": nil})},
		{"update: unknown", change, in(map[string]any{"name": "Nobody", "enabled": true})},
		{"providers", `{ providers { name type enabled } provider(name: "hr") { name } unknown: provider(name: "Nobody") { name } }`, nil},
		{"delete", remove, in(map[string]any{"name": "HR"})},
		{"delete: gone", remove, in(map[string]any{"name": "HR"})},
		{"delete: enabled and built in", remove, in(map[string]any{"name": "K2"})},
		{"providerTypes", `{ providerTypes { name } }`, nil},
	})
}

func TestConfigKeysAreDescribed(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	types := at(t, g.data(t, reader, `{ providerTypes { name description configKeys { key description required secret } } }`, nil), "providerTypes")
	for _, kind := range types.([]any) {
		if at(t, kind, "description") == "" {
			t.Errorf("the provider type %v has no description", at(t, kind, "name"))
		}
		for _, key := range at(t, kind, "configKeys").([]any) {
			if at(t, key, "key") == "" || at(t, key, "description") == "" {
				t.Errorf("the provider type %v has a key without description: %v", at(t, kind, "name"), key)
			}
		}
	}
}

func TestInstanceMutations(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.instance(t, "HR", "")
	if _, err := g.directory.AddProvider(t.Context(), "AAD", "AzureAD", true); err != nil {
		t.Fatal(err)
	}
	const failures = ` userErrors { code field message } } }`
	const fields = ` instance { name enabled state stateReason duplicateNames renames scimUrl runtimeConfig { key value secret updatedAt }
		provider { name } syncSchedule nextRunAt lastSyncedAt }`
	const add = `mutation($in: AddProviderInstanceInput!) { addProviderInstance(input: $in) {` + fields + failures
	const change = `mutation($in: UpdateProviderInstanceInput!) { updateProviderInstance(input: $in) {` + fields + failures
	const remove = `mutation($in: DeleteProviderInstanceInput!) { deleteProviderInstance(input: $in) {` + failures
	const set = `mutation($in: SetRuntimeConfigInput!) { setRuntimeConfig(input: $in) {` + fields + failures
	const unset = `mutation($in: DeleteRuntimeConfigInput!) { deleteRuntimeConfig(input: $in) {` + fields + failures
	in := func(v map[string]any) map[string]any { return map[string]any{"in": v} }
	g.tell(t, "instance_mutations", []step{
		{"add: SCIM", add, in(map[string]any{"provider": "HR", "name": "EU"})},
		{"add: AzureAD, without a name", add, in(map[string]any{"provider": "aad", "enabled": false})},
		{"add: taken", add, in(map[string]any{"provider": "HR", "name": "eu"})},
		{"add: unknown provider", add, in(map[string]any{"provider": "Nobody"})},
		{"update", change, in(map[string]any{"provider": "AAD", "enabled": true, "duplicateNames": "MERGE", "renames": "DISABLE_OLD"})},
		{"update: nulls", change, in(map[string]any{"provider": "AAD", "enabled": nil, "duplicateNames": nil, "renames": nil})},
		{"update: SCIM cannot merge", change, in(map[string]any{"provider": "HR", "duplicateNames": "MERGE"})},
		{"update: unknown", change, in(map[string]any{"provider": "HR", "name": "US"})},
		{"set", set, in(map[string]any{"provider": "HR", "key": "scim.unknownMembers", "value": "refuse"})},
		{"set: bad value", set, in(map[string]any{"provider": "HR", "key": "scim.unknownMembers", "value": "perhaps"})},
		{"set: unknown key", set, in(map[string]any{"provider": "HR", "key": "x", "value": "y"})},
		{"set: unknown instance", set, in(map[string]any{"provider": "HR", "instance": "US", "key": "scim.unknownMembers", "value": "refuse"})},
		{"unset", unset, in(map[string]any{"provider": "HR", "key": "scim.unknownMembers"})},
		{"unset: not set", unset, in(map[string]any{"provider": "HR", "key": "scim.unknownMembers"})},
		{"delete: enabled", remove, in(map[string]any{"provider": "HR", "name": "EU"})},
		{"disable", change, in(map[string]any{"provider": "HR", "name": "EU", "enabled": false})},
		{"delete", remove, in(map[string]any{"provider": "HR", "name": "EU"})},
		{"delete: gone", remove, in(map[string]any{"provider": "HR", "name": "EU"})},
		{"providerInstance", `{ one: providerInstance(provider: "hr") { name provider { name } } gone: providerInstance(provider: "HR", name: "EU") { name } }`, nil},
	})
}

func TestTokenMutations(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.instance(t, "HR", "EU")
	const create = `mutation($in: CreateAccessTokenInput!) { createAccessToken(input: $in) {
		token { id name scopes instance { name provider { name } } restrictedTo { provider instance } expiresAt lastUsedAt createdAt } secret userErrors { code field message } } }`
	const rotate = `mutation($in: RotateAccessTokenInput!) { rotateAccessToken(input: $in) {
		token { name scopes instance { name } restrictedTo { provider instance } expiresAt } secret userErrors { code field message } } }`
	const revoke = `mutation($in: RevokeAccessTokenInput!) { revokeAccessToken(input: $in) { userErrors { code field message } } }`
	in := func(v map[string]any) map[string]any { return map[string]any{"in": v} }
	scim := []string{"SCIM"}
	g.tell(t, "token_mutations", []step{
		{"create", create, in(map[string]any{"name": " script ", "scopes": []string{"SYNC_ADMIN", "READ", "READ"}, "expiresAt": "2200-01-01T00:00:00Z"})},
		{"create: SCIM", create, in(map[string]any{"name": "entra", "scopes": scim, "provider": "hr", "instance": "eu"})},
		{"create: blank", create, in(map[string]any{"name": " ", "scopes": []string{"READ"}})},
		{"create: no scope", create, in(map[string]any{"name": "x", "scopes": []string{}})},
		{"create: SCIM and more", create, in(map[string]any{"name": "x", "scopes": []string{"SCIM", "READ"}, "provider": "HR"})},
		{"create: SCIM without a provider", create, in(map[string]any{"name": "x", "scopes": scim, "instance": "EU"})},
		{"create: unknown provider", create, in(map[string]any{"name": "x", "scopes": scim, "provider": "Nobody"})},
		{"create: unknown instance", create, in(map[string]any{"name": "x", "scopes": scim, "provider": "HR", "instance": "US"})},
		{"create: no instance without a name", create, in(map[string]any{"name": "x", "scopes": scim, "provider": "HR"})},
		{"create: provider of another type", create, in(map[string]any{"name": "x", "scopes": scim, "provider": "K2"})},
		{"create: instance without SCIM", create, in(map[string]any{"name": "x", "scopes": []string{"READ"}, "instance": "EU"})},
		{"create: provider without SCIM", create, in(map[string]any{"name": "x", "scopes": []string{"READ"}, "provider": "HR"})},
		{"create: expired", create, in(map[string]any{"name": "x", "scopes": []string{"READ"}, "expiresAt": "2020-01-01T00:00:00Z"})},
		{"create: narrowed", create, in(map[string]any{"name": "hr", "scopes": []string{"READ", "ROLE_ADMIN"}, "restrictTo": []any{
			map[string]any{"provider": "Local"}, map[string]any{"provider": "hr", "instance": "eu"},
		}})},
		{"create: narrowed to nothing", create, in(map[string]any{"name": "x", "scopes": []string{"READ"}, "restrictTo": []any{}})},
		{"create: narrowed admin", create, in(map[string]any{"name": "x", "scopes": []string{"SYNC_ADMIN"}, "restrictTo": []any{map[string]any{"provider": "HR"}}})},
		{"create: narrowed to nobody", create, in(map[string]any{"name": "x", "scopes": []string{"READ"}, "restrictTo": []any{map[string]any{"provider": "Nobody"}}})},
		{"rotate: unknown", rotate, in(map[string]any{"id": uid("nobody").String()})},
		{"rotate: long overlap", rotate, in(map[string]any{"id": uid("nobody").String(), "overlap": "P31D"})},
		{"revoke: unknown", revoke, in(map[string]any{"id": uid("nobody").String()})},
		{"revoke: malformed", revoke, in(map[string]any{"id": "1"})},
		{"tokens", `{ accessTokens { nodes { name scopes } totalCount pageInfo { hasNextPage } } viewer { name scopes identity { fqn } } }`, nil},
		{"first", `{ accessTokens(first: 1) { edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }`, nil},
	})
	tokens := at(t, g.data(t, admin, `{ accessTokens { nodes { id } } }`, nil), "accessTokens", "nodes")
	first := at(t, tokens, 0, "id")
	g.tell(t, "token_rotated", []step{
		{"SCIM", rotate, in(map[string]any{"id": at(t, tokens, 1, "id"), "overlap": "PT1H", "expiresAt": "2200-01-01T00:00:00Z"})},
		{"narrowed", rotate, in(map[string]any{"id": at(t, tokens, 2, "id")})},
		{"tokens", `{ accessTokens { nodes { name scopes restrictedTo { provider instance } } totalCount } }`, nil},
	})
	g.tell(t, "token_revoked", []step{
		{"node", `query($id: ID!) { node(id: $id) { __typename } }`, map[string]any{"id": first}},
		{"revoke", revoke, in(map[string]any{"id": first})},
		{"revoke: again", revoke, in(map[string]any{"id": first})},
		{"node: gone", `query($id: ID!) { node(id: $id) { __typename } }`, map[string]any{"id": first}},
		{"tokens", `{ accessTokens { nodes { name } totalCount } }`, nil},
	})
}
