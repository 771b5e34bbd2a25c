package command

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// readme finds the query and the answer that README.md shows.
var readme = regexp.MustCompile("(?s)```graphql\n(.*?)```.*?```json\n(.*?)```")

// TestDemo runs the demo twice over one folder, and asks the second one what README.md asks.
func TestDemo(t *testing.T) {
	t.Parallel()
	// Tens of thousands of statements are not worth a record each here.
	settings := []string{"ROSTER_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "ROSTER_LOG_LEVEL=info", "OTEL_EXPORTER_OTLP_ENDPOINT="}
	first := launch(t, settings, "demo", "--exit")
	begun := time.Now()
	if code := first.exit(2 * patience); code != 0 {
		t.Fatalf("the demo ended with %d", code)
	}
	t.Logf("the demo took %s", time.Since(begun))
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := readme.FindStringSubmatch(string(text))
	if parts == nil {
		t.Fatal("README.md shows no query with its answer")
	}
	for _, part := range parts[1:] {
		shown := "  " + strings.ReplaceAll(strings.TrimSpace(part), "\n", "\n  ")
		if !strings.Contains(first.stdout.String(), shown) {
			t.Errorf("the demo does not print what README.md shows:\n%s", shown)
		}
	}

	second := launch(t, append(settings, "ROSTER_ADMIN_TOKEN="+admin), "demo")
	second.awaitServing()
	for deadline := time.Now().Add(2 * patience); !strings.Contains(second.stdout.String(), "Roster goes on serving"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the second demo does not come to its end")
		}
	}
	var want any
	if err := json.Unmarshal([]byte(parts[2]), &want); err != nil {
		t.Fatal(err)
	}
	var have struct{ Data any }
	if err := json.Unmarshal([]byte(second.graphQL(admin, parts[1])), &have); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, have.Data); diff != "" {
		t.Errorf("README.md's query has another answer (-README +Roster):\n%s", diff)
	}
	if strings.Contains(second.stdout.String(), admin) {
		t.Error("it printed the admin token of the settings")
	}
	if status, _ := second.get("/", ""); status != http.StatusOK {
		t.Errorf("the explorer answers %d", status)
	}
}
