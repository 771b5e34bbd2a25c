package telemetry

import (
	"cmp"
	"database/sql"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/roster-gateway/roster/directory"
)

// Metrics are the figures of one running Roster, in a registry of their own.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	// operations are those of GraphQL.
	operations *operations
}

// durationBuckets are the bounds of histograms of durations, in seconds: most answers come from memory.
var durationBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// NewMetrics returns metrics that count nothing yet beside the Go runtime and the process.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "roster_http_requests_total", Help: "Requests that ended, by route, method and status.",
		}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "roster_http_request_duration_seconds", Help: "Time that requests took, by route. Subscriptions are not in it.",
			Buckets: durationBuckets,
		}, []string{"route"}),
		operations: newOperations(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "roster_http_requests_in_flight", Help: "Requests that are being answered now, subscriptions included.",
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "roster_build_info", Help: "Always 1; the label says which version runs.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.durations, m.inFlight, m.operations.requests, m.operations.durations, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// ObserveReady reports readiness as a figure, read at each scrape.
func (m *Metrics) ObserveReady(ready func() bool) {
	m.gauge("roster_ready", "1 while /health/ready answers 200, else 0.", func() float64 {
		if ready() {
			return 1
		}
		return 0
	})
}

// ObserveCertificate reports when the TLS certificate in use ends, read at each scrape.
func (m *Metrics) ObserveCertificate(notAfter func() time.Time) {
	m.gauge("roster_tls_certificate_expiry_timestamp_seconds", "When the TLS certificate that is served ends, in seconds since 1970.",
		func() float64 { return float64(notAfter().Unix()) })
}

// ObserveStore reports the store's work and its connections, read at each scrape.
func (m *Metrics) ObserveStore(statements func() uint64, pool func() sql.DBStats) {
	m.counter("roster_store_statements_total", "SQL statements that the store has run.",
		func() float64 { return float64(statements()) })
	m.gauge("roster_store_connections_max", "Database connections that may be open.",
		func() float64 { return float64(pool().MaxOpenConnections) })
	m.gauge("roster_store_connections_in_use", "Database connections that are working.",
		func() float64 { return float64(pool().InUse) })
	m.gauge("roster_store_connections_idle", "Database connections that are open and idle.",
		func() float64 { return float64(pool().Idle) })
	m.counter("roster_store_connection_waits_total", "Times that work had to wait for a database connection.",
		func() float64 { return float64(pool().WaitCount) })
	m.counter("roster_store_connection_wait_seconds_total", "Time spent waiting for a database connection.",
		func() float64 { return pool().WaitDuration.Seconds() })
}

// ObserveReplica reports the state in memory that answers come from, read at each scrape.
func (m *Metrics) ObserveReplica(stats func() directory.ReplicaStats) {
	m.gauge("roster_replica_age_seconds", "How long ago the database was last known to be in the state that answers come from.",
		func() float64 { return stats().Age.Seconds() })
	m.gauge("roster_replica_identities", "Identities in memory, tombstones included.", func() float64 { return float64(stats().Identities) })
	m.gauge("roster_replica_links", "Membership links in memory.", func() float64 { return float64(stats().Links) })
	m.counter("roster_cache_hits_total", "Identity records found in the cache, fresh or not.", func() float64 { return float64(stats().Cache.Hits) })
	m.counter("roster_cache_misses_total", "Identity records that the cache did not hold.", func() float64 { return float64(stats().Cache.Misses) })
	m.counter("roster_cache_dropped_total", "Identity records that the cache did not take up.", func() float64 { return float64(stats().Cache.Dropped) })
}

// ObserveTokens reports the access tokens that expire soon, read at each scrape.
func (m *Metrics) ObserveTokens(expiring func() int) {
	m.gauge("roster_access_tokens_expiring", "Access tokens that expire within 14 days.", func() float64 { return float64(expiring()) })
}

// ObserveProvisioning reports what SCIM clients did, read at each scrape.
func (m *Metrics) ObserveProvisioning(stats func() directory.ProvisioningStats) {
	m.registry.MustRegister(provisioning(stats))
}

// provisioning reads the figures of the provisioning log at each scrape.
type provisioning func() directory.ProvisioningStats

var (
	scimRequests = prometheus.NewDesc("roster_scim_requests_total",
		"SCIM requests, and operations of bulk requests, by resource type, method and outcome.", []string{"resource", "method", "outcome"}, nil)
	eventsWaiting = prometheus.NewDesc("roster_provisioning_events_waiting", "Events of the provisioning log that are not written yet.", nil, nil)
	eventsDropped = prometheus.NewDesc("roster_provisioning_events_dropped_total",
		"Events of the provisioning log that were given up, because they came faster than they could be written.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (provisioning) Describe(out chan<- *prometheus.Desc) {
	out <- scimRequests
	out <- eventsWaiting
	out <- eventsDropped
}

// Collect implements [prometheus.Collector].
func (read provisioning) Collect(out chan<- prometheus.Metric) {
	stats := read()
	for kind, n := range stats.Requests {
		resource := cmp.Or(kind.ResourceType, "none")
		out <- prometheus.MustNewConstMetric(scimRequests, prometheus.CounterValue, float64(n), resource, kind.Method, strings.ToLower(string(kind.Outcome)))
	}
	out <- prometheus.MustNewConstMetric(eventsWaiting, prometheus.GaugeValue, float64(stats.Waiting))
	out <- prometheus.MustNewConstMetric(eventsDropped, prometheus.CounterValue, float64(stats.Dropped))
}

func (m *Metrics) gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

func (m *Metrics) counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// ended counts a request that was answered. Durations of streams say how long clients stayed, so they are left out.
func (m *Metrics) ended(route, method string, status int, took time.Duration, stream bool) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	if !stream {
		m.durations.WithLabelValues(route).Observe(took.Seconds())
	}
}
