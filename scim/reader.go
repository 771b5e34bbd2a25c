package scim

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/scim/patch"
)

// maxJSONDepth is how deep objects and lists may be nested in a body.
const maxJSONDepth = 32

// reader reads text that is known to be JSON.
type reader struct {
	text []byte
	at   int
}

// next skips spaces, commas and colons, and returns the first byte of what comes then.
func (r *reader) next() byte {
	for {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r', ',', ':':
			r.at++
		default:
			return c
		}
	}
}

func (r *reader) value(depth int) (any, error) {
	switch r.next() {
	case '{':
		return r.object(depth + 1)
	case '[':
		return r.list(depth + 1)
	case '"':
		return r.string(), nil
	case 't':
		r.at += len("true")
		return true, nil
	case 'f':
		r.at += len("false")
		return false, nil
	case 'n':
		r.at += len("null")
		return nil, nil
	}
	return r.number()
}

func checkDepth(depth int) error {
	if depth > maxJSONDepth {
		return badInput(patch.InvalidSyntax, "The body is nested deeper than %d.", maxJSONDepth)
	}
	return nil
}

func (r *reader) object(depth int) (any, error) {
	if err := checkDepth(depth); err != nil {
		return nil, err
	}
	out := map[string]any{}
	for r.at++; r.next() != '}'; {
		name := r.string()
		if _, twice := out[name]; twice {
			return nil, badInput(patch.InvalidSyntax, "A name is given twice in one object of the body.")
		}
		value, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	r.at++
	return out, nil
}

func (r *reader) list(depth int) (any, error) {
	if err := checkDepth(depth); err != nil {
		return nil, err
	}
	out := []any{}
	for r.at++; r.next() != ']'; {
		value, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	r.at++
	return out, nil
}

func (r *reader) string() (text string) {
	begin, escaped := r.at, false
	for r.at++; r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] == '\\' {
			escaped = true
			r.at++
		}
	}
	r.at++
	if escaped {
		_ = json.Unmarshal(r.text[begin:r.at], &text) // it is JSON
		return text
	}
	return string(r.text[begin+1 : r.at-1])
}

func (r *reader) number() (any, error) {
	begin := r.at
	for r.at < len(r.text) && strings.IndexByte("+-.eE0123456789", r.text[r.at]) >= 0 {
		r.at++
	}
	text := string(r.text[begin:r.at])
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return nil, badInput(patch.InvalidValue, "A number in the body is too large.")
	}
	return json.Number(text), nil
}
