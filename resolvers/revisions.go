package resolvers

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
)

// revisionExtension is the key of a response's extensions that holds the revision of its last write.
const revisionExtension = "revision"

// RevisionHeader carries the revision of a request's last write.
const RevisionHeader = "Roster-Revision"

// Headers puts the revision of a response's last write into a header, beside its extensions.
func Headers(header http.Header, response *graphql.Response) {
	if revision, ok := response.Extensions[revisionExtension].(string); ok {
		header.Set(RevisionHeader, revision)
	}
}

// revisions puts the revision of a response's last write into its extensions.
type revisions struct{}

func (revisions) ExtensionName() string { return "Revisions" }

func (revisions) Validate(graphql.ExecutableSchema) error { return nil }

func (revisions) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	ctx, writes := directory.WithWrites(ctx)
	response := next(ctx)
	if last := writes.Last(); last != nil && response != nil {
		if response.Extensions == nil {
			response.Extensions = map[string]any{}
		}
		response.Extensions[revisionExtension] = last.String()
	}
	return response
}
