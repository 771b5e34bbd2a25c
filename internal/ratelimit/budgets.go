package ratelimit

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/roster-gateway/roster/directory"
)

// Budgets are what each caller may ask for, by cost.
type Budgets struct {
	buckets *Buckets[string]
	rate    int64
	policy  []string
	now     func() time.Time
}

// NewBudgets returns budgets of rate a second and burst at once. A rate of 0 is no budget, and nil; a burst of 0 is that
// of ten seconds.
func NewBudgets(rate, burst int64) *Budgets {
	if rate <= 0 {
		return nil
	}
	if burst <= 0 {
		burst = 10 * rate
	}
	unit := max(1, time.Second/time.Duration(rate))
	return &Budgets{
		buckets: NewBuckets[string](burst, unit), rate: rate, now: time.Now,
		policy: []string{fmt.Sprintf(`"cost";q=%d;w=%d`, burst, wholeSeconds(time.Duration(burst)*unit))},
	}
}

// Spend takes the cost of a request, at least 1, from the budget of its caller, and says in the header of the answer what
// is left (RateLimit-Policy and RateLimit, draft-ietf-httpapi-ratelimit-headers-10). Its error is a [directory.Error] of
// CodeRateLimited, with Retry-After in the header. A nil header takes nothing.
func (b *Budgets) Spend(header http.Header, caller string, cost int64) error {
	level := b.buckets.Take(caller, max(1, cost), b.now())
	wait := wholeSeconds(level.Wait)
	if header != nil {
		header["Ratelimit-Policy"] = b.policy
		header["Ratelimit"] = []string{`"cost";r=` + strconv.FormatInt(level.Left, 10) + `;t=` + strconv.FormatInt(wholeSeconds(level.Full), 10)}
	}
	if level.Taken {
		return nil
	}
	if header != nil {
		header["Retry-After"] = []string{strconv.FormatInt(wait, 10)}
	}
	return &directory.Error{
		Code: directory.CodeRateLimited, RetryAfter: level.Wait,
		Message: fmt.Sprintf("This access token asks for more than its budget, a cost of %d a second. Try again in %d s.", b.rate, wait),
	}
}

// wholeSeconds rounds up, as headers know nothing smaller.
func wholeSeconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
