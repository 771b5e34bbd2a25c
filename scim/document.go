package scim

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// object is a JSON object in the making: its members, whose names need no escapes or have them, and whose values are
// JSON. Attributes go from the store to the answer in this form and are never decoded, unless parts of them are left out.
type object []member

type member struct {
	name  string
	value []byte
}

// set adds a member, or gives it another value.
func (o *object) set(name string, value []byte) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, member{name, value})
}

// appendTo appends the object with its members in the order of their names.
func (o object) appendTo(out []byte) []byte {
	slices.SortFunc(o, func(a, b member) int { return strings.Compare(a.name, b.name) })
	out = append(out, '{')
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), m.name...), '"', ':')
		out = append(out, m.value...)
	}
	return append(out, '}')
}

// members takes the text of a JSON object apart; any other has none.
func members(text []byte) object {
	if len(text) == 0 || text[0] != '{' {
		return nil
	}
	o := make(object, 0, 12)
	for text = inside(text); len(text) > 0; text = next(text) {
		end := valueEnd(text)
		name := string(text[1 : end-1])
		text = bytes.TrimLeft(text[end:], ": ")
		end = valueEnd(text)
		o = append(o, member{name, text[:end]})
		text = text[end:]
	}
	return o
}

// tidy is a JSON value without spaces, and with the members of its objects in the order of their names.
func tidy(text []byte) []byte {
	switch text[0] {
	case '{':
		o := members(text)
		for i := range o {
			o[i].value = tidy(o[i].value)
		}
		return o.appendTo(make([]byte, 0, len(text)))
	case '[':
		out := append(make([]byte, 0, len(text)), '[')
		for text = inside(text); len(text) > 0; text = next(text) {
			if len(out) > 1 {
				out = append(out, ',')
			}
			end := valueEnd(text)
			out = append(out, tidy(text[:end])...)
			text = text[end:]
		}
		return append(out, ']')
	}
	return text
}

// inside is what stands between the brackets of an object or a list.
func inside(text []byte) []byte { return bytes.TrimSpace(text[1 : len(text)-1]) }

// next skips what stands before the next member or element.
func next(text []byte) []byte { return bytes.TrimLeft(text, ", ") }

// valueEnd is where the JSON value ends that text, which is valid, begins with.
func valueEnd(text []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case depth == 0 && (c == ',' || c == ' '):
			return i
		}
	}
	return len(text)
}

const hex = "0123456789abcdef"

// appendText appends a text as a JSON string.
func appendText(out []byte, text string) []byte {
	out = append(out, '"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ':
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// encode is the JSON of a value that was decoded from JSON or made by the program. It ends without a line feed.
func encode(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // no JSON value, which is a fault of ours
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
