package resolvers_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/roster-gateway/roster/graph"
)

// A field with arguments that is bound to a plain struct field would ignore its arguments without a word.
func TestEveryFieldWithArgumentsHasAResolver(t *testing.T) {
	t.Parallel()
	root := reflect.TypeFor[graph.ResolverRoot]()
	for _, def := range served().Types {
		if def.Kind != ast.Object || strings.HasPrefix(def.Name, "__") {
			continue
		}
		for _, field := range def.Fields {
			if len(field.Arguments) == 0 || strings.HasPrefix(field.Name, "__") {
				continue
			}
			resolver, ok := root.MethodByName(def.Name)
			if !ok || !hasMethod(resolver.Type.Out(0), field.Name) {
				t.Errorf("%s.%s takes arguments but has no resolver: set resolver: true in gqlgen.yml", def.Name, field.Name)
			}
		}
	}
}

func hasMethod(typ reflect.Type, name string) bool {
	for i := range typ.NumMethod() {
		if strings.EqualFold(typ.Method(i).Name, name) {
			return true
		}
	}
	return false
}
