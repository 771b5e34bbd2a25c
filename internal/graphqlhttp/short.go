package graphqlhttp

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// ShortRoad is what a schema can do besides to answer queries without the executor's machinery: its middleware and its
// copies of the answer. Limits, authorization and whatever else decides about an operation before it runs stand before
// both roads.
//
// Nothing cuts an operation off on the short road: it has to look at its context, whose end it finds by Err without
// anybody waiting for it.
type ShortRoad interface {
	// AppendData appends the data of an operation to dst. Its errors are about single fields. It reports false, having
	// appended nothing, where the operation has to take the executor's road.
	AppendData(ctx context.Context, op *graphql.OperationContext, dst []byte) ([]byte, gqlerror.List, bool)
}

// answerShort answers an operation on the short road. It reports false where that is not possible. What decides about the
// operation is what the executor would ask, too: the coercion of its variables and the extensions.
func (h *handler) answerShort(ctx context.Context, answer *reply, op *ast.OperationDefinition, params *graphql.RawParams) bool {
	if h.short == nil || op.Operation != ast.Query {
		return false
	}
	variables, err := validator.VariableValues(h.schema, op, params.Variables)
	if err != nil {
		return false // the executor says what is wrong with them
	}
	opCtx := &graphql.OperationContext{
		RawQuery: params.Query, OperationName: params.OperationName, Operation: op, Variables: variables,
		Extensions: params.Extensions, Headers: params.Headers, DisableIntrospection: true, RecoverFunc: h.recovered,
	}
	if doc, ok := ctx.Value(documentKey{}).(*document); ok {
		opCtx.Doc = doc.ast
	}
	ctx = graphql.WithOperationContext(ctx, opCtx)
	for _, m := range h.mutators {
		if err := m.MutateOperationContext(ctx, opCtx); err != nil {
			h.refuse(answer, h.requestErrors(ctx, gqlerror.List{err}))
			return true
		}
	}
	const head = `{"data":`
	buf := borrow()
	defer buf.giveBack()
	body, errs, ok := h.short.AppendData(ctx, opCtx, append(buf.bytes, head...))
	switch {
	case ctx.Err() == nil && !ok:
		return false
	case expired(ctx):
		late := gqlerror.List{h.late()}
		answer.send(answer.media.status(late), &graphql.Response{Errors: late})
		return true
	case ctx.Err() != nil:
		return true // the client is gone
	}
	buf.bytes = append(body, '}')
	if len(errs) == 0 {
		answer.sendEncoded(http.StatusOK, buf.bytes)
		return true
	}
	shown := make(gqlerror.List, len(errs))
	for i, err := range errs {
		shown[i] = h.present(ctx, err)
	}
	answer.send(http.StatusOK, &graphql.Response{Data: body[len(head):], Errors: atMost(shown, h.limits.Errors)})
	return true
}
