package filter

import (
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// SortKey finds what resources of a type are sorted by where a client names an attribute (RFC 7644 section 3.4.2.3). It
// is nil where all of them have the same value. A multi-valued attribute stands for its primary value, else its first,
// and a complex one for its sub-attribute value. Its errors are of type [Error].
func SortKey(text string, rt *schema.ResourceType, b Binding) (*directory.SortKey, error) {
	path, ok := splitPath(text)
	ref, found := inType(rt)(path)
	if !ok || !found || ref.Attr.Returned == schema.Never || ref.Leaf().Returned == schema.Never {
		return nil, &Error{Msg: "there is no attribute " + text + " to sort by"}
	}
	if leaf := ref.Leaf(); leaf.Type == schema.Complex {
		if ref.Sub = leaf.Sub("value"); ref.Sub == nil {
			return nil, &Error{Msg: text + " is complex; name one of its sub-attributes"}
		}
	}
	key := Key(ref)
	if link, ok := b.Links[attributeKey(ref)]; ok {
		return link.sortKey(text, ref)
	}
	if _, constant := b.Constants[key]; constant || key == "schemas" {
		return nil, nil
	}
	if key == "meta.location" {
		key = "id"
	}
	leaf := ref.Leaf()
	out := &directory.SortKey{Operand: directory.Operand{Column: b.Columns[key], CaseExact: leaf.CaseExact}, Type: sortTypes[leaf.Type]}
	if out.Type == "" {
		out.Type = directory.SortText
	}
	switch {
	case out.Operand.Column != "":
	case ref.Attr.MultiValued:
		out.Several = true
		if ref.Sub != nil {
			out.Sub, ref.Sub = ref.Sub.Name, nil
		}
		fallthrough
	default:
		out.Operand.Path = placeOf(ref)
	}
	return out, nil
}

var sortTypes = map[schema.Type]directory.SortType{
	schema.Integer: directory.SortNumber, schema.Decimal: directory.SortNumber,
	schema.Boolean: directory.SortBoolean, schema.DateTime: directory.SortInstant,
}

// sortKey sorts by the first linked identity.
func (l Link) sortKey(text string, ref schema.Ref) (*directory.SortKey, error) {
	out := &directory.SortKey{Link: &directory.Linked{Way: l.Way, Manager: l.Manager}, Type: directory.SortText}
	switch ref.Sub.Name {
	case "value":
		out.Operand.Column = directory.ColumnUID
	case "display", "displayName":
		out.Operand.Column = directory.ColumnDisplayName
	default:
		return nil, &Error{Msg: "resources cannot be sorted by " + text}
	}
	return out, nil
}
