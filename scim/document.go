package scim

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// object is a JSON object in the making. Attributes go from the store to the answer in this form and are never decoded,
// unless parts of them are left out.
type object []member

// member is a member of an object, whose name needs no escapes or has them. Its value is JSON: as it is stored, or where
// that is empty, as it was made here.
type member struct {
	name, stored string
	made         []byte
}

// set adds a member, or gives it another value.
func (o *object) set(name string, value []byte) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i] = member{name: name, made: value}
			return
		}
	}
	*o = append(*o, member{name: name, made: value})
}

// appendTo appends the object without spaces, with its members in the order of their names.
func (o object) appendTo(out []byte) []byte {
	slices.SortFunc(o, func(a, b member) int { return strings.Compare(a.name, b.name) })
	out = append(out, '{')
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), m.name...), '"', ':')
		if m.stored != "" {
			out = appendTidy(out, m.stored)
		} else {
			out = append(out, m.made...)
		}
	}
	return append(out, '}')
}

// appendTidy appends a JSON value as [object.appendTo] does its members.
func appendTidy(out []byte, text string) []byte {
	switch text[0] {
	case '{':
		var few [8]member
		return appendMembers(few[:0], text).appendTo(out)
	case '[':
		out = append(out, '[')
		first := true
		for text = inside(text); text != ""; text = next(text) {
			if !first {
				out = append(out, ',')
			}
			first = false
			end := valueEnd(text)
			out = appendTidy(out, text[:end])
			text = text[end:]
		}
		return append(out, ']')
	}
	return append(out, text...)
}

// appendMembers takes the text of a JSON object apart; any other has no members.
func appendMembers(o object, text string) object {
	if text == "" || text[0] != '{' {
		return o
	}
	for text = inside(text); text != ""; text = next(text) {
		end := valueEnd(text)
		name := text[1 : end-1]
		text = strings.TrimLeft(text[end:], ": ")
		end = valueEnd(text)
		o = append(o, member{name: name, stored: text[:end]})
		text = text[end:]
	}
	return o
}

// inside is what stands between the brackets of an object or a list.
func inside(text string) string { return strings.TrimSpace(text[1 : len(text)-1]) }

// next skips what stands before the next member or element.
func next(text string) string { return strings.TrimLeft(text, ", ") }

// valueEnd is where the JSON value ends that text, which is valid, begins with.
func valueEnd(text string) int {
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

const digits = "0123456789abcdef"

// appendText appends a text as a JSON string.
func appendText(out []byte, text string) []byte {
	return append(appendEscaped(append(out, '"'), text), '"')
}

// appendEscaped appends what stands between the quotes of a JSON string.
func appendEscaped(out []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ':
			out = append(out, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			out = append(out, c)
		}
	}
	return out
}

// appendUID appends an id as it is given out.
func appendUID(out []byte, uid uuid.UUID) []byte {
	begin := 0
	for _, end := range [...]int{4, 6, 8, 10, 16} {
		if begin > 0 {
			out = append(out, '-')
		}
		out = hex.AppendEncode(out, uid[begin:end])
		begin = end
	}
	return out
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
