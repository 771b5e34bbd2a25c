package telemetry

import (
	"context"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/roster-gateway/roster/syncer"
)

// Synchronization is what metrics tell of it.
type Synchronization interface {
	Statistics() syncer.Statistics
	Health(ctx context.Context) ([]syncer.Health, error)
}

const (
	// maxInstances bounds the instances that have a time series of their own.
	maxInstances = 100
	// healthLimit is how long a scrape waits for the database.
	healthLimit = 2 * time.Second
)

// ObserveSync reports the synchronization with sources, read at each scrape. What instances are like is asked of the
// database; while that does not answer, it is left out.
func (m *Metrics) ObserveSync(s Synchronization) { m.registry.MustRegister(synchronization{s}) }

type synchronization struct{ Synchronization }

var (
	syncRuns    = prometheus.NewDesc("roster_sync_runs_total", "Runs of synchronization that ended, by the type of source and how.", []string{"type", "status"}, nil)
	syncStaged  = prometheus.NewDesc("roster_sync_staged_rows_total", "Identities and links that sources told, by the type of source.", []string{"type"}, nil)
	syncChanges = prometheus.NewDesc("roster_sync_applied_rows_total",
		"Identities and links that runs which ended have changed, skipped or failed at, by the type of source.", []string{"type", "change"}, nil)
	syncAge = prometheus.NewDesc("roster_sync_last_success_seconds",
		"How long ago an instance was synchronized with success; none where it never was.", []string{"provider", "instance"}, nil)
	syncQuarantined = prometheus.NewDesc("roster_sync_quarantined", "Instances that are quarantined.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (synchronization) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{syncRuns, syncStaged, syncChanges, syncAge, syncQuarantined} {
		out <- desc
	}
}

// Collect implements [prometheus.Collector].
func (s synchronization) Collect(out chan<- prometheus.Metric) {
	count := func(desc *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
	}
	stats := s.Statistics()
	for kind, n := range stats.Runs {
		count(syncRuns, n, string(kind.Type), strings.ToLower(string(kind.Status)))
	}
	for source, n := range stats.Staged {
		count(syncStaged, n, string(source))
	}
	for kind, n := range stats.Changes {
		count(syncChanges, n, string(kind.Type), kind.Change)
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthLimit)
	defer cancel()
	instances, err := s.Health(ctx)
	if err != nil {
		return
	}
	quarantined := 0
	for n, i := range instances {
		if i.Quarantined {
			quarantined++
		}
		if n < maxInstances && i.Age != nil {
			out <- prometheus.MustNewConstMetric(syncAge, prometheus.GaugeValue, i.Age.Seconds(), i.Provider, i.Instance)
		}
	}
	out <- prometheus.MustNewConstMetric(syncQuarantined, prometheus.GaugeValue, float64(quarantined))
}
