package resolvers

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// recheckEvery is how often a stream makes sure that its access token is still live.
const recheckEvery = 2 * time.Second

type endKey struct{}

// ends lets the resolver of a subscription leave an error, with which the stream ends: as a last response of errors
// only.
type ends struct{}

func (ends) ExtensionName() string { return "StreamEnds" }

func (ends) Validate(graphql.ExecutableSchema) error { return nil }

func (ends) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	end := make(chan error, 1)
	responses := next(context.WithValue(ctx, endKey{}, end))
	return func(ctx context.Context) *graphql.Response {
		response := responses(ctx)
		if response == nil {
			select {
			case err := <-end:
				response = &graphql.Response{Errors: gqlerror.List{Present(ctx, err)}}
			default:
			}
		}
		return response
	}
}

// follow delivers changes until the caller goes, the feed fails or the caller's token is live no more.
func (r *Resolver) follow(ctx context.Context, after *directory.Cursor) (<-chan *directory.Change, error) {
	end := ctx.Value(endKey{}).(chan error)
	ctx, cancel := context.WithCancel(ctx)
	events, err := r.Directory.Subscribe(ctx, after)
	if err != nil {
		cancel()
		return nil, err
	}
	out := make(chan *directory.Change)
	go func() {
		defer cancel()
		defer close(out) // after the error is left
		if err := r.forward(ctx, events, out); err != nil {
			end <- err
		}
	}()
	return out, nil
}

func (r *Resolver) forward(ctx context.Context, events <-chan directory.ChangeEvent, out chan<- *directory.Change) error {
	recheck := time.NewTicker(recheckEvery)
	defer recheck.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-recheck.C:
			err := r.Access.Recheck(ctx, access.PrincipalFrom(ctx))
			if directory.HasCode(err, directory.CodeUnauthenticated) {
				return err
			}
		case event, ok := <-events:
			if !ok || event.Err != nil {
				return event.Err
			}
			select {
			case out <- event.Change:
			case <-ctx.Done():
				return nil
			}
		}
	}
}
