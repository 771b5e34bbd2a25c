package command

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/roster-gateway/roster/internal/testpg"
)

// audits is how many audits of GraphQL over HTTP there are in the version that conformance/package.json names.
const audits = 61

// TestMeasured5GraphQLOverHTTPAudits passes all public audits of GraphQL over HTTP, those that the specification only recommends
// too.
func TestMeasured5GraphQLOverHTTPAudits(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("../../conformance/node_modules/graphql-http"); err != nil {
		t.Skip("the audits are not installed: make conformance does that")
	}
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin)
	node := exec.CommandContext(t.Context(), "node", "audits.mjs")
	node.Dir = "../../conformance"
	node.Env = append(os.Environ(), "AUDIT_URL="+c.base+"/graphql", "AUDIT_TOKEN="+admin)
	node.Stderr = t.Output()
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	passed := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var audit struct{ ID, Name, Status, Reason string }
		if err := json.Unmarshal(lines.Bytes(), &audit); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		if audit.Status != "ok" {
			t.Errorf("%s: %s %s: %s", audit.Status, audit.ID, audit.Name, audit.Reason)
			continue
		}
		passed++
		t.Logf("ok %s %s", audit.ID, audit.Name)
	}
	if err := node.Wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d of %d audits pass", passed, audits)
	if passed != audits {
		t.Errorf("%d audits pass, want %d", passed, audits)
	}
}
