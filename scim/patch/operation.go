// Package patch reads SCIM PATCH requests (RFC 7644 section 3.5.2) in all the forms that clients send, applies their
// operations to a resource, and folds those on the members of a group into one change that needs no look at the group.
package patch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

// Kind is what an operation does.
type Kind string

// The kinds of operation.
const (
	Add     Kind = "add"
	Remove  Kind = "remove"
	Replace Kind = "replace"
)

// Op is one operation on one attribute that the schemas know.
type Op struct {
	Kind Kind
	Ref  schema.Ref
	// Where selects elements of a multi-valued attribute; nil takes the attribute as a whole.
	Where *filter.Filter
	// Value is what the client sent, nil for nothing.
	Value any
	// number is the operation's place in the request, from 1.
	number int
}

// The kinds of [Error]: SCIM error types (RFC 7644 section 3.12, table 9).
const (
	InvalidSyntax = "invalidSyntax"
	InvalidPath   = "invalidPath"
	InvalidFilter = "invalidFilter"
	InvalidValue  = "invalidValue"
	NoTarget      = "noTarget"
	Mutability    = "mutability"
)

// Error says why a request cannot be carried out; Type is its scimType.
type Error struct {
	Type string
	Msg  string
}

func (e *Error) Error() string { return e.Msg }

func refuse(kind, format string, args ...any) error {
	return &Error{Type: kind, Msg: fmt.Sprintf(format, args...)}
}

// MessageURN is the schema of a PATCH request.
const MessageURN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// Parse reads a request's body into operations on single attributes: operations without a path and those on a whole
// extension become one for each attribute. What the schemas do not know is left out; so is what clients cannot set,
// unless a path names it, which is a [Mutability] error.
func Parse(body map[string]any, rt *schema.ResourceType) ([]Op, error) {
	list, ok := schema.Member(body, "Operations").([]any)
	if !ok {
		return nil, refuse(InvalidSyntax, "The body has no list of Operations.")
	}
	if len(list) == 0 {
		return nil, refuse(InvalidSyntax, "The list of Operations is empty.")
	}
	p := parser{rt: rt}
	for i, item := range list {
		p.number = i + 1
		if err := p.operation(item); err != nil {
			return nil, numbered(err, p.number)
		}
	}
	return p.ops, nil
}

// numbered says in which operation of the request an error is.
func numbered(err error, number int) error {
	at := func(kind, msg string) error { return refuse(kind, "Operation %d: %s", number, msg) }
	if e := (*Error)(nil); errors.As(err, &e) {
		return at(e.Type, e.Msg)
	}
	if e := (*schema.Error)(nil); errors.As(err, &e) {
		return at(InvalidValue, e.Error())
	}
	return err
}

type parser struct {
	rt     *schema.ResourceType
	ops    []Op
	number int
}

func (p *parser) operation(item any) error {
	object, ok := item.(map[string]any)
	if !ok {
		return refuse(InvalidSyntax, "it is no object.")
	}
	name, _ := schema.Member(object, "op").(string)
	kind := Kind(strings.ToLower(name))
	if kind != Add && kind != Remove && kind != Replace {
		return refuse(InvalidSyntax, "op must be add, remove or replace.")
	}
	value, given := schema.Lookup(object, "value")
	if !given && kind != Remove { // null empties an attribute; a value that was forgotten must not (RFC 7644 section 3.5.2.1)
		return refuse(InvalidValue, "%s needs a value; to empty an attribute, remove it or send null.", kind)
	}
	switch path := schema.Member(object, "path").(type) {
	case nil:
		return p.withoutPath(kind, value)
	case string:
		if path == "" || strings.EqualFold(path, p.rt.Core.ID) {
			return p.withoutPath(kind, value)
		}
		return p.withPath(kind, path, value)
	}
	return refuse(InvalidPath, "path must be a text.")
}

func (p *parser) withPath(kind Kind, text string, value any) error {
	if e := p.rt.Extension(text); e != nil {
		return p.extension(Op{Kind: kind, Ref: schema.Ref{Extension: e}, Value: value, number: p.number})
	}
	path, err := filter.ParsePath(text)
	if err != nil {
		return refuse(InvalidPath, "path: %s.", err)
	}
	op, ok, err := p.resolve(path)
	if err != nil || !ok {
		return err
	}
	op.Kind, op.Value = kind, value
	if op.Ref.Attr == nil {
		return p.extension(op)
	}
	if op.Ref.ReadOnly() {
		return refuse(Mutability, "%s cannot be changed.", path.Attr) // not the text: sentences are logged, and hold no filter
	}
	p.add(op)
	return nil
}

// resolve finds what a path leads to; false is for what the schemas do not know.
func (p *parser) resolve(path filter.Path) (Op, bool, error) {
	ref, ok := p.rt.Resolve(path.Attr.URN, path.Attr.Name, path.Attr.Sub)
	op := Op{Ref: ref, number: p.number}
	if !ok || path.Where == nil {
		return op, ok, nil
	}
	if ref.Attr == nil || !ref.Attr.MultiValued {
		return op, false, refuse(InvalidPath, "%s has one value; brackets select from several.", path.Attr)
	}
	if path.Sub != "" {
		if op.Ref.Sub = ref.Attr.Sub(path.Sub); op.Ref.Sub == nil {
			return op, false, nil
		}
	}
	var err error
	if op.Where, err = filter.BindElement(path.Where, ref.Attr); err != nil {
		return op, false, refuse(InvalidFilter, "path: %s.", err)
	}
	return op, true, nil
}

// add takes an operation, unless it is on what is never kept or follows from the rest.
func (p *parser) add(op Op) {
	if op.Ref.Attr.Returned != schema.Never && op.Ref.Leaf().Returned != schema.Never && op.Ref.Attr.Name != "schemas" {
		p.ops = append(p.ops, op)
	}
}

// extension takes an operation on a whole extension apart.
func (p *parser) extension(op Op) error {
	if op.Kind != Remove {
		return p.attributes(op.Kind, op.Value, op.Ref.Extension)
	}
	for _, a := range op.Ref.Extension.Attributes {
		if a.Mutability != schema.ReadOnly {
			op.Ref.Attr, op.Value = a, nil
			p.add(op)
		}
	}
	return nil
}

func (p *parser) withoutPath(kind Kind, value any) error {
	if kind == Remove {
		return refuse(NoTarget, "a remove operation needs a path.")
	}
	return p.attributes(kind, value, nil)
}

// attributes takes an object of attributes apart. Its keys may be paths; those that are none are not known either.
func (p *parser) attributes(kind Kind, value any, extension *schema.Schema) error {
	if list, ok := value.([]any); ok && len(list) == 1 {
		value = list[0]
	}
	object, ok := value.(map[string]any)
	if !ok {
		if extension != nil && (value == nil || value == "") {
			return nil
		}
		return refuse(InvalidValue, "without a path to one attribute, value must be an object of attributes.")
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if err := p.attribute(kind, key, object[key], extension); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) attribute(kind Kind, key string, value any, extension *schema.Schema) error {
	if strings.EqualFold(key, p.rt.Core.ID) {
		return p.attributes(kind, value, nil)
	}
	if e := p.rt.Extension(key); e != nil {
		return p.extension(Op{Kind: kind, Ref: schema.Ref{Extension: e}, Value: value, number: p.number})
	}
	path, err := filter.ParsePath(key)
	if err != nil {
		return nil // unknown
	}
	if extension != nil && path.Attr.URN == "" {
		path.Attr.URN = extension.ID
	}
	op, ok, err := p.resolve(path)
	if err != nil || !ok || op.Ref.ReadOnly() {
		return err
	}
	op.Kind, op.Value = kind, value
	if op.Ref.Attr == nil {
		return p.extension(op)
	}
	p.add(op)
	return nil
}

// Places lists the attributes and sub-attributes that operations are on. One on a whole attribute is on all parts of it.
func Places(ops []Op) (out []schema.Ref) {
	for _, op := range ops {
		out = append(out, op.Ref)
		if op.Ref.Sub != nil {
			continue
		}
		for _, sub := range op.Ref.Attr.SubAttributes {
			out = append(out, schema.Ref{Extension: op.Ref.Extension, Attr: op.Ref.Attr, Sub: sub})
		}
	}
	return out
}

// Touches reports whether an operation is on the attribute of a name, of an extension's URN or of the core ("").
func Touches(ops []Op, urn, name string) bool {
	return slices.ContainsFunc(ops, func(op Op) bool { return op.on(urn, name) })
}

func (op Op) on(urn, name string) bool {
	of := ""
	if op.Ref.Extension != nil {
		of = op.Ref.Extension.ID
	}
	return of == urn && op.Ref.Attr.Name == name
}
