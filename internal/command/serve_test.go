package command

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
)

const admin = canary.Mark + "-admin-token"

// TestOwnPostgresThroughItsLife starts on an empty folder, stops in order, and is killed: what was answered stays, the
// first token is printed once, and no Postgres process outlives its Roster.
func TestOwnPostgresThroughItsLife(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := serve(t, "ROSTER_DATA_DIR="+dir)
	for deadline := time.Now().Add(patience); first.stdout.String() == "" && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // its two outputs come by two ways
	}
	token := strings.TrimSuffix(first.stdout.String(), "\n")
	if token == "" || strings.ContainsAny(token, " \n") {
		t.Fatalf("the first start printed %q; want a token alone on its line", first.stdout)
	}
	if strings.Contains(first.stderr.String(), token) {
		t.Error("the token is in the log")
	}
	first.graphQL(token, `mutation { createRole(input: {name: "Kept"}) { userErrors { message } } }`)
	first.signal(syscall.SIGTERM)
	if code := first.exit(10 * time.Second); code != 0 {
		t.Errorf("SIGTERM ended it with %d, want 0", code)
	}
	requireNoPostgres(t, dir)

	second := serve(t, "ROSTER_DATA_DIR="+dir)
	second.graphQL(token, `mutation { createRole(input: {name: "Kept too"}) { userErrors { message } } }`)
	second.signal(syscall.SIGKILL)
	second.exit(patience)
	if out := second.stdout.String(); out != "" {
		t.Errorf("the second start printed %q, want nothing", out)
	}
	requireNoPostgres(t, dir)

	third := serve(t, "ROSTER_DATA_DIR="+dir)
	answer := third.graphQL(token, `{ a: role(name: "Kept") { name } b: role(name: "Kept too") { name } }`)
	if want := `{"data":{"a":{"name":"Kept"},"b":{"name":"Kept too"}}}`; answer != want {
		t.Errorf("after SIGKILL: %s, want %s", answer, want)
	}
}

// TestOwnPostgresDies kills Postgres under a serving Roster, which then has to end too, for a supervisor to start both.
func TestOwnPostgresDies(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c := serve(t, "ROSTER_DATA_DIR="+dir)
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	process := pid(t, strings.SplitN(string(text), "\n", 2)[0])
	if err := syscall.Kill(process, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := c.exit(10 * time.Second); code != exitFailed {
		t.Errorf("it ended with %d, want %d", code, exitFailed)
	}
	if !strings.Contains(c.stderr.String(), "roster: the Postgres that Roster runs ended") {
		t.Error("it does not say why")
	}
}

func TestServeOverADatabaseURL(t *testing.T) {
	t.Parallel()
	url := testpg.Empty(t)
	c := serve(t, "ROSTER_DATABASE_URL="+url, "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_PUBLIC_URL=https://roster.example.com/")
	if out := c.stdout.String(); out != "" {
		t.Errorf("it printed %q although there is an admin token", out)
	}
	answer := c.graphQL(admin, `{ viewer { name scopes } }`)
	if want := `{"data":{"viewer":{"name":"admin","scopes":["READ","ROLE_ADMIN","SYNC_ADMIN","TOKEN_ADMIN"]}}}`; answer != want {
		t.Errorf("viewer is %s, want %s", answer, want)
	}
	status, metrics := c.get("/metrics", admin)
	for _, figure := range []string{
		`roster_http_requests_total{method="POST",route="/graphql",status="200"} 1`, "roster_ready 1", "roster_http_requests_in_flight 1",
		"roster_store_statements_total", "roster_store_connections_in_use", "go_goroutines", "roster_build_info",
	} {
		if status != http.StatusOK || !strings.Contains(metrics, figure) {
			t.Errorf("/metrics answers %d and lacks %s", status, figure)
		}
	}
	c.graphQL(admin, `mutation { addProvider(input: {name: "Push", type: SCIM}) { userErrors { message } } }`)
	answer = c.graphQL(admin, `mutation { addProviderInstance(input: {provider: "Push"}) { instance { scimUrl } } }`)
	if !strings.Contains(answer, `"scimUrl":"https://roster.example.com/tokens/`) {
		t.Errorf("links do not begin with the public URL: %s", answer)
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	url := testpg.Empty(t)
	for range 2 {
		c := launch(t, []string{"ROSTER_DATABASE_URL=" + url}, "migrate")
		if code := c.exit(patience); code != 0 || c.stdout.String() != "The database's schema is up to date.\n" {
			t.Fatalf("migrate ended with %d: %s", code, c.stdout)
		}
	}
}

// requireNoPostgres waits until no process of the folder's Postgres is left: each holds a lock.
func requireNoPostgres(t *testing.T, dir string) {
	t.Helper()
	lock, err := os.Open(filepath.Join(dir, "postgres.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a Postgres process is left behind")
		}
	}
}
