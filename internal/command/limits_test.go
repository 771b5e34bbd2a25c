package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
)

// provisioned is a Roster with an instance, and the secret of its SCIM token.
func provisioned(t *testing.T, settings ...string) (c *child, push string) {
	t.Helper()
	c = serve(t, append([]string{"ROSTER_DATABASE_URL=" + testpg.New(t), "ROSTER_ADMIN_TOKEN=" + admin}, settings...)...)
	c.graphQL(admin, `mutation { addProvider(input: {name: "HR", type: SCIM}) { userErrors { message } } addProviderInstance(input: {provider: "HR"}) { userErrors { message } } }`)
	return c, c.newToken(`{name: "push", scopes: [SCIM], provider: "HR", instance: ""}`)
}

func bearer(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

// TestA14BruteForce tries wrong tokens at every door until it is told to wait. Good tokens of the same address are let in
// all the while, and other clients of a trusted proxy are not held up.
func TestA14BruteForce(t *testing.T) {
	t.Parallel()
	c, push := provisioned(t, "ROSTER_MAX_WRONG_TOKENS=5", "ROSTER_TRUSTED_PROXIES=127.0.0.0/8")
	try := func(door, token, client string) exchanged {
		header := bearer(token)
		header["X-Forwarded-For"] = client
		if token == "" {
			header["Authorization"] = ""
		}
		method, body := http.MethodGet, io.Reader(nil)
		if door == "/graphql" {
			method, body = http.MethodPost, strings.NewReader(`{"query":"{__typename}"}`)
		}
		return c.exchange(method, door, header, body)
	}
	doors := []string{"/graphql", "/scim/v2/Users", "/tokens/x/Users", "/metrics", "/nothing"}
	for i, door := range doors {
		attacker := fmt.Sprintf("198.51.100.%d", i)
		for range 5 {
			if got := try(door, "wrong", attacker); got.status != http.StatusUnauthorized {
				t.Fatalf("%s: %d %s, want 401 at first", door, got.status, got.body)
			}
		}
		got := try(door, "wrong", attacker)
		wait, err := strconv.Atoi(got.header.Get("Retry-After"))
		if got.status != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 12 {
			t.Errorf("%s: %d after %q: %s, want 429", door, got.status, got.header.Get("Retry-After"), got.body)
		}
		form := `"RATE_LIMITED"`
		if strings.Contains(door, "Users") {
			form = `"urn:ietf:params:scim:api:messages:2.0:Error"`
		}
		if !strings.Contains(got.body, form) || !strings.Contains(got.body, "Too many requests with a wrong access token") {
			t.Errorf("%s: %s", door, got.body)
		}
		for _, other := range doors { // one address, whatever the door
			if got := try(other, "wrong", attacker); got.status != http.StatusTooManyRequests {
				t.Errorf("%s after %s: %d, want 429", other, door, got.status)
			}
		}
		if got := try("/graphql", admin, attacker); got.status != http.StatusOK {
			t.Errorf("a good token from the same address: %d %s", got.status, got.body)
		}
		if got := try("/scim/v2/Users", push, attacker); got.status != http.StatusOK {
			t.Errorf("a good SCIM token from the same address: %d %s", got.status, got.body)
		}
		if got := try(door, "", attacker); got.status != http.StatusUnauthorized {
			t.Errorf("no token at all: %d", got.status)
		}
	}
}

// production is a Roster in production mode with a token that only reads, and how to ask it.
func production(t *testing.T) (c *child, reader string, ask func(token, query string) exchanged) {
	t.Helper()
	c = shared(t, "ROSTER_PRODUCTION=true")
	reader = c.newToken(`{name: "reader", scopes: [READ]}`)
	return c, reader, func(token, query string) exchanged {
		return c.exchange(http.MethodPost, "/graphql", bearer(token), strings.NewReader(graphQLBody(query, "")))
	}
}

// TestG9IntrospectionInProduction: readers do not see the schema; who administers does, and __typename stays.
func TestG9IntrospectionInProduction(t *testing.T) {
	t.Parallel()
	c, reader, ask := production(t)
	for _, query := range []string{"{__schema{queryType{name}}}", `{__type(name:"User"){fields{name}}}`, `{...F} fragment F on Query{a:__schema{types{name}}}`} {
		for range 2 { // the second time from the cache
			got := ask(reader, query)
			if got.status != http.StatusForbidden || strings.Join(codesOf(t, got.body), "") != "FORBIDDEN" || strings.Contains(got.body, "data") {
				t.Errorf("a reader's %s: %d %s", query, got.status, got.body)
			}
			if got := ask(admin, query); got.status != http.StatusOK {
				t.Errorf("an admin's %s: %d %s", query, got.status, got.body)
			}
		}
	}
	if got := ask(reader, "{__typename viewer{__typename}}"); got.body != `{"data":{"__typename":"Query","viewer":{"__typename":"Viewer"}}}` {
		t.Error(got.body)
	}
	for _, scope := range []string{"ROLE_ADMIN", "SYNC_ADMIN", "TOKEN_ADMIN"} {
		token := c.newToken(`{name: "` + scope + `", scopes: [` + scope + `]}`)
		if got := ask(token, "{__schema{queryType{name}}}"); got.status != http.StatusOK {
			t.Errorf("with %s: %d %s", scope, got.status, got.body)
		}
	}
}

func TestG11NoSuggestionsInProduction(t *testing.T) {
	t.Parallel()
	c, reader, ask := production(t)
	for _, query := range []string{"{viewr{name}}", `{user(idd:"1"){id}}`, "{identities(kinds:[USR]){nodes{id}}}", "query($a:Usr){user(id:$a){id}}", "{viewer}", "{user(id:1){nme}}"} {
		if got := ask(reader, query); got.status != http.StatusBadRequest || strings.Contains(got.body, "Did you mean") {
			t.Errorf("a reader's %s: %d %s", query, got.status, got.body)
		}
	}
	if got := ask(admin, "{viewr{name}}"); !strings.Contains(got.body, "Did you mean") {
		t.Errorf("an admin gets no suggestion: %s", got.body)
	}
	variable := c.exchange(http.MethodPost, "/graphql", bearer(reader), strings.NewReader(graphQLBody("query($f:UserFilter){users(filter:$f){nodes{id}}}", `{"f":{"statuz":1}}`)))
	if variable.status != http.StatusBadRequest || strings.Contains(variable.body, "status") {
		t.Errorf("a variable: %d %s", variable.status, variable.body)
	}
}

// TestG18EventStreamsAreCapped: subscriptions come as event streams alone, which are capped for each token and in all.
func TestG18EventStreamsAreCapped(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_MAX_SUBSCRIPTIONS=3", "ROSTER_MAX_SUBSCRIPTIONS_PER_TOKEN=2")
	reader := c.newToken(`{name: "reader", scopes: [READ]}`)
	open := func(ctx context.Context, token string) *http.Response {
		t.Helper()
		r := c.question(token, "", `{"query":"subscription{changes{kind}}"}`).WithContext(ctx)
		r.Header.Set("Accept", "text/event-stream")
		response, err := canary.Client(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response
	}
	refused := func(token, says string) {
		t.Helper()
		response := open(t.Context(), token)
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(body), says) || response.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s, want 429 that says %q", response.StatusCode, body, says)
		}
	}
	leave, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 2 {
		if response := open(leave, reader); response.StatusCode != http.StatusOK {
			t.Fatalf("a stream: %d", response.StatusCode)
		}
	}
	refused(reader, "2 event streams are open with this access token, which is the limit for one.")
	if response := open(leave, admin); response.StatusCode != http.StatusOK {
		t.Fatalf("another token's stream: %d", response.StatusCode)
	}
	refused(admin, "3 event streams are open, which is the limit.")
	cancel() // the streams end, and make room
	for deadline := time.Now().Add(patience); open(t.Context(), reader).StatusCode != http.StatusOK; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("streams that were left hold their place")
		}
	}
	t.Run("there are no sockets", func(t *testing.T) {
		got := c.exchange(http.MethodGet, "/graphql", map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}, nil)
		if got.status != http.StatusBadRequest || got.header.Get("Upgrade") != "" {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// TestMeasured6SlowBodiesAreCut: on every route a body has the time of a request, no longer.
func TestMeasured6SlowBodiesAreCut(t *testing.T) {
	t.Parallel()
	c := shared(t, "ROSTER_REQUEST_TIMEOUT=1s")
	const (
		graphQL = "POST /graphql HTTP/1.1\r\nHost: roster\r\nContent-Type: application/json\r\n"
		token   = "Authorization: Bearer " + admin + "\r\n"
		begun   = "Content-Length: 100\r\n\r\n{"
	)
	for name, head := range map[string]string{
		"GraphQL": graphQL + token + begun, "without a token": graphQL + begun, "a subscription": graphQL + token + "Accept: text/event-stream\r\n" + begun,
		"SCIM":           "POST /scim/v2/Users HTTP/1.1\r\nHost: roster\r\nContent-Type: application/json\r\n" + token + begun,
		"a probe":        "GET /health/live HTTP/1.1\r\nHost: roster\r\n" + begun,
		"chunks":         graphQL + token + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"the metrics":    "GET /metrics HTTP/1.1\r\nHost: roster\r\n" + token + begun,
		"an unknown way": "POST /nothing HTTP/1.1\r\nHost: roster\r\n" + token + begun,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.cut(t, head)
		})
	}
}

// cut sends a request whose body does not come to its end, and expects the connection to end.
func (c *child) cut(t *testing.T, head string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, bufio.NewReader(conn)); err != nil {
		t.Errorf("the connection is still open: %v", err)
	}
}

// TestRateLimits spends the budget of a token by both doors' own forms.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	c, push := provisioned(t, "ROSTER_RATE_LIMIT=1", "ROSTER_RATE_BURST=100")
	reader := c.newToken(`{name: "reader", scopes: [READ]}`)
	ask := func(query, accept string) exchanged {
		header := bearer(reader)
		header["Accept"] = accept
		return c.exchange(http.MethodPost, "/graphql", header, strings.NewReader(graphQLBody(query, "")))
	}
	first := ask("{users(first:39){nodes{id}}}", jsonType)
	if first.status != http.StatusOK || first.header.Get("RateLimit-Policy") != `"cost";q=100;w=100` || !strings.HasPrefix(first.header.Get("RateLimit"), `"cost";r=60;t=`) {
		t.Errorf("%d %v", first.status, first.header)
	}
	for _, accept := range []string{jsonType, graphQLType} {
		over := ask("{users(first:99){nodes{id}}}", accept)
		wait, err := strconv.Atoi(over.header.Get("Retry-After"))
		if over.status != http.StatusTooManyRequests || err != nil || wait < 20 || wait > 40 || strings.Join(codesOf(t, over.body), "") != "RATE_LIMITED" {
			t.Errorf("%s: %d after %q: %s", accept, over.status, over.header.Get("Retry-After"), over.body)
		}
	}
	if small := ask("{viewer{name}}", jsonType); small.status != http.StatusOK {
		t.Errorf("what the budget still holds: %d %s", small.status, small.body)
	}
	if other := c.exchange(http.MethodPost, "/graphql", nil, strings.NewReader(graphQLBody("{viewer{name}}", ""))); other.status != http.StatusOK {
		t.Errorf("another token: %d %s", other.status, other.body)
	}

	operations := strings.TrimSuffix(strings.Repeat(`{"method":"POST","path":"/Users","data":{}},`, 90), ",")
	bulk := c.exchange(http.MethodPost, "/scim/v2/Bulk", bearer(push), strings.NewReader(`{"Operations":[`+operations+`]}`))
	if bulk.status != http.StatusOK || !strings.HasPrefix(bulk.header.Get("RateLimit"), `"cost";r=`) {
		t.Errorf("%d %v %.200s", bulk.status, bulk.header, bulk.body)
	}
	bulk = c.exchange(http.MethodPost, "/scim/v2/Bulk", bearer(push), strings.NewReader(`{"Operations":[`+operations+`]}`))
	if bulk.status != http.StatusTooManyRequests || bulk.header.Get("Retry-After") == "" || !strings.Contains(bulk.body, `"status":"429"`) || !strings.Contains(bulk.body, "messages:2.0:Error") {
		t.Errorf("over the budget: %d %v %.200s", bulk.status, bulk.header, bulk.body)
	}
	for range 100 {
		if got := c.exchange(http.MethodGet, "/scim/v2/Users", bearer(push), nil); got.status == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("SCIM requests go on without a budget")
}

// TestOperationsOfTheListAreRun starts with a folder of operations.
func TestOperationsOfTheListAreRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "viewer.graphql"), "query Viewer {\n  viewer { name }\n}\n")
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_GRAPHQL_OPERATIONS="+dir)
	reader := c.newToken(`{name: "reader", scopes: [READ]}`)
	for query, want := range map[string]int{"query Viewer {\n  viewer { name }\n}": http.StatusOK, "{viewer{name}}": http.StatusForbidden} {
		if got := c.exchange(http.MethodPost, "/graphql", bearer(reader), strings.NewReader(graphQLBody(query, ""))); got.status != want {
			t.Errorf("%s: %d %s, want %d", query, got.status, got.body, want)
		}
	}
	c.graphQL(admin, "{viewer{name}}")

	wrong := filepath.Join(t.TempDir(), "wrong.graphql")
	writeFile(t, wrong, "{nothing}")
	requireFailure(t, launch(t, []string{"ROSTER_DATABASE_URL=" + testpg.New(t), "ROSTER_GRAPHQL_OPERATIONS=" + wrong}, "serve"), exitFailed, "ROSTER_GRAPHQL_OPERATIONS", "wrong.graphql", "Cannot query field")
}
