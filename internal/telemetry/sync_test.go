package telemetry

import (
	"context"
	"errors"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

type fakeSync struct {
	instances []syncer.Health
	err       error
}

func (fakeSync) Statistics() syncer.Statistics {
	return syncer.Statistics{
		Runs:    map[syncer.RunKind]uint64{{Type: directory.TypeAzureAD, Status: syncer.Partial}: 3},
		Staged:  map[directory.ProviderTypeName]uint64{directory.TypeAzureAD: 7},
		Changes: map[syncer.ChangeKind]uint64{{Type: directory.TypeAzureAD, Change: "linked"}: 5},
	}
}

func (f fakeSync) Health(context.Context) ([]syncer.Health, error) { return f.instances, f.err }

func TestSyncMetrics(t *testing.T) {
	t.Parallel()
	scrape := func(f fakeSync) string {
		m := NewMetrics("test")
		m.ObserveSync(f)
		answer := httptest.NewRecorder()
		m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
		return answer.Body.String()
	}
	age := 90 * time.Second
	many := []syncer.Health{{Provider: "AAD", Quarantined: true}, {Provider: "never"}}
	for i := range 150 {
		many = append(many, syncer.Health{Provider: "P", Instance: strconv.Itoa(i), Age: &age})
	}
	text := scrape(fakeSync{instances: many})
	for _, want := range []string{
		`roster_sync_runs_total{status="partial",type="AzureAD"} 3`, `roster_sync_staged_rows_total{type="AzureAD"} 7`,
		`roster_sync_applied_rows_total{change="linked",type="AzureAD"} 5`, `roster_sync_last_success_seconds{instance="0",provider="P"} 90`, "roster_sync_quarantined 1",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no line %s", want)
		}
	}
	if n := strings.Count(text, "roster_sync_last_success_seconds{"); n != 98 {
		t.Errorf("%d instances are told, want 98: 100 without those that never succeeded", n)
	}
	text = scrape(fakeSync{err: errors.New("no database")})
	if !strings.Contains(text, "roster_sync_runs_total{") || strings.Contains(text, "roster_sync_quarantined 0") {
		t.Errorf("without a database:\n%s", text)
	}
}
