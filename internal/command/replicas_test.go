package command

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/command/front"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/resolvers"
)

// TestReplicas starts two at once over one empty database: one of them prints the token, and a write on one is read on the
// other by its revision.
func TestReplicas(t *testing.T) {
	t.Parallel()
	url := testpg.Empty(t)
	one := launch(t, []string{"ROSTER_DATABASE_URL=" + url}, "serve")
	two := launch(t, []string{"ROSTER_DATABASE_URL=" + url}, "serve")
	one.awaitServing()
	two.awaitServing()
	printed := func() []string { return strings.Fields(one.stdout.String() + " " + two.stdout.String()) }
	for deadline := time.Now().Add(patience); len(printed()) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // the outputs of a child come by two ways
	}
	if len(printed()) != 1 {
		t.Fatalf("they printed %q, want one token", printed())
	}
	token := printed()[0]

	header := one.post(token, "", `{"query":"mutation { createRole(input: {name: \"R\"}) { userErrors { message } } }"}`).Header
	revision := header.Get(resolvers.RevisionHeader)
	if revision == "" {
		t.Fatal("a mutation is answered without a revision")
	}
	answer := two.post(token, revision, `{"query":"{ role(name: \"R\") { name } }"}`)
	if answer.StatusCode != http.StatusOK || answer.Header.Get(resolvers.RevisionHeader) != "" {
		t.Errorf("a read of that revision is answered %d with the header %q", answer.StatusCode, answer.Header.Get(resolvers.RevisionHeader))
	}
	if answer := two.post(token, "nonsense", `{"query":"{ revision }"}`); answer.StatusCode != http.StatusBadRequest {
		t.Errorf("no revision at all is answered %d, want 400", answer.StatusCode)
	}
}

// question is a GraphQL request that names a revision, unless that is empty.
func (c *child) question(token, revision, body string) *http.Request {
	c.t.Helper()
	request, err := http.NewRequest(http.MethodPost, c.base+"/graphql", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	if revision != "" {
		request.Header.Set(front.AtLeastHeader, revision)
	}
	return request
}

// post sends a GraphQL request and reads nothing but the answer's head.
func (c *child) post(token, revision, body string) *http.Response {
	c.t.Helper()
	response, err := canary.Transport(c.t, http.DefaultTransport).RoundTrip(c.question(token, revision, body))
	if err != nil {
		c.t.Fatal(err)
	}
	response.Body.Close()
	return response
}
