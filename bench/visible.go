package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/roster-gateway/roster/bench/load"
	"github.com/roster-gateway/roster/bench/stats"
)

// visibleLimit is how long a commit may stay unseen before the answer counts as wrong: Roster promises 2 s.
const visibleLimit = 5 * time.Second

// visible measures how long after the answer to a write on one replica another one shows it: in turns a user that was
// created, by its id, and a membership that was added, by a check.
func (b *bench) visible(ctx context.Context, r *report) error {
	var err error
	if b.second, err = b.startRoster(ctx, "second"); err != nil {
		return err
	}
	groups := b.newAdder(b.keys.ofSize(20, 40, 500))
	var took []time.Duration
	for end, i := time.Now().Add(b.length()), 0; time.Now().Before(end) && ctx.Err() == nil; i++ {
		see := b.createUser
		if i%2 == 1 {
			see = func() ([]byte, []byte, error) { return b.addMember(groups) }
		}
		request, seen, err := see()
		if err != nil {
			return err
		}
		committed := time.Now()
		for {
			_, body, err := load.Once(b.second.address, request)
			if err != nil {
				return err
			}
			if bytes.Contains(body, seen) {
				break
			}
			if time.Since(committed) > visibleLimit {
				r.fail(fmt.Errorf("visible: after %s the other replica still answers %.300s", visibleLimit, body))
				return nil
			}
		}
		took = append(took, time.Since(committed))
	}
	f := figures{
		Requests: len(took), Checked: len(took),
		P50: milliseconds(stats.Percentile(took, 50)), P99: milliseconds(stats.Percentile(took, 99)),
	}
	r.add(row{Name: "visible", Limit: "p99, one replica to another", Target: 50, AtMost: true, Unit: "ms", Ratio: f.P99, Roster: &f})
	return nil
}

// createUser pushes a user, and returns the request that will show it and what its answer will hold.
func (b *bench) createUser() (request, seen []byte, err error) {
	name, body := newUser()
	status, answer, err := load.Once(b.roster.address, load.AppendRequest(nil, "POST", "/scim/v2/Users", b.scimHeaders(), body))
	if err != nil {
		return nil, nil, err
	}
	var made scimResource
	if err := json.Unmarshal(answer, &made); err != nil || status != 201 {
		return nil, nil, fmt.Errorf("SCIM answered %d: %.300s", status, answer)
	}
	return b.graphQLRequest(`query($id: ID!) { user(id: $id) { userName } }`, object{"id": made.ID}), []byte(name), nil
}

// addMember does the same for a membership.
func (b *bench) addMember(a *adder) (request, seen []byte, err error) {
	group, user, ok := a.take()
	if !ok {
		return nil, nil, fmt.Errorf("there is nobody left to add")
	}
	g, u := &b.data.Groups[group], &b.data.Users[user]
	status, answer, err := load.Once(b.roster.address, a.request(nil, group, user))
	if err != nil {
		return nil, nil, err
	}
	if status != 204 {
		return nil, nil, fmt.Errorf("SCIM answered %d: %.300s", status, answer)
	}
	return b.graphQLRequest(`query($checks: [MembershipCheckInput!]!) { checkMembership(checks: $checks) { isMember } }`,
		object{"checks": []object{{"member": u.FQN(), "container": g.FQN()}}}), []byte(`"isMember":true`), nil
}
