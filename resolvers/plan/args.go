package plan

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/roster-gateway/roster/directory"
)

// slot holds the arguments of one field: read when the plan is made, or from the variables of each request.
type slot struct {
	field  *ast.Field
	decode func(arguments) (any, bool)
	fixed  any
}

// slot compiles the arguments of a field and returns the place where an execution finds them.
func (c *compiler) slot(f graphql.CollectedField, decode func(arguments) (any, bool)) int {
	for i := range c.slots {
		if c.slots[i].field == f.Field {
			return i
		}
	}
	s := slot{field: f.Field, decode: decode}
	if !asksVariables(f.Arguments) {
		var ok bool
		if s.fixed, ok = decode(argumentsOf(f.Field, nil)); !ok {
			c.leave()
		}
	}
	c.slots = append(c.slots, s)
	return len(c.slots) - 1
}

func asksVariables(args ast.ArgumentList) bool {
	for _, a := range args {
		if asksVariable(a.Value) {
			return true
		}
	}
	return false
}

func asksVariable(v *ast.Value) bool {
	if v.Kind == ast.Variable {
		return true
	}
	for _, child := range v.Children {
		if asksVariable(child.Value) {
			return true
		}
	}
	return false
}

// arguments reads the arguments of all fields. It reports false where one of them is not in the form that plans
// know; the generated executor then says what is wrong with it.
func (p *plan) arguments(variables map[string]any) (out []any, ok bool) {
	defer func() {
		if recover() != nil {
			out, ok = nil, false
		}
	}()
	out = make([]any, len(p.slots))
	for i, s := range p.slots {
		if out[i] = s.fixed; s.fixed != nil {
			continue
		}
		if out[i], ok = s.decode(argumentsOf(s.field, variables)); !ok {
			return nil, false
		}
	}
	return out, true
}

// arguments reads values that gqlgen has coerced: those of a field, or of an object among them. What is not of the
// expected type is noted in wrong.
type arguments struct {
	field     *ast.Field // nil for an object
	variables map[string]any
	object    map[string]any
	wrong     *bool
}

func argumentsOf(f *ast.Field, variables map[string]any) arguments {
	return arguments{field: f, variables: variables, wrong: new(bool)}
}

// value returns a value by its name; false where none was given and there is no default (GraphQL specification,
// section 6.4.1). It panics on literals that are no value.
func (a arguments) value(name string) (any, bool) {
	if a.field == nil {
		value, given := a.object[name]
		return value, given
	}
	if given := a.field.Arguments.ForName(name); given != nil {
		if given.Value.Kind != ast.Variable {
			return valueOf(given.Value, a.variables), true
		}
		if value, ok := a.variables[given.Value.Raw]; ok {
			return value, true
		}
	}
	if def := a.field.Definition.Arguments.ForName(name); def != nil && def.DefaultValue != nil {
		return valueOf(def.DefaultValue, a.variables), true
	}
	return nil, false
}

func valueOf(v *ast.Value, variables map[string]any) any {
	value, err := v.Value(variables)
	if err != nil {
		panic(err)
	}
	return value
}

// given is a value that is there and not null.
func (a arguments) given(name string) (any, bool) {
	value, _ := a.value(name)
	return value, value != nil
}

func (a arguments) refuse() { *a.wrong = true }

func (a arguments) text(name string) string {
	value, _ := a.value(name)
	text, ok := value.(string)
	if !ok {
		a.refuse()
	}
	return text
}

// optional is a text, or nil where there is none or it is null.
func (a arguments) optional(name string) *string {
	value, given := a.given(name)
	if !given {
		return nil
	}
	text, ok := value.(string)
	if !ok {
		a.refuse()
	}
	return &text
}

func (a arguments) number(name string) int {
	value, given := a.given(name)
	n, err := graphql.UnmarshalInt(value)
	if err != nil || !given {
		a.refuse()
	}
	return n
}

// nested is an input object; ok is false where there is none or it is null.
func (a arguments) nested(name string) (object arguments, ok bool) {
	value, given := a.given(name)
	if !given {
		return arguments{}, false
	}
	members, isObject := value.(map[string]any)
	if !isObject {
		a.refuse()
	}
	return arguments{object: members, wrong: a.wrong}, true
}

// texts is a list of texts or enum values: nil where there is none or it is null, else not nil.
func texts[T ~string](a arguments, name string) []T {
	value, given := a.given(name)
	if !given {
		return nil
	}
	list := graphql.CoerceList(value)
	out := make([]T, len(list))
	for i, element := range list {
		text, ok := element.(string)
		if !ok {
			a.refuse()
		}
		out[i] = T(text)
	}
	return out
}

func (a arguments) page() directory.PageArgs {
	return directory.PageArgs{First: a.number("first"), After: (*directory.Cursor)(a.optional("after"))}
}

func decodePageArgs(a arguments) (any, bool) {
	page := a.page()
	return page, !*a.wrong
}

// decodeLinkArgs reads the arguments of members, memberOf and memberCount, of which the last has no page.
func decodeLinkArgs(a arguments) (any, bool) {
	args := directory.LinkArgs{
		Scope:  directory.MembershipScope(a.text("scope")),
		Status: texts[directory.IdentityStatus](a, "status"),
	}
	if kind := a.optional("kind"); kind != nil {
		args.Kind = directory.IdentityKind(*kind)
	}
	if _, paged := a.value("first"); paged {
		args.PageArgs = a.page()
	}
	return args, !*a.wrong && args.Status != nil
}

type hasMemberArgs struct {
	fqn   string
	scope directory.MembershipScope
}

func decodeHasMember(a arguments) (any, bool) {
	args := hasMemberArgs{fqn: a.text("fqn"), scope: directory.MembershipScope(a.text("scope"))}
	return args, !*a.wrong
}

// decodeText is for fields with one text as their argument.
func decodeText(name string) func(arguments) (any, bool) {
	return func(a arguments) (any, bool) {
		text := a.text(name)
		return text, !*a.wrong
	}
}

func decodeFQNs(a arguments) (any, bool) {
	fqns := texts[string](a, "fqns")
	return fqns, !*a.wrong && fqns != nil
}

func decodeChecks(a arguments) (any, bool) {
	checks, given := a.given("checks")
	list := graphql.CoerceList(checks)
	out := make([]directory.MembershipCheckInput, len(list))
	for i, element := range list {
		members, ok := element.(map[string]any)
		if !ok {
			return nil, false
		}
		pair := arguments{object: members, wrong: a.wrong}
		out[i] = directory.MembershipCheckInput{Member: pair.text("member"), Container: pair.text("container")}
	}
	return out, !*a.wrong && given
}
