package schema

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	// urnPattern leaves out what a path could not hold.
	urnPattern = regexp.MustCompile(`(?i)^urn(:[a-z0-9][a-z0-9._-]*){2,}$`)
	// namePattern is an attribute's name (RFC 7643 section 2.1).
	namePattern     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9$_-]*$`)
	typePattern     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	endpointPattern = regexp.MustCompile(`^/[A-Za-z][A-Za-z0-9_-]*$`)
)

// printable is a text without line ends and the like, as an error of one line holds it.
func printable(text string) string { return strings.Trim(strconv.Quote(text), `"`) }

// commonNames are the attributes that all resources have (RFC 7643 section 3.1).
var commonNames = []string{"schemas", "id", "externalid", "meta"}

// reserved are the addresses and the names that the protocol or its address forms need, in lower case.
var reserved = []string{
	"me", "bulk", "schemas", "resourcetypes", "serviceproviderconfig", "users", "groups", "scim", "v2", "tokens",
	"schema", "resourcetype",
}

// checkSchema refuses a schema that cannot be worked with, and completes it.
func (l *loader) checkSchema(s *Schema) error {
	if !urnPattern.MatchString(s.ID) {
		return fmt.Errorf("id is %q; give the schema a URN such as urn:example:schemas:2.0:Device", s.ID)
	}
	if l.registry.Schema(s.ID) != nil {
		return fmt.Errorf("%s: there is a schema of this id already; choose another one", s.ID)
	}
	if s.Name == "" {
		s.Name = s.ID[strings.LastIndexByte(s.ID, ':')+1:]
	}
	if s.Description == "" {
		s.Description = s.Name
	}
	if len(s.Attributes) == 0 {
		return fmt.Errorf("%s: the schema has no attributes", s.ID)
	}
	if slices.Contains(s.Attributes, nil) {
		return fmt.Errorf("%s: an attribute is null", s.ID)
	}
	for _, a := range s.Attributes {
		if err := a.checkFile(s.ID+":", false); err != nil {
			return err
		}
	}
	return check(s)
}

// checkFile refuses a definition of an operator that cannot be worked with. at is what stands before its name.
func (a *Attribute) checkFile(at string, sub bool) error {
	at += printable(a.Name)
	a.strict = true
	fail := func(format string, args ...any) error { return fmt.Errorf("%s: %w", at, fmt.Errorf(format, args...)) }
	switch {
	case !namePattern.MatchString(a.Name) && !(sub && a.Name == "$ref"):
		return fail("this is no name of an attribute; begin with a letter and go on with letters, digits, - and _")
	case !sub && slices.Contains(commonNames, strings.ToLower(a.Name)):
		return fail("every resource has this attribute already; choose another name")
	case sub && (a.Type == Complex || len(a.SubAttributes) > 0):
		return fail("a sub-attribute cannot have sub-attributes of its own; make it an attribute")
	case slices.Contains(a.SubAttributes, nil):
		return fail("a sub-attribute is null")
	}
	for _, inner := range a.SubAttributes {
		if err := inner.checkFile(at+".", true); err != nil {
			return err
		}
	}
	if err := a.checkValues(); err != nil {
		return fail("%w", err)
	}
	if err := a.checkTogether(); err != nil {
		return fail("%w", err)
	}
	if sub && strings.EqualFold(a.Name, "value") && !a.kept() {
		return fail("the value of an attribute cannot be what is never returned; choose another name for the sub-attribute")
	}
	return nil
}

// checkValues refuses characteristics that have a value which there is not.
func (a *Attribute) checkValues() error {
	a.complete()
	return cmp.Or(
		oneOf("type", a.Type, String, Boolean, Decimal, Integer, DateTime, Binary, Reference, Complex),
		oneOf("mutability", a.Mutability, ReadOnly, ReadWrite, Immutable, WriteOnly),
		oneOf("returned", a.Returned, Always, Never, ByDefault, OnRequest),
		oneOf("uniqueness", a.Uniqueness, UniqueNowhere, UniqueOnServer, UniqueEverywhere),
	)
}

func oneOf[T ~string](characteristic string, value T, known ...T) error {
	if slices.Contains(known, value) {
		return nil
	}
	texts := make([]string, len(known))
	for i, k := range known {
		texts[i] = string(k)
	}
	return fmt.Errorf("%s is %q; choose one of %s", characteristic, value, strings.Join(texts, ", "))
}

// checkTogether refuses characteristics that contradict each other.
func (a *Attribute) checkTogether() error {
	unique := a.Uniqueness != UniqueNowhere
	switch {
	case (a.Type == Reference) != (len(a.ReferenceTypes) > 0):
		return errors.New("a reference, and no other attribute, has referenceTypes: external, uri or the names of resource types")
	case slices.Contains(a.ReferenceTypes, "") || slices.Contains(a.CanonicalValues, ""):
		return errors.New("a canonical value or reference type is empty; leave it out")
	case a.Type == Complex && len(a.CanonicalValues) > 0:
		return errors.New("a complex attribute has no canonicalValues; give them to a sub-attribute")
	case a.Type == Complex && unique:
		return errors.New("a complex attribute cannot be unique as a whole; set uniqueness of a sub-attribute")
	case a.Mutability == ReadOnly && a.Required:
		return errors.New("nobody could set it: it is readOnly and required; choose one")
	case a.Mutability == WriteOnly && a.Returned != Never:
		return errors.New("what is writeOnly is never returned; set returned to never or leave it out")
	case a.Returned == Never && (unique || a.Mutability == Immutable):
		return errors.New("what is never returned is not kept, so that nothing can be compared with it; it can be neither unique nor immutable")
	}
	return nil
}

// checkResourceType refuses a resource type that cannot be worked with.
func (l *loader) checkResourceType(rt *ResourceType) error {
	if rt.ID == "" {
		rt.ID = rt.Name
	}
	if rt.Name == "" {
		rt.Name = rt.ID
	}
	if rt.Description == "" {
		rt.Description = rt.Name
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("resource type %s: %w", printable(rt.ID), fmt.Errorf(format, args...))
	}
	if builtIn := l.registry.ResourceType(rt.ID); builtIn != nil {
		if rt.Endpoint != "" && rt.Endpoint != builtIn.Endpoint || rt.Schema != "" && !strings.EqualFold(rt.Schema, builtIn.Schema) {
			return fail("the built-in resource type has the endpoint %s and the schema %s, which cannot be changed; it can be extended", builtIn.Endpoint, builtIn.Schema)
		}
		rt.Endpoint = builtIn.Endpoint
		return nil
	}
	switch {
	case !typePattern.MatchString(rt.ID) || !typePattern.MatchString(rt.Name):
		return fail("id and name must be words such as Device")
	case slices.Contains(reserved, strings.ToLower(rt.ID)) || slices.Contains(reserved, strings.ToLower(rt.Name)):
		return fail("this name is SCIM's own; choose another one")
	case !endpointPattern.MatchString(rt.Endpoint):
		return fail("endpoint is %q; it must be a slash and one word, such as /Devices", rt.Endpoint)
	case slices.Contains(reserved, strings.ToLower(rt.Endpoint[1:])):
		return fail("the endpoint %s is built in; choose another one", rt.Endpoint)
	}
	for _, other := range append(slices.Clone(l.registry.ResourceTypes), l.types...) {
		if strings.EqualFold(other.ID, rt.ID) || strings.EqualFold(other.Name, rt.Name) || strings.EqualFold(other.Endpoint, rt.Endpoint) {
			return fail("the resource type %s has this id, name or endpoint already; choose another one", other.ID)
		}
	}
	return nil
}

// checkUses refuses schemas that a resource type cannot have, once all are known.
func (l *loader) checkUses(rt *ResourceType) error {
	builtIn := Default()
	if builtIn.ResourceType(rt.ID) == nil && builtIn.Schema(rt.Schema) != nil {
		return fmt.Errorf("the schema %s is built in; give the type a schema of its own", rt.Schema)
	}
	seen := map[string]bool{strings.ToLower(rt.Schema): true}
	for _, use := range rt.SchemaExtensions {
		key := strings.ToLower(use.Schema)
		if seen[key] {
			return fmt.Errorf("the schema %s is used twice; leave one use out", printable(use.Schema))
		}
		seen[key] = true
		if builtIn.Schema(use.Schema) != nil && !strings.EqualFold(use.Schema, EnterpriseUserURN) {
			return fmt.Errorf("the schema %s is built in and no extension", use.Schema)
		}
	}
	return nil
}

// checkReferences refuses references to resource types that there are none of.
func (l *loader) checkReferences(at string, attributes []*Attribute) error {
	for _, a := range attributes {
		for _, kind := range a.ReferenceTypes {
			if kind != "external" && kind != "uri" && l.registry.ResourceType(kind) == nil {
				return fmt.Errorf("%s%s: referenceTypes has %q; choose external, uri or the id of a resource type", at, a.Name, kind)
			}
		}
		if err := l.checkReferences(at+a.Name+".", a.SubAttributes); err != nil {
			return err
		}
	}
	return nil
}
