package graphqlhttp

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
)

// TestSpend: every request costs its caller something, also one that is refused, and who spent all is told to wait.
func TestSpend(t *testing.T) {
	t.Parallel()
	var spent []int64
	over := false
	h := newHandler(t, func(cfg *Config) {
		cfg.Spend = func(_ context.Context, header http.Header, cost int64) error {
			spent = append(spent, cost)
			header.Set("RateLimit", fmt.Sprint(len(spent)))
			if over {
				header.Set("Retry-After", "7")
				return &directory.Error{Code: directory.CodeRateLimited, Message: "Wait."}
			}
			return nil
		}
	})
	bodies := []string{`{"query":"{viewer{name}}"}`, `{"query":"{users(first:5){nodes{id}}}"}`, `{"query":"{nothing}"}`, `{"query":"{"}`, `{"query":"subscription{nothing}"}`}
	ask := func(body, accept string) exchange {
		return request(h, http.MethodPost, "/graphql", body, map[string]string{"Content-Type": asJSON, "Accept": accept})
	}
	for _, body := range bodies {
		for _, accept := range []string{asJSON, asGraphQL, "text/event-stream"} {
			over, spent = false, nil
			if got := ask(body, accept); got.header.Get("RateLimit") != "1" || got.status == http.StatusTooManyRequests {
				t.Errorf("%s as %s: %d %v", body, accept, got.status, got.header)
			}
			want := []int64{1}
			if strings.Contains(body, "first:5") {
				want = []int64{6}
			}
			if diff := cmp.Diff(want, spent); diff != "" {
				t.Errorf("%s as %s: %s", body, accept, diff)
			}
			over = true
			got := ask(body, accept)
			if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "7" || got.errors(t)[0].Extensions.Code != codeRateLimited {
				t.Errorf("%s as %s, too much: %d %v %s", body, accept, got.status, got.header, got.body)
			}
		}
	}
}
