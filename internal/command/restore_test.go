package command

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/pgserver"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/resolvers"
)

// TestFilesPutBackUnderARunningRoster stops the database, puts its files back as they had been some writes before, and
// starts it again. Nothing in the database tells of that; Roster remembers a later state, and must not go on from it.
func TestFilesPutBackUnderARunningRoster(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "roster") // a short path, so that the socket stays where it is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	now, then := filepath.Join(dir, "now"), filepath.Join(dir, "then")
	start := func() *pgserver.Server {
		server, err := pgserver.Start(context.Background(), pgserver.Config{DataDir: now, BinDir: os.Getenv("ROSTER_POSTGRES_BIN")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Stop(context.Background()) })
		return server
	}
	stop := func(server *pgserver.Server) {
		if err := server.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	server := start()
	c := serve(t, "ROSTER_DATABASE_URL="+server.URL("postgres"), "ROSTER_ADMIN_TOKEN="+admin)
	create := func(name string) (revision string) {
		t.Helper()
		answer := c.post(admin, "", `{"query":"mutation { createRole(input: {name: \"`+name+`\"}) { userErrors { message } } }"}`)
		if revision = answer.Header.Get(resolvers.RevisionHeader); revision == "" {
			t.Fatalf("creating %s is answered %d, without a revision", name, answer.StatusCode)
		}
		return revision
	}
	create("Kept")
	stop(server)
	if out, err := exec.Command("cp", "-a", now, then).CombinedOutput(); err != nil { // with its owners
		t.Fatalf("%v: %s", err, out)
	}
	server = start()
	c.awaitReady(http.StatusOK)
	for range 20 {
		create("Lost")
		c.graphQL(admin, `mutation { deleteRole(input: {name: "Lost"}) { userErrors { message } } }`)
	}
	revision := create("Lost")
	c.askAt(admin, revision, `{"query":"{ revision }"}`)

	stop(server)
	if err := os.RemoveAll(now); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(then, now); err != nil {
		t.Fatal(err)
	}
	start()
	c.awaitReady(http.StatusOK)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status, answer := c.ask(admin, revision, `{"query":"{ revision }"}`)
		if status == http.StatusBadRequest && strings.Contains(answer, "earlier life") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a revision that is lost is answered %d %s", status, answer)
		}
	}
	want := `{"data":{"kept":{"name":"Kept"},"lost":null}}`
	if answer := c.graphQL(admin, `{ kept: role(name: "Kept") { name } lost: role(name: "Lost") { name } }`); answer != want {
		t.Errorf("it answers %s, want %s", answer, want)
	}
	after := create("New")
	if answer := c.askAt(admin, after, `{"query":"{ role(name: \"New\") { name } }"}`); !strings.Contains(answer, `"New"`) {
		t.Errorf("at a revision of now it answers %s", answer)
	}
}

func TestEpochRenew(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	c := serve(t, "ROSTER_DATABASE_URL="+url, "ROSTER_ADMIN_TOKEN="+admin)
	revision := c.post(admin, "", `{"query":"mutation { createRole(input: {name: \"R\"}) { userErrors { message } } }"}`).Header.Get(resolvers.RevisionHeader)
	renew := launch(t, []string{"ROSTER_DATABASE_URL=" + url}, "epoch", "renew")
	if code := renew.exit(patience); code != 0 || renew.stdout.String() != "Revisions and cursors of until now are expired.\n" {
		t.Fatalf("epoch renew ended with %d: %s", code, renew.stdout)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		status, answer := c.ask(admin, revision, `{"query":"{ revision }"}`)
		if status == http.StatusBadRequest {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a revision of before is answered %d %s", status, answer)
		}
	}
}
