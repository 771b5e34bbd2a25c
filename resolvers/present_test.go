package resolvers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
	"github.com/roster-gateway/roster/resolvers"
)

func TestErrorsArePresented(t *testing.T) {
	t.Parallel()
	ctx := telemetry.WithRequestID(t.Context(), "r1")
	hidden := directory.AsError(errors.New("x")).Message
	late := "The request ran out of time. Try again, or ask for less at once."
	for _, test := range []struct {
		name string
		err  error
		want gqlerror.Error
	}{
		{
			"of the domain", directory.BadInput("first", "too many"),
			gqlerror.Error{Message: "too many", Extensions: map[string]any{"code": "BAD_USER_INPUT", "field": []string{"first"}}},
		},
		{
			"with a reason", fmt.Errorf("wrapped: %w", &directory.Error{Code: directory.CodeBadInput, Reason: directory.ReasonExpired, Message: "old"}),
			gqlerror.Error{Message: "old", Extensions: map[string]any{"code": "BAD_USER_INPUT", "reason": "expired"}},
		},
		{
			"with a cause", &directory.Error{Code: directory.CodeUnavailable, Message: "later", Cause: errors.New("dsn")},
			gqlerror.Error{Message: "later", Extensions: map[string]any{"code": "UNAVAILABLE"}},
		},
		{
			"foreign", errors.New(`pq: relation "identity" does not exist`),
			gqlerror.Error{Message: hidden, Extensions: map[string]any{"code": "INTERNAL", "requestId": "r1"}},
		},
		{
			"of a resolver, on its path", gqlerror.WrapPath(nil, errors.New("must not be null")),
			gqlerror.Error{Message: hidden, Extensions: map[string]any{"code": "INTERNAL", "requestId": "r1"}},
		},
		{
			"deadline", fmt.Errorf("read: %w", context.DeadlineExceeded),
			gqlerror.Error{Message: late, Extensions: map[string]any{"code": "UNAVAILABLE"}},
		},
		{
			"gone", context.Canceled,
			gqlerror.Error{Message: late, Extensions: map[string]any{"code": "UNAVAILABLE"}},
		},
		{
			"with a code", &gqlerror.Error{Err: errors.New("refused"), Message: "m", Extensions: map[string]any{"code": "RATE_LIMITED"}},
			gqlerror.Error{Message: "m", Extensions: map[string]any{"code": "RATE_LIMITED"}},
		},
		{"of the validator", gqlerror.Errorf("no such field"), gqlerror.Error{Message: "no such field"}},
	} {
		got := resolvers.Present(ctx, test.err)
		got.Err = nil
		if diff := cmp.Diff(test.want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if id, _ := resolvers.Present(t.Context(), errors.New("x")).Extensions["requestId"].(string); id == "" {
		t.Error("a hidden error outside of a request has no id")
	}
}

func TestArgumentsOfScalarsAreBadInput(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	for _, query := range []string{
		`{ users(filter: {updatedSince: "yesterday"}) { totalCount } }`,
		`{ users(filter: {updatedSince: 1}) { totalCount } }`,
		`mutation { createAccessToken(input: {name: "x", scopes: [READ], expiresAt: "never"}) { secret } }`,
	} {
		if got := g.code(t, admin, query, nil); got != "BAD_USER_INPUT" {
			t.Errorf("%s: %s, want BAD_USER_INPUT", query, got)
		}
	}
	if got := g.code(t, admin, `query($at: DateTime) { users(filter: {updatedSince: $at}) { totalCount } }`, map[string]any{"at": "x"}); got != "BAD_USER_INPUT" {
		t.Errorf("by a variable: %s, want BAD_USER_INPUT", got)
	}
	if got := g.code(t, admin, `{ users(first: 99999999999999999999) { totalCount } }`, nil); got != "GRAPHQL_VALIDATION_FAILED" {
		t.Errorf("a huge number: %s, want GRAPHQL_VALIDATION_FAILED", got)
	}
}
