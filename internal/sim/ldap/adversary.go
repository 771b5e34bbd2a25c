package ldap

import (
	"math/rand/v2"
	"sync"
)

// Adversary makes the simulator as unpleasant as a domain controller may be. Nil is none: a tame server.
type Adversary struct {
	// Of answers: how often they are cut short, in another order, or lead elsewhere, too. Churn is how often the domain changes
	// between two of them.
	Splits, Reorder, Referrals, Churn float64
	// Faults, Expiries and Changes are how many are left of: searches that fail in a way that another try overcomes, cookies
	// of DirSync that are known no more, and changes by Churn.
	Faults, Expiries, Changes int

	mu   sync.Mutex
	rng  *rand.Rand
	calm int
}

// After MaxFaults faults, calm searches are served, so that who tries again gets through.
const (
	MaxFaults = 3
	calm      = 1000
)

// NewAdversary makes one whose rates and whims all follow from a seed.
func NewAdversary(seed uint64) *Adversary {
	rng := rand.New(rand.NewPCG(seed, 2))
	rate := func(most float64) float64 { return most * rng.Float64() }
	return &Adversary{
		rng: rng, Splits: rate(1), Reorder: rate(1), Referrals: rate(.3), Churn: rate(.3),
		Faults: rng.IntN(4) * MaxFaults, Expiries: rng.IntN(3), Changes: rng.IntN(60),
	}
}

// Settle ends the changes that the adversary makes to the domain. Everything else goes on.
func (a *Adversary) Settle() {
	if a != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.Changes = 0
	}
}

func (a *Adversary) happens(rate float64) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rng.Float64() < rate
}

// spend says whether something happens that is left only so many times.
func (a *Adversary) spend(left func(*Adversary) *int, rate float64) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := left(a); *n > 0 && a.rng.Float64() < rate {
		*n--
		return true
	}
	return false
}

func (a *Adversary) refers() bool { return a != nil && a.happens(a.Referrals) }

// churn changes the domain now and then.
func (a *Adversary) churn(d *Domain) {
	if a != nil && a.spend(func(a *Adversary) *int { return &a.Changes }, a.Churn) {
		a.mu.Lock()
		defer a.mu.Unlock()
		d.Mutate(a.rng, 1)
	}
}

func (a *Adversary) expires() bool {
	return a.spend(func(a *Adversary) *int { return &a.Expiries }, .2)
}

// split cuts the size of an answer.
func (a *Adversary) split(size int) int {
	if a == nil || size < 1 || !a.happens(a.Splits) {
		return size
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return 1 + a.rng.IntN(size)
}

// shuffle puts what was found into another order.
func (a *Adversary) shuffle(found []*object) {
	if a == nil || !a.happens(a.Reorder) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rng.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
}

// fault is what becomes of a search.
type fault int

const (
	served fault = iota
	busy
	unavailable
	reset
	// torn breaks the connection in the middle of an answer.
	torn
	faults
)

func (a *Adversary) fault() fault {
	if a == nil {
		return served
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calm > 0 {
		a.calm--
		return served
	}
	if a.Faults == 0 || a.rng.IntN(4) > 0 {
		return served
	}
	if a.Faults--; a.Faults%MaxFaults == 0 {
		a.calm = calm
	}
	return 1 + fault(a.rng.IntN(int(faults)-1))
}
