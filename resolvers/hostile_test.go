package resolvers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

var hostile = []string{
	`'; DROP TABLE identity; --`, `' OR '1'='1`, `%`, `_%\`, `$1`, "\x00", "\xff\xfe", "\u202e", strings.Repeat("a", 10<<10),
	`{{.}}`, `\`, `:`, "-1", "NaN", " ",
}

// everyText writes a value of a type in which every text is the variable, and what needs no text is left out.
func everyText(schema *ast.Schema, typ *ast.Type) string {
	if typ.Elem != nil {
		return "[" + everyText(schema, typ.Elem) + "]"
	}
	def := schema.Types[typ.NamedType]
	switch {
	case def.Kind == ast.Enum:
		return def.EnumValues[len(def.EnumValues)-1].Name
	case def.Kind == ast.InputObject:
		fields := []string{}
		for _, field := range def.Fields {
			if !isPlace(field.Type) {
				fields = append(fields, field.Name+": "+everyText(schema, field.Type))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case def.Name == "Boolean":
		return "true"
	case def.Name == "Int":
		return "3"
	case def.Name == "ID":
		return "$id"
	}
	return "$text"
}

// isPlace reports whether a type takes only what Roster wrote itself, or a time.
func isPlace(typ *ast.Type) bool {
	switch typ.Name() {
	case "Cursor", "Revision", "DateTime", "Duration":
		return true
	}
	return false
}

// TestQ1HostileTextsAreOnlyTexts: whatever a text holds, it is a text; it fails, if at all, as bad input.
func TestQ1HostileTextsAreOnlyTexts(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	schema := served()
	const everybody = `{ users { nodes { id fqn status manager { fqn } } } groups { nodes { id fqn status memberCount } } }`
	before := g.data(t, reader, everybody, nil)
	for root, def := range map[ast.Operation]*ast.Definition{ast.Query: schema.Query, ast.Mutation: schema.Mutation} {
		for _, field := range def.Fields {
			if len(field.Arguments) == 0 || strings.HasPrefix(field.Name, "__") {
				continue
			}
			arguments := []string{}
			for _, a := range field.Arguments {
				if !isPlace(a.Type) {
					arguments = append(arguments, a.Name+": "+everyText(schema, a.Type))
				}
			}
			text := field.Name + "(" + strings.Join(arguments, ", ") + ") { __typename }"
			if !strings.Contains(text, "$") {
				continue
			}
			if field.Type.Name() == "String" {
				text = strings.TrimSuffix(text, " { __typename }")
			}
			declared := []string{}
			for name, typ := range map[string]string{"$text": "String!", "$id": "ID!"} {
				if strings.Contains(text, name) {
					declared = append(declared, name+": "+typ)
				}
			}
			query := string(root) + "(" + strings.Join(declared, ", ") + ") { " + text + " }"
			for _, value := range hostile {
				got := g.run(t, admin, query, map[string]any{"text": value, "id": value})
				for _, err := range got.Errors {
					if err.Extensions["code"] != "BAD_USER_INPUT" {
						t.Errorf("%s\nwith %.40q fails: %+v", query, value, err)
					}
				}
			}
		}
	}
	if diff := cmp.Diff(before, g.data(t, reader, everybody, nil)); diff != "" {
		t.Errorf("afterwards (-before +after):\n%s", diff)
	}
}

// roads are ways from the query's root to every type, each through fields that need no argument, or no other than an id.
func roads(schema *ast.Schema) map[string]string {
	ids := map[string]string{"group": "Engineers", "user": "ana", "role": ""}
	out := map[string]string{"Query": "%s"}
	for queue := []string{"Query"}; len(queue) > 0; queue = queue[1:] {
		here := queue[0]
		for _, next := range schema.PossibleTypes[here] {
			if out[next.Name] == "" {
				out[next.Name] = strings.Replace(out[here], "%s", "... on "+next.Name+" { %s }", 1)
				queue = append(queue, next.Name)
			}
		}
		for _, field := range schema.Types[here].Fields {
			typ, call := field.Type.Name(), field.Name
			if here == "Query" && ids[field.Name] != "" {
				call += `(id: "` + uid(ids[field.Name]).String() + `")`
			} else if strings.HasPrefix(field.Name, "__") || slices.ContainsFunc(field.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }) {
				continue
			}
			if schema.Types[typ].IsCompositeType() && out[typ] == "" {
				out[typ] = strings.Replace(out[here], "%s", call+" { %s }", 1)
				queue = append(queue, typ)
			}
		}
	}
	return out
}

// TestQ1HostileTextsInNestedArguments gives the texts to every argument below the root, which introspection names.
func TestQ1HostileTextsInNestedArguments(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	schema, tried := served(), 0
	for name, road := range roads(schema) {
		for _, field := range schema.Types[name].Fields {
			if name == "Query" || strings.HasPrefix(name, "__") || schema.Types[name].Kind != ast.Object && schema.Types[name].Kind != ast.Interface {
				continue
			}
			arguments, declared := []string{}, ""
			for _, a := range field.Arguments {
				if value := everyText(schema, a.Type); !isPlace(a.Type) && a.Type.Name() != "Int" {
					arguments = append(arguments, a.Name+": "+value)
				} else if a.Type.Name() == "Cursor" {
					arguments, declared = append(arguments, a.Name+": $place"), ", $place: Cursor"
				}
			}
			call := field.Name + "(" + strings.Join(arguments, ", ") + ")"
			if !strings.Contains(call, "$") {
				continue
			}
			if schema.Types[field.Type.Name()].IsCompositeType() {
				call += " { __typename }"
			}
			if strings.Contains(call, "$text") {
				declared += ", $text: String!"
			}
			if strings.Contains(call, "$id") {
				declared += ", $id: ID!"
			}
			tried++
			query := "query(" + strings.TrimPrefix(declared, ", ") + ") { " + strings.Replace(road, "%s", call, 1) + " }"
			for _, value := range hostile {
				for _, err := range g.run(t, admin, query, map[string]any{"text": value, "id": value, "place": value}).Errors {
					if err.Extensions["code"] != "BAD_USER_INPUT" {
						t.Errorf("%s\nwith %.40q fails: %+v", query, value, err)
					}
				}
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d fields with such arguments were reached", tried)
	}
	for _, value := range hostile {
		got := g.data(t, reader, `query($text: String!) { group(id: "`+uid("Engineers").String()+`") { hasMember(fqn: $text) } }`, map[string]any{"text": value})
		if at(t, got, "group", "hasMember") != false {
			t.Errorf("%q is a member", value)
		}
	}
}
