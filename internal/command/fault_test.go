package command

import (
	"context"
	"database/sql"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/internal/faultproxy"
	"github.com/roster-gateway/roster/internal/pgserver"
	"github.com/roster-gateway/roster/internal/testpg"
)

// thorough is for tests that take long: make soak sets it.
var thorough = flag.Bool("thorough", false, "try every fault, and kill at many points")

// recovery is how soon after the end of a fault everything has to be served.
const recovery = 5 * time.Second

// TestSafetyR3FaultsOfTheNetwork: while the network in front of the database fails, every request under load ends in time
// with an answer that is right or says to try again; once the fault has ended, all of them are served.
func TestSafetyR3FaultsOfTheNetwork(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	network := between(t, testpg.New(t))
	c := serve(t, "ROSTER_DATABASE_URL="+network.URL(), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_REQUEST_TIMEOUT="+timeout.String())
	l := startLoad(t, c, timeout)
	faults, lasts := []faultproxy.Fault{faultproxy.BlackHole, faultproxy.Reset}, 3*time.Second
	if *thorough {
		faults, lasts = append(faults, faultproxy.Refuse, faultproxy.Latency, faultproxy.SlowClose, faultproxy.BlackHole), 10*time.Second
	}
	for _, fault := range faults {
		l.awaitAll(time.Now())
		refused := l.refused.Load()
		network.Turn(fault)
		time.Sleep(lasts)
		if fault == faultproxy.Latency {
			l.awaitAll(time.Now()) // it is slow, and works
		} else if l.refused.Load() == refused {
			t.Errorf("%s: no request was refused, so nothing was tried", fault)
		}
		network.Turn(faultproxy.None)
		took := l.awaitAll(time.Now())
		t.Logf("%s: %d requests were told to try again; all were served %s after its end", fault, l.refused.Load()-refused, took)
		if took > recovery {
			t.Errorf("%s: it took %s to recover", fault, took)
		}
	}
	l.end()
}

// ownServer starts a Postgres that a test may end as it likes, and returns how to start it again.
func ownServer(t *testing.T) (dir string, start func() *pgserver.Server) {
	t.Helper()
	dir, err := os.MkdirTemp("", "roster") // a short path, so that the socket stays where it is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir, func() *pgserver.Server {
		server, err := pgserver.Start(context.Background(), pgserver.Config{DataDir: dir, BinDir: os.Getenv("ROSTER_POSTGRES_BIN")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Stop(context.Background()) })
		return server
	}
}

// TestSafetyR1PostgresKilledUnderLoad: by SIGKILL, and by an immediate shutdown.
func TestSafetyR1PostgresKilledUnderLoad(t *testing.T) {
	t.Parallel()
	dir, start := ownServer(t)
	server := start()
	const timeout = 2 * time.Second
	c := serve(t, "ROSTER_DATABASE_URL="+server.URL("postgres"), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_REQUEST_TIMEOUT="+timeout.String())
	l := startLoad(t, c, timeout)
	for name, signal := range map[string]syscall.Signal{"SIGKILL": syscall.SIGKILL, "immediate shutdown": syscall.SIGQUIT} {
		l.awaitAll(time.Now())
		text, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
		if err != nil {
			t.Fatal(err)
		}
		refused := l.refused.Load()
		if err := syscall.Kill(pid(t, strings.SplitN(string(text), "\n", 2)[0]), signal); err != nil {
			t.Fatal(err)
		}
		<-server.Exited()
		_ = server.Stop(context.Background()) // what is left of it
		time.Sleep(200 * time.Millisecond)
		server = start()
		took := l.awaitAll(time.Now())
		t.Logf("%s: %d requests were told to try again; all were served %s after its return", name, l.refused.Load()-refused, took)
		if took > recovery {
			t.Errorf("%s: it took %s to recover", name, took)
		}
		if l.refused.Load() == refused {
			t.Errorf("%s: no request was refused, so nothing was tried", name)
		}
	}
	l.end()
}

// beside opens a database beside Roster.
func beside(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func mustExec(t *testing.T, db interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, query string,
) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// TestSafetyR1AReadOnlyDatabase: as a standby is, or a server that is kept from writes. Reads go on, writes are told to try
// again, and are done as soon as new connections may write.
func TestSafetyR1AReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	c := serve(t, "ROSTER_DATABASE_URL="+url, "ROSTER_ADMIN_TOKEN="+admin)
	l := startLoad(t, c, 10*time.Second)
	l.awaitAll(time.Now())
	l.end()
	ana := c.create(l.push, "Users", `{"userName": "ana"}`)
	db := beside(t, url)
	var name string
	if err := db.QueryRowContext(t.Context(), `SELECT current_database()`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	mustExec(t, db, `ALTER DATABASE `+pq.QuoteIdentifier(name)+` SET default_transaction_read_only = on`)
	mustExec(t, db, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	c.awaitReady(http.StatusOK)

	write := func() (int, string, http.Header) {
		return c.request(http.MethodPost, "/scim/v2/Users", l.push, "application/scim+json", `{"userName": "bo"}`)
	}
	status, answer, header := write()
	for range 40 { // connections that were ended are found one by one
		if strings.Contains(answer, "takes no writes") {
			break
		}
		status, answer, header = write()
	}
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(answer, "takes no writes") {
		t.Errorf("a SCIM write is answered %d %s", status, answer)
	}
	_, answer, _ = c.request(http.MethodPost, "/graphql", admin, "application/json",
		`{"query":"mutation { createRole(input: {name: \"R\"}) { userErrors { code message } } }"}`)
	if !strings.Contains(answer, `"UNAVAILABLE"`) || !strings.Contains(answer, "takes no writes") {
		t.Errorf("a mutation is answered %s", answer)
	}
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) { // longer than a state may be old
		if status, answer := c.get("/scim/v2/Users/"+ana, l.push); status != http.StatusOK {
			t.Fatalf("a SCIM read is answered %d %s", status, answer)
		}
		c.graphQL(admin, `{ user(id: "`+ana+`") { userName } }`)
	}
	c.awaitReady(http.StatusOK)

	owner := beside(t, url)
	conn, err := owner.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	mustExec(t, conn, `SET default_transaction_read_only = off`)
	mustExec(t, conn, `ALTER DATABASE `+pq.QuoteIdentifier(name)+` RESET default_transaction_read_only`)
	back := time.Now()
	for status != http.StatusCreated {
		if status, answer, _ = write(); time.Since(back) > recovery {
			t.Fatalf("%s after writes are possible one is answered %d %s", time.Since(back), status, answer)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestSafetyR4ExhaustedPoolAtBothDoors: requests that find no connection are told so within a moment, and what is answered
// from memory is answered.
func TestSafetyR4ExhaustedPoolAtBothDoors(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	c := serve(t, "ROSTER_DATABASE_URL="+url, "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_DATABASE_MAX_CONNS=2", "ROSTER_REQUEST_TIMEOUT=20s")
	c.graphQL(admin, `mutation { addProvider(input: {name: "HR", type: SCIM}) { userErrors { message } } }`)
	c.graphQL(admin, `mutation { addProviderInstance(input: {provider: "HR"}) { userErrors { message } } }`)
	push := c.newToken(`{name: "push", scopes: [SCIM], provider: "HR", instance: ""}`)
	ana := c.create(push, "Users", `{"userName": "ana"}`)
	const fromMemory = `{ checkMembership(checks: [{member: "HR:ana", container: "HR:ana"}]) { isMember } }`
	c.graphQL(admin, fromMemory)
	db := beside(t, url)
	locks, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = locks.Rollback() }()
	mustExec(t, locks, `SELECT FROM identity FOR UPDATE`)
	blocked := make(chan int, 1)
	go func() {
		status, _, _ := c.request(http.MethodPatch, "/scim/v2/Users/"+ana, push, "application/scim+json",
			`{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "replace", "value": {"displayName": "Ana"}}]}`)
		blocked <- status
	}()
	for deadline, waiting := time.Now().Add(patience), 0; waiting == 0; time.Sleep(5 * time.Millisecond) {
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the write does not wait for its lock: %v", err)
		}
	}
	const soon = 4 * time.Second // a second each for what a request asks the database, and slack
	begun := time.Now()
	status, answer, header := c.request(http.MethodGet, "/scim/v2/Users/"+ana, push, "application/scim+json", "")
	if took := time.Since(begun); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || took > soon {
		t.Errorf("SCIM answers %d %s after %s", status, answer, took)
	}
	begun = time.Now()
	_, answer, _ = c.request(http.MethodPost, "/graphql", admin, "application/json", `{"query":"{ provisioningLog { nodes { outcome } } }"}`)
	if took := time.Since(begun); !strings.Contains(answer, `"UNAVAILABLE"`) || took > soon {
		t.Errorf("GraphQL answers %s after %s", answer, took)
	}
	for range 5 { // for longer than a state in memory may be old
		c.graphQL(admin, fromMemory)
		time.Sleep(500 * time.Millisecond)
	}
	if err := locks.Rollback(); err != nil {
		t.Fatal(err)
	}
	if status := <-blocked; status/100 != 2 {
		t.Errorf("the write that had its connection is answered %d", status)
	}
	if status, answer := c.get("/scim/v2/Users/"+ana, push); status != http.StatusOK {
		t.Errorf("once there is a connection again SCIM answers %d %s", status, answer)
	}
}
