package main

import (
	"math/rand/v2"
	"sync"

	"github.com/roster-gateway/roster/bench/dataset"
)

// How many different requests a workload has, where the data set does not limit them.
const (
	manyKeys = 10_000
	someKeys = 1_000
)

// resolved is how many FQNs one request resolves, and resolvedUsers how many users of each it asks for.
const (
	resolved      = 20
	resolvedUsers = 50
)

// membersPage is how many members one request asks for.
const membersPage = 1_000

// keys are what is asked about, by index, with the right answers.
type keys struct {
	data     *dataset.Data
	mu       sync.Mutex // of the expander
	expander *dataset.Expander

	users    []int
	middling []int    // groups of 800 to 1,250 effective users
	peopled  []int    // groups of at least resolvedUsers effective users
	sets     [][]int  // of peopled groups, to resolve together
	checks   []member // half of them are in the group
	count    []int    // effective users of each group
}

// member asks whether a user is effectively in a group.
type member struct {
	user, group int
	is          bool
}

func newKeys(d *dataset.Data) *keys {
	k := &keys{data: d, expander: dataset.NewExpander(d, dataset.NewContainers(d)), count: make([]int, len(d.Groups))}
	random := rand.New(rand.NewPCG(1, 1))
	for g := range d.Groups {
		_, n := k.expander.Members(nil, g, 0)
		k.count[g] = n
		if n >= 800 && n <= 1_250 && g != d.DiamondTop {
			k.middling = append(k.middling, g)
		}
		if n >= resolvedUsers {
			k.peopled = append(k.peopled, g)
		}
	}
	for range manyKeys {
		k.users = append(k.users, random.IntN(len(d.Users)))
	}
	for range someKeys {
		set := make([]int, resolved)
		for i, at := range random.Perm(len(k.peopled))[:resolved] {
			set[i] = k.peopled[at]
		}
		k.sets = append(k.sets, set)
	}
	for _, user := range k.users {
		m := member{user: user, group: random.IntN(len(d.Groups))}
		in := k.expander.Principals(nil, user)
		if len(in) > 0 && len(k.checks)%2 == 0 {
			m.group = int(in[random.IntN(len(in))])
		}
		for _, g := range in {
			m.is = m.is || int(g) == m.group
		}
		k.checks = append(k.checks, m)
	}
	return k
}

// ofSize lists groups of about as many direct users that hold no groups, at most limit of them.
func (k *keys) ofSize(least, most, limit int) []int {
	var out []int
	for g := range k.data.Groups {
		n := len(k.data.Groups[g].Users)
		if n >= least && n <= most && len(k.data.Groups[g].Groups) == 0 && len(out) < limit {
			out = append(out, g)
		}
	}
	return out
}
