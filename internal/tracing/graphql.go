package tracing

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// shortRoad is what a schema can do besides being executed; see package graphqlhttp.
type shortRoad interface {
	AppendData(ctx context.Context, op *graphql.OperationContext, dst []byte) ([]byte, gqlerror.List, bool)
}

// Schema records how long operations take to be answered.
func (t *Tracing) Schema(schema graphql.ExecutableSchema) graphql.ExecutableSchema {
	if t == nil {
		return schema
	}
	if short, ok := schema.(shortRoad); ok {
		return planned{schema, short, t}
	}
	return schema
}

// planned is a schema with a short road, recorded. The other road is recorded by the extension.
type planned struct {
	graphql.ExecutableSchema
	short shortRoad
	t     *Tracing
}

// AppendData records the short road of an operation, unless it has none.
func (p planned) AppendData(ctx context.Context, op *graphql.OperationContext, dst []byte) ([]byte, gqlerror.List, bool) {
	if !allowed(ctx) {
		return p.short.AppendData(ctx, op, dst)
	}
	inner, span := p.t.tracer.Start(ctx, "graphql.plan")
	dst, errs, ok := p.short.AppendData(inner, op, dst)
	if !ok {
		span.SetName("graphql.plan (none)")
	}
	if len(errs) > 0 {
		span.SetStatus(failed, "")
	}
	span.End()
	return dst, errs, ok
}

// Extensions are the given ones, and one that records what the executor does and which resolvers take how long.
func (t *Tracing) Extensions(others ...graphql.HandlerExtension) []graphql.HandlerExtension {
	if t == nil {
		return others
	}
	return append(others, resolving{t})
}

type resolving struct{ *Tracing }

// ExtensionName names the extension in gqlgen's logs.
func (resolving) ExtensionName() string { return "Tracing" }

// Validate accepts every schema.
func (resolving) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptResponse records one response: the only one of a query, or the next of a stream.
func (r resolving) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if !allowed(ctx) {
		return next(ctx)
	}
	ctx, span := r.tracer.Start(ctx, "graphql.execute")
	defer span.End()
	return next(ctx)
}

// InterceptField records a field that a resolver of its own answers.
func (r resolving) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	field := graphql.GetFieldContext(ctx)
	if field == nil || !field.IsResolver || !allowed(ctx) {
		return next(ctx)
	}
	ctx, span := r.tracer.Start(ctx, field.Object+"."+field.Field.Name)
	value, err := next(ctx)
	end(span, err)
	return value, err
}
