package resolvers_test

import (
	"encoding/json"
	"strings"
	"testing"

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

// Rows Q1 and I5: whatever a text holds, it is a text; it fails, if at all, as bad input.
func TestHostileTextsAreOnlyTexts(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	schema := served()
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
	got := g.data(t, reader, `{ users { totalCount } groups { totalCount } }`, nil)
	if at(t, got, "users", "totalCount") != json.Number("4") {
		t.Errorf("afterwards: %v", got)
	}
}

func TestHostileTextsInNestedArguments(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	for _, value := range hostile {
		got := g.data(t, reader, `query($text: String!) { group(id: "`+uid("Engineers").String()+`") { hasMember(fqn: $text) } }`, map[string]any{"text": value})
		if at(t, got, "group", "hasMember") != false {
			t.Errorf("%q is a member", value)
		}
		if code := g.code(t, reader, `query($text: Cursor!) { users(after: $text) { totalCount nodes { fqn } } }`, map[string]any{"text": value}); code != "BAD_USER_INPUT" {
			t.Errorf("the cursor %q: %s", value, code)
		}
	}
}
