package filter

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// Filter is an expression whose attributes are found in a schema and whose values have their types.
type Filter struct {
	root node
	rt   *schema.ResourceType // nil where the filter is on the elements of an attribute
}

// node is a part of a bound filter.
type node interface{ isNode() }

type (
	allOf   []node
	anyOf   []node
	notNode struct{ term node }
	// compareNode compares what the place holds. value is nil (null), a string, bool, json.Number or time.Time.
	compareNode struct {
		at    schema.Ref
		op    Op
		value any
	}
	presentNode struct{ at schema.Ref }
	elementNode struct {
		at    schema.Ref
		where node
	}
	// truthNode holds for all or for none.
	truthNode bool
)

func (allOf) isNode()       {}
func (anyOf) isNode()       {}
func (notNode) isNode()     {}
func (compareNode) isNode() {}
func (presentNode) isNode() {}
func (elementNode) isNode() {}
func (truthNode) isNode()   {}

// Bind ties a filter to the resources of a type. It fails with an [Error] where an attribute does not exist or cannot
// be compared in that way. Where several types are asked at once, others are the other ones: attributes that only they
// have are without a value on resources of this one (RFC 7644 section 3.4.2.1).
func Bind(e Expr, rt *schema.ResourceType, others ...*schema.ResourceType) (*Filter, error) {
	b := binder{find: inType(rt)}
	for _, other := range others {
		b.elsewhere = append(b.elsewhere, inType(other))
	}
	root, err := b.bind(e)
	return &Filter{root: root, rt: rt}, err
}

// BindElement ties a filter to the elements of a multi-valued attribute, or to a complex one's only value.
func BindElement(e Expr, of *schema.Attribute) (*Filter, error) {
	root, err := bindElement(e, of)
	return &Filter{root: root}, err
}

func bindElement(e Expr, of *schema.Attribute) (node, error) {
	return bindSubs(e, of, func(sub *schema.Attribute) schema.Ref { return schema.Ref{Attr: sub} })
}

// bindSubs ties a filter to the sub-attributes of a complex attribute.
func bindSubs(e Expr, of *schema.Attribute, at func(sub *schema.Attribute) schema.Ref) (node, error) {
	if of.Type != schema.Complex {
		return nil, &Error{Msg: of.Name + " has no sub-attributes to filter by"}
	}
	return binder{find: func(p AttrPath) (schema.Ref, bool) {
		sub := of.Sub(p.Name)
		return at(sub), sub != nil && p.URN == "" && p.Sub == ""
	}}.bind(e)
}

// finder finds an attribute.
type finder func(AttrPath) (schema.Ref, bool)

func inType(rt *schema.ResourceType) finder {
	return func(p AttrPath) (schema.Ref, bool) {
		ref, ok := rt.Resolve(p.URN, p.Name, p.Sub)
		return ref, ok && ref.Attr != nil
	}
}

// binder ties expressions to what find finds; what it does not find may be elsewhere.
type binder struct {
	find      finder
	elsewhere []finder
}

func (b binder) bind(e Expr) (node, error) {
	switch e := e.(type) {
	case And:
		terms, err := b.bindAll(e)
		return allOf(terms), err
	case Or:
		terms, err := b.bindAll(e)
		return anyOf(terms), err
	case Not:
		term, err := b.bind(e.Term)
		return notNode{term: term}, err
	case Compare:
		return b.bindTerm(e.Path, func(ref schema.Ref) (node, error) { return bindCompare(e, ref) })
	case Present:
		return b.bindTerm(e.Path, func(ref schema.Ref) (node, error) { return presentNode{at: ref}, nil })
	case Element:
		return b.bindTerm(e.Path, func(ref schema.Ref) (node, error) { return bindBrackets(e, ref) })
	}
	return nil, &Error{Msg: fmt.Sprintf("%T is no filter", e)}
}

func (b binder) bindAll(terms []Expr) ([]node, error) {
	out := make([]node, len(terms))
	for i, t := range terms {
		var err error
		if out[i], err = b.bind(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bindTerm binds a term to the attribute of a path. What is never returned cannot be asked for either.
func (b binder) bindTerm(p AttrPath, to func(schema.Ref) (node, error)) (node, error) {
	if ref, ok := b.find(p); ok && ref.Leaf().Returned != schema.Never && ref.Attr.Returned != schema.Never {
		return to(ref)
	}
	for _, find := range b.elsewhere {
		if n, err := (binder{find: find}).bindTerm(p, to); err == nil {
			return withoutValue(n), nil
		}
	}
	return nil, &Error{Msg: "there is no attribute " + p.String() + " to filter by"}
}

// withoutValue is what a term comes to where its attribute has no value.
func withoutValue(n node) node {
	compare, ok := n.(compareNode)
	return truthNode(ok && (compare.op == directory.NotEqual) != (compare.value == nil))
}

// bindBrackets binds attr[filter]. On an attribute of one value it is a filter on the sub-attributes of a value that is
// there.
func bindBrackets(e Element, ref schema.Ref) (node, error) {
	if leaf := ref.Leaf(); leaf.MultiValued || leaf.Type != schema.Complex {
		where, err := bindElement(e.Where, leaf)
		return elementNode{at: ref, where: where}, err
	}
	where, err := bindSubs(e.Where, ref.Attr, func(sub *schema.Attribute) schema.Ref {
		return schema.Ref{Extension: ref.Extension, Attr: ref.Attr, Sub: sub}
	})
	return allOf{presentNode{at: ref}, where}, err
}

func bindCompare(c Compare, ref schema.Ref) (node, error) {
	if leaf := ref.Leaf(); leaf.Type == schema.Complex {
		if ref.Sub = leaf.Sub("value"); ref.Sub == nil {
			return nil, &Error{Msg: c.Path.String() + " is complex; name one of its sub-attributes"}
		}
	}
	value, err := typed(c, ref.Leaf())
	return compareNode{at: ref, op: c.Op, value: value}, err
}

// typed gives a literal the type of the attribute that it is compared with, and refuses comparisons that the type
// does not know (RFC 7644 section 3.4.2.2, table 3).
func typed(c Compare, leaf *schema.Attribute) (any, error) {
	equality := c.Op == directory.Equal || c.Op == directory.NotEqual
	within := c.Op == directory.Contains || c.Op == directory.StartsWith || c.Op == directory.EndsWith
	refuse := func(why string) (any, error) { // without the value: sentences are logged, and whom a filter looks for is not
		return nil, &Error{Msg: fmt.Sprintf("%s cannot be compared by %s like this: %s", c.Path, c.Op, why)}
	}
	if c.Value.IsNull() {
		if !equality {
			return refuse("null has no order and no parts")
		}
		return nil, nil
	}
	switch leaf.Type {
	case schema.Boolean:
		b, ok := schema.ParseBool(c.Value.Text)
		if !ok || !equality {
			return refuse("it is true or false, compared by eq and ne")
		}
		return b, nil
	case schema.Integer, schema.Decimal:
		if !schema.IsNumber(c.Value.Text) || within {
			return refuse("it is a number")
		}
		return json.Number(c.Value.Text), nil
	case schema.DateTime:
		at, ok := parseTime(c.Value.Text)
		if !ok || within {
			return refuse("it is a date and time such as 2024-03-01T08:00:00Z")
		}
		return at, nil
	case schema.Binary:
		if !equality && !within {
			return refuse("binary data has no order")
		}
	}
	return c.Value.Text, nil
}

// parseTime reads an xsd:dateTime (RFC 7643 section 2.3.5); without an offset it is UTC.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
