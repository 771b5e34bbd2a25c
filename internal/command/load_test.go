package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
)

// load is what clients of a Roster do while its database fails. Every client knows what it was told of its own writes, so
// that it notices what is wrong.
type load struct {
	*testing.T
	c    *child
	push string
	team string
	// bound is how long a request may take.
	bound time.Duration
	http  *http.Client

	stop    chan struct{}
	running sync.WaitGroup
	refused atomic.Int64 // answers that say to try again
	mu      sync.Mutex
	wrong   []string
	made    []string // users whose creation was acknowledged
	// good is when each client was last served.
	good map[string]time.Time
}

// loadClients is how many clients there are of each sort.
const loadClients = 3

// startLoad starts clients that go on until end.
func startLoad(t *testing.T, c *child, timeout time.Duration) *load {
	t.Helper()
	c.graphQL(admin, `mutation { addProvider(input: {name: "HR", type: SCIM}) { userErrors { message } } }`)
	c.graphQL(admin, `mutation { addProviderInstance(input: {provider: "HR"}) { userErrors { message } } }`)
	l := &load{
		T: t, c: c, push: c.newToken(`{name: "push", scopes: [SCIM], provider: "HR", instance: ""}`),
		bound: timeout + 2*time.Second, // the second that is promised, and one for a busy machine
		http:  &http.Client{Timeout: patience, Transport: canary.Transport(t, &http.Transport{MaxIdleConnsPerHost: 4 * loadClients})},
		stop:  make(chan struct{}), good: map[string]time.Time{},
	}
	l.team = c.create(l.push, "Groups", `{"displayName": "team"}`)
	for i := range loadClients {
		name := fmt.Sprint("member", i)
		id := c.create(l.push, "Users", `{"userName": "`+name+`"}`)
		member := false
		l.client(name, func() bool { return l.toggle(name, id, &member) })
		n := 0
		l.client(fmt.Sprint("creator", i), func() bool { n++; return l.createAndLook(fmt.Sprintf("new%d-%d", i, n)) })
	}
	return l
}

// client runs a client, whose step reports whether all of it was served.
func (l *load) client(name string, step func() bool) {
	l.running.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if step() {
				l.mu.Lock()
				l.good[name] = time.Now()
				l.mu.Unlock()
			}
		}
	})
}

func (l *load) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// ask sends a request, and reports whether it was served. What is not has to say that another try may be.
func (l *load) ask(method, path, token, media, body string) (status int, answer string, served bool) {
	begun := time.Now()
	request, err := http.NewRequestWithContext(context.Background(), method, l.c.base+path, strings.NewReader(body))
	if err != nil {
		l.fault("%v", err)
		return 0, "", false
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", media)
	response, err := l.http.Do(request)
	if err != nil {
		l.fault("%s %s had no answer: %v", method, path, err)
		return 0, "", false
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if took := time.Since(begun); took > l.bound {
		l.fault("%s %s took %s", method, path, took)
	}
	unavailable := strings.Contains(string(text), `"code":"UNAVAILABLE"`)
	switch {
	case err != nil:
		l.fault("%s %s: its answer was cut: %v", method, path, err)
	case response.StatusCode == http.StatusServiceUnavailable || unavailable:
		if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "" {
			l.fault("%s %s is answered 503 without Retry-After", method, path)
		}
		l.refused.Add(1)
	case response.StatusCode >= 500:
		l.fault("%s %s is answered %d %s", method, path, response.StatusCode, text)
	default:
		return response.StatusCode, string(text), true
	}
	return response.StatusCode, string(text), false
}

// toggle puts a user into the team or takes it out, and asks whether it is there.
func (l *load) toggle(name, id string, member *bool) bool {
	op := `{"op": "add", "path": "members", "value": [{"value": "` + id + `"}]}`
	if *member {
		op = `{"op": "remove", "path": "members[value eq \"` + id + `\"]"}`
	}
	status, answer, served := l.ask(http.MethodPatch, "/scim/v2/Groups/"+l.team, l.push, "application/scim+json",
		`{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [`+op+`]}`)
	if !served { // nobody knows whether it was done: doing it again makes sure
		return false
	}
	if status != http.StatusNoContent {
		l.fault("%s is answered %d %s", op, status, answer)
		return false
	}
	*member = !*member
	_, answer, served = l.ask(http.MethodPost, "/graphql", admin, "application/json",
		`{"query":"{ checkMembership(checks: [{member: \"HR:`+name+`\", container: \"HR:team\"}]) { isMember } }"}`)
	if want := fmt.Sprintf(`{"data":{"checkMembership":[{"isMember":%t}]}}`, *member); served && answer != want {
		l.fault("%s: answered %s, want %s", name, answer, want)
	}
	return served
}

// createAndLook creates a user, and looks at it by both doors.
func (l *load) createAndLook(name string) bool {
	status, answer, served := l.ask(http.MethodPost, "/scim/v2/Users", l.push, "application/scim+json", `{"userName": "`+name+`"}`)
	if !served {
		return false
	}
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(answer), &made); status != http.StatusCreated || err != nil {
		l.fault("creating %s is answered %d %s", name, status, answer)
		return false
	}
	l.mu.Lock()
	l.made = append(l.made, made.ID)
	l.mu.Unlock()
	if status, answer, served = l.ask(http.MethodGet, "/scim/v2/Users/"+made.ID, l.push, "application/scim+json", ""); !served {
		return false
	}
	if status != http.StatusOK {
		l.fault("%s, which was created, is answered %d %s", name, status, answer)
	}
	_, answer, served = l.ask(http.MethodPost, "/graphql", admin, "application/json", `{"query":"{ user(id: \"`+made.ID+`\") { userName } }"}`)
	if want := `{"data":{"user":{"userName":"` + name + `"}}}`; served && answer != want {
		l.fault("%s: answered %s, want %s", name, answer, want)
	}
	return served
}

// awaitAll waits until every client was served after a time, and returns how long the last one had to wait.
func (l *load) awaitAll(since time.Time) time.Duration {
	l.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		served := 0
		for _, at := range l.good {
			if at.After(since) {
				served++
			}
		}
		l.mu.Unlock()
		if served == 2*loadClients {
			return time.Since(since)
		}
		if time.Now().After(deadline) {
			l.Fatalf("only %d clients are served again", served)
		}
	}
}

// end stops the clients, looks for what they were promised, and tells what was wrong.
func (l *load) end() {
	l.Helper()
	close(l.stop)
	l.running.Wait()
	for _, id := range l.made {
		if status, answer, _ := l.ask(http.MethodGet, "/scim/v2/Users/"+id, l.push, "application/scim+json", ""); status != http.StatusOK {
			l.fault("a user whose creation was acknowledged is answered %d %s in the end", status, answer)
		}
	}
	l.http.CloseIdleConnections()
	for _, wrong := range l.wrong {
		l.Error(wrong)
	}
}
