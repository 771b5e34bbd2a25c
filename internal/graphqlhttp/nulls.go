package graphqlhttp

import (
	"context"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// noNull is a place of an operation where a variable stands that must not be null there.
type noNull struct{ variable, argument string }

type noNullsKey struct{}

// checkNulls refuses a variable that is null where the schema takes no null. Validation lets a nullable variable stand
// there if the place has a default, for the case that the variable is left out; null itself is an error (GraphQL
// specification, section 6.4.1, CoerceArgumentValues).
func checkNulls(ctx context.Context, op *ast.OperationDefinition, variables map[string]any) *gqlerror.Error {
	for _, place := range PerOperation(ctx, op, noNullsKey{}, func() []noNull { return noNulls(op) }) {
		if value, given := variables[place.variable]; given && value == nil {
			return refuse("The variable $%s is null, but %s takes no null there: leave the variable out, or give it a value.", place.variable, place.argument)
		}
	}
	return nil
}

func noNulls(op *ast.OperationDefinition) []noNull {
	var out []noNull
	add := func(args ast.ArgumentList) {
		for _, arg := range args {
			for _, variable := range noNullsIn(arg.Value) {
				out = append(out, noNull{variable, arg.Name})
			}
		}
	}
	Visit(op, func(_ *ast.Definition, field *ast.Field) {
		add(field.Arguments)
		for _, d := range field.Directives {
			add(d.Arguments)
		}
	})
	return out
}

// noNullsIn names the variables in a value that stand where no null may.
func noNullsIn(v *ast.Value) []string {
	switch {
	case v == nil:
		return nil
	case v.Kind == ast.Variable:
		if v.ExpectedType != nil && v.ExpectedType.NonNull {
			return []string{v.Raw}
		}
		return nil
	}
	var out []string
	for _, child := range v.Children {
		out = append(out, noNullsIn(child.Value)...)
	}
	return out
}
