package microsoft

import (
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/roster-gateway/roster/connector"
)

const (
	// tries is how often one address is asked for before the round is given up.
	tries = 6
	// longestPause is the longest one that is waited for here, where a run and its lease stay open meanwhile.
	longestPause = 30 * time.Second
	// defaultRetryAfter is when a run comes back to a service that does not say when.
	defaultRetryAfter = time.Minute
	// maxRetryAfter bounds what a service may ask for.
	maxRetryAfter = 24 * time.Hour
)

// passing is an error that another try may not meet.
type passing struct {
	err       *connector.Error
	throttled bool
	// after is what the service asks to wait; 0 where it does not say.
	after time.Duration
}

func (p *passing) Error() string { return p.err.Error() }

func (p *passing) Unwrap() error { return p.err }

// given is the error once there are no more tries. A service that says when to come back is taken at its word.
func (p *passing) given() error {
	if !p.throttled && p.after <= longestPause {
		return p.err
	}
	out := *p.err
	out.Code, out.RetryAfter = connector.Throttled, p.after
	if out.RetryAfter == 0 {
		out.RetryAfter = defaultRetryAfter
	}
	return &out
}

// pause is how long to wait after a try: what was asked for, or a second that doubles; with a part of chance, so that
// those who were turned away together do not come back together.
func (p *passing) pause(try int) time.Duration {
	if p.after > 0 {
		return p.after + time.Duration(rand.Int64N(int64(p.after)/5+1))
	}
	wait := min(time.Second<<(try-1), longestPause)
	return wait/2 + time.Duration(rand.Int64N(int64(wait)/2+1))
}

// retryAfter reads the header of RFC 9110 section 10.2.3; 0 where there is none that makes sense. Parts of a second, which
// some services send, count.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if math.IsNaN(seconds) || seconds <= 0 {
			return 0
		}
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	return 0
}
