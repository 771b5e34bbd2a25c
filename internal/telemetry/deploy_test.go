package telemetry

import (
	"database/sql"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// everything is a scrape in which each metric of Roster's has a value.
func everything(t *testing.T) string {
	t.Helper()
	m, age := NewMetrics("test"), time.Minute
	m.ObserveReady(func() bool { return true })
	m.ObserveCertificate(time.Now)
	m.ObserveStore(func() uint64 { return 1 }, func() sql.DBStats { return sql.DBStats{} })
	m.ObserveReplica(func() directory.ReplicaStats { return directory.ReplicaStats{} })
	m.ObserveTokens(func() int { return 1 })
	m.ObserveProvisioning(func() directory.ProvisioningStats {
		return directory.ProvisioningStats{Requests: map[directory.ProvisioningKind]uint64{{Method: "GET", Outcome: directory.ProvisioningCreated}: 1}}
	})
	m.ObserveSync(fakeSync{instances: []syncer.Health{{Provider: "P", Age: &age}}})
	run(m, ast.Query, "Q")
	return scrape(t, m)
}

var (
	metricName = regexp.MustCompile(`\b(roster|process|go)_[a-z_]+`)
	suffix     = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// known tells which metrics of an expression are in no scrape.
func unknown(expression, scraped string) (missing []string) {
	for _, name := range metricName.FindAllString(expression, -1) {
		if !strings.Contains(scraped, "# TYPE "+name+" ") && !strings.Contains(scraped, "# TYPE "+suffix.ReplaceAllString(name, "")+" histogram") {
			missing = append(missing, name)
		}
	}
	return missing
}

// faults are what is wrong with an expression: its grammar, its metrics, its labels.
func faults(expression, scraped string) (out []string) {
	labels, err := parsePromQL(expression)
	if err != nil {
		out = append(out, err.Error())
	}
	for _, label := range labels { // of a scrape, or of Prometheus itself
		if !strings.Contains(scraped, "{"+label+"=") && !strings.Contains(scraped, ","+label+"=") && label != "job" && label != "instance" {
			out = append(out, "there is no label "+label)
		}
	}
	for _, name := range unknown(expression, scraped) {
		out = append(out, "there is no "+name)
	}
	return out
}

// TestAlertsNameMetrics reads the rules as Prometheus does, and looks for every metric that they name.
func TestAlertsNameMetrics(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(text, &rules, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	scraped, names := everything(t), map[string]bool{}
	for _, rule := range rules.Groups[0].Rules {
		if wrong := faults(rule.Expr, scraped); len(wrong) > 0 {
			t.Errorf("%s: %s: %v", rule.Alert, rule.Expr, wrong)
		}
		if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || names[rule.Alert] {
			t.Errorf("%s does not say what it means, or is there twice", rule.Alert)
		}
		if !strings.Contains(string(operations), "`"+rule.Alert+"`") {
			t.Errorf("docs/operations.md does not name %s", rule.Alert)
		}
		names[rule.Alert] = true
	}
	if len(names) < 10 {
		t.Errorf("there are %d rules", len(names))
	}
	for _, wrong := range []string{"roster_no_such_thing > 1", "rate(process_no_such[5m])", "sum by (nothing) (roster_ready)", "rate(roster_ready)"} {
		if len(faults(wrong, scraped)) != 1 {
			t.Errorf("%s passes", wrong)
		}
	}
}

// TestDashboardNamesMetrics: every metric of Roster's is on the dashboard, and no other.
func TestDashboardNamesMetrics(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	scraped := everything(t)
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			if wrong := faults(target.Expr, scraped); len(wrong) > 0 {
				t.Errorf("%s: %s: %v", panel.Title, target.Expr, wrong)
			}
		}
	}
	operations, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (roster_[a-z_]+) `).FindAllStringSubmatch(scraped, -1) {
		if name := line[1]; !strings.Contains(string(operations), "`"+name) {
			t.Errorf("docs/operations.md does not name %s", name)
		} else if !strings.Contains(string(text), name) && name != "roster_cache_dropped_total" && name != "roster_store_connection_waits_total" {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}
