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
	Name            string       `json:"name"`
	Type            Type         `json:"type"`
	SubAttributes   []*Attribute `json:"subAttributes,omitempty"`
	MultiValued     bool         `json:"multiValued"`
	Description     string       `json:"description"`
	Required        bool         `json:"required"`
	CanonicalValues []string     `json:"canonicalValues,omitempty"`
	CaseExact       bool         `json:"caseExact"`
	Mutability      Mutability   `json:"mutability"`
	Returned        Returned     `json:"returned"`
	Uniqueness      Uniqueness   `json:"uniqueness,omitempty"`
	ReferenceTypes  []string     `json:"referenceTypes,omitempty"`
}

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
