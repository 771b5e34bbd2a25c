package sharepoint

import (
	"math/rand/v2"
	"net/http"
)

// Adversary makes the simulator as unpleasant as SharePoint may be. Rates are from 0 to 1. Nil is none: a tame site.
type Adversary struct {
	// Faults is how often a request fails in a way that another try overcomes. At most [MaxFaults] in a row do.
	Faults float64
	// Splits is how often an answer is parted by links to the next, Repeats how often the next begins with a row again.
	Splits, Repeats float64
	// Churn is how often the site changes before a request is answered.
	Churn float64
	// Changes and Unauthorized are how many are left of the changes by Churn, and of good tokens that are refused.
	Changes, Unauthorized int

	rng   *rand.Rand
	inRow int
}

// MaxFaults is how many requests in a row may fail.
const MaxFaults = 2

// NewAdversary makes one whose rates and whims all follow from a seed.
func NewAdversary(seed uint64) *Adversary {
	rng := rand.New(rand.NewPCG(seed, 3))
	return &Adversary{
		rng: rng, Faults: .5 * rng.Float64(), Splits: rng.Float64(), Repeats: rng.Float64(), Churn: .5 * rng.Float64(),
		Changes: rng.IntN(30), Unauthorized: rng.IntN(2),
	}
}

func (a *Adversary) draw(rate float64) bool { return a != nil && a.rng.Float64() < rate }

// fails spoils a request, and reports whether it did.
func (a *Adversary) fails(w http.ResponseWriter) bool {
	if a == nil || a.inRow == MaxFaults || !a.draw(a.Faults) {
		if a != nil {
			a.inRow = 0
		}
		return false
	}
	a.inRow++
	switch a.rng.IntN(7) {
	case 0:
		w.Header().Set("Retry-After", "0.01")
		refuse(w, http.StatusTooManyRequests, "-2147429894, Microsoft.SharePoint.Client.ClientServiceTooManyRequests", "The request has been throttled.")
	case 1:
		refuse(w, http.StatusTooManyRequests, "-2147429894, Microsoft.SharePoint.Client.ClientServiceTooManyRequests", "The request has been throttled.")
	case 2:
		w.Header().Set("Retry-After", "0.01")
		refuse(w, http.StatusServiceUnavailable, "-1, Microsoft.SharePoint.Client.ServerTooBusy", "The server is busy.")
	case 3:
		refuse(w, http.StatusServiceUnavailable, "-1, Microsoft.SharePoint.Client.ServerTooBusy", "The server is busy.")
	case 4:
		w.WriteHeader(http.StatusGatewayTimeout)
	case 5: // a body that ends too early
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"value":[{"Id":`))
	default:
		panic(http.ErrAbortHandler)
	}
	return true
}

// takesToken reports whether a good token is taken.
func (a *Adversary) takesToken() bool {
	if a == nil || a.Unauthorized == 0 || !a.draw(.3) {
		return true
	}
	a.Unauthorized--
	return false
}

// changes reports whether the site changes now.
func (a *Adversary) changes() bool {
	if a == nil || a.Changes == 0 || !a.draw(a.Churn) {
		return false
	}
	a.Changes--
	return true
}
