package filter

import (
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// linked compares the id of a linked identity: members.value eq "x", manager eq "x".
func (c compiler) linked(n compareNode, link directory.Linked) (directory.Predicate, error) {
	if n.at.Sub == nil || n.at.Sub.Name != "value" || n.op != directory.Equal && n.op != directory.NotEqual {
		return nil, unsupported(Key(n.at) + " other than whether its value equals an id")
	}
	return c.negatable(n, func(Op) directory.Predicate { return linkTo(link, n.value.(string)) }), nil
}

func linkTo(link directory.Linked, id string) directory.Predicate {
	if !isID(id) {
		return never
	}
	link.UID = id
	return link
}

// linkedElement compiles members[value eq "x"], also with or between several of them.
func (c compiler) linkedElement(at schema.Ref, link directory.Linked, where node) (directory.Predicate, error) {
	switch n := where.(type) {
	case compareNode:
		if id, ok := n.value.(string); ok && n.at.Attr.Name == "value" && n.op == directory.Equal {
			return linkTo(link, id), nil
		}
	case anyOf:
		out := directory.Or{}
		for _, term := range n {
			p, err := c.linkedElement(at, link, term)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	}
	return nil, unsupported(attributeKey(at) + " other than whether a value equals an id")
}
