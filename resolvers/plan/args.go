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
		if s.fixed, ok = decode(arguments{given: f.ArgumentMap(nil)}.checked()); !ok {
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
		if out[i], ok = s.decode(arguments{given: s.field.ArgumentMap(variables)}.checked()); !ok {
			return nil, false
		}
	}
	return out, true
}

// arguments reads values that gqlgen has coerced. What is not of the expected type is noted in wrong.
type arguments struct {
	given map[string]any
	wrong *bool
}

func (a arguments) checked() arguments {
	a.wrong = new(bool)
	return a
}

func (a arguments) refuse() { *a.wrong = true }

func (a arguments) text(name string) string {
	text, ok := a.given[name].(string)
	if !ok {
		a.refuse()
	}
	return text
}

// optional is a text, or nil where there is none or it is null.
func (a arguments) optional(name string) *string {
	if a.given[name] == nil {
		return nil
	}
	text := a.text(name)
	return &text
}

func (a arguments) number(name string) int {
	n, err := graphql.UnmarshalInt(a.given[name])
	if err != nil || a.given[name] == nil {
		a.refuse()
	}
	return n
}

// object is an input object; ok is false where there is none or it is null.
func (a arguments) object(name string) (object arguments, ok bool) {
	if a.given[name] == nil {
		return arguments{}, false
	}
	given, isObject := a.given[name].(map[string]any)
	if !isObject {
		a.refuse()
	}
	return arguments{given: given, wrong: a.wrong}, true
}

// texts is a list of texts or enum values: nil where there is none or it is null, else not nil.
func texts[T ~string](a arguments, name string) []T {
	if a.given[name] == nil {
		return nil
	}
	list := graphql.CoerceList(a.given[name])
	out := make([]T, len(list))
	for i, value := range list {
		text, ok := value.(string)
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
	if _, paged := a.given["first"]; paged {
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
	list := graphql.CoerceList(a.given["checks"])
	out := make([]directory.MembershipCheckInput, len(list))
	for i, value := range list {
		given, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		pair := arguments{given: given, wrong: a.wrong}
		out[i] = directory.MembershipCheckInput{Member: pair.text("member"), Container: pair.text("container")}
	}
	return out, !*a.wrong && a.given["checks"] != nil
}
