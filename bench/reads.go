package main

import (
	"fmt"
	"strings"

	"github.com/roster-gateway/roster/bench/load"
)

// pageSize is how many users one page has.
const pageSize = 50

// rawGet is a script over prepared paths of the baselines.
func rawGet(n int, path func(key int) string, check func(key int, body []byte) error) *load.Script {
	requests := make([][]byte, n)
	for key := range requests {
		requests[key] = load.AppendRequest(nil, "GET", path(key), "", nil)
	}
	return &load.Script{Next: load.Fixed(requests), Status: 200, Check: check}
}

func (b *bench) userScripts() (roster, raw *load.Script, err error) {
	k := b.keys
	roster = b.graphQL(`query($id: ID!) { user(id: $id) { `+userFields+` } }`, len(k.users),
		func(key int) object { return object{"id": b.data.Users[k.users[key]].UID} }, k.checkUser)
	return roster, rawGet(1, func(int) string { return "/user" }, nil), nil
}

func (b *bench) pageScripts() (roster, raw *load.Script, err error) {
	const step = 500
	cursors, err := b.cursors(step, min(len(b.data.Users)/step-1, 200))
	if err != nil {
		return nil, nil, err
	}
	check := func(key int, body []byte) error { return b.keys.checkPage((key+1)*step, body) }
	roster = b.graphQL(`query($after: Cursor) { users(filter: {provider: "Bench", status: [ACTIVE]}, first: 50, after: $after)
		{ nodes { `+userFields+` } pageInfo { hasNextPage endCursor } } }`, len(cursors),
		func(key int) object { return object{"after": cursors[key]} }, check)
	return roster, rawGet(len(cursors), func(key int) string { return fmt.Sprintf("/page/%d", (key+1)*step) }, check), nil
}

func (b *bench) membersScripts() (roster, raw *load.Script, err error) {
	return b.membersOf(b.keys.middling)
}

func (b *bench) diamondScripts() (roster, raw *load.Script, err error) {
	return b.membersOf([]int{b.data.DiamondTop})
}

func (b *bench) membersOf(groups []int) (roster, raw *load.Script, err error) {
	check := func(key int, body []byte) error { return b.keys.checkMembers(groups[key], body) }
	roster = b.graphQL(`query($id: ID!) { group(id: $id) { members(scope: EFFECTIVE, kind: USER, first: 1000)
		{ nodes { id ... on User { userName } } } } }`, len(groups),
		func(key int) object { return object{"id": b.data.Groups[groups[key]].UID} }, check)
	return roster, rawGet(len(groups), func(key int) string { return fmt.Sprintf("/members/%d", groups[key]) }, check), nil
}

func (b *bench) checkScripts() (roster, raw *load.Script, err error) {
	k := b.keys
	roster = b.graphQL(`query($checks: [MembershipCheckInput!]!) { checkMembership(checks: $checks) { isMember } }`, len(k.checks),
		func(key int) object {
			c := k.checks[key]
			return object{"checks": []object{{"member": b.data.Users[c.user].FQN(), "container": b.data.Groups[c.group].FQN()}}}
		}, k.checkCheck)
	return roster, rawGet(1, func(int) string { return "/check" }, nil), nil
}

func (b *bench) principalsScripts() (roster, raw *load.Script, err error) {
	k := b.keys
	roster = b.graphQL(`query($id: ID!) { user(id: $id) { memberOf(scope: EFFECTIVE, first: 1000) { nodes { id name } } } }`, len(k.users),
		func(key int) object { return object{"id": b.data.Users[k.users[key]].UID} }, k.checkPrincipals)
	return roster, rawGet(len(k.users), func(key int) string { return fmt.Sprintf("/principals/%d", k.users[key]) }, k.checkPrincipals), nil
}

func (b *bench) resolveScripts() (roster, raw *load.Script, err error) {
	k := b.keys
	roster = b.graphQL(`query($fqns: [String!]!) { resolve(fqns: $fqns) { results { fqn status users(first: 50) { nodes { id userName } } } } }`, len(k.sets),
		func(key int) object {
			fqns := make([]string, resolved)
			for i, g := range k.sets[key] {
				fqns[i] = b.data.Groups[g].FQN()
			}
			return object{"fqns": fqns}
		}, k.checkResolve)
	raw = rawGet(len(k.sets), func(key int) string {
		return "/resolve/" + strings.ReplaceAll(strings.Trim(fmt.Sprint(k.sets[key]), "[]"), " ", ",")
	}, k.checkResolve)
	return roster, raw, nil
}
