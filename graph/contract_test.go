package graph_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// due is what the contract names and the schema does not have yet. The types that nothing but these fields uses are
// due with them.
var due = []string{}

// TestSchemaKeepsTheContract compares the schema with docs/contract.graphql: nothing may be missing or renamed, or
// change its type or its default. The schema may have more.
func TestSchemaKeepsTheContract(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/contract.graphql")
	if err != nil {
		t.Fatal(err)
	}
	contract := gqlparser.MustLoadSchema(&ast.Source{Name: "contract.graphql", Input: string(text)})
	have, want := lines(served(), nil), lines(contract, due)
	for coordinate, line := range want {
		if got, ok := have[coordinate]; !ok {
			t.Errorf("%s is missing: %s", coordinate, line)
		} else if diff := cmp.Diff(line, got); diff != "" {
			t.Errorf("%s is not what the contract says (-contract +schema):\n%s", coordinate, diff)
		}
	}
	all := lines(contract, nil)
	for _, coordinate := range due {
		if _, ok := all[coordinate]; !ok {
			t.Errorf("%s is listed as due, but the contract does not have it", coordinate)
		}
		if _, ok := have[coordinate]; ok {
			t.Errorf("%s exists: take it off the list of what is due", coordinate)
		}
	}
}

// lines describes by its coordinate everything that is reachable from the root types, except over the fields left out.
func lines(schema *ast.Schema, without []string) map[string]string {
	out := map[string]string{}
	var visit func(name string)
	field := func(on string, f *ast.FieldDefinition) {
		coordinate := on + "." + f.Name
		if strings.HasPrefix(f.Name, "__") || slices.Contains(without, coordinate) {
			return
		}
		out[coordinate] = f.Type.String() + defaultOf(f.DefaultValue)
		visit(f.Type.Name())
		for _, a := range f.Arguments {
			out[coordinate+"("+a.Name+":)"] = a.Type.String() + defaultOf(a.DefaultValue)
			visit(a.Type.Name())
		}
	}
	visit = func(name string) {
		def := schema.Types[name]
		if _, seen := out[name]; seen || def.BuiltIn {
			return
		}
		interfaces := slices.Sorted(slices.Values(def.Interfaces))
		out[name] = string(def.Kind) + " " + strings.Join(interfaces, " & ")
		for _, f := range def.Fields {
			field(name, f)
		}
		for _, v := range def.EnumValues {
			out[name+"."+v.Name] = "value"
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		visit(root.Name)
	}
	return out
}

func defaultOf(value *ast.Value) string {
	if value == nil {
		return ""
	}
	return " = " + value.String()
}
