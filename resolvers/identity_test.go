package resolvers_test

import "testing"

func TestIdentityQueries(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	for _, test := range []struct{ name, query string }{
		{"user", `{
			ana: user(id: "` + uid("ana").String() + `") {
				id fqn kind name displayName description email status statusReason externalId aliases
				provider { name } instance { name } attributes { name values } createdAt updatedAt
				userName givenName familyName userType manager { fqn } reports { nodes { fqn status } totalCount }
			}
			bob: user(id: "` + uid("bob").String() + `") { manager { fqn } }
			tombstone: user(id: "` + uid("dora").String() + `") { fqn status statusReason }
			group: user(id: "` + uid("Backend").String() + `") { fqn }
			unknown: user(id: "` + uid("nobody").String() + `") { fqn }
			malformed: user(id: "1") { fqn }
		}`},
		{"group", `{
			group(id: "` + uid("Engineers").String() + `") { fqn kind name displayName instance { name provider { name } } aliases }
			user: group(id: "` + uid("ana").String() + `") { fqn }
			malformed: group(id: "` + uid("ana").URN() + `") { fqn }
		}`},
		{"role", `{
			role(name: "approvers") { fqn kind name provider { name type } }
			user: role(name: "HR:ana") { fqn }
			unknown: role(name: "Nobody") { fqn }
			blank: role(name: "") { fqn }
			roles { nodes { fqn } pageInfo { hasNextPage hasPreviousPage } totalCount }
		}`},
		{"identity", `{
			anyCase: identity(fqn: "hr:ANA") { fqn __typename }
			tombstone: identity(fqn: "HR:dora") { fqn status }
			unknown: identity(fqn: "HR:nobody") { fqn }
			nul: identity(fqn: "HR:\u0000") { fqn }
			identitiesByFqn(fqns: ["CORP:EU\\eve", "", "HR:nobody", "HR:Backend", "HR:Backend"]) { fqn kind }
		}`},
		{"identities", `{
			all: identities { nodes { fqn } totalCount }
			search: identities(search: "bEl bo") { nodes { fqn } totalCount }
			mail: identities(search: "example.com eve") { nodes { fqn } }
			punctuation: identities(search: "%") { nodes { fqn } totalCount }
			kinds: identities(kinds: [ROLE]) { nodes { fqn } }
			page: identities(first: 2) { edges { cursor node { fqn } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
		}`},
		{"users", `{
			filtered: users(filter: {provider: "hr", instance: "", status: [ACTIVE], updatedSince: "2020-01-01T00:00:00Z"}) { nodes { fqn } totalCount }
			nulls: users(filter: {provider: null, instance: null, status: null, userName: null, email: null, externalId: null, updatedSince: null}, orderBy: null) { totalCount }
			byName: users(filter: {userName: "ANA"}) { nodes { fqn } }
			byEmail: users(filter: {email: "Bob@Example.com"}) { nodes { fqn } }
			byKey: users(filter: {externalId: "x-eve"}) { nodes { fqn } }
			keyIsExact: users(filter: {externalId: "X-EVE"}) { nodes { fqn } }
			deleted: users(filter: {status: [DELETED]}) { nodes { fqn } }
			nameDown: users(orderBy: {field: USER_NAME, direction: DESC}) { nodes { userName } }
			display: users(orderBy: {field: DISPLAY_NAME}) { nodes { displayName } }
			created: users(orderBy: {field: CREATED_AT}) { nodes { userName } }
			updated: users(orderBy: {field: UPDATED_AT}, first: 1) { totalCount }
			future: users(filter: {updatedSince: "2200-01-01T00:00:00Z"}) { totalCount }
		}`},
		{"groups", `{
			groups(orderBy: {field: NAME, direction: DESC}) { nodes { name status } totalCount }
			byName: groups(filter: {name: "backend"}) { edges { node { fqn } } }
			created: groups(orderBy: {field: CREATED_AT}, filter: {status: [DISABLED]}) { nodes { name } }
			search: groups(search: "eng") { nodes { name } }
		}`},
	} {
		t.Run(test.name, func(t *testing.T) { golden(t, test.name, g.data(t, reader, test.query, nil)) })
	}
}

func TestPagesFollowEachOther(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	const query = `query($after: Cursor) { users(first: 1, after: $after, orderBy: {field: DISPLAY_NAME, direction: DESC}) {
		nodes { userName } pageInfo { hasNextPage hasPreviousPage endCursor } } }`
	var after any
	for i, want := range []string{"eve", "cid", "bob", "ana"} {
		page := at(t, g.data(t, reader, query, map[string]any{"after": after}), "users")
		if got := at(t, page, "nodes", 0, "userName"); got != want {
			t.Errorf("page %d holds %v, want %s", i, got, want)
		}
		if got := at(t, page, "pageInfo", "hasNextPage"); got != (i < 3) {
			t.Errorf("page %d says hasNextPage: %v", i, got)
		}
		if got := at(t, page, "pageInfo", "hasPreviousPage"); got != (i > 0) {
			t.Errorf("page %d says hasPreviousPage: %v", i, got)
		}
		after = at(t, page, "pageInfo", "endCursor")
	}
}

func TestListsRefuseWhatTheyCannotServe(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	many := make([]string, 1001)
	for _, test := range []struct {
		query string
		field string
	}{
		{`{users(first: 0) {totalCount}}`, "first"},
		{`{users(first: -1) {totalCount}}`, "first"},
		{`{users(first: 1001) {totalCount}}`, "first"},
		{`{groups(first: 2147483648) {totalCount}}`, "first"},
		{`{roles(first: 1001) {totalCount}}`, "first"},
		{`{identities(first: 0) {totalCount}}`, "first"},
		{`{conflicts(first: 0) {totalCount}}`, "first"},
		{`{changes(first: 0) {nodes {cursor}}}`, "first"},
		{`{accessTokens(first: 0) {totalCount}}`, "first"},
		{`{users(after: "x") {totalCount}}`, "after"},
		{`{users(after: "") {totalCount}}`, "after"},
		{`{accessTokens(after: "WyIxIiwidXNlcnMiXQ") {totalCount}}`, "after"},
		{`{changes(after: "WyIxIiwidXNlcnMiXQ") {nodes {cursor}}}`, "after"},
		{`query($many: [String!]!) {identitiesByFqn(fqns: $many) {fqn}}`, "fqns"},
		{`query($many: [String!]!) {resolve(fqns: $many) {asOf}}`, "fqns"},
		{`query($many: [ID!]!) {nodes(ids: $many) {id}}`, "ids"},
	} {
		got := g.run(t, admin, test.query, map[string]any{"many": many})
		if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "BAD_USER_INPUT" || at(t, got.Errors[0].Extensions, "field", 0) != test.field {
			t.Errorf("%s\nhas the errors %v, want BAD_USER_INPUT about %s", test.query, got.Errors, test.field)
		}
	}
}
