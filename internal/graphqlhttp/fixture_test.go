package graphqlhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/graph"
	"github.com/roster-gateway/roster/graph/model"
)

// The fixture serves the project's schema with resolvers that know a few users: enough to see what a handler does
// with values, errors, panics and streams.
type fixture struct {
	graph.ResolverRoot
	events chan *directory.Change
	// released lets the slow user go.
	released chan struct{}
}

func (f *fixture) Query() graph.QueryResolver               { return fixtureQuery{fixture: f} }
func (f *fixture) Mutation() graph.MutationResolver         { return fixtureMutation{} }
func (f *fixture) Subscription() graph.SubscriptionResolver { return fixtureSubscription{fixture: f} }

type fixtureQuery struct {
	graph.QueryResolver
	fixture *fixture
}

func (q fixtureQuery) Viewer(context.Context) (*access.Principal, error) {
	return &access.Principal{Name: "tester", Scopes: access.AdminScopes}, nil
}

func (q fixtureQuery) User(ctx context.Context, id string) (*directory.User, error) {
	switch id {
	case "nobody":
		return nil, nil
	case "secret":
		return nil, errors.New("pq: relation \"identity\" does not exist")
	case "bad":
		return nil, directory.BadInput("id", "This is no id.")
	case "panic":
		panic("a secret of the resolver")
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "deaf": // does not notice that its time is up
		<-q.fixture.released
		return nil, nil
	}
	return user(id), nil
}

func user(name string) *directory.User {
	return &directory.User{Record: directory.Record{UID: uuid.Max, Kind: directory.KindUser, Name: name, FQN: "Local:" + name, DisplayName: name}}
}

func (q fixtureQuery) Users(_ context.Context, _ *string, _ *model.UserFilter, _ *model.UserOrder, first int, _ *directory.Cursor) (*directory.UserConnection, error) {
	rows := func(context.Context) ([]directory.UserEdge, bool, error) {
		edges := make([]directory.UserEdge, first)
		for i := range edges {
			edges[i].Node = user(fmt.Sprint("user", i))
		}
		return edges, false, nil
	}
	return directory.NewPage(false, rows, func(context.Context) (int, error) { return first, nil }), nil
}

func (q fixtureQuery) IdentitiesByFqn(_ context.Context, fqns []string) ([]directory.Identity, error) {
	return make([]directory.Identity, len(fqns)), nil
}

func (q fixtureQuery) Principals(_ context.Context, fqn string) ([]string, error) {
	return []string{fqn}, nil
}

type fixtureMutation struct{ graph.MutationResolver }

func (fixtureMutation) DeleteRole(_ context.Context, input model.DeleteRoleInput) (*model.DeleteRolePayload, error) {
	return &model.DeleteRolePayload{UserErrors: []*model.UserError{{Code: model.UserErrorCodeNotFound, Message: input.Name}}}, nil
}

type fixtureSubscription struct {
	graph.SubscriptionResolver
	fixture *fixture
}

func (s fixtureSubscription) Changes(ctx context.Context, after *directory.Cursor) (<-chan *directory.Change, error) {
	if after != nil && *after == "panic" {
		panic("a secret of the stream")
	}
	if after != nil {
		return nil, directory.BadInput("after", "This is no cursor of this list.")
	}
	out := make(chan *directory.Change)
	go func() {
		defer close(out)
		for {
			select {
			case change, more := <-s.fixture.events:
				if !more {
					return
				}
				select {
				case out <- change:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// presented is how the fixture shows errors.
func presented(_ context.Context, err error) *gqlerror.Error {
	shown := directory.AsError(err)
	out := &gqlerror.Error{Message: shown.Message, Extensions: map[string]any{"code": string(shown.Code)}}
	if located := (*gqlerror.Error)(nil); errors.As(err, &located) {
		out.Path, out.Locations = located.Path, located.Locations
		if code := codeOf(located); code != "" {
			out.Message, out.Extensions = located.Message, located.Extensions
		}
	}
	return out
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	f := &fixture{events: make(chan *directory.Change), released: make(chan struct{})}
	return f
}

func (f *fixture) schema() graphql.ExecutableSchema {
	return graph.NewExecutableSchema(graph.Config{Resolvers: f})
}

// newHandler returns a handler of the fixture that logs to the test.
func newHandler(tb testing.TB, change func(*Config)) http.Handler {
	tb.Helper()
	return newFixture(tb).handler(tb, change)
}

func (f *fixture) handler(tb testing.TB, change func(*Config)) http.Handler {
	tb.Helper()
	cfg := Config{Present: presented, Log: slog.New(slog.NewTextHandler(tb.Output(), nil))}
	if change != nil {
		change(&cfg)
	}
	return NewHandler(f.schema(), cfg)
}

// exchange is one request and what came back.
type exchange struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

func (e exchange) errors(tb testing.TB) []answerError {
	tb.Helper()
	var answer struct {
		Errors []answerError `json:"errors"`
	}
	if err := json.Unmarshal([]byte(e.body), &answer); err != nil {
		tb.Fatalf("the answer is no JSON: %v\n%s", err, e.body)
	}
	return answer.Errors
}

type answerError struct {
	Message    string `json:"message"`
	Path       []any  `json:"path"`
	Extensions struct {
		Code      string `json:"code"`
		RequestID string `json:"requestId"`
	} `json:"extensions"`
}

// post sends a body as JSON that accepts graphql-response+json.
func post(handler http.Handler, body string) exchange {
	return request(handler, http.MethodPost, "/graphql", body, map[string]string{
		"Content-Type": "application/json",
		"Accept":       "application/graphql-response+json",
	})
}

// ask posts a query without variables.
func ask(handler http.Handler, query string) exchange {
	body, _ := json.Marshal(map[string]string{"query": query})
	return post(handler, string(body))
}

func request(handler http.Handler, method, target, body string, header map[string]string) exchange {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	start := time.Now()
	handler.ServeHTTP(w, r)
	took := time.Since(start)
	text, _ := io.ReadAll(w.Result().Body)
	return exchange{w.Code, w.Result().Header, string(text), took}
}
