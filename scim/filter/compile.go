package filter

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// Binding says where the attributes of a resource type are kept. Keys are names in the schema's spelling, with a
// sub-attribute after a dot and an extension's URN and a colon before (see [Key]). Attributes that it does not name
// are in the identity's attributes, under their names.
type Binding struct {
	// Columns are attributes that have a column of their own.
	Columns map[string]directory.Column
	// Links are attributes whose value is the id of a linked identity.
	Links map[string]directory.Linked
	// Constants are attributes that have one value on every resource of the type.
	Constants map[string]string
	// Unsupported are attributes that cannot be filtered by.
	Unsupported map[string]bool
}

// Key is the name under which a [Binding] knows an attribute.
func Key(ref schema.Ref) string {
	key := ref.Attr.Name
	if ref.Sub != nil {
		key += "." + ref.Sub.Name
	}
	if ref.Extension != nil {
		key = ref.Extension.ID + ":" + key
	}
	return key
}

// always and never are the predicates that hold for all and for none.
var (
	always = directory.And{}
	never  = directory.Or{}
)

func truth(holds bool) directory.Predicate {
	if holds {
		return always
	}
	return never
}

// Compile turns a filter that is bound to a resource type into a predicate. What it has no predicate for is an
// [Error], never a filter that lets everything or nothing through.
func (f *Filter) Compile(b Binding) (directory.Predicate, error) {
	return compiler{rt: f.rt, Binding: b}.node(f.root)
}

type compiler struct {
	Binding
	rt *schema.ResourceType
	// inElement is set for the sub-attributes of one element, whose paths are relative to it.
	inElement bool
}

func (c compiler) node(n node) (directory.Predicate, error) {
	switch n := n.(type) {
	case allOf:
		terms, err := c.all(n)
		return directory.And(terms), err
	case anyOf:
		terms, err := c.all(n)
		return directory.Or(terms), err
	case notNode:
		term, err := c.node(n.term)
		return directory.Not{Term: term}, err
	case presentNode:
		return c.present(n)
	case elementNode:
		return c.element(n)
	case compareNode:
		return c.compare(n)
	}
	return nil, unsupported("this")
}

func (c compiler) all(nodes []node) ([]directory.Predicate, error) {
	out := make([]directory.Predicate, len(nodes))
	for i, n := range nodes {
		var err error
		if out[i], err = c.node(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func unsupported(what string) error { return &Error{Msg: "filters by " + what + " are not supported"} }

// attributeKey is the key of the attribute itself, without its sub-attribute.
func attributeKey(at schema.Ref) string {
	return Key(schema.Ref{Extension: at.Extension, Attr: at.Attr})
}

// known refuses places that nothing is known about.
func (c compiler) known(at schema.Ref) error {
	if c.inElement {
		return nil
	}
	if c.Unsupported[Key(at)] || c.Unsupported[attributeKey(at)] {
		return unsupported(Key(at))
	}
	return nil
}

func (c compiler) present(n presentNode) (directory.Predicate, error) {
	if err := c.known(n.at); err != nil {
		return nil, err
	}
	if !c.inElement {
		if _, linked := c.Links[attributeKey(n.at)]; linked {
			return nil, unsupported("the presence of " + Key(n.at))
		}
		if _, constant := c.Constants[Key(n.at)]; constant || Key(n.at) == "schemas" || Key(n.at) == "meta" {
			return always, nil
		}
	}
	if n.at.Attr.MultiValued && n.at.Sub != nil {
		return directory.Element{
			Path:  path(schema.Ref{Extension: n.at.Extension, Attr: n.at.Attr}),
			Where: directory.Present{Operand: directory.Operand{Path: []string{n.at.Sub.Name}, CaseExact: n.at.Sub.CaseExact}},
		}, nil
	}
	return directory.Present{Operand: c.operand(n.at)}, nil
}

// operand says where the store finds an attribute.
func (c compiler) operand(at schema.Ref) directory.Operand {
	o := directory.Operand{CaseExact: at.Leaf().CaseExact}
	if !c.inElement {
		if o.Column = c.Columns[Key(at)]; o.Column != "" {
			return o
		}
	}
	o.Path = path(at)
	return o
}

func path(at schema.Ref) []string {
	out := []string{}
	if at.Extension != nil {
		out = append(out, at.Extension.ID)
	}
	out = append(out, at.Attr.Name)
	if at.Sub != nil {
		out = append(out, at.Sub.Name)
	}
	return out
}

func (c compiler) element(n elementNode) (directory.Predicate, error) {
	if err := c.known(n.at); err != nil {
		return nil, err
	}
	if link, ok := c.Links[attributeKey(n.at)]; ok {
		return c.linkedElement(n.at, link, n.where)
	}
	if !n.at.Attr.MultiValued {
		return nil, unsupported("brackets after " + Key(n.at) + ", which has one value,")
	}
	c.inElement = true
	where, err := c.node(n.where)
	return directory.Element{Path: path(n.at), Where: where}, err
}

func (c compiler) compare(n compareNode) (directory.Predicate, error) {
	if n.value == nil {
		present, err := c.present(presentNode{at: n.at})
		if n.op == directory.NotEqual {
			return present, err
		}
		return directory.Not{Term: present}, err
	}
	if err := c.known(n.at); err != nil {
		return nil, err
	}
	if c.inElement {
		return directory.Compare{Operand: c.operand(n.at), Op: n.op, Value: n.value}, nil
	}
	if link, ok := c.Links[attributeKey(n.at)]; ok {
		return c.linked(n, link)
	}
	key := Key(n.at)
	if constant, ok := c.Constants[key]; ok {
		return c.negatable(n, func(op Op) directory.Predicate {
			return truth(compare(constant, op, n.value, n.at.Leaf().CaseExact))
		}), nil
	}
	switch {
	case key == "schemas":
		return c.schemas(n)
	case c.Columns[key] == directory.ColumnUID, c.Columns[key] == directory.ColumnVersion:
		return c.identifier(n)
	case n.at.Attr.MultiValued && n.at.Sub == nil:
		return nil, unsupported(key)
	case n.at.Attr.MultiValued:
		return c.negatable(n, func(op Op) directory.Predicate {
			operand := directory.Operand{Path: []string{n.at.Sub.Name}, CaseExact: n.at.Sub.CaseExact}
			return directory.Element{
				Path:  path(schema.Ref{Extension: n.at.Extension, Attr: n.at.Attr}),
				Where: directory.Compare{Operand: operand, Op: op, Value: n.value},
			}
		}), nil
	}
	return directory.Compare{Operand: c.operand(n.at), Op: n.op, Value: n.value}, nil
}

// negatable makes ne the opposite of eq, so that it holds where there is no value at all.
func (c compiler) negatable(n compareNode, of func(Op) directory.Predicate) directory.Predicate {
	if n.op == directory.NotEqual {
		return directory.Not{Term: of(directory.Equal)}
	}
	return of(n.op)
}

// schemas compares the URNs of a resource's schemas, which follow from what it has.
func (c compiler) schemas(n compareNode) (directory.Predicate, error) {
	if n.op != directory.Equal && n.op != directory.NotEqual {
		return nil, unsupported("parts of schemas")
	}
	urn := n.value.(string)
	return c.negatable(n, func(Op) directory.Predicate {
		if strings.EqualFold(urn, c.rt.Core.ID) {
			return always
		}
		if e := c.rt.Extension(urn); e != nil {
			return directory.Present{Operand: directory.Operand{Path: []string{e.ID}}}
		}
		return never
	}), nil
}

// identifier compares ids and versions, whose columns are no texts: a value that is no id or version is equal to none.
func (c compiler) identifier(n compareNode) (directory.Predicate, error) {
	if n.op != directory.Equal && n.op != directory.NotEqual {
		return nil, unsupported("parts or the order of " + Key(n.at))
	}
	text := n.value.(string)
	return c.negatable(n, func(Op) directory.Predicate {
		out := directory.Compare{Operand: c.operand(n.at), Op: directory.Equal}
		switch out.Operand.Column {
		case directory.ColumnVersion:
			version, ok := ParseVersion(text)
			if !ok {
				return never
			}
			out.Value = json.Number(strconv.FormatInt(version, 10))
		default:
			if !isID(text) {
				return never
			}
			out.Value = text
		}
		return out
	}), nil
}

// isID reports whether a text is an id as it is given out; ids are compared exactly.
func isID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// ParseVersion reads a version, W/"5" or "5" (RFC 7644 section 3.14).
func ParseVersion(text string) (int64, bool) {
	text = strings.TrimPrefix(text, "W/")
	if len(text) < 3 || text[0] != '"' || text[len(text)-1] != '"' {
		return 0, false
	}
	n, err := strconv.ParseInt(text[1:len(text)-1], 10, 64)
	return n, err == nil && n >= 0
}
