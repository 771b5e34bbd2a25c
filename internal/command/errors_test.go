package command

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/faultproxy"
	"github.com/roster-gateway/roster/internal/testpg"
)

// insides are what no answer may show: SQL and its errors, the database's address, paths, stacks and types of Go.
var insides = regexp.MustCompile(`(?i)\bpq:|sqlstate|\bselect .* from\b|insert into|relation "|postgres|sslmode|/usr/|/var/|/tmp/|/home/|\.go\b|goroutine|runtime error|` +
	`\bpanic\b|0x[0-9a-f]{6}|nil pointer|interface ?\{|map\[|\*ast\.|\*?directory\.|\*?access\.|\*?store\.|\*?scim\.|strconv|json:|encoding/|invalid UUID|context deadline|unexpected EOF|dial tcp`)

// TestG20ErrorsShowNoInsides provokes errors of many kinds at every door, with the database there and with it gone.
func TestG20ErrorsShowNoInsides(t *testing.T) {
	t.Parallel()
	network := between(t, testpg.New(t))
	c := serve(t, "ROSTER_DATABASE_URL="+network.URL(), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_REQUEST_TIMEOUT=3s")
	push := c.pushInto("G20")
	hostile := []string{`'; DROP TABLE identity; --`, "\\u0000", "%s%d", "-1", "", strings.Repeat("x", 5000), "{{.}}", "\\ud83d\\ude00", "../../etc/passwd"}
	requests := []probe{
		{"POST", "/graphql", admin, "{"},
		{"POST", "/graphql", admin, `{"query":"{"}`},
		{"POST", "/graphql", admin, `{"query":"\"\"\""}`},
		{"POST", "/graphql", admin, `{"query":"{user(id:1.5e400){id}}"}`},
		{"PUT", "/graphql", admin, ""},
		{"GET", "/graphql?variables=%7B", admin, ""},
		{"GET", "/graphql?query=%zz", admin, ""},
		{"POST", "/metrics", admin, ""},
		{"GET", "/nothing", admin, ""},
		{"POST", "/graphql", "wrong", ""},
		{"POST", "/graphql", push, `{"query":"{revision}"}`},
		{"GET", "/scim/v2/Users", admin, ""},
		{"GET", "/scim/v2/Nothing", push, ""},
		{"POST", "/scim/v2/Users", push, "{"},
		{"POST", "/scim/v2/Users", push, `{"userName":{}}`},
		{"POST", "/scim/v2/Users", push, `[]`},
		{"PATCH", "/scim/v2/Users/x", push, `{}`},
		{"POST", "/scim/v2/Bulk", push, `{"Operations":[{"method":"PUT","path":"/Users/x","data":{"userName":1}}]}`},
	}
	for _, text := range hostile {
		for _, query := range []string{
			"query($t:ID!){node(id:$t){id}}", "query($t:ID!){user(id:$t){id}}", "query($t:Cursor){users(after:$t){nodes{id}}}", "query($t:String!){resolve(fqns:[$t]){results{fqn}}}",
			"query($t:DateTime){users(filter:{updatedSince:$t}){nodes{id}}}", "query($t:Cursor){changes(after:$t){nodes{kind}}}", "query($t:Int!){users(first:$t){nodes{id}}}",
			"query($t:[IdentityKind!]){identities(kinds:$t){nodes{id}}}", "mutation($t:String!){createRole(input:{name:$t,description:$t}){userErrors{message}}}",
			"mutation($t:DateTime){createAccessToken(input:{name:\"x\",scopes:[READ],expiresAt:$t}){userErrors{message}}}", "query($t:Nothing){viewer{name}}",
		} {
			requests = append(requests, probe{"POST", "/graphql", admin, fmt.Sprintf(`{"query":%q,"variables":{"t":"%s"}}`, query, text)})
		}
		sent := url.QueryEscape(text)
		requests = append(requests, probe{"GET", "/scim/v2/Users?filter=" + sent, push, ""}, probe{"GET", "/scim/v2/Users?sortBy=" + sent + "&attributes=" + sent, push, ""},
			probe{"GET", "/scim/v2/Users?cursor=" + sent + "&count=" + sent, push, ""}, probe{"GET", "/scim/v2/Users/" + url.PathEscape(text), push, ""},
			probe{"POST", "/scim/v2/Groups", push, fmt.Sprintf(`{"displayName":"%s","members":[{"value":"%s"}]}`, text, text)})
	}
	c.showsNoInsides(requests, 100)
	network.Turn(faultproxy.Refuse)
	c.showsNoInsides([]probe{
		{"POST", "/graphql", admin, slowQuery},
		{"POST", "/graphql", admin, `{"query":"mutation{createRole(input:{name:\"x\"}){userErrors{message}}}"}`},
		{"POST", "/graphql", admin, `{"query":"{accessTokens{nodes{name}}}"}`},
		{"GET", "/scim/v2/Users", push, ""},
		{"POST", "/scim/v2/Users", push, `{"userName":"ana"}`},
	}, 5)
	if _, body := c.get("/health/ready", ""); insides.MatchString(body) {
		t.Error(body)
	}
}

// showsNoInsides sends what has to fail, all at once, and expects at least so many errors.
func (c *child) showsNoInsides(probes []probe, least int64) {
	c.t.Helper()
	var refused atomic.Int64
	var sending sync.WaitGroup
	for part := range slices.Chunk(probes, (len(probes)+15)/16) {
		sending.Go(func() {
			for _, r := range part {
				got := c.exchange(r.method, r.path, bearer(r.token), strings.NewReader(r.body))
				if got.status == http.StatusInternalServerError || strings.Contains(got.body, `"INTERNAL"`) {
					c.t.Errorf("%s %.80s %.200s: %d %.300s", r.method, r.path, r.body, got.status, got.body)
				}
				if !strings.Contains(got.body, `"message"`) && !strings.Contains(got.body, `"detail"`) {
					continue
				}
				refused.Add(1)
				if found := insides.FindString(strings.ReplaceAll(got.body, "/etc/passwd", "")); found != "" {
					c.t.Errorf("%s %.80s %.200s shows %q: %d %.300s", r.method, r.path, r.body, found, got.status, got.body)
				}
			}
		})
	}
	sending.Wait()
	if n := refused.Load(); n < least {
		c.t.Errorf("%d of %d are refused, want %d", n, len(probes), least)
	}
}

// probe is a request that provokes an error.
type probe struct{ method, path, token, body string }

// held is a Roster whose lists wait for a lock on the identities, which is held until the test ends.
func held(t *testing.T, timeout string) (c *child, db *sql.DB) {
	t.Helper()
	address := testpg.New(t)
	c = serve(t, "ROSTER_DATABASE_URL="+address, "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_REQUEST_TIMEOUT="+timeout)
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	lock, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec("LOCK TABLE identity IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	return c, db
}

// awaitWaiting waits until so many statements of slowQuery wait for the lock.
func awaitWaiting(t *testing.T, db *sql.DB, want int) {
	t.Helper()
	n := -1
	for deadline := time.Now().Add(20 * time.Second); n != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d statements wait, want %d", n, want)
		}
		if err := db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%i.updated_at >=%'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
}

const slowQuery = `{"query":"{users(filter:{updatedSince:\"2020-01-01T00:00:00Z\"},orderBy:{field:USER_NAME}){nodes{id}}}"}`

// TestG22ClientGone: a statement ends when the client that waits for it leaves.
func TestG22ClientGone(t *testing.T) {
	t.Parallel()
	c, db := held(t, "1m")
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	gone := make(chan error, 1)
	go func() {
		response, err := canary.Client(t).Do(c.question(admin, "", slowQuery).WithContext(ctx))
		if err == nil {
			response.Body.Close()
		}
		gone <- err
	}()
	awaitWaiting(t, db, 1)
	leave()
	if err := <-gone; err == nil {
		t.Fatal("the query was answered")
	}
	awaitWaiting(t, db, 0)
}

// TestG23TimeBudget: an operation is answered when its time is up, and its statement ends with it.
func TestG23TimeBudget(t *testing.T) {
	t.Parallel()
	c, db := held(t, "300ms")
	start := time.Now()
	got := c.exchange(http.MethodPost, "/graphql", nil, strings.NewReader(slowQuery))
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if len(codesOf(t, got.body)) != 1 || codesOf(t, got.body)[0] != "UNAVAILABLE" || len(got.body) > 1024 {
		t.Errorf("%d %s", got.status, got.body)
	}
	awaitWaiting(t, db, 0)
}
