package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
)

// revisionExtension is the key of a response's extensions that holds the revision of its last write.
const revisionExtension = "revision"

// revisions puts the revision of a response's last write into its extensions. A server that wants it too, for a
// header, makes the context by directory.WithWrites.
type revisions struct{}

func (revisions) ExtensionName() string { return "Revisions" }

func (revisions) Validate(graphql.ExecutableSchema) error { return nil }

func (revisions) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	writes := directory.WritesFrom(ctx)
	if writes == nil {
		ctx, writes = directory.WithWrites(ctx)
	}
	response := next(ctx)
	if last := writes.Last(); last != nil && response != nil {
		if response.Extensions == nil {
			response.Extensions = map[string]any{}
		}
		response.Extensions[revisionExtension] = last.String()
	}
	return response
}
