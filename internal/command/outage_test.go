package command

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSafetyR1DatabaseOutage stops the database under a serving Roster and starts it again: meanwhile Roster lives, says that it is
// not ready, and answers in an orderly way; within 5 s of the database's return it serves again.
func TestSafetyR1DatabaseOutage(t *testing.T) {
	t.Parallel()
	dir, start := ownServer(t)
	server := start()
	c := serve(t, "ROSTER_DATABASE_URL="+server.URL("postgres"), "ROSTER_ADMIN_TOKEN="+admin)
	c.graphQL(admin, `mutation { createRole(input: {name: "Kept"}) { userErrors { message } } }`)
	if err := server.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}

	c.awaitReady(http.StatusServiceUnavailable)
	if status, _ := c.get("/health/live", ""); status != http.StatusOK {
		t.Errorf("/health/live answers %d", status)
	}
	query := strings.NewReader(`{"query":"{ role(name: \"Kept\") { name } }"}`)
	status, answer := c.do(http.MethodPost, "/graphql", admin, "application/json", query)
	if !strings.Contains(answer, `"UNAVAILABLE"`) || strings.Contains(answer, dir) {
		t.Errorf("a query is answered %d %s", status, answer)
	}

	start()
	back := time.Now()
	c.awaitReady(http.StatusOK)
	if took := time.Since(back); took > 5*time.Second {
		t.Errorf("it took %s to be ready again", took)
	}
	if answer, want := c.graphQL(admin, `{ role(name: "Kept") { name } }`), `{"data":{"role":{"name":"Kept"}}}`; answer != want {
		t.Errorf("after the outage: %s, want %s", answer, want)
	}
}

// awaitReady waits until /health/ready has a status.
func (c *child) awaitReady(status int) {
	c.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got, body := c.get("/health/ready", "")
		if got == status {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("/health/ready answers %d %s, want %d", got, body, status)
		}
	}
}
