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
	// Kind is what the resources are.
	Kind directory.IdentityKind
	// Columns are attributes that have a column of their own.
	Columns map[string]directory.Column
	// Links are attributes that list linked identities.
	Links map[string]Link
	// Constants are attributes that have one value on every resource of the type.
	Constants map[string]string
	// Locate finds out whose address a text is; nil where nothing is known of addresses.
	Locate func(address string) (kind directory.IdentityKind, id string, ok bool)
}

// Link is where an attribute leads whose elements are linked identities.
type Link struct {
	Way     directory.Way
	Manager bool
	// Types are the values of the sub-attribute type, by the kind of the linked identity.
	Types map[directory.IdentityKind]string
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
	case truthNode:
		return truth(bool(n)), nil
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

func (c compiler) present(n presentNode) (directory.Predicate, error) {
	if !c.inElement {
		if link, ok := c.Links[attributeKey(n.at)]; ok {
			return link.to(nil), nil // which has all its sub-attributes
		}
		if _, constant := c.Constants[Key(n.at)]; constant || n.at.Attr.Name == "schemas" || n.at.Attr.Name == "meta" {
			return always, nil
		}
	}
	if n.at.Attr.MultiValued && n.at.Sub != nil {
		return directory.Element{
			Path:  placeOf(schema.Ref{Extension: n.at.Extension, Attr: n.at.Attr}),
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
	o.Path = placeOf(at)
	return o
}

func placeOf(at schema.Ref) []string {
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
	if link, ok := c.Links[attributeKey(n.at)]; ok {
		where, err := c.linkedElement(link, n.where)
		return link.to(where), err
	}
	c.inElement = true
	where, err := c.node(n.where)
	return directory.Element{Path: placeOf(n.at), Where: where}, err
}

func (c compiler) compare(n compareNode) (directory.Predicate, error) {
	if n.value == nil {
		present, err := c.present(presentNode{at: n.at})
		if n.op == directory.NotEqual {
			return present, err
		}
		return directory.Not{Term: present}, err
	}
	if c.inElement {
		return directory.Compare{Operand: c.operand(n.at), Op: n.op, Value: n.value}, nil
	}
	if link, ok := c.Links[attributeKey(n.at)]; ok {
		return c.negatable(n, func(n compareNode) (directory.Predicate, error) {
			where, err := c.linkedValue(link, n.at.Leaf(), n)
			return link.to(where), err
		})
	}
	key := Key(n.at)
	if constant, ok := c.Constants[key]; ok {
		return truth(compareNode{op: n.op, value: n.value, at: n.at}.holds(constant)), nil
	}
	column := c.Columns[key]
	switch {
	case key == "schemas":
		return c.negatable(n, c.schemas)
	case key == "meta.location":
		return c.negatable(n, c.location)
	case column == directory.ColumnUID || column == directory.ColumnVersion:
		return c.negatable(n, c.identifier)
	case column == directory.ColumnDisplayName:
		return c.negatable(n, func(n compareNode) (directory.Predicate, error) {
			operand := c.operand(n.at)
			return directory.And{directory.Compare{Operand: operand, Op: n.op, Value: n.value}, directory.Present{Operand: operand}}, nil
		})
	case n.at.Attr.MultiValued && n.at.Sub != nil:
		return c.negatable(n, func(n compareNode) (directory.Predicate, error) {
			operand := directory.Operand{Path: []string{n.at.Sub.Name}, CaseExact: n.at.Sub.CaseExact}
			return directory.Element{
				Path:  placeOf(schema.Ref{Extension: n.at.Extension, Attr: n.at.Attr}),
				Where: directory.Compare{Operand: operand, Op: n.op, Value: n.value},
			}, nil
		})
	}
	return directory.Compare{Operand: c.operand(n.at), Op: n.op, Value: n.value}, nil
}

// holds compares one text.
func (n compareNode) holds(text string) bool {
	if n.op == directory.NotEqual {
		return !compare(text, directory.Equal, n.value, n.at.Leaf().CaseExact)
	}
	return compare(text, n.op, n.value, n.at.Leaf().CaseExact)
}

// negatable makes ne the opposite of eq, so that it holds where there is no value at all.
func (c compiler) negatable(n compareNode, of func(compareNode) (directory.Predicate, error)) (directory.Predicate, error) {
	if n.op != directory.NotEqual {
		return of(n)
	}
	n.op = directory.Equal
	term, err := of(n)
	return directory.Not{Term: term}, err
}

// schemas compares the URNs of a resource's schemas, which follow from what it has.
func (c compiler) schemas(n compareNode) (directory.Predicate, error) {
	if n.holds(c.rt.Core.ID) {
		return always, nil
	}
	out := directory.Or{}
	for _, e := range c.rt.Extensions {
		if !n.holds(e.ID) {
			continue
		}
		out = append(out, directory.Present{Operand: directory.Operand{Path: []string{e.ID}}})
		for key, link := range c.Links {
			if strings.HasPrefix(key, e.ID+":") {
				out = append(out, link.to(nil))
			}
		}
	}
	return out, nil
}

// location compares the address of a resource.
func (c compiler) location(n compareNode) (directory.Predicate, error) {
	kind, id, err := c.locate(n)
	if err != nil || id == "" || kind != c.Kind {
		return never, err
	}
	return identified(id), nil
}

// locate finds out whose address a comparison is with; an empty id is nobody's.
func (c compiler) locate(n compareNode) (kind directory.IdentityKind, id string, err error) {
	if n.op != directory.Equal || c.Locate == nil {
		return "", "", unsupported("parts or the order of addresses")
	}
	kind, id, ok := c.Locate(n.value.(string))
	if !ok || !isID(id) {
		return "", "", nil
	}
	return kind, id, nil
}

func identified(id string) directory.Predicate {
	return directory.Compare{Operand: directory.Operand{Column: directory.ColumnUID, CaseExact: true}, Op: directory.Equal, Value: id}
}

// identifier compares ids and versions, whose columns are no texts: a value that is no id or version is equal to none.
func (c compiler) identifier(n compareNode) (directory.Predicate, error) {
	text := n.value.(string)
	out := directory.Compare{Operand: c.operand(n.at), Op: n.op, Value: text}
	switch {
	case n.op != directory.Equal:
	case out.Operand.Column == directory.ColumnVersion:
		version, ok := ParseVersion(text)
		number := strconv.FormatInt(version, 10)
		if !ok || text != `W/"`+number+`"` {
			return never, nil
		}
		out.Value = json.Number(number)
	case !isID(text):
		return never, nil
	}
	return out, nil
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
