package directory

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// AttributeSet is a JSON object of SCIM attributes: simple values, complex values (objects) and multi-valued ones
// (arrays), extension schemas under their URN (RFC 7643 section 2.3).
type AttributeSet map[string]any

// Attributes are an [AttributeSet] as a record keeps it: as JSON text, which takes a fraction of the memory of a decoded
// one, and with what lists of people show found once. The zero value is the empty set.
type Attributes struct {
	text string // a JSON object; "" is {}

	givenName, familyName, userType string
}

// NewAttributes returns a set as a record keeps it. It fails where a value is none that JSON has.
func NewAttributes(set AttributeSet) (Attributes, error) {
	if len(set) == 0 {
		return Attributes{}, nil
	}
	text, err := json.Marshal(set)
	if err != nil {
		return Attributes{}, err
	}
	return AttributesOf(string(text)), nil
}

// AttributesOf returns the attributes of a JSON object, whose text has to be valid and is kept.
func AttributesOf(text string) Attributes {
	if text == "" || text == "{}" {
		return Attributes{}
	}
	a := Attributes{text: text, userType: textOf(member(text, "userType"))}
	if name := member(text, "name"); strings.HasPrefix(name, "{") {
		a.givenName, a.familyName = textOf(member(name, "givenName")), textOf(member(name, "familyName"))
	}
	return a
}

// JSON is the text of the set.
func (a Attributes) JSON() string {
	if a.text == "" {
		return "{}"
	}
	return a.text
}

// Set decodes the set, with json.Number for numbers. It is the caller's own.
func (a Attributes) Set() AttributeSet {
	set := AttributeSet{}
	decoder := json.NewDecoder(strings.NewReader(a.JSON()))
	decoder.UseNumber()
	_ = decoder.Decode(&set) // the text was valid when it was taken in
	return set
}

// GivenName is name.givenName, FamilyName name.familyName and UserType userType; nil where there is none. Nothing is
// decoded and nothing allocated.
func (a *Attributes) GivenName() *string { return unlessEmpty(&a.givenName) }

// FamilyName is like GivenName.
func (a *Attributes) FamilyName() *string { return unlessEmpty(&a.familyName) }

// UserType is like GivenName.
func (a *Attributes) UserType() *string { return unlessEmpty(&a.userType) }

func unlessEmpty(text *string) *string {
	if *text == "" {
		return nil
	}
	return text
}

// Equal reports whether two sets are the same as JSON, in whatever order their members stand.
func (a Attributes) Equal(b Attributes) bool {
	if a.text == b.text {
		return true
	}
	x, errA := json.Marshal(a.Set())
	y, errB := json.Marshal(b.Set())
	return errA == nil && errB == nil && string(x) == string(y)
}

// Attribute is one attribute as text: a dotted path (name.givenName) and its values.
type Attribute struct {
	Name   string
	Values []string
}

// Flatten lists the attributes by dotted path, sorted. The value of a multi-valued complex attribute (emails) stands
// under the attribute's own name, its other sub-attributes under theirs (emails.type).
func (a Attributes) Flatten() []Attribute {
	values := map[string][]string{}
	for name, value := range a.Set() {
		extension, ok := value.(map[string]any)
		if !ok || !strings.HasPrefix(strings.ToLower(name), "urn:") {
			flatten(values, name, value)
			continue
		}
		for sub, v := range extension {
			flatten(values, name+":"+sub, v) // RFC 7644 section 3.10
		}
	}
	out := make([]Attribute, 0, len(values))
	for name, texts := range values {
		out = append(out, Attribute{Name: name, Values: texts})
	}
	slices.SortFunc(out, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func flatten(into map[string][]string, path string, value any) {
	switch v := value.(type) {
	case nil:
	case string:
		into[path] = append(into[path], v)
	case json.Number:
		into[path] = append(into[path], v.String())
	case map[string]any:
		for name, sub := range v {
			flatten(into, path+"."+name, sub)
		}
	case []any:
		for _, element := range v {
			flattenElement(into, path, element)
		}
	default: // bool, and numbers of a set built in memory
		into[path] = append(into[path], fmt.Sprint(v))
	}
}

func flattenElement(into map[string][]string, path string, element any) {
	object, ok := element.(map[string]any)
	if !ok {
		flatten(into, path, element)
		return
	}
	for name, sub := range object {
		if name == "value" {
			flatten(into, path, sub)
		} else {
			flatten(into, path+"."+name, sub)
		}
	}
}
