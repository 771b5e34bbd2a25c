// Package schema holds the SCIM schemas and resource types as data (RFC 7643 sections 2, 6 and 7): which attributes a
// resource has, and their characteristics. It finds attributes by name and brings what clients send into their form.
package schema

import "strings"

// Type is the data type of an attribute (RFC 7643 section 2.3).
type Type string

// The data types.
const (
	String    Type = "string"
	Boolean   Type = "boolean"
	Decimal   Type = "decimal"
	Integer   Type = "integer"
	DateTime  Type = "dateTime"
	Binary    Type = "binary"
	Reference Type = "reference"
	Complex   Type = "complex"
)

// Mutability says whether and when clients may write an attribute (RFC 7643 section 2.2).
type Mutability string

// The mutabilities.
const (
	ReadOnly  Mutability = "readOnly"
	ReadWrite Mutability = "readWrite"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute is part of an answer (RFC 7643 section 2.2).
type Returned string

// When attributes are returned: whatever is asked for, never, unless left out, or only when asked for.
const (
	Always    Returned = "always"
	Never     Returned = "never"
	ByDefault Returned = "default"
	OnRequest Returned = "request"
)

// Uniqueness says where a value must be unique (RFC 7643 section 2.2).
type Uniqueness string

// The uniquenesses.
const (
	UniqueNowhere    Uniqueness = "none"
	UniqueOnServer   Uniqueness = "server"
	UniqueEverywhere Uniqueness = "global"
)

// Attribute is the definition of one attribute (RFC 7643 section 7).
type Attribute struct {
	Name          string       `json:"name"`
	Type          Type         `json:"type"`
	SubAttributes []*Attribute `json:"subAttributes,omitempty"`
	MultiValued   bool         `json:"multiValued"`
	Description   string       `json:"description,omitempty"`
	// Required attributes must be there when a resource is created or replaced, and cannot be removed. Sub-attributes
	// must be there where their attribute is.
	Required bool `json:"required"`
	// CanonicalValues are suggestions (RFC 7643 section 2.2: other values may be refused, and peers that do refuse what
	// clients send); any other value is taken too.
	CanonicalValues []string   `json:"canonicalValues,omitempty"`
	CaseExact       bool       `json:"caseExact"`
	Mutability      Mutability `json:"mutability"`
	Returned        Returned   `json:"returned"`
	Uniqueness      Uniqueness `json:"uniqueness"`
	ReferenceTypes  []string   `json:"referenceTypes,omitempty"`

	// strict refuses references and binary values that are none. In attributes of the built-in schemas clients send
	// all sorts of texts, and are let.
	strict bool
}

// complete writes out the characteristics that a definition leaves to their defaults (RFC 7643 section 2.2), and what
// follows from others: what is only written is never returned, references and binary values are case exact (sections
// 2.3.6 and 2.3.7).
func (a *Attribute) complete() {
	if a.Type == "" {
		a.Type = String
	}
	if a.Mutability == "" {
		a.Mutability = ReadWrite
	}
	if a.Returned == "" {
		a.Returned = ByDefault
		if a.Mutability == WriteOnly {
			a.Returned = Never
		}
	}
	if a.Uniqueness == "" {
		a.Uniqueness = UniqueNowhere
	}
	if a.Type == Reference || a.Type == Binary {
		a.CaseExact = true
	}
	for _, sub := range a.SubAttributes {
		sub.complete()
	}
}

// Added reports whether the attribute comes from a file of an operator.
func (a *Attribute) Added() bool { return a.strict }

// kept reports whether values of the attribute are stored. What is never returned is not needed again.
func (a *Attribute) kept() bool { return a.Returned != Never }

// Sub returns the sub-attribute of a name in any case, nil where there is none.
func (a *Attribute) Sub(name string) *Attribute { return named(a.SubAttributes, name) }

// Canonical reports whether a value is among the attribute's canonical values, in any case.
func (a *Attribute) Canonical(value string) bool {
	for _, c := range a.CanonicalValues {
		if strings.EqualFold(c, value) {
			return true
		}
	}
	return false
}

// Schema is a set of attributes under a URN (RFC 7643 section 7).
type Schema struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Description string       `json:"description"`
	Attributes  []*Attribute `json:"attributes"`
}

// Attribute returns the attribute of a name in any case, nil where there is none.
func (s *Schema) Attribute(name string) *Attribute { return named(s.Attributes, name) }

func named(attributes []*Attribute, name string) *Attribute {
	for _, a := range attributes {
		if strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}
