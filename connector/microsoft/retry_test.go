package microsoft

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "NaN": 0, "soon": 0, "5": 5 * time.Second, "0.5": 500 * time.Millisecond, "1e99": maxRetryAfter, "Inf": maxRetryAfter,
		"Mon, 02 Jan 2006 15:04:05 GMT": 0, "Fri, 01 Jan 2999 00:00:00 GMT": maxRetryAfter,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q is %s, not %s", value, got, want)
		}
	}
}
