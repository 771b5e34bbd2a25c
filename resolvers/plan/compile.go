package plan

import (
	"encoding/json"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// plan is a compiled operation. It is read-only, and shared by all requests that run it.
type plan struct {
	roots []root
	slots []slot
}

// root is a field of the operation itself: its name, and how it is answered; nil where that is a constant.
type root struct {
	name
	constant []byte
	reads    rootStep
}

// name is how an answer tells a field: its bytes, its place in paths and in the operation's text.
type name struct {
	key      []byte // `"name":`
	response string
	at       *ast.Position
}

func nameOf(f graphql.CollectedField) name {
	text, _ := json.Marshal(f.Alias) // a name of letters, digits and underscores: it cannot fail
	return name{key: append(text, ':'), response: f.Alias, at: f.Position}
}

func (n name) locations() []gqlerror.Location {
	if n.at == nil || n.at.Line == 0 {
		return nil
	}
	return []gqlerror.Location{{Line: n.at.Line, Column: n.at.Column}}
}

// compiler makes one plan. What is selected is found by gqlgen itself (graphql.CollectFields), so that fragments,
// directives and merged fields mean the same on both roads.
type compiler struct {
	op     *graphql.OperationContext
	schema *ast.Schema
	slots  []slot
	// known holds what was compiled by its selections: an interface has the same ones for each of its types, and
	// would be compiled anew for each type of each level without it.
	known  map[string]any
	budget int
	failed bool
}

// maxFields bounds the fields of a plan; an operation that needs more is the generated executor's.
const maxFields = 4000

// compile returns the plan of an operation, nil where it selects something that plans do not cover.
func compile(op *graphql.OperationContext, schema *ast.Schema) (p *plan) {
	defer func() {
		if recover() != nil { // gqlparser panics on literals that the generated executor then refuses
			p = nil
		}
	}()
	c := &compiler{op: op, schema: schema, known: map[string]any{}, budget: maxFields}
	p = &plan{}
	for _, f := range c.collect(op.Operation.SelectionSet, "Query") {
		r := root{name: nameOf(f)}
		if f.Name == "__typename" {
			r.constant = []byte(`"Query"`)
		} else {
			r.reads = c.root(f)
		}
		p.roots = append(p.roots, r)
	}
	if c.failed {
		return nil
	}
	p.slots = c.slots
	return p
}

// leave gives the operation to the generated executor.
func (c *compiler) leave() { c.failed = true }

// collect lists the fields that a selection set selects on an object of a type, in the order of the answer.
func (c *compiler) collect(set ast.SelectionSet, object string) []graphql.CollectedField {
	def := c.schema.Types[object]
	if def == nil {
		c.leave()
		return nil
	}
	fields := graphql.CollectFields(c.op, set, append([]string{object}, def.Interfaces...))
	if c.budget -= len(fields); c.budget < 0 {
		c.leave()
	}
	if c.failed {
		return nil
	}
	return fields
}

// once compiles each list of selections once for each of its uses.
func once[T any](c *compiler, use string, set ast.SelectionSet, compile func() *T) *T {
	key := []byte(use)
	for _, sel := range set {
		key = fmt.Appendf(key, ",%p", sel)
	}
	if made, ok := c.known[string(key)]; ok {
		return made.(*T)
	}
	made := compile()
	c.known[string(key)] = made
	return made
}
