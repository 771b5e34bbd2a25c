package graphqlhttp

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// checkNulls refuses a variable that is null where the schema takes no null. Validation lets a nullable variable stand
// there if the place has a default, for the case that the variable is left out; null itself is an error (GraphQL
// specification, section 6.4.1, CoerceArgumentValues).
func checkNulls(op *ast.OperationDefinition, variables map[string]any) *gqlerror.Error {
	var refusal *gqlerror.Error
	check := func(args ast.ArgumentList) {
		for _, arg := range args {
			if name := nullIn(arg.Value, variables); name != "" && refusal == nil {
				refusal = refuse("The variable $%s is null, but %s takes no null there: leave the variable out, or give it a value.", name, arg.Name)
			}
		}
	}
	Visit(op, func(_ *ast.Definition, field *ast.Field) {
		check(field.Arguments)
		for _, d := range field.Directives {
			check(d.Arguments)
		}
	})
	return refusal
}

// nullIn returns the name of a variable in a value that is null in a place which takes none; empty for no such one.
func nullIn(v *ast.Value, variables map[string]any) string {
	if v == nil {
		return ""
	}
	if v.Kind == ast.Variable {
		value, given := variables[v.Raw]
		if given && value == nil && v.ExpectedType != nil && v.ExpectedType.NonNull {
			return v.Raw
		}
		return ""
	}
	for _, child := range v.Children {
		if name := nullIn(child.Value, variables); name != "" {
			return name
		}
	}
	return ""
}
