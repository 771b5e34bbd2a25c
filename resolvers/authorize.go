package resolvers

import (
	"context"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/internal/graphqlhttp"
)

// authorization refuses an operation as a whole where it selects a field that the caller may not use, before anything
// is executed. Directives do not matter: what @skip leaves out is decided about too.
type authorization struct{}

func (authorization) ExtensionName() string { return "Authorization" }

func (authorization) Validate(graphql.ExecutableSchema) error { return nil }

func (authorization) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	principal := access.PrincipalFrom(ctx)
	if err := access.RequireGraphQL(principal); err != nil {
		return Present(ctx, err)
	}
	demand := graphqlhttp.PerOperation(ctx, op.Operation, demandKey{}, func() demand { return demandOf(selectionsOf(ctx, op.Operation)) })
	if demand.metBy(principal) {
		return nil
	}
	for _, selected := range selectionsOf(ctx, op.Operation) {
		if err := principal.Check(selected.coordinate); err != nil {
			refused := Present(ctx, err)
			refused.Locations = selected.locations
			return refused
		}
	}
	return nil
}

// demand is all that an operation needs of its caller: each scope once. Open is set where some field has no rule.
type demand struct {
	scopes []access.Scope
	open   bool
}

type demandKey struct{}

func demandOf(selections []selection) demand {
	var d demand
	for _, selected := range selections {
		needed, ok := access.RuleFor(selected.coordinate)
		d.open = d.open || !ok
		if !slices.Contains(d.scopes, needed) {
			d.scopes = append(d.scopes, needed)
		}
	}
	return d
}

func (d demand) metBy(p *access.Principal) bool {
	return !d.open && !slices.ContainsFunc(d.scopes, func(s access.Scope) bool { return !p.May(s) })
}

// selection is a field that an operation selects, at the first place where it does.
type selection struct {
	coordinate string
	locations  []gqlerror.Location
}

type selectionsKey struct{}

// selectionsOf lists the fields that an operation of a validated document selects, each once, in the order of its
// text; introspection is left out.
func selectionsOf(ctx context.Context, op *ast.OperationDefinition) []selection {
	return graphqlhttp.PerOperation(ctx, op, selectionsKey{}, func() []selection {
		var out []selection
		seen := map[string]bool{}
		graphqlhttp.Visit(op, func(on *ast.Definition, field *ast.Field) {
			coordinate := on.Name + "." + field.Name
			if strings.HasPrefix(on.Name, "__") || strings.HasPrefix(field.Name, "__") || seen[coordinate] {
				return
			}
			seen[coordinate] = true
			s := selection{coordinate: coordinate}
			if field.Position != nil {
				s.locations = []gqlerror.Location{{Line: field.Position.Line, Column: field.Position.Column}}
			}
			out = append(out, s)
		})
		return out
	})
}
