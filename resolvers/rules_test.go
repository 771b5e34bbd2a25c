package resolvers_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/roster-gateway/roster/access"
)

// fieldsOf lists the coordinates of the objects and interfaces that Roster declares.
func fieldsOf(schema *ast.Schema) []string {
	out := []string{}
	for _, def := range schema.Types {
		if def.Kind != ast.Object && def.Kind != ast.Interface || strings.HasPrefix(def.Name, "__") {
			continue
		}
		for _, field := range def.Fields {
			if !strings.HasPrefix(field.Name, "__") {
				out = append(out, def.Name+"."+field.Name)
			}
		}
	}
	return out
}

func TestZ1EveryFieldHasARule(t *testing.T) {
	t.Parallel()
	used := map[string]bool{access.DoorGraphQL: true, access.DoorSCIM: true}
	for _, coordinate := range fieldsOf(served()) {
		object, _, _ := strings.Cut(coordinate, ".")
		if _, ok := access.RuleFor(coordinate); !ok {
			t.Errorf("%s has no rule", coordinate)
		}
		used[coordinate], used[object] = true, true
	}
	for rule := range maps.Keys(access.Rules) {
		if !used[rule] {
			t.Errorf("the rule for %s is about nothing", rule)
		}
	}
	for _, root := range []string{"Query", "Mutation", "Subscription"} {
		if _, ok := access.Rules[root]; ok {
			t.Errorf("%s has one rule for all its fields", root)
		}
	}
}

// A rule that held for an object only could be gone around by selecting its field on the interface.
func TestInterfacesHaveTheRulesOfTheirObjects(t *testing.T) {
	t.Parallel()
	schema := served()
	for _, def := range schema.Types {
		if def.Kind != ast.Interface || def.Name == "Node" { // what a Node is decides whether it is there at all
			continue
		}
		for _, object := range schema.GetPossibleTypes(def) {
			for _, field := range def.Fields {
				onInterface, _ := access.RuleFor(def.Name + "." + field.Name)
				onObject, _ := access.RuleFor(object.Name + "." + field.Name)
				if onInterface != onObject {
					t.Errorf("%s.%s needs %q, but %s.%s needs %q", def.Name, field.Name, onInterface, object.Name, field.Name, onObject)
				}
			}
		}
	}
}

// example writes a value of an input type: a list holds none, an object what it requires.
func example(schema *ast.Schema, typ *ast.Type) string {
	if typ.Elem != nil {
		return "[]"
	}
	def := schema.Types[typ.NamedType]
	switch def.Kind {
	case ast.Enum:
		return def.EnumValues[0].Name
	case ast.InputObject:
		fields := []string{}
		for _, field := range def.Fields {
			if field.Type.NonNull && field.DefaultValue == nil {
				fields = append(fields, field.Name+": "+example(schema, field.Type))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	if def.Name == "Int" {
		return "1"
	}
	return `"x"`
}

// operation writes an operation that selects one root field, and of what it returns only its type's name.
func operation(schema *ast.Schema, root ast.Operation, field *ast.FieldDefinition) string {
	arguments := []string{}
	for _, a := range field.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			arguments = append(arguments, a.Name+": "+example(schema, a.Type))
		}
	}
	text := string(root) + " { " + field.Name
	if len(arguments) > 0 {
		text += "(" + strings.Join(arguments, ", ") + ")"
	}
	if def := schema.Types[field.Type.Name()]; def.Kind == ast.Object || def.Kind == ast.Interface {
		text += " { __typename }"
	}
	return text + " }"
}

func TestZ1ReadersMayMutateNothing(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	before := g.store.Statements()
	schema := served()
	for _, field := range schema.Mutation.Fields {
		mutation := operation(schema, ast.Mutation, field)
		got := g.run(t, reader, mutation, nil)
		needed, _ := access.RuleFor("Mutation." + field.Name)
		if len(got.Errors) != 1 || got.Data != nil || got.Errors[0].Extensions["code"] != "FORBIDDEN" ||
			!strings.Contains(got.Errors[0].Message, "Mutation."+field.Name) || !strings.Contains(got.Errors[0].Message, string(needed)) {
			t.Errorf("%s\nanswered %+v, want FORBIDDEN that names the field and the scope %s", mutation, got, needed)
		}
	}
	if n := g.store.Statements() - before; n != 0 {
		t.Errorf("refused mutations ran %d statements", n)
	}
}

func TestZ1EveryRootFieldIsForbiddenWithoutItsScope(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	schema := served()
	for root, def := range map[ast.Operation]*ast.Definition{ast.Query: schema.Query, ast.Mutation: schema.Mutation, ast.Subscription: schema.Subscription} {
		for _, field := range def.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			text := operation(schema, root, field)
			needed, _ := access.RuleFor(def.Name + "." + field.Name)
			others := slices.DeleteFunc(slices.Clone(access.AdminScopes), func(s access.Scope) bool {
				return (&access.Principal{Scopes: []access.Scope{s}}).May(needed)
			})
			for who, want := range map[*access.Principal]string{
				nil: "UNAUTHENTICATED",
				{Name: "push", Scopes: []access.Scope{access.SCIM}}: "FORBIDDEN",
				{Name: "none"}:                   "FORBIDDEN",
				{Name: "others", Scopes: others}: "FORBIDDEN",
			} {
				if needed == access.Anyone && who != nil && !who.Has(access.SCIM) {
					continue
				}
				if got := g.code(t, who, text, nil); got != want {
					t.Errorf("%s by %+v: %s, want %s", text, who, got, want)
				}
			}
		}
	}
}

func TestZ1FieldsAreForbiddenWhereverTheyAre(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	for _, query := range []string{
		`{ providers { instances { runtimeConfig { key } } } }`,
		`{ providers { instances { ...f } } } fragment f on ProviderInstance { scimUrl }`,
		`{ node(id: "x") { ... on ProviderInstance { scimUrl } } }`,
		`{ node(id: "x") { ...a } } fragment a on Node { ...b } fragment b on AccessToken { name }`,
		`{ user(id: "x") { memberOf { nodes { instance { scimUrl } } } } }`,
		`query($no: Boolean = false) { providers { instances { scimUrl @include(if: $no) } } }`,
		`{ viewer { name } accessTokens { totalCount } }`,
	} {
		got := g.run(t, reader, query, nil)
		if len(got.Errors) != 1 || got.Data != nil || got.Errors[0].Extensions["code"] != "FORBIDDEN" {
			t.Errorf("%s\nanswered %+v, want FORBIDDEN and nothing else", query, got)
		}
	}
	g.data(t, reader, `{ viewer { name scopes identity { fqn } } }`, nil)
	g.data(t, reader, `{ __schema { queryType { fields { name } } } __type(name: "User") { name } __typename }`, nil)
	first := g.run(t, reader, "{\n  viewer { name }\n  accessTokens { totalCount }\n}", nil)
	if want := "Query.accessTokens needs the scope TOKEN_ADMIN"; !strings.Contains(first.Errors[0].Message, want) {
		t.Errorf("the error says %q, want %q", first.Errors[0].Message, want)
	}
}

// A fragment is looked at once, or 26 doublings would take seconds.
func TestFragmentsAreAuthorizedOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	text := "{ ...f0 }"
	for i := range 26 {
		text += fmt.Sprintf(" fragment f%d on Query { ...f%d ...f%d }", i, i+1, i+1)
	}
	text += " fragment f26 on Query { accessTokens { totalCount } }"
	if got := g.code(t, reader, text, nil); got != "FORBIDDEN" {
		t.Errorf("%s, want FORBIDDEN", got)
	}
}
