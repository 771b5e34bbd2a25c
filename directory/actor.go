package directory

import "context"

// Actor is who makes a change, and through which door, for the audit trail.
type Actor struct {
	// Name is the access token's name, or the program's own part ("system").
	Name string
	// Token is the public id of the access token, empty where none was used.
	Token string
	// Door is "graphql", "scim" or "system".
	Door      string
	RequestID string
}

type actorKey struct{}

// actorContext is one of each request: it carries its value without a second allocation.
type actorContext struct {
	context.Context
	actor Actor
}

func (c *actorContext) Value(key any) any {
	if key == (actorKey{}) {
		return &c.actor
	}
	return c.Context.Value(key)
}

// WithActor returns a context whose changes are the actor's.
func WithActor(ctx context.Context, a Actor) context.Context { return &actorContext{ctx, a} }

// ActorFrom returns the context's actor; the system where there is none.
func ActorFrom(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(*Actor); ok {
		return *a
	}
	return Actor{Name: "system", Door: "system"}
}
