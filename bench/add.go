package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/roster-gateway/roster/bench/load"
)

// adder puts users into groups that they are not in, one after the other.
type adder struct {
	bench  *bench
	groups []int

	mu    sync.Mutex
	turn  int
	next  []int // by group, the user to look at next
	added []int // by group
}

func (b *bench) newAdder(groups []int) *adder {
	return &adder{bench: b, groups: groups, next: make([]int, len(groups)), added: make([]int, len(groups))}
}

// take returns a group and a user that is new to it, until the group has everybody.
func (a *adder) take() (group, user int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.turn % len(a.groups)
	a.turn++
	group = a.groups[i]
	for a.next[i] < len(a.bench.data.Users) {
		user = a.next[i]
		a.next[i]++
		if _, is := slices.BinarySearch(a.bench.data.Groups[group].Users, int32(user)); !is {
			a.added[i]++
			return group, user, true
		}
	}
	return 0, 0, false
}

func (a *adder) roster() *load.Script {
	return &load.Script{Status: 204, Next: func(into []byte, _ *rand.Rand) ([]byte, int) {
		group, user, ok := a.take()
		if !ok {
			return nil, 0
		}
		return a.request(into, group, user), 0
	}}
}

// request appends the PATCH that adds a user to a group.
func (a *adder) request(into []byte, group, user int) []byte {
	d := a.bench.data
	body := fmt.Appendf(nil, `{"schemas":["%s"],"Operations":[{"op":"add","path":"members","value":[{"value":"%s"}]}]}`, scimPatch, d.Users[user].UID)
	return load.AppendRequest(into, "PATCH", "/scim/v2/Groups/"+d.Groups[group].UID.String(), a.bench.scimHeaders(), body)
}

func (a *adder) raw() *load.Script {
	d := a.bench.data
	return &load.Script{Status: 204, Next: func(into []byte, _ *rand.Rand) ([]byte, int) {
		group, user, ok := a.take()
		if !ok {
			return nil, 0
		}
		return load.AppendRequest(into, "POST", fmt.Sprintf("/link/%d/%d", d.Groups[group].ID, d.Users[user].ID), "", nil), 0
	}}
}

// verify asks Roster how many members the groups have now; an answer that said too much would show here.
func (a *adder) verify() error {
	for i, group := range a.groups {
		if i == 10 {
			break
		}
		g := &a.bench.data.Groups[group]
		var answer struct{ Group struct{ MemberCount int } }
		if err := a.bench.ask(a.bench.roster, `query($id: ID!) { group(id: $id) { memberCount } }`, object{"id": g.UID}, &answer); err != nil {
			return err
		}
		if want := len(g.Users) + a.added[i]; answer.Group.MemberCount != want {
			return fmt.Errorf("%s has %d members instead of %d", g.Name, answer.Group.MemberCount, want)
		}
	}
	return nil
}

// sizes are the groups that members are added to, by their size.
var sizes = []string{"10", "1,000", "50,000"}

// adder returns the one adder of Roster for groups of a size. What it has added stays added.
func (b *bench) adder(size string) *adder {
	if b.adders == nil {
		b.adders = map[string]*adder{
			"10":     b.newAdder(b.keys.ofSize(9, 11, 500)),
			"1,000":  b.newAdder(b.keys.ofSize(800, 1_250, 50)),
			"50,000": b.newAdder([]int{b.data.Large}),
		}
	}
	return b.adders[size]
}

// addScripts adds members to groups of a size. The baseline's groups are of any size, which an INSERT does not notice.
func (b *bench) addScripts(size string) (roster, raw *load.Script) {
	if b.rawAdds == nil {
		b.rawAdds = b.newAdder(b.keys.ofSize(5, 1_250, 2_000))
	}
	return b.adder(size).roster(), b.rawAdds.raw()
}
