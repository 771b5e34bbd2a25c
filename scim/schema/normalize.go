package schema

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Error says that a value does not fit its attribute (scimType invalidValue, RFC 7644 section 3.12).
type Error struct {
	// Attr is the attribute's name, with its parent's before a dot.
	Attr string
	Msg  string
}

func (e *Error) Error() string { return e.Attr + ": " + e.Msg }

func wrong(a *Attribute, format string, args ...any) error {
	return &Error{Attr: a.Name, Msg: fmt.Sprintf(format, args...)}
}

// Normalize brings a resource that a client sent into the schema's form: names in the schema's spelling, extensions
// under their URN, values of the declared type (see [Attribute.Normalize]). What clients cannot set and what the
// schemas do not know is left out, as are passwords and values that are null. It fails with an [Error] where a value
// does not fit its attribute or an attribute stands there twice.
func (rt *ResourceType) Normalize(body map[string]any) (map[string]any, error) {
	out, _, err := rt.normalize(body)
	return out, err
}

// Read is Normalize for a whole resource: it fails too where a required attribute is missing.
func (rt *ResourceType) Read(body map[string]any) (map[string]any, error) {
	out, dropped, err := rt.normalize(body)
	if err != nil {
		return nil, err
	}
	if missing := rt.missing(out, dropped); len(missing) > 0 {
		return nil, missing[0]
	}
	return out, nil
}

// normalize tells besides which attributes were given and not kept.
func (rt *ResourceType) normalize(body map[string]any) (map[string]any, map[*Attribute]bool, error) {
	out, dropped := map[string]any{}, map[*Attribute]bool{}
	for key, value := range body {
		ref, ok := rt.ResolveKey(key)
		switch {
		case ok && ref.Attr == nil, strings.EqualFold(key, rt.Core.ID):
			if err := rt.normalizeSchema(out, dropped, ref.Extension, value); err != nil {
				return nil, nil, err
			}
		case ok && ref.Sub == nil:
			if err := put(out, dropped, ref, value); err != nil {
				return nil, nil, err
			}
		}
	}
	delete(out, "schemas") // they follow from what the resource has
	return out, dropped, nil
}

// normalizeSchema takes the attributes that stand in an object under their schema's URN; nil is the core schema.
func (rt *ResourceType) normalizeSchema(out map[string]any, dropped map[*Attribute]bool, extension *Schema, value any) error {
	object, _ := value.(map[string]any) // anything else says nothing that is known
	s := rt.Core
	if extension != nil {
		s = extension
	}
	for name, v := range object {
		if a := s.Attribute(name); a != nil {
			if err := put(out, dropped, Ref{Extension: extension, Attr: a}, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// put sets one attribute of a resource.
func put(resource map[string]any, dropped map[*Attribute]bool, ref Ref, value any) error {
	if ref.ReadOnly() {
		return nil
	}
	v, err := ref.Attr.Normalize(value)
	if err != nil || v == nil {
		return err
	}
	if !ref.Attr.kept() {
		dropped[ref.Attr] = true
		return nil
	}
	container := Container(resource, ref.Extension, true)
	if _, twice := container[ref.Attr.Name]; twice {
		return wrong(ref.Attr, "it is given twice, in different spellings")
	}
	container[ref.Attr.Name] = v
	return nil
}

// Container returns the object that holds the attributes of an extension (nil: of the core schema) in a normalized
// resource: with make it is created where it is missing, else nil stands for it.
func Container(resource map[string]any, extension *Schema, create bool) map[string]any {
	if extension == nil {
		return resource
	}
	object, ok := resource[extension.ID].(map[string]any)
	if !ok && create {
		object = map[string]any{}
		resource[extension.ID] = object
	}
	return object
}

// ResolveKey resolves the key of a JSON object: an attribute name, also with a sub-attribute after a dot and with a
// URN before it, or the URN of an extension.
func (rt *ResourceType) ResolveKey(key string) (Ref, bool) {
	if e := rt.Extension(key); e != nil {
		return Ref{Extension: e}, true
	}
	urn, name := "", key
	if i := strings.LastIndexByte(key, ':'); i >= 0 {
		urn, name = key[:i], key[i+1:]
	}
	name, sub, dotted := strings.Cut(name, ".")
	if dotted && sub == "" {
		return Ref{}, false
	}
	return rt.Resolve(urn, name, sub)
}

// Normalize brings one attribute's value into the schema's form. It takes what clients send beside the exact form: a
// single value for a multi-valued attribute and a list of one for a single-valued one, a bare value for a complex
// attribute with a sub-attribute value and the reverse, booleans and numbers as text. nil is returned for no value:
// null, an empty list, an empty reference, a complex value without any known sub-attribute or without its value.
func (a *Attribute) Normalize(value any) (any, error) {
	if !a.MultiValued {
		return a.normalizeOne(value)
	}
	values, ok := value.([]any)
	if !ok {
		values = []any{value}
	}
	out := make([]any, 0, len(values))
	primaries := 0
	for _, v := range values {
		one, err := a.normalizeOne(v)
		if err != nil {
			return nil, err
		}
		if one == nil {
			continue
		}
		if IsPrimary(one) {
			primaries++
		}
		out = append(out, one)
	}
	if primaries > 1 {
		return nil, wrong(a, "primary is true for %d of its values; it may be for one", primaries)
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// IsPrimary reports whether an element of a multi-valued attribute is its primary one.
func IsPrimary(element any) bool {
	object, _ := element.(map[string]any)
	return object["primary"] == true
}

func (a *Attribute) normalizeOne(value any) (any, error) {
	if list, ok := value.([]any); ok {
		switch len(list) {
		case 0:
			return nil, nil
		case 1:
			value = list[0]
		default:
			return nil, wrong(a, "it takes one value, not %d", len(list))
		}
	}
	if value == nil {
		return nil, nil
	}
	if a.Type == Complex {
		return a.normalizeComplex(value)
	}
	if object, ok := value.(map[string]any); ok {
		for key, inner := range object {
			if strings.EqualFold(key, "value") {
				return a.scalar(inner)
			}
		}
	}
	return a.scalar(value)
}

func (a *Attribute) normalizeComplex(value any) (any, error) {
	object, ok := value.(map[string]any)
	if !ok {
		if a.Sub("value") == nil {
			return nil, wrong(a, "it takes an object of its sub-attributes")
		}
		object = map[string]any{"value": value}
	}
	out := map[string]any{}
	for key, v := range object {
		sub := a.Sub(key)
		if sub == nil || sub.Mutability == ReadOnly {
			continue
		}
		one, err := sub.Normalize(v)
		if err != nil {
			return nil, under(a, err)
		}
		if one == nil || one == "" && sub.Name == "value" || !sub.kept() {
			continue
		}
		if _, twice := out[sub.Name]; twice {
			return nil, wrong(a, "%s is given twice, in different spellings", sub.Name)
		}
		out[sub.Name] = one
	}
	if len(out) == 0 || a.Sub("value") != nil && out["value"] == nil {
		return nil, nil
	}
	return out, nil
}

func under(a *Attribute, err error) error {
	if e, ok := err.(*Error); ok {
		return &Error{Attr: a.Name + "." + e.Attr, Msg: e.Msg}
	}
	return err
}

// scalar brings a value that is no list into the attribute's simple type.
func (a *Attribute) scalar(value any) (any, error) {
	if value == nil {
		return nil, nil
	}
	switch a.Type {
	case Boolean:
		return a.boolean(value)
	case Integer, Decimal:
		return a.number(value)
	case DateTime:
		text, ok := value.(string)
		if _, err := time.Parse(time.RFC3339Nano, text); !ok || err != nil || strings.Contains(text, ",") {
			return nil, wrong(a, "it takes a date and time such as 2024-03-01T08:00:00Z")
		}
		return text, nil
	}
	switch v := value.(type) {
	case string:
		if v == "" && a.Type == Reference { // no address at all, and none that a client could read
			return nil, nil
		}
		return v, a.checkText(v)
	case json.Number:
		return v.String(), a.checkText(v.String())
	}
	return nil, wrong(a, "it takes a text")
}

// checkText refuses a reference that is no URI (RFC 7643 section 2.3.7: an absolute one, or to a resource also a relative
// one) and binary data that is not in base64 (section 2.3.6: also that for URLs, padded or not).
func (a *Attribute) checkText(text string) error {
	switch {
	case !a.strict || text == "":
	case a.Type == Reference:
		u, err := url.Parse(text)
		if err != nil || strings.ContainsAny(text, " <>\"\\^`{|}") {
			return wrong(a, "it takes a URI")
		}
		if relative := slices.ContainsFunc(a.ReferenceTypes, isResourceType); !relative && !u.IsAbs() {
			return wrong(a, "it takes an absolute URI such as https://example.com/page")
		}
	case a.Type == Binary:
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		padding := len(text) - len(plain)
		if _, err := base64.RawStdEncoding.Strict().DecodeString(plain); err != nil || padding > 0 && len(text)%4 != 0 || padding > 2 {
			return wrong(a, "it takes binary data in base64")
		}
	}
	return nil
}

// isResourceType reports whether a reference type is the name of a resource type.
func isResourceType(kind string) bool { return kind != "external" && kind != "uri" }

func (a *Attribute) boolean(value any) (any, error) {
	switch v := value.(type) {
	case bool:
		return v, nil
	case string:
		if b, ok := ParseBool(v); ok {
			return b, nil
		}
		if v == "" {
			return nil, nil
		}
	}
	return nil, wrong(a, "it takes true or false")
}

// ParseBool reads true or false in any case.
func ParseBool(text string) (value, ok bool) {
	switch {
	case strings.EqualFold(text, "true"):
		return true, true
	case strings.EqualFold(text, "false"):
		return false, true
	}
	return false, false
}

func (a *Attribute) number(value any) (any, error) {
	text := ""
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	if a.Type == Integer {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, wrong(a, "it takes a whole number")
		}
		return json.Number(strconv.FormatInt(n, 10)), nil
	}
	digits, ok := plain(text)
	if !ok {
		return nil, wrong(a, "it takes a number of at most %d digits", maxDigits)
	}
	return json.Number(digits), nil
}

// maxDigits bounds a number, written without an exponent.
const maxDigits = 400

// plain is a number as the store gives it back: without an exponent, and zero without a sign.
func plain(text string) (string, bool) {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	power, err := strconv.Atoi(exponent)
	if !IsNumber(text) || len(text) > maxDigits || scientific && (err != nil || power < -maxDigits) {
		return "", false
	}
	exact, _ := new(big.Rat).SetString(text)
	if scientific {
		_, fraction, _ := strings.Cut(mantissa, ".")
		text = exact.FloatString(max(len(fraction)-power, 0))
	}
	if exact.Sign() == 0 {
		text = strings.TrimPrefix(text, "-")
	}
	return text, len(text) <= maxDigits
}

// IsNumber reports whether a text is a JSON number that a 64-bit float can hold (RFC 8259 section 6).
func IsNumber(text string) bool {
	var n json.Number
	if json.Unmarshal([]byte(text), &n) != nil || n.String() != text {
		return false
	}
	_, err := n.Float64()
	return err == nil
}
