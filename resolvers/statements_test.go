package resolvers_test

import (
	"fmt"
	"testing"

	"github.com/roster-gateway/roster/directory"
)

// crowd adds users, each in some of the groups.
func crowd(t testing.TB, g *gateway, instance *directory.Instance, users, groups int) {
	t.Helper()
	c := directory.Changes{Instance: instance}
	for i := range groups {
		c.Put = append(c.Put, group(fmt.Sprintf("group%d", i), directory.StatusActive))
	}
	for i := range users {
		c.Put = append(c.Put, user(fmt.Sprintf("user%d", i), "A User", directory.StatusActive))
	}
	g.apply(t, c)
	links := directory.Changes{Instance: instance}
	for i := range groups {
		change := directory.MemberChange{Container: uid(fmt.Sprintf("group%d", i))}
		for j := range users {
			if (i+j)%3 == 0 {
				change.Add = append(change.Add, uid(fmt.Sprintf("user%d", j)))
			}
		}
		links.Members = append(links.Members, change)
	}
	g.apply(t, links)
}

// An operation's statements depend on its depth, not on how many rows it reads. Reads that come late to their batch
// on a busy machine make another one: the bound leaves room for that, and none for a statement a row.
func TestG21StatementsDoNotGrowWithRows(t *testing.T) {
	t.Parallel()
	small, large := newGateway(t), newGateway(t)
	crowd(t, small, small.instance(t, "HR", ""), 3, 3)
	crowd(t, large, large.instance(t, "HR", ""), 50, 30)
	tokens := `mutation { a: createAccessToken(input: {name: "a", scopes: [READ]}) { secret } b: createAccessToken(input: {name: "b", scopes: [READ]}) { secret } }`
	small.data(t, admin, tokens, nil)
	large.data(t, admin, tokens, nil)
	ids := []string{}
	for i := range 50 {
		ids = append(ids, uid(fmt.Sprintf("user%d", i)).String(), uid(fmt.Sprintf("nobody%d", i)).String())
	}
	for _, test := range []struct {
		name, query string
		levels      uint64 // reads that wait for each other
	}{
		{"nested lists", `{users(first: 50) {nodes {memberOf(first: 10) {nodes {members(first: 10) {nodes {fqn}}}}}}}`, 5},
		{"effective lists and counts", `{groups(first: 50) {nodes {members(scope: EFFECTIVE, first: 1000) {totalCount nodes {fqn}} memberCount(scope: EFFECTIVE)}}}`, 4},
		{"everything about users", `{users(first: 50) {nodes {provider {name} instance {name provider {name}} aliases manager {fqn} reports {totalCount nodes {fqn}} attributes {name}}}}`, 7},
		{"has member", `{groups(first: 50) {nodes {hasMember(fqn: "HR:user1") direct: hasMember(fqn: "HR:user2", scope: DIRECT)}}}`, 5},
		{"nodes", `query($ids: [ID!]!) {nodes(ids: $ids) {id ... on User {provider {name}}}}`, 5},
		{"aliased nodes", `query($a: ID!, $b: ID!) {a: node(id: $a) {id} b: node(id: $b) {id} c: node(id: "x") {id} d: node(id: $b) {id}}`, 5},
		{"resolve", `{resolve(fqns: ["HR:group1", "HR:group2", "HR:user1", "HR:x"]) {results {users {nodes {fqn}} identity {fqn}}}}`, 4},
		{"check", `{checkMembership(checks: [{member: "HR:user1", container: "HR:group1"}, {member: "HR:user2", container: "HR:group2"}]) {isMember path {fqn}}}`, 3},
		{"changes", `{changes(first: 1000) {nodes {fqn identity {fqn} container {fqn}}}}`, 2},
		{"tokens", `{accessTokens {nodes {name instance {name}} totalCount}}`, 2},
	} {
		variables := map[string]any{"ids": ids, "a": ids[0], "b": ids[1]}
		few := small.statements(t, test.query, variables)
		many := large.statements(t, test.query, variables)
		t.Logf("%s: %d statements over few rows, %d over many", test.name, few, many)
		if many > 2*test.levels {
			t.Errorf("%s: %d statements over many rows; want about %d", test.name, many, test.levels)
		}
	}
}

// statements counts what one operation runs.
func (g *gateway) statements(t *testing.T, query string, variables map[string]any) uint64 {
	t.Helper()
	before := g.store.Statements()
	g.data(t, admin, query, variables)
	return g.store.Statements() - before
}
