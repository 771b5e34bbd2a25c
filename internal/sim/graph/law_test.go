package graph

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// start starts a server that ends with the test.
func start(t testing.TB, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestEveryClientReachesTheTruth: whatever the adversary does, a client that takes rows as they come knows the tenant once
// that stays as it is. ROSTER_SIM_SEED runs one seed again.
func TestEveryClientReachesTheTruth(t *testing.T) {
	t.Parallel()
	if text := os.Getenv("ROSTER_SIM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		reachesTruth(t, seed, t.Fatalf)
		return
	}
	rapid.Check(t, func(rt *rapid.T) {
		reachesTruth(t, rapid.Uint64().Draw(rt, "seed"), rt.Fatalf)
	})
}

func reachesTruth(t testing.TB, seed uint64, fatalf func(string, ...any)) {
	rng := rand.New(rand.NewPCG(seed, 9))
	tenant := NewTenant(seed)
	tenant.Populate(rng.IntN(60), rng.IntN(15), seed)
	tenant.Mutate(rng, rng.IntN(100))
	s, err := Start(Config{Tenant: tenant, Adversary: NewAdversary(seed), PageSize: 1 + rng.IntN(30), LinksPerPage: 1 + rng.IntN(40)})
	if err != nil {
		fatalf("%v", err)
	}
	defer s.Close()
	c := newClient(t, s)
	for range rng.IntN(5) {
		c.sync(User)
		tenant.Mutate(rng, rng.IntN(60))
		c.sync(Group)
	}
	s.Adversary.Settle()
	for range 2 { // a round that began before the last change may miss it; the next one may not
		c.sync(User)
		c.sync(Group)
	}
	if diff := cmp.Diff(live(tenant.State()), c.state()); diff != "" {
		fatalf("ROSTER_SIM_SEED=%d (-truth +client):\n%s", seed, diff)
	}
}

// TestAdversaryDoesItAll: the law above is worth what the adversary does.
func TestAdversaryDoesItAll(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(12) {
		tenant := NewTenant(seed)
		tenant.Populate(60, 10, seed)
		a := NewAdversary(seed)
		s := start(t, Config{Tenant: tenant, Adversary: a, PageSize: 20, LinksPerPage: 20})
		before := tenant.Tick()
		expiries := a.Expiries
		c := newClient(t, s)
		for round := range 4 {
			observe(c, User, seen, round)
			tenant.Mutate(rand.New(rand.NewPCG(seed, uint64(round))), 40)
			observe(c, Group, seen, round)
		}
		if tenant.Tick() > before+160 {
			seen["churn"]++
		}
		seen["expiry"] += expiries - a.Expiries
		seen["failed request"] += s.Requests() - c.pages
	}
	for _, what := range []string{
		"empty page", "repeated row", "removal in a first round", "removal of an unknown one", "dangling link", "group over several pages", "expiry", "failed request",
	} {
		if seen[what] == 0 {
			t.Errorf("there was no %s: %v", what, seen)
		}
	}
}

// observe reads a round and counts what was unpleasant about it.
func observe(c *client, kind Kind, seen map[string]int, round int) {
	address := c.delta[kind]
	first := address == ""
	if first {
		address = c.server.URL() + "/v1.0/" + string(kind) + "s/delta?$select=" + selected[kind]
	}
	rows, linked := map[string]int{}, map[string]int{}
	for address != "" {
		c.pages++
		page, err := c.get(address)
		if err != nil {
			delete(c.delta, kind)
			return
		}
		value := page["value"].([]any)
		address, _ = page["@odata.nextLink"].(string)
		if len(value) == 0 && address != "" {
			seen["empty page"]++
		}
		for _, r := range value {
			r := r.(map[string]any)
			id := r["id"].(string)
			rows[id]++
			if r["@removed"] != nil && first {
				seen["removal in a first round"]++
			}
			if r["@removed"] != nil && id[:4] == "dead" {
				seen["removal of an unknown one"]++
			}
			links, _ := r["members@delta"].([]any)
			for _, l := range links {
				if l.(map[string]any)["id"].(string)[:4] == "dead" {
					seen["dangling link"]++
				}
			}
			if len(links) > 0 {
				linked[id]++
			}
			if rows[id] == 2 {
				seen["repeated row"]++
			}
			if linked[id] == 3 {
				seen["group over several pages"]++
			}
		}
		if end, _ := page["@odata.deltaLink"].(string); end != "" {
			c.delta[kind] = end
		}
	}
}
