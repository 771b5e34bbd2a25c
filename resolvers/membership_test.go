package resolvers_test

import (
	"testing"
)

func TestMembershipQueries(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	for _, test := range []struct{ name, query string }{
		{"members", `{
			engineers: group(id: "` + uid("Engineers").String() + `") {
				direct: members { edges { isDirect node { fqn } } totalCount }
				effective: members(scope: EFFECTIVE) { edges { isDirect node { fqn } } totalCount }
				users: members(scope: EFFECTIVE, kind: USER) { nodes { fqn } }
				live: members(scope: EFFECTIVE, kind: USER, status: [ACTIVE, DISABLED]) { nodes { fqn } totalCount }
				none: members(status: []) { totalCount }
				memberCount everybody: memberCount(scope: EFFECTIVE, status: [ACTIVE, DISABLED])
				bob: hasMember(fqn: "hr:bob") bobDirect: hasMember(fqn: "HR:bob", scope: DIRECT)
				backendDirect: hasMember(fqn: "HR:Backend", scope: DIRECT) cid: hasMember(fqn: "HR:cid") unknown: hasMember(fqn: "HR:nobody")
			}
			alumni: group(id: "` + uid("Alumni").String() + `") { memberCount all: memberCount(status: [ACTIVE, DISABLED]) hasMember(fqn: "HR:ana") }
			ring: group(id: "` + uid("Ring").String() + `") { members(scope: EFFECTIVE) { edges { isDirect node { fqn } } } self: hasMember(fqn: "HR:Ring") }
			approvers: role(name: "Approvers") { members(scope: EFFECTIVE, kind: USER) { nodes { fqn } pageInfo { hasNextPage } } memberCount }
		}`},
		{"member_of", `{
			bob: user(id: "` + uid("bob").String() + `") {
				direct: memberOf { edges { isDirect node { fqn kind } } }
				effective: memberOf(scope: EFFECTIVE) { edges { isDirect node { fqn } } totalCount }
				page: memberOf(scope: EFFECTIVE, first: 1) { nodes { fqn } pageInfo { hasNextPage endCursor } }
			}
			ana: user(id: "` + uid("ana").String() + `") {
				active: memberOf { nodes { fqn } } live: memberOf(status: [ACTIVE, DISABLED]) { nodes { fqn } }
			}
			cid: user(id: "` + uid("cid").String() + `") { memberOf { totalCount } }
			nested: identity(fqn: "HR:Backend") { memberOf(scope: EFFECTIVE) { nodes { fqn members { nodes { fqn } } } } }
		}`},
		{"resolve", `{
			resolve(fqns: ["Approvers", "HR:Engineers", "HR:bob", "HR:cid", "HR:dora", "HR:nobody", "HR:Alumni"]) {
				revision asOf
				results { fqn status identity { fqn } users { nodes { userName email } totalCount pageInfo { hasNextPage } } }
			}
		}`},
		{"check_membership", `{
			checkMembership(checks: [
				{member: "HR:bob", container: "Approvers"}, {member: "HR:cid", container: "HR:Engineers"},
				{member: "HR:ana", container: "HR:Alumni"}, {member: "HR:nobody", container: "HR:dora"},
				{member: "HR:ana", container: "HR:bob"}, {member: "HR:Ring", container: "HR:Ring"},
				{member: "HR:Backend", container: "HR:Engineers"}
			]) { member container isMember memberStatus containerStatus path { fqn } }
		}`},
		{"principals", `{
			bob: principals(fqn: "hr:BOB") eve: principals(fqn: "CORP:EU\\eve") role: principals(fqn: "Approvers")
			disabled: principals(fqn: "HR:cid") deleted: principals(fqn: "HR:dora") unknown: principals(fqn: "HR:nobody")
		}`},
	} {
		t.Run(test.name, func(t *testing.T) { golden(t, test.name, g.data(t, reader, test.query, nil)) })
	}
}

func TestMembershipRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	many := make([]map[string]any, 1001)
	for i := range many {
		many[i] = map[string]any{"member": "a", "container": "b"}
	}
	group := `{group(id: "` + uid("Engineers").String() + `") `
	for _, test := range []struct{ query, field string }{
		{group + `{members(first: 1001) {totalCount}}}`, "first"},
		{group + `{memberOf(first: 0) {totalCount}}}`, "first"},
		{group + `{members(after: "WyIxIiwicmVwb3J0cyIsIjEiXQ") {totalCount}}}`, "after"},
		{`{user(id: "` + uid("ana").String() + `") {reports(first: 0) {totalCount}}}`, "first"},
		{`{resolve(fqns: ["HR:ana"]) {results {users(first: 0) {totalCount}}}}`, "first"},
		{`{resolve(fqns: ["HR:Engineers"]) {results {users(after: "!") {totalCount}}}}`, "after"},
		{`query($many: [MembershipCheckInput!]!) {checkMembership(checks: $many) {isMember}}`, "checks"},
	} {
		got := g.run(t, reader, test.query, map[string]any{"many": many})
		if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "BAD_USER_INPUT" || at(t, got.Errors[0].Extensions, "field", 0) != test.field {
			t.Errorf("%s\nhas the errors %v, want BAD_USER_INPUT about %s", test.query, got.Errors, test.field)
		}
	}
}

func TestMembersArePaged(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	const query = `query($id: ID!, $after: Cursor) { group(id: $id) { members(scope: EFFECTIVE, first: 1, after: $after) {
		nodes { fqn } pageInfo { hasNextPage endCursor } totalCount } } }`
	var after any
	got := []any{}
	for more := true; more; {
		page := at(t, g.data(t, reader, query, map[string]any{"id": uid("Engineers").String(), "after": after}), "group", "members")
		got = append(got, at(t, page, "nodes", 0, "fqn"))
		after, more = at(t, page, "pageInfo", "endCursor"), at(t, page, "pageInfo", "hasNextPage").(bool)
	}
	golden(t, "members_paged", got)
}
