package graphqlhttp

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// ShortRoad is what a schema can do besides to answer queries without the executor's machinery: its middleware and its
// copies of the answer. Limits, authorization and whatever else decides about an operation before it runs stand before
// both roads.
type ShortRoad interface {
	// AppendData appends the data of an operation to dst. Its errors are about single fields. It reports false, having
	// appended nothing, where the operation has to take the executor's road.
	AppendData(ctx context.Context, op *graphql.OperationContext, dst []byte) ([]byte, gqlerror.List, bool)
}

// answerShort answers an operation on the short road. It reports false where that is not possible.
func (h *handler) answerShort(ctx context.Context, answer *reply, opCtx *graphql.OperationContext) bool {
	const head = `{"data":`
	buf := borrow()
	defer buf.giveBack()
	ctx = graphql.WithOperationContext(ctx, opCtx)
	body, errs, ok := h.short.AppendData(ctx, opCtx, append(buf.bytes, head...))
	if !ok || ctx.Err() != nil {
		return false // an operation that is over is the executor's too
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
