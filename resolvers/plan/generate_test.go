package plan_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
)

// operations draws random valid queries over a world.
type operations struct {
	*rapid.T
	world   *world
	schema  *ast.Schema
	cursors []string // from earlier answers

	defs      []string
	values    map[string]any
	fragments []string
	names     int
	fields    int // how many more may be drawn
}

// enum is an enum value, which has no quotes in a literal.
type enum string

// uncovered are fields that plans leave to the generated executor.
var uncovered = map[string]bool{
	"Provider.instances": true, "ProviderInstance.runtimeConfig": true, "ProviderInstance.scimUrl": true,
	"Query.node": true, "Query.nodes": true, "Query.viewer": true, "Query.accessTokens": true, "Query.audit": true, "Query.revision": true,
	"Query.conflicts": true, "Query.changes": true, "Query.providerTypes": true, "Query.providers": true,
	"Query.provider": true, "Query.providerInstance": true, "Query.syncRuns": true, "Query.syncRun": true, "ProviderInstance.runs": true,
}

// conditions are the types that a fragment on a type may name.
var conditions = map[string][]string{
	"Identity":  {"Identity", "User", "Group", "Role", "Container", "Node"},
	"Container": {"Container", "Group", "Role", "Identity", "Node"},
	"User":      {"User", "Identity", "Node"},
	"Group":     {"Group", "Container", "Identity", "Node"},
	"Role":      {"Role", "Container", "Identity"},
}

// chance is rarer than it says, for rapid prefers small numbers.
func (g *operations) chance(percent int) bool {
	return rapid.IntRange(0, 99).Draw(g.T, "chance") >= 100-percent
}

func (g *operations) name(prefix string) string {
	g.names++
	return fmt.Sprint(prefix, g.names)
}

// operation draws a query with its variables.
func (g *operations) operation() (query string, variables map[string]any) {
	g.values, g.fields = map[string]any{}, 60
	set := g.set("Query", rapid.IntRange(2, 5).Draw(g.T, "depth"))
	head := "query"
	if len(g.defs) > 0 {
		head += "(" + strings.Join(g.defs, ", ") + ")"
	}
	return head + " " + set + " " + strings.Join(g.fragments, " "), g.values
}

// set draws a selection set on a type.
func (g *operations) set(typ string, depth int) string {
	var out []string
	most := 5
	if typ == "Query" {
		most = 2
	}
	for range rapid.IntRange(1, most).Draw(g.T, "selections") {
		switch {
		case !g.chance(20) || depth <= 0 || typ == "Query":
			out = append(out, g.field(typ, depth)...)
		case g.chance(60):
			out = append(out, "... on "+g.condition(typ)+g.directive()+" ")
			on := strings.Fields(out[len(out)-1])[2]
			out = append(out, g.set(strings.TrimSuffix(on, "@"), depth-1))
		default:
			on, name := g.condition(typ), g.name("F")
			g.fragments = append(g.fragments, "fragment "+name+" on "+on+" "+g.set(on, depth-1))
			out = append(out, "..."+name+g.directive(), "..."+name)
		}
	}
	return "{ " + strings.Join(out, " ") + " }"
}

func (g *operations) condition(typ string) string {
	if on, ok := conditions[typ]; ok {
		return rapid.SampledFrom(on).Draw(g.T, "condition")
	}
	return typ
}

// field draws a field, now and then twice with other selections below it, which have to be merged.
func (g *operations) field(typ string, depth int) []string {
	def := g.choose(typ, depth)
	if def == nil {
		return []string{"__typename"}
	}
	g.fields--
	args := g.arguments(def)
	head := def.Name
	if args != "" || g.chance(10) {
		head = g.name("a") + ": " + def.Name + args
	}
	composite := g.schema.Types[def.Type.Name()].IsCompositeType()
	once := func() string {
		if !composite {
			return head + g.directive()
		}
		return head + g.directive() + " " + g.set(def.Type.Name(), depth-1)
	}
	out := []string{once()}
	if g.chance(20) {
		out = append(out, once())
	}
	return out
}

func (g *operations) choose(typ string, depth int) *ast.FieldDefinition {
	var plain, nested []*ast.FieldDefinition
	rare := g.chance(1)
	for _, def := range g.schema.Types[typ].Fields {
		coordinate := typ + "." + def.Name
		if strings.HasPrefix(def.Name, "__") || uncovered[coordinate] && !rare || coordinate == "Query.changes" {
			// The cursors of the change feed hold a snapshot of the database: two requests get two.
			continue
		}
		if !g.schema.Types[def.Type.Name()].IsCompositeType() {
			plain = append(plain, def)
		} else if depth > 0 && g.fields > 0 {
			nested = append(nested, def)
		}
	}
	if len(nested) > 0 && (len(plain) == 0 || !g.chance(50)) {
		return rapid.SampledFrom(nested).Draw(g.T, "field")
	}
	if len(plain) == 0 || g.chance(5) {
		return nil
	}
	return rapid.SampledFrom(plain).Draw(g.T, "field")
}

// directive draws none, mostly.
func (g *operations) directive() string {
	if !g.chance(8) {
		return ""
	}
	what := rapid.SampledFrom([]string{"include", "skip"}).Draw(g.T, "directive")
	value := rapid.SampledFrom([]string{"true", "false", "$b0", "$b1"}).Draw(g.T, "if")
	if strings.HasPrefix(value, "$") {
		def := value + ": Boolean! = true"
		if !slices.Contains(g.defs, def) {
			g.defs = append(g.defs, def)
			if g.chance(70) {
				g.values[value[1:]] = g.chance(50)
			}
		}
	}
	return " @" + what + "(if: " + value + ")"
}

func (g *operations) arguments(def *ast.FieldDefinition) string {
	var out []string
	for _, arg := range def.Arguments {
		optional := !arg.Type.NonNull || arg.DefaultValue != nil
		if optional && !g.chance(60) {
			continue
		}
		value := g.value(def.Name+"."+arg.Name, arg.Type)
		if !g.chance(40) {
			out = append(out, arg.Name+": "+literal(value))
			continue
		}
		name := g.name("v")
		typ := arg.Type.String()
		if optional && g.chance(30) {
			typ = strings.TrimSuffix(typ, "!")
		}
		g.defs = append(g.defs, "$"+name+": "+typ)
		if strings.HasSuffix(typ, "!") || g.chance(80) {
			g.values[name] = value
		}
		out = append(out, arg.Name+": $"+name)
	}
	if len(out) == 0 {
		return ""
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// value draws an argument, good ones mostly.
func (g *operations) value(what string, typ *ast.Type) any {
	if typ.Elem != nil {
		out := []any{}
		for range rapid.IntRange(0, 4).Draw(g.T, "length") {
			out = append(out, g.value(what, typ.Elem))
		}
		return out
	}
	if !typ.NonNull && g.chance(5) {
		return nil
	}
	switch def := g.schema.Types[typ.Name()]; {
	case def.Kind == ast.Enum:
		return enum(rapid.SampledFrom(def.EnumValues).Draw(g.T, "enum").Name)
	case def.Kind == ast.InputObject:
		out := map[string]any{}
		for _, f := range def.Fields {
			if f.Type.NonNull && f.DefaultValue == nil || g.chance(30) {
				out[f.Name] = g.value(def.Name+"."+f.Name, f.Type)
			}
		}
		return out
	}
	switch typ.Name() {
	case "Int":
		if g.chance(6) {
			return rapid.SampledFrom([]int{0, -1, 1001}).Draw(g.T, "first")
		}
		return rapid.SampledFrom([]int{1, 2, 3, 7, 50, 1000}).Draw(g.T, "first")
	case "Cursor":
		return g.cursor(what)
	case "ID":
		return rapid.SampledFrom(g.world.uids).Draw(g.T, "id")
	case "DateTime":
		return rapid.SampledFrom([]string{"2020-01-01T00:00:00Z", "2120-01-01T00:00:00+02:00", "yesterday"}).Draw(g.T, "time")
	}
	return g.text(what)
}

func (g *operations) text(what string) string {
	from := g.world.fqns
	switch {
	case strings.HasSuffix(what, ".search"):
		from = []string{"user", "group0", "role", "us 1", "", "  ", "!!", "new"}
	case what == "role.name":
		from = append([]string{"Renamed"}, g.world.roles...)
	case strings.HasSuffix(what, ".provider"):
		from = []string{"HR", "corp", "Local", "none"}
	case strings.HasSuffix(what, ".instance"):
		from = []string{"", "eu", "none"}
	case strings.HasSuffix(what, ".userName"), strings.HasSuffix(what, ".name"):
		from = g.world.names
	}
	return rapid.SampledFrom(from).Draw(g.T, "text")
}

func (g *operations) cursor(what string) string {
	list, _, _ := strings.Cut(what, ".")
	if list == "users" && len(g.cursors) == 0 || g.chance(8) {
		return rapid.SampledFrom([]string{"", "x", "WyIwIiwibWVtYmVycyIsIjEiXQ"}).Draw(g.T, "forged")
	}
	if slices.Contains([]string{"members", "memberOf", "reports"}, list) && g.chance(85) {
		return string(directory.IDCursor(list, int64(rapid.IntRange(0, 50).Draw(g.T, "id"))))
	}
	if len(g.cursors) == 0 {
		return ""
	}
	return rapid.SampledFrom(g.cursors).Draw(g.T, "cursor")
}

// literal is a value as a query writes it.
func literal(value any) string {
	switch v := value.(type) {
	case enum:
		return string(v)
	case []any:
		out := make([]string, len(v))
		for i := range v {
			out[i] = literal(v[i])
		}
		return "[" + strings.Join(out, ", ") + "]"
	case map[string]any:
		var out []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, key+": "+literal(v[key]))
		}
		return "{" + strings.Join(out, ", ") + "}"
	default:
		text, _ := json.Marshal(v) // texts, numbers and null: it cannot fail
		return string(text)
	}
}
