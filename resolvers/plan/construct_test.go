package plan_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/access"
)

// construct is an operation that a plan has to answer, and what has to be in the answer.
type construct struct {
	name, query string
	variables   map[string]any
	has         string
}

var many = strings.Split(strings.Repeat("x ", 1001), " ")[:1001]

var constructs = []construct{
	{"alias", `{ a: users(first: 1) { n: nodes { x: name y: name } } }`, nil, `{"a":{"n":[{"x":"`},
	{"typename", `{ __typename users(first: 1) { __typename nodes { __typename } edges { __typename } pageInfo { __typename } } }`, nil, `"__typename":"UserEdge"`},
	{"default argument", `{ groups { nodes { members { totalCount } memberCount } } }`, nil, `"memberCount":`},
	{
		"variables", `query($n: Int! = 2, $kind: IdentityKind, $in: [IdentityStatus!]!) {
			groups { nodes { members(first: $n, kind: $kind, status: $in, scope: EFFECTIVE) { nodes { name } } } } }`,
		map[string]any{"kind": "USER", "in": []any{"ACTIVE", "DISABLED"}},
		`{"name":"user`,
	},
	{"variable in a list", `query($fqn: String!) { identitiesByFqn(fqns: ["Role0", $fqn]) { fqn } }`, map[string]any{"fqn": "Role2"}, `{"fqn":"Role2"}`},
	{"one value for a list", `{ users(filter: {status: DELETED}) { nodes { name status statusReason } } }`, nil, `"DELETED"`},
	{"null for an optional argument", `{ users(search: null, filter: null, orderBy: null, after: null) { totalCount } }`, nil, `22`},
	{"filter and order", `{ users(filter: {provider: "hr", instance: ""}, orderBy: {field: USER_NAME, direction: DESC}, first: 2) { nodes { name } pageInfo { endCursor } } }`, nil, `user0-9`},
	{"skip and include", `query($yes: Boolean!, $no: Boolean!) { users(first: 1) { nodes { a: name @skip(if: $yes) b: name @include(if: $no) c: name @include(if: $yes) } } }`, map[string]any{"yes": true, "no": false}, `{"nodes":[{"c":"`},
	{"nothing left", `{ users(first: 1) @skip(if: true) { totalCount } }`, nil, `{}`},
	{
		"fragments", `{ identity(fqn: "HR:user0-1") { ...I ... on Container { memberCount } ... on User { userName } } }
			fragment I on Identity { id ... on Node { id } kind ...I2 } fragment I2 on User { email }`, nil, `"email":"user0-1@example.com"`,
	},
	{"merged selections", `{ users(first: 1) { nodes { name } nodes { id } edges { cursor } edges { node { kind } } } }`, nil, `"node":{"kind":"USER"}`},
	{
		"merged differently by type", `{ identitiesByFqn(fqns: ["HR:user0-1", "HR:group0-1"]) { memberOf(first: 1) { totalCount } instance { name }
			... on User { memberOf(first: 1) { nodes { name } } instance { id } } } }`, nil, `"totalCount":`,
	},
	{"nodes and edges selected differently", `{ groups { nodes { members { nodes { name } edges { isDirect node { id ... on User { userName } } } } } } }`, nil, `"isDirect":true`},
	{"nesting", `{ users(first: 5) { nodes { manager { reports(first: 2) { nodes { name memberOf(scope: EFFECTIVE) { nodes { name memberOf { nodes { fqn } } } } } } } } } }`, nil, `"manager":null`},
	{"sources", `{ groups(first: 2) { nodes { provider { id name type enabled } instance { id name enabled state stateReason syncSchedule nextRunAt lastSyncedAt duplicateNames renames provider { name } } } } }`, nil, `"type":"SCIM"`},
	{"aliases and attributes", `{ identity(fqn: "HR:group0-0 new") { aliases } user: identity(fqn: "HR:user0-2") { attributes { name values } } }`, nil, `"HR:group0-0"`},
	{"user attributes", `{ users { nodes { userName givenName familyName userType description externalId createdAt updatedAt displayName } } }`, nil, `"userType":"Member"`},
	{"has member", `{ roles { nodes { a: hasMember(fqn: "HR:user0-1") b: hasMember(fqn: "HR:user0-1", scope: DIRECT) c: hasMember(fqn: "nobody") } } }`, nil, `"c":false`},
	{"unknown ids", `{ a: user(id: "no-uid") { id } b: group(id: "00000000-0000-4000-8000-000000000000") { id } c: role(name: "none") { id } d: identity(fqn: "") { id } }`, nil, `{"a":null,"b":null,"c":null,"d":null}`},
	{"another kind's id", `query($u: ID!) { group(id: $u) { id } user(id: $u) { id } }`, map[string]any{"u": uid("user0-1").String()}, `{"group":null,"user":{`},
	{"former name", `{ role(name: "ROLE1") { name aliases } }`, nil, `{"name":"Renamed","aliases":["Role1"]}`},
	{"principals", `{ principals(fqn: "HR:user0-1") none: principals(fqn: "nobody") }`, nil, `"none":[]`},
	{
		"resolve", `{ resolve(fqns: ["Role0", "HR:user0-1", "HR:user0-11", "nobody"]) { __typename revision asOf
			results { __typename fqn status identity { name } users(first: 1) { totalCount nodes { name } edges { cursor node { id } } pageInfo { hasNextPage endCursor } } } } }`, nil, `"status":"DELETED"`,
	},
	{"resolve after a cursor", `query($c: Cursor) { resolve(fqns: ["HR:user0-1", "Role0"]) { results { users(after: $c) { nodes { name } pageInfo { hasPreviousPage } } } } }`, map[string]any{"c": "WyIxIiwibWVtYmVycyIsIjMwIl0"}, `"nodes":[]`},
	{
		"check", `{ checkMembership(checks: [{member: "HR:user0-1", container: "Role0"}, {member: "nobody", container: "HR:user0-1"}]) {
			__typename member container isMember memberStatus containerStatus path { fqn ... on Role { memberCount } } } }`, nil, `"path":null`,
	},
	{"empty batches", `{ identitiesByFqn(fqns: []) { id } resolve(fqns: []) { results { fqn } } checkMembership(checks: []) { member } }`, nil, `{"identitiesByFqn":[],`},
	{"no status", `{ groups { nodes { members(status: []) { totalCount nodes { id } } } } }`, nil, `{"totalCount":0,"nodes":[]}`},
	{"an error under a nullable field", `{ users { nodes { manager { name memberOf(first: 0) { totalCount } } } } }`, nil, `"manager":null`},
	{"an error under a list of nullable ones", `{ identitiesByFqn(fqns: ["HR:group0-1", "HR:user0-1", "nobody"]) { ... on Container { members(after: "forged") { totalCount } } name } }`, nil, `[null,{"name":"user0-1"},null]`},
	{"an error that takes everything", `{ users { totalCount } groups(first: 0) { totalCount } roles(first: 1001) { totalCount } }`, nil, `null`},
	{"an error in a path", `{ checkMembership(checks: [{member: "HR:user0-1", container: "Role0"}]) { isMember path { memberOf(first: -1) { totalCount } } } }`, nil, `"path":null`},
	{"an error in a result", `{ resolve(fqns: ["Role0"]) { results { fqn users(first: 0) { totalCount } } } }`, nil, `null`},
	{"a cursor of another version", `{ roles { nodes { members(after: "WyIwIiwibWVtYmVycyIsIjEiXQ") { totalCount } } } }`, nil, `null`},
	{"too many keys", `query($f: [String!]!) { identitiesByFqn(fqns: $f) { id } resolve(fqns: $f) { asOf } }`, map[string]any{"f": many}, `null`},
	{
		"too many checks", `query($c: [MembershipCheckInput!]!) { checkMembership(checks: $c) { isMember } principals(fqn: "HR:user0-1") }`,
		map[string]any{"c": checks(1001)},
		`null`,
	},
}

func checks(n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = map[string]any{"member": "HR:user0-1", "container": "Role0"}
	}
	return out
}

// Every construct is answered by a plan, and alike on both roads.
func TestConstructs(t *testing.T) {
	for _, where := range []struct {
		name   string
		memory bool
	}{{"in the store", false}, {"in memory", true}} {
		w := newWorld(t, 1, where.memory)
		for _, c := range constructs {
			t.Run(where.name+"/"+c.name, func(t *testing.T) {
				got, planned := w.same(t, c.query, c.variables)
				if !planned {
					t.Error("no plan answered it")
				}
				if !strings.Contains(got.Data, c.has) {
					t.Errorf("%s is not in %s", c.has, got)
				}
			})
		}
	}
}

// What plans do not cover, the generated executor answers as if there were no plans.
func TestTheRestIsLeft(t *testing.T) {
	w := newWorld(t, 1, false)
	for name, c := range map[string]construct{
		"a mutation":             {query: `mutation { createRole(input: {name: "Local:x"}) { userErrors { code field message } } }`, has: "INVALID"},
		"introspection":          {query: `{ __schema { queryType { name } } users { totalCount } }`, has: "Query"},
		"a type":                 {query: `{ __type(name: "User") { name } }`, has: "User"},
		"the viewer":             {query: `{ viewer { name } }`, has: "admin"},
		"tokens":                 {query: `{ accessTokens { totalCount } }`, has: "0"},
		"nodes":                  {query: `query($u: ID!) { node(id: $u) { id } nodes(ids: [$u]) { id } }`, variables: map[string]any{"u": uid("user0-1").String()}, has: uid("user0-1").String()},
		"providers":              {query: `{ providers { name instances { name } } provider(name: "HR") { id } providerTypes { name } }`, has: "CORP"},
		"a provider's instances": {query: `{ users(first: 1) { nodes { provider { instances { name } } } } }`, has: `"instances":[`},
		"a configuration":        {query: `{ users(first: 1) { nodes { instance { runtimeConfig { key } scimUrl } } } }`, has: "https://"},
		"conflicts":              {query: `{ conflicts { totalCount } }`, has: "0"},
		"one field of many":      {query: `{ users { totalCount } conflicts { totalCount } }`, has: "22"},
		"a time that is none":    {query: `{ users(filter: {updatedSince: "yesterday"}) { totalCount } }`, has: "null"},
		"many conditions": {
			query: `query($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!, $e: Boolean!) {
				users(first: 1) { totalCount @include(if: $a) @skip(if: $b) nodes @include(if: $c) @skip(if: $d) { id @include(if: $e) } } }`,
			variables: map[string]any{"a": true, "b": false, "c": false, "d": false, "e": true}, has: "22",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, planned := w.same(t, c.query, c.variables)
			if planned {
				t.Error("a plan answered it")
			}
			if !strings.Contains(got.Data, c.has) {
				t.Errorf("%s is not in %s", c.has, got)
			}
		})
	}
}

// A plan is made for each set of conditions, and an operation that was planned once goes on being.
func TestConditionsMakePlansOfTheirOwn(t *testing.T) {
	w := newWorld(t, 1, false)
	query := `query($b: Boolean!) { roles(first: 1) { nodes { name @include(if: $b) id @skip(if: $b) } } }`
	for _, b := range []bool{true, false, true, false} {
		got, planned := w.same(t, query, map[string]any{"b": b})
		if !planned || strings.Contains(got.Data, `"name"`) != b {
			t.Errorf("with %v the answer is %s (planned: %v)", b, got.Data, planned)
		}
	}
}

// A query that is answered as a stream of events is one event, on either road.
func TestStreamedQuery(t *testing.T) {
	w := newWorld(t, 1, false)
	body := request(t, `{ roles { nodes { name } } }`, nil)
	var answers []string
	for _, road := range []http.Handler{w.planned, w.generated} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "text/event-stream")
		recorder := httptest.NewRecorder()
		road.ServeHTTP(recorder, r.WithContext(access.WithPrincipal(r.Context(), admin)))
		answers = append(answers, recorder.Body.String())
	}
	if planned, _ := w.schema.Counts(); planned != 1 || answers[0] != answers[1] || strings.Count(answers[0], "event: next") != 1 {
		t.Errorf("%d plans answered %s, and the generated executor %s", planned, answers[0], answers[1])
	}
}
