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
)

func (allOf) isNode()       {}
func (anyOf) isNode()       {}
func (notNode) isNode()     {}
func (compareNode) isNode() {}
func (presentNode) isNode() {}
func (elementNode) isNode() {}

// Bind ties a filter to the resources of a type. It fails with an [Error] where an attribute does not exist or cannot
// be compared in that way.
func Bind(e Expr, rt *schema.ResourceType) (*Filter, error) {
	root, err := bind(e, func(p AttrPath) (schema.Ref, bool) {
		ref, ok := rt.Resolve(p.URN, p.Name, p.Sub)
		return ref, ok && ref.Attr != nil
	})
	return &Filter{root: root, rt: rt}, err
}

// BindElement ties a filter to the elements of a multi-valued attribute, or to a complex one's only value.
func BindElement(e Expr, of *schema.Attribute) (*Filter, error) {
	root, err := bindElement(e, of)
	return &Filter{root: root}, err
}

func bindElement(e Expr, of *schema.Attribute) (node, error) {
	if of.Type != schema.Complex {
		return nil, &Error{Msg: of.Name + " has no sub-attributes to filter by"}
	}
	return bind(e, func(p AttrPath) (schema.Ref, bool) {
		sub := of.Sub(p.Name)
		return schema.Ref{Attr: sub}, sub != nil && p.URN == "" && p.Sub == ""
	})
}

// binder finds an attribute.
type binder func(AttrPath) (schema.Ref, bool)

func bind(e Expr, find binder) (node, error) {
	switch e := e.(type) {
	case And:
		terms, err := bindAll(e, find)
		return allOf(terms), err
	case Or:
		terms, err := bindAll(e, find)
		return anyOf(terms), err
	case Not:
		term, err := bind(e.Term, find)
		return notNode{term: term}, err
	case Compare:
		return bindCompare(e, find)
	case Present:
		ref, err := found(e.Path, find)
		return presentNode{at: ref}, err
	case Element:
		ref, err := found(e.Path, find)
		if err != nil {
			return nil, err
		}
		where, err := bindElement(e.Where, ref.Leaf())
		return elementNode{at: ref, where: where}, err
	}
	return nil, &Error{Msg: fmt.Sprintf("%T is no filter", e)}
}

func bindAll(terms []Expr, find binder) ([]node, error) {
	out := make([]node, len(terms))
	for i, t := range terms {
		var err error
		if out[i], err = bind(t, find); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// found resolves a path. What is never returned cannot be asked for either.
func found(p AttrPath, find binder) (schema.Ref, error) {
	ref, ok := find(p)
	if !ok || ref.Attr.Returned == schema.Never {
		return ref, &Error{Msg: "there is no attribute " + p.String() + " to filter by"}
	}
	return ref, nil
}

func bindCompare(c Compare, find binder) (node, error) {
	ref, err := found(c.Path, find)
	if err != nil {
		return nil, err
	}
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
