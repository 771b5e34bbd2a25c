package command

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/roster-gateway/roster/internal/testpg"
)

// TestProvisioningLogOutlivesAStop: what was written right before the stop signal is in the log of the next start, and
// counted by the first.
func TestProvisioningLogOutlivesAStop(t *testing.T) {
	t.Parallel()
	settings := []string{"ROSTER_DATABASE_URL=" + testpg.New(t), "ROSTER_ADMIN_TOKEN=" + admin, "ROSTER_DRAIN_GRACE=0s"}
	c := serve(t, settings...)
	c.graphQL(admin, `mutation { addProvider(input: {name: "HR", type: SCIM}) { userErrors { message } } }`)
	c.graphQL(admin, `mutation { addProviderInstance(input: {provider: "HR"}) { userErrors { message } } }`)
	push := c.newToken(`{name: "push", scopes: [SCIM], provider: "HR", instance: ""}`)
	c.create(push, "Users", `{"userName": "ana", "externalId": "x-ana"}`)
	if status, answer := c.do(http.MethodPost, "/scim/v2/Users", push, "application/json", strings.NewReader(`{"userName": "ana"}`)); status != http.StatusConflict {
		t.Fatalf("a second ana is answered %d %s", status, answer)
	}
	_, metrics := c.get("/metrics", admin)
	for _, line := range []string{
		`roster_scim_requests_total{method="POST",outcome="created",resource="User"} 1`,
		`roster_scim_requests_total{method="POST",outcome="refused",resource="User"} 1`,
		`roster_provisioning_events_dropped_total 0`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	c.signal(syscall.SIGTERM)
	if code := c.exit(patience); code != 0 {
		t.Fatalf("it ended with %d", code)
	}
	next := serve(t, settings...)
	answer := next.graphQL(admin, `{ provisioningLog { nodes { outcome externalId message } } }`)
	const want = `{"nodes":[{"outcome":"REFUSED","externalId":null,"message":"Another user of this provider instance has this userName."},` +
		`{"outcome":"CREATED","externalId":"x-ana","message":null}]}`
	if !strings.Contains(answer, want) {
		t.Errorf("after the start the log is %s", answer)
	}
}
