package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// Adversary makes the simulator as unpleasant as Graph may be. Rates are from 0 to 1. Nil is none: a tame server.
type Adversary struct {
	// Of pages: how often they are cut short, empty, or in another order.
	Splits, Empty, Reorder float64
	// Of rows: how often one comes twice in a round, comes out of date before the present one, has a link to an object
	// that no client may read, or is a removal in a first round.
	Duplicates, Replays, Dangling, Removals float64
	// Faults is how often a request fails in a way that another try overcomes: throttling, 503 and 504, a body that
	// ends too early, a connection that breaks. At most [MaxFaults] requests in a row do.
	Faults float64
	// Churn is how often the tenant changes between the pages of a round.
	Churn float64
	// Expiries, Unauthorized and Changes are how many are left of: links that lead nowhere any more, good tokens that
	// are refused, and changes by Churn.
	Expiries, Unauthorized, Changes int

	mu    sync.Mutex
	seed  uint64
	rng   *rand.Rand
	inRow int
}

// MaxFaults is how many requests in a row may fail.
const MaxFaults = 2

// NewAdversary makes one whose rates and whims all follow from a seed.
func NewAdversary(seed uint64) *Adversary {
	rng := rand.New(rand.NewPCG(seed, 2))
	rate := func(most float64) float64 { return most * rng.Float64() }
	return &Adversary{
		seed: seed, rng: rng,
		Splits: rate(1), Empty: rate(.3), Reorder: rate(2),
		Duplicates: rate(.3), Replays: rate(.3), Dangling: rate(.2), Removals: rate(.2),
		Faults: rate(.4), Churn: rate(.3),
		Expiries: rng.IntN(4), Unauthorized: rng.IntN(2), Changes: rng.IntN(60),
	}
}

// Settle ends the changes that the adversary makes to the tenant. Everything else goes on.
func (a *Adversary) Settle() {
	if a != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.Changes = 0
	}
}

func (a *Adversary) happens(rng *rand.Rand, rate float64) bool {
	return a != nil && rng.Float64() < rate
}

// draw is happens for what is not of a page.
func (a *Adversary) draw(rate float64) bool { return a.rng.Float64() < rate }

// round draws the number of a round; it is never 0.
func (a *Adversary) round() uint64 {
	if a == nil {
		return 1
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rng.Uint64() | 1
}

// ofPage is the chance of one page: the same whenever that is asked for again.
func (a *Adversary) ofPage(c *cursor) *rand.Rand {
	if a == nil {
		return nil
	}
	return rand.New(rand.NewPCG(a.seed^c.Round, uint64(c.Page)))
}

// order is the position of an object in a round: all of them once, in steps that have no divisor in common with their
// number.
func (a *Adversary) order(c *cursor, i int) int {
	if a == nil || float64(c.Round%1024)/1024 >= a.Reorder {
		return i
	}
	step := int(c.Round>>16%uint64(c.Size)) + 1
	for divisor(step, c.Size) != 1 {
		step++
	}
	return (i*step + int(c.Round>>40)) % c.Size
}

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (a *Adversary) empty() float64 {
	if a == nil {
		return 0
	}
	return a.Empty
}

// split cuts the size of a page.
func (a *Adversary) split(rng *rand.Rand, size int) int {
	if a != nil && a.happens(rng, a.Splits) {
		return 1 + rng.IntN(size)
	}
	return size
}

// shuffle puts the rows of a page into another order, but for those that are there more than once.
func (a *Adversary) shuffle(rng *rand.Rand, rows []row) {
	if a == nil || !a.happens(rng, a.Reorder/2) {
		return
	}
	times := map[any]int{}
	for _, r := range rows {
		times[r["id"]]++
	}
	var free []int
	for i, r := range rows {
		if times[r["id"]] == 1 {
			free = append(free, i)
		}
	}
	rng.Shuffle(len(free), func(i, j int) { rows[free[i]], rows[free[j]] = rows[free[j]], rows[free[i]] })
}

// dangle adds a link to an object of a kind that is not synchronized.
func (a *Adversary) dangle(rng *rand.Rand, v view, o *object, r row) {
	if a == nil || !v.links || o.life != alive || o.kind != Group || !a.happens(rng, a.Dangling) {
		return
	}
	links, _ := r["members@delta"].([]row)
	kind := []string{"servicePrincipal", "device", "user"}[rng.IntN(3)]
	r["members@delta"] = append(slices.Clip(links), row{"@odata.type": "#microsoft.graph." + kind, "id": stranger(rng)})
}

// stranger is the id of no object.
func stranger(rng *rand.Rand) string {
	return fmt.Sprintf("dead%04x-%04x-4%03x-8%03x-%012x", rng.Uint32()>>16, rng.Uint32()>>16, rng.Uint32()>>20, rng.Uint32()>>20, rng.Uint64()>>16)
}

// fault is what becomes of a request.
type fault int

const (
	served fault = iota
	throttled
	throttledSilently // without Retry-After
	unavailable
	gatewayTimeout
	truncated
	reset
	faults
)

// fault draws what becomes of the next request.
func (a *Adversary) fault() fault {
	if a == nil {
		return served
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inRow >= MaxFaults || !a.draw(a.Faults) {
		a.inRow = 0
		return served
	}
	a.inRow++
	return 1 + fault(a.rng.IntN(int(faults)-1))
}

// spend says whether something happens that is left only so many times.
func (a *Adversary) spend(left func(*Adversary) *int, rate float64) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := left(a); *n > 0 && a.draw(rate) {
		*n--
		return true
	}
	return false
}

// refuses says whether a good token is refused. The request after that is served, so that every one is in the end.
func (a *Adversary) refuses() bool {
	if !a.spend(func(a *Adversary) *int { return &a.Unauthorized }, .2) {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inRow = MaxFaults
	return true
}

// pick draws a number below n.
func (a *Adversary) pick(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rng.IntN(n)
}
