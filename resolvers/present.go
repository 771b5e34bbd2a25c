package resolvers

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
)

// Present is the one place that turns an error into its GraphQL form: extensions.code, and extensions.field where one
// input was wrong. A foreign error becomes INTERNAL: its text goes to the log, under the request id that the answer
// carries as extensions.requestId. An error that carries a code already passes as it is.
func Present(ctx context.Context, err error) *gqlerror.Error {
	out := graphql.DefaultErrorPresenter(ctx, err)
	if out == nil || out.Err == nil || out.Extensions["code"] != nil {
		return out
	}
	known := knownError(err)
	extensions := map[string]any{"code": string(known.Code)}
	if len(known.Field) > 0 {
		extensions["field"] = known.Field
	}
	if known.Reason != "" {
		extensions["reason"] = string(known.Reason)
	}
	if known.Code == directory.CodeInternal {
		id := telemetry.RequestID(ctx)
		if id == "" {
			id = rand.Text()
		}
		extensions["requestId"] = id
		slog.ErrorContext(ctx, "a GraphQL operation failed", "requestId", id, "path", out.Path.String(), "error", err)
	} else if known.Code == directory.CodeUnavailable && known.Cause != nil {
		slog.WarnContext(ctx, "a GraphQL operation failed", "code", known.Code, "path", out.Path.String(), "error", err)
	}
	return &gqlerror.Error{Message: known.Message, Path: out.Path, Locations: out.Locations, Extensions: extensions}
}

// knownError is what the caller may see of an error.
func knownError(err error) *directory.Error {
	var known *directory.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &directory.Error{Code: directory.CodeUnavailable, Message: "The request ran out of time. Try again, or ask for less at once."}
	default:
		return directory.AsError(err)
	}
}
