package filter

import (
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// to is the condition that a resource is linked to an identity that meets another one; nil is any.
func (l Link) to(where directory.Predicate) directory.Predicate {
	if none, ok := where.(directory.Or); ok && len(none) == 0 {
		return never
	}
	return directory.Linked{Way: l.Way, Manager: l.Manager, Where: where}
}

// linkedElement compiles the filter in members[filter] to a condition on the linked identity, from whose row all
// sub-attributes of the element are made.
func (c compiler) linkedElement(link Link, where node) (directory.Predicate, error) {
	switch n := where.(type) {
	case allOf:
		terms, err := c.linkedElements(link, n)
		return directory.And(terms), err
	case anyOf:
		terms, err := c.linkedElements(link, n)
		return directory.Or(terms), err
	case notNode:
		term, err := c.linkedElement(link, n.term)
		return directory.Not{Term: term}, err
	case presentNode:
		return always, nil
	case compareNode:
		if n.value == nil {
			return truth(n.op == directory.NotEqual), nil
		}
		return c.negatable(n, func(n compareNode) (directory.Predicate, error) { return c.linkedValue(link, n.at.Attr, n) })
	}
	return nil, unsupported("this")
}

func (c compiler) linkedElements(link Link, nodes []node) ([]directory.Predicate, error) {
	out := make([]directory.Predicate, len(nodes))
	for i, n := range nodes {
		var err error
		if out[i], err = c.linkedElement(link, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// linkedValue compares a sub-attribute of an attribute that lists linked identities.
func (c compiler) linkedValue(link Link, sub *schema.Attribute, n compareNode) (directory.Predicate, error) {
	text, _ := n.value.(string)
	switch sub.Name {
	case "value":
		if n.op == directory.Equal && !isID(text) {
			return never, nil
		}
		operand := directory.Operand{Column: directory.ColumnUID, CaseExact: true}
		return directory.Compare{Operand: operand, Op: n.op, Value: text}, nil
	case "$ref":
		kind, id, err := c.locate(n)
		if err != nil || id == "" {
			return never, err
		}
		return directory.And{identified(id), ofKind(kind)}, nil
	case "display", "displayName":
		operand := directory.Operand{Column: directory.ColumnDisplayName, CaseExact: sub.CaseExact}
		return directory.Compare{Operand: operand, Op: n.op, Value: text}, nil
	case "type":
		out := directory.Or{}
		for _, kind := range []directory.IdentityKind{directory.KindUser, directory.KindGroup} {
			if name, ok := link.Types[kind]; ok && compare(name, n.op, text, sub.CaseExact) {
				out = append(out, ofKind(kind))
			}
		}
		return out, nil
	}
	return nil, unsupported(sub.Name + " of linked resources")
}

func ofKind(kind directory.IdentityKind) directory.Predicate {
	return directory.Compare{Operand: directory.Operand{Column: directory.ColumnKind}, Op: directory.Equal, Value: string(kind)}
}
