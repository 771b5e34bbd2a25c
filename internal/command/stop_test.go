package command

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
)

func pid(t *testing.T, text string) int {
	t.Helper()
	id, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// unfinished is a request whose body has not been sent to its end.
type unfinished struct {
	t    *testing.T
	conn net.Conn
	rest string
}

// beginRequest sends a GraphQL request but for the last part of its body.
func beginRequest(t *testing.T, c *child) *unfinished {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	body := `{"query":"{ viewer { name } }"}`
	fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: roster\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		admin, len(body), body[:10])
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) { // until it is being answered, beside our own scrape
		if _, metrics := c.get("/metrics", admin); strings.Contains(metrics, "roster_http_requests_in_flight 2") {
			return &unfinished{t: t, conn: conn, rest: body[10:]}
		}
		if time.Now().After(deadline) {
			t.Fatal("the request does not arrive")
		}
	}
}

// finish sends the rest and returns the answer.
func (u *unfinished) finish() (int, string) {
	u.t.Helper()
	if _, err := io.WriteString(u.conn, u.rest); err != nil {
		u.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(u.conn), nil)
	if err != nil {
		u.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		u.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestSafetyR21StopInOrder: a request in flight is answered, a stream is ended and not cut, what waits to be written is, and
// then Roster ends.
func TestSafetyR21StopInOrder(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	c := serve(t, "ROSTER_DATABASE_URL="+url, "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_DRAIN_GRACE=2s")
	reader := c.newToken(`{name: "reader", scopes: [READ]}`)
	if status, body := c.get("/health/ready", ""); status != http.StatusOK {
		t.Fatalf("it is not ready: %d %s", status, body)
	}
	request := beginRequest(t, c)
	subscription := subscribe(t, c)
	begun := time.Now()
	c.signal(syscall.SIGTERM)
	for status := http.StatusOK; status != http.StatusServiceUnavailable; {
		var body string
		if status, body = c.get("/health/ready", ""); time.Since(begun) > 2*time.Second {
			t.Fatalf("/health/ready still answers %d %s", status, body)
		}
	}
	c.graphQL(reader, `{ viewer { name } }`) // the listener still serves
	if status, body := c.get("/health/live", ""); status != http.StatusOK {
		t.Errorf("/health/live answers %d %s while it stops", status, body)
	}
	time.Sleep(time.Until(begun.Add(3 * time.Second))) // into the time in which no new connections are taken
	if status, answer := request.finish(); status != http.StatusOK || answer != `{"data":{"viewer":{"name":"admin"}}}` {
		t.Errorf("the request in flight was answered %d %s", status, answer)
	}
	if _, err := io.Copy(io.Discard, subscription); err != nil {
		t.Errorf("the subscription was cut, not ended: %v", err)
	}
	if code := c.exit(10 * time.Second); code != 0 || time.Since(begun) > 10*time.Second {
		t.Errorf("it ended with %d after %s, want 0 within 10 s", code, time.Since(begun))
	}
	var used bool
	if err := beside(t, url).QueryRowContext(t.Context(), `SELECT last_used_at IS NOT NULL FROM access_token`).Scan(&used); err != nil || !used {
		t.Errorf("the last use of the token was not noted (%v)", err)
	}
}

// subscribe opens a stream of changes and returns its body.
func subscribe(t *testing.T, c *child) io.Reader {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, c.base+"/graphql", strings.NewReader(`{"query":"subscription { changes { kind } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+admin)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	response, err := canary.Transport(t, &http.Transport{}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the subscription was answered %d", response.StatusCode)
	}
	return response.Body
}

func TestSafetyR21StopCutsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_REQUEST_TIMEOUT=1m")
	beginRequest(t, c)
	begun := time.Now()
	c.signal(syscall.SIGINT)
	if code := c.exit(10 * time.Second); code != 0 {
		t.Errorf("it ended with %d after %s, want 0", code, time.Since(begun))
	}
}

func TestSafetyR21SecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_DRAIN_GRACE=5s")
	beginRequest(t, c)
	c.signal(syscall.SIGTERM)
	for status := 0; status != http.StatusServiceUnavailable; { // two signals at once could be one
		status, _ = c.get("/health/ready", "")
	}
	c.signal(syscall.SIGTERM)
	if code := c.exit(3 * time.Second); code != exitFailed {
		t.Errorf("it ended with %d, want %d", code, exitFailed)
	}
}

// TestStopWhileStarting: a stop signal during the very first start, which takes the longest, ends it in order too.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	c := launch(t, []string{"ROSTER_DATA_DIR=" + dir}, "serve")
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "postgres.lock")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not start")
		}
	}
	c.signal(syscall.SIGTERM)
	if code := c.exit(10 * time.Second); code != 0 || c.stderr.String() != "" || c.stdout.String() != "" {
		t.Errorf("it ended with %d", code)
	}
	requireNoPostgres(t, dir)
}
