package graphqlhttp

import (
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeJSON reads one JSON value (RFC 8259). Numbers become [json.Number].
func decodeJSON(body []byte, maxDepth int) (any, error) {
	r, err := newReader(body, maxDepth)
	if err != nil {
		return nil, err
	}
	return r.whole()
}

// reader reads JSON from a text, once from its beginning to its end. Strings without escapes share the text's memory.
type reader struct {
	text     string
	at       int
	maxDepth int
}

func newReader(body []byte, maxDepth int) (*reader, error) {
	if !utf8.Valid(body) {
		return nil, refuse("The JSON text is not valid UTF-8.")
	}
	r := &reader{text: string(body), maxDepth: maxDepth}
	if r.skipBlanks(); r.at == len(r.text) {
		return nil, refuse("The JSON text is empty.")
	}
	return r, nil
}

// whole reads the value that the text is.
func (r *reader) whole() (any, error) {
	value, err := r.value(0)
	if err != nil {
		return nil, err
	}
	return value, r.end()
}

// end refuses a text that goes on after its value.
func (r *reader) end() error {
	end := r.at
	if r.skipBlanks(); r.at < len(r.text) {
		return refuse("Something follows the JSON value, which ends at byte %d.", end)
	}
	return nil
}

func (r *reader) skipBlanks() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// next is the byte that comes next after blanks, 0 at the end.
func (r *reader) next() byte {
	if r.skipBlanks(); r.at == len(r.text) {
		return 0
	}
	return r.text[r.at]
}

// malformed says where the text stops being JSON, never what stands there.
func (r *reader) malformed() error {
	if r.at >= len(r.text) {
		return refuse("The JSON text ends too early.")
	}
	return refuse("The text is not valid JSON: it goes wrong after byte %d.", r.at)
}

func (r *reader) value(depth int) (any, error) {
	switch c := r.next(); c {
	case '{', '[':
		if depth >= r.maxDepth {
			return nil, overLimit("The JSON text nests deeper than %d levels, which is the limit.", r.maxDepth)
		}
		r.at++
		if c == '[' {
			return r.array(depth + 1)
		}
		return r.object(depth + 1)
	case '"':
		return r.string()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	default:
		return r.number()
	}
}

func (r *reader) word(word string) error {
	for i := range len(word) {
		if r.at == len(r.text) || r.text[r.at] != word[i] {
			return r.malformed()
		}
		r.at++
	}
	return nil
}

func (r *reader) array(depth int) (any, error) {
	list := []any{}
	if r.next() == ']' {
		r.at++
		return list, nil
	}
	for {
		element, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, element)
		switch r.next() {
		case ',':
			r.at++
		case ']':
			r.at++
			return list, nil
		default:
			return nil, r.malformed()
		}
	}
}

func (r *reader) object(depth int) (any, error) {
	object := map[string]any{}
	err := r.members(func(key string) (err error) {
		object[key], err = r.value(depth)
		return err
	})
	return object, err
}

// members reads an object after its opening brace; value reads what each key, which comes once, stands for.
func (r *reader) members(value func(key string) error) error {
	if r.next() == '}' {
		r.at++
		return nil
	}
	var seen keys
	for {
		if r.next() != '"' {
			return r.malformed()
		}
		key, err := r.string()
		if err != nil {
			return err
		}
		if r.next() != ':' {
			return r.malformed()
		}
		r.at++
		if !seen.add(key) {
			return refuse("The JSON text repeats the key %q in one object.", shorten(key, maxPathName))
		}
		if err := value(key); err != nil {
			return err
		}
		switch r.next() {
		case ',':
			r.at++
		case '}':
			r.at++
			return nil
		default:
			return r.malformed()
		}
	}
}

// keys is a set of an object's keys, of which there are few as a rule.
type keys struct {
	few  [8]string
	n    int
	many map[string]bool
}

// add reports whether a key is new.
func (k *keys) add(key string) bool {
	if k.many == nil {
		for _, known := range k.few[:k.n] {
			if known == key {
				return false
			}
		}
		if k.n < len(k.few) {
			k.few[k.n] = key
			k.n++
			return true
		}
		k.many = make(map[string]bool, 2*len(k.few))
		for _, known := range k.few {
			k.many[known] = true
		}
	}
	if k.many[key] {
		return false
	}
	k.many[key] = true
	return true
}

// number reads a number in JSON's form (RFC 8259, section 6) that a double can hold.
func (r *reader) number() (any, error) {
	begin := r.at
	if r.at < len(r.text) && r.text[r.at] == '-' {
		r.at++
	}
	leading := r.at
	if !r.digits() {
		return nil, r.malformed()
	}
	if r.text[leading] == '0' && r.at > leading+1 {
		r.at = leading + 1
		return nil, r.malformed()
	}
	if r.at < len(r.text) && r.text[r.at] == '.' {
		r.at++
		if !r.digits() {
			return nil, r.malformed()
		}
	}
	if r.at < len(r.text) && r.text[r.at]|0x20 == 'e' {
		r.at++
		if r.at < len(r.text) && (r.text[r.at] == '+' || r.text[r.at] == '-') {
			r.at++
		}
		if !r.digits() {
			return nil, r.malformed()
		}
	}
	number := json.Number(r.text[begin:r.at])
	if _, err := number.Float64(); err != nil {
		return nil, refuse("A number in the JSON text is out of range.")
	}
	return number, nil
}

// digits skips digits, and reports whether there were any.
func (r *reader) digits() bool {
	begin := r.at
	for r.at < len(r.text) && r.text[r.at]-'0' <= 9 {
		r.at++
	}
	return r.at > begin
}

// string reads a string from its opening quote on.
func (r *reader) string() (string, error) {
	r.at++
	begin := r.at
	var unescaped []byte // what precedes begin, where there were escapes
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			text := r.text[begin:r.at]
			r.at++
			if unescaped != nil {
				text = string(append(unescaped, text...))
			}
			return text, nil
		case c == '\\':
			unescaped = append(unescaped, r.text[begin:r.at]...)
			var err error
			if unescaped, err = r.escape(unescaped); err != nil {
				return "", err
			}
			begin = r.at
		case c < 0x20:
			return "", r.malformed()
		default:
			r.at++
		}
	}
	return "", r.malformed()
}

// plainEscapes are the escapes of one letter (RFC 8259, section 7).
var plainEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads one escape, of two where they are a surrogate pair, and appends the character that it stands for.
func (r *reader) escape(dst []byte) ([]byte, error) {
	if r.at++; r.at == len(r.text) {
		return nil, r.malformed()
	}
	if c := plainEscapes[r.text[r.at]]; c != 0 {
		r.at++
		return append(dst, c), nil
	}
	if r.text[r.at] != 'u' {
		return nil, r.malformed()
	}
	char, err := r.unit()
	if err != nil {
		return nil, err
	}
	switch {
	case char == 0:
		return nil, refuse("A string in the JSON text holds the NUL character.")
	case utf16.IsSurrogate(char):
		if !strings.HasPrefix(r.text[r.at:], `\u`) {
			return nil, loneSurrogate()
		}
		r.at++
		low, err := r.unit()
		if err != nil {
			return nil, err
		}
		if char = utf16.DecodeRune(char, low); char == utf8.RuneError {
			return nil, loneSurrogate()
		}
	}
	return utf8.AppendRune(dst, char), nil
}

// unit reads the code unit of an escape, from its u on.
func (r *reader) unit() (rune, error) {
	unit := rune(0)
	r.at++
	for range 4 {
		if r.at == len(r.text) {
			return 0, r.malformed()
		}
		digit := rune(0)
		switch c := r.text[r.at]; {
		case '0' <= c && c <= '9':
			digit = rune(c - '0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			digit = rune(c|0x20-'a') + 10
		default:
			return 0, r.malformed()
		}
		unit = unit<<4 | digit
		r.at++
	}
	return unit, nil
}

func loneSurrogate() error {
	return refuse("A string in the JSON text holds half of a surrogate pair.")
}
