package scim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/scim"
	"github.com/roster-gateway/roster/scim/schema"
)

// runningOut is a request's context whose time is as good as over as soon as so many statements were run.
type runningOut struct {
	context.Context
	statements func() uint64
	last       uint64
}

func (c runningOut) Deadline() (time.Time, bool) {
	if c.statements() < c.last {
		return time.Now().Add(time.Hour), true
	}
	return time.Now(), true
}

// Operations that the time of a bulk request does not reach answer 503 each; what was done is told, and the same request
// once more does the rest.
func TestBulkOutOfTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler := scim.NewHandler(w.directory, w.access, scim.Config{PublicURL: publicURL, Log: canary.LogTo(t, w.log), Events: w.events})
	left := uint64(0) // the statements until the time is over, beside the one that finds the token
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(out, r.WithContext(runningOut{r.Context(), w.store.Statements, w.store.Statements() + 1 + left}))
	}))
	t.Cleanup(server.Close)
	hasty := &client{t: t, server: server.URL, prefix: w.prefix, bearer: w.bearer}

	old := w.user("old@x")
	operations := strings.Join([]string{
		create("Users", "a", `{"userName":"a@x"}`), create("Users", "b", `{"userName":"b@x"}`), create("Users", "c", `{"userName":"c@x"}`),
		`{"method":"DELETE","path":"/Users/` + old + `"}`, create("Groups", "g", `{"displayName":"G","members":["bulkId:a"]}`), `{"method":"GET"}`,
	}, ",")
	left = 2
	a := hasty.bulk(operations)
	same(t, "statuses", "201 201 503 503 503 400", a.statuses())
	for i := 2; i < 5; i++ {
		if detail := a.text("Operations", i, "response", "detail"); !strings.Contains(detail, "before this operation was begun") {
			t.Errorf("operation %d: %s", i, detail)
		}
	}
	same(t, "users", []string{old, a.created(0), a.created(1)}, w.get("/Users").ids())
	same(t, "groups", []string{}, w.get("/Groups").ids())
	if a.header.Get("Roster-Revision") == "" {
		t.Error("no revision of what was done")
	}
	same(t, "once more", "409 409 201 204 409 400", w.bulk(operations).statuses())

	// A circle that is not closed in time leaves nothing behind.
	left = 1
	circle := create("Groups", "x", `{"displayName":"X","members":["bulkId:y"]}`) + "," + create("Groups", "y", `{"displayName":"Y","members":["bulkId:x"]}`)
	same(t, "a circle", "503 503", hasty.bulk(circle).statuses())
	same(t, "groups", []string{}, w.get("/Groups").ids())
	left = 0
	same(t, "no time at all", "503", hasty.bulk(create("Groups", "x", `{"schemas":["`+schema.GroupURN+`"],"displayName":"X"}`)).statuses())
}
