package resolvers

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/roster-gateway/roster/directory"
)

// reads are the reads of one response, or of one mutation in it: what was read once is not read again, and what is
// read side by side shares statements.
type reads struct {
	*directory.Reader
	// sources are the providers and the instances by public id.
	sources func(context.Context) (map[uuid.UUID]directory.Node, error)
	// revision is taken before anything else is read, where the operation asks for it.
	revision    directory.Revision
	revisionErr error
}

type readsKey struct{}

// readsFrom returns the reads that a resolver shares with the others of its response.
func readsFrom(ctx context.Context) *reads { return ctx.Value(readsKey{}).(*reads) }

// operationReads opens the reads: fresh ones for each response (so for each event of a subscription) and for each
// mutation, whose payload must not show what was read before its write.
type operationReads struct{ r *Resolver }

func (operationReads) ExtensionName() string { return "Reads" }

func (e operationReads) Validate(graphql.ExecutableSchema) error {
	if e.r == nil || e.r.Directory == nil || e.r.Access == nil {
		return errors.New("the resolvers need a directory and access")
	}
	return nil
}

func (e operationReads) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if !graphql.HasOperationContext(ctx) || len(graphql.GetErrors(ctx)) > 0 {
		return next(ctx) // refused before execution: nothing is read
	}
	opened := e.open(ctx)
	if op := graphql.GetOperationContext(ctx); op.Operation != nil && op.Operation.Operation == ast.Query {
		if slices.ContainsFunc(selectionsOf(ctx, op.Operation), func(s selection) bool { return s.coordinate == "Query.revision" }) {
			opened.revision, opened.revisionErr = opened.Reader.Revision(ctx)
		}
	}
	return next(context.WithValue(ctx, readsKey{}, opened))
}

func (e operationReads) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation {
		ctx = context.WithValue(ctx, readsKey{}, e.open(ctx))
	}
	return next(ctx)
}

func (e operationReads) open(ctx context.Context) *reads {
	opened := &reads{Reader: e.r.Directory.ReaderFor(ctx)}
	var once sync.Once
	var sources map[uuid.UUID]directory.Node
	var err error
	opened.sources = func(ctx context.Context) (map[uuid.UUID]directory.Node, error) {
		once.Do(func() { sources, err = readSources(ctx, opened.Reader) })
		return sources, err
	}
	return opened
}

func readSources(ctx context.Context, reader *directory.Reader) (map[uuid.UUID]directory.Node, error) {
	providers, err := reader.Providers(ctx)
	if err != nil {
		return nil, err
	}
	out := map[uuid.UUID]directory.Node{}
	for _, p := range providers {
		out[p.UID] = p
		instances, err := reader.InstancesOf(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, i := range instances {
			out[i.UID] = i
		}
	}
	return out, nil
}
