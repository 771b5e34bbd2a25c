package resolvers

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// recheckEvery is how often a stream makes sure that its caller may still go on.
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

// stream delivers what a function sends until that returns, or until the caller may go on no more: the stream then ends
// with the reason.
func stream[T any](ctx context.Context, r *Resolver, send func(ctx context.Context, out chan<- T) error) <-chan T {
	end := ctx.Value(endKey{}).(chan error)
	ctx, cancel := context.WithCancel(ctx)
	refused := make(chan error, 1)
	go r.watch(ctx, cancel, refused)
	out := make(chan T)
	go func() {
		defer cancel()
		defer close(out) // after the error is left
		err := send(ctx, out)
		select {
		case err = <-refused:
		default:
		}
		if err != nil {
			end <- err
		}
	}()
	return out
}

// watch asks now and then whether the caller may go on, and cancels with the reason where not. Where that cannot be told,
// the stream goes on: nothing comes to it from a state of unknown age.
func (r *Resolver) watch(ctx context.Context, cancel context.CancelFunc, refused chan<- error) {
	every := time.NewTicker(recheckEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		err := r.Access.Recheck(ctx, access.PrincipalFrom(ctx))
		if directory.HasCode(err, directory.CodeUnauthenticated) || directory.HasCode(err, directory.CodeForbidden) {
			refused <- err
			cancel()
			return
		}
	}
}

// follow delivers changes until the caller goes, the feed fails or the caller may go on no more.
func (r *Resolver) follow(ctx context.Context, after *directory.Cursor) (<-chan *directory.Change, error) {
	ctx, cancel := context.WithCancel(ctx)
	events, err := r.Directory.Subscribe(ctx, after)
	if err != nil {
		cancel()
		return nil, err
	}
	return stream(ctx, r, func(ctx context.Context, out chan<- *directory.Change) error {
		defer cancel()
		return forward(ctx, events, out)
	}), nil
}

func forward(ctx context.Context, events <-chan directory.ChangeEvent, out chan<- *directory.Change) error {
	for {
		select {
		case <-ctx.Done():
			return nil
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
