// Package plan answers queries by compiled plans. A plan is made once for an operation: it knows what has to be read,
// level by level, so that each field of a level is one call for all of its objects, and the bytes that the answer is
// made of. Parsing, validation, limits, authorization and the variables stay with gqlgen, whichever road is taken.
//
// An operation with anything in it that no plan covers is left to the generated executor as a whole. Both roads give
// the same answer, byte for byte; the rules of the reads are the directory's, so that neither has any of its own.
package plan

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/graphqlhttp"
)

// Schema is an executable schema that answers by plans what they cover. It is safe for concurrent use.
type Schema struct {
	graphql.ExecutableSchema
	directory *directory.Directory

	planned, left atomic.Uint64
}

// NewSchema puts plans in front of the generated executor of a schema, which answers what they do not cover.
func NewSchema(generated graphql.ExecutableSchema, d *directory.Directory) *Schema {
	return &Schema{ExecutableSchema: generated, directory: d}
}

// Counts says how many operations were answered by a plan, and how many were left to the generated executor.
func (s *Schema) Counts() (planned, left uint64) { return s.planned.Load(), s.left.Load() }

// AppendData implements [graphqlhttp.ShortRoad].
func (s *Schema) AppendData(ctx context.Context, op *graphql.OperationContext, dst []byte) ([]byte, gqlerror.List, bool) {
	p, args := s.planFor(ctx, op)
	if p == nil {
		return dst, nil, false
	}
	return s.run(ctx, p, args, dst)
}

// Exec implements [graphql.ExecutableSchema], for operations whose answers are more than one piece of data.
func (s *Schema) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	p, args := s.planFor(ctx, op)
	if p == nil {
		s.left.Add(1)
		return s.ExecutableSchema.Exec(ctx)
	}
	done := false
	var generated graphql.ResponseHandler // set where the plan had to give up
	return func(ctx context.Context) *graphql.Response {
		switch {
		case generated != nil:
			return generated(ctx)
		case done:
			return nil
		}
		done = true
		if data, errs, ok := s.run(ctx, p, args, nil); ok {
			for _, err := range errs {
				graphql.AddError(ctx, err)
			}
			return &graphql.Response{Data: data}
		}
		s.left.Add(1)
		generated = s.ExecutableSchema.Exec(ctx)
		return generated(ctx)
	}
}

// run executes a plan and appends its answer to dst. A plan that panics is given up: a query changes nothing, so it can
// be answered anew.
func (s *Schema) run(ctx context.Context, p *plan, args []any, dst []byte) (data []byte, errs gqlerror.List, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			slog.ErrorContext(ctx, "a compiled plan panicked; the generated executor takes over",
				"panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			data, errs, ok = dst, nil, false
		}
	}()
	x := newExecution(ctx, s.directory.ViewFor(ctx), args, dst)
	x.writer.answer(p, x.roots(p))
	data, errs = x.writer.out, x.writer.errs
	x.end()
	s.planned.Add(1)
	return data, errs, true
}

type (
	planKey     struct{ conditions uint8 }
	variableKey struct{}
)

// planFor returns the plan of an operation and the values of its arguments, nil where it is the generated
// executor's. Variables in @skip and @include make plans of their own, for they decide what is selected.
func (s *Schema) planFor(ctx context.Context, op *graphql.OperationContext) (*plan, []any) {
	if op.Operation.Operation != ast.Query {
		return nil, nil
	}
	names := graphqlhttp.PerOperation(ctx, op.Operation, variableKey{}, func() []string { return conditions(op) })
	if len(names) > maxConditions {
		return nil, nil
	}
	key := planKey{}
	for i, name := range names {
		value, ok := op.Variables[name].(bool)
		if !ok {
			return nil, nil
		}
		if value {
			key.conditions |= 1 << i
		}
	}
	p := graphqlhttp.PerOperation(ctx, op.Operation, key, func() *plan { return compile(op, s.Schema()) })
	if p == nil {
		return nil, nil
	}
	args, ok := p.arguments(op.Variables)
	if !ok {
		return nil, nil
	}
	return p, args
}

// maxConditions bounds the variables that decide what is selected: each one doubles the plans of an operation.
const maxConditions = 4

// conditions lists the variables that an operation's @skip and @include ask.
func conditions(op *graphql.OperationContext) []string {
	var out []string
	seen, spread := map[string]bool{}, map[string]bool{}
	ask := func(directives ast.DirectiveList) {
		for _, d := range directives {
			for _, a := range d.Arguments {
				if a.Value.Kind == ast.Variable && !seen[a.Value.Raw] {
					seen[a.Value.Raw] = true
					out = append(out, a.Value.Raw)
				}
			}
		}
	}
	var visit func(set ast.SelectionSet)
	visit = func(set ast.SelectionSet) {
		for _, sel := range set {
			switch sel := sel.(type) {
			case *ast.Field:
				ask(sel.Directives)
				visit(sel.SelectionSet)
			case *ast.InlineFragment:
				ask(sel.Directives)
				visit(sel.SelectionSet)
			case *ast.FragmentSpread:
				ask(sel.Directives)
				if !spread[sel.Name] {
					spread[sel.Name] = true
					visit(sel.Definition.SelectionSet)
				}
			}
		}
	}
	visit(op.Operation.SelectionSet)
	return out
}
