package graph_test

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/roster-gateway/roster/graph"
)

func served() *ast.Schema { return graph.NewExecutableSchema(graph.Config{}).Schema() }

// ours reports whether a type is declared by Roster, and not by the specification.
func ours(def *ast.Definition) bool { return !def.BuiltIn && !strings.HasPrefix(def.Name, "__") }

func TestEverythingInTheSchemaIsDescribed(t *testing.T) {
	t.Parallel()
	described := func(coordinate, description string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", coordinate)
		}
	}
	for _, def := range served().Types {
		if !ours(def) {
			continue
		}
		described(def.Name, def.Description)
		for _, value := range def.EnumValues {
			described(def.Name+"."+value.Name, value.Description)
		}
		for _, field := range def.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			described(def.Name+"."+field.Name, field.Description)
			for _, argument := range field.Arguments {
				described(def.Name+"."+field.Name+"("+argument.Name+":)", argument.Description)
			}
		}
	}
}
