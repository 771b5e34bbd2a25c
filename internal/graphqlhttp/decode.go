package graphqlhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
)

// decodeRequest reads the JSON form of a request (GraphQL over HTTP, section "Request Parameters"). It refuses what
// JSON leaves to the reader's taste: repeated keys, invalid UTF-8, lone surrogates, numbers beyond a double,
// NUL, and nesting deeper than maxDepth. No error quotes a value.
func decodeRequest(body []byte, maxDepth int, params *graphql.RawParams) error {
	value, err := decodeJSON(body, maxDepth+2)
	if err != nil {
		return err
	}
	object, ok := value.(map[string]any)
	if !ok {
		if _, batch := value.([]any); batch {
			return refuse("The body is a JSON array: batches of operations are not supported, send one operation a request.")
		}
		return refuse("The body must be a JSON object with `query`, and optionally `operationName`, `variables` and `extensions`.")
	}
	query, given := object["query"]
	if !given {
		return refuse("The request has no query: send it in `query`.")
	}
	if params.Query, ok = query.(string); !ok {
		return refuse("`query` must be a string.")
	}
	if name := object["operationName"]; name != nil {
		if params.OperationName, ok = name.(string); !ok {
			return refuse("`operationName` must be a string or null.")
		}
	}
	if params.Variables, err = optionalObject(object, "variables"); err != nil {
		return err
	}
	params.Extensions, err = optionalObject(object, "extensions")
	return err
}

func optionalObject(object map[string]any, key string) (map[string]any, error) {
	value := object[key]
	if value == nil {
		return nil, nil
	}
	m, ok := value.(map[string]any)
	if !ok {
		return nil, refuse("`%s` must be a JSON object or null.", key)
	}
	return m, nil
}

// decodeJSON reads one JSON value. Numbers become [json.Number].
func decodeJSON(text []byte, maxDepth int) (any, error) {
	if !utf8.Valid(text) {
		return nil, refuse("The JSON text is not valid UTF-8.")
	}
	if hasLoneSurrogate(text) {
		return nil, refuse("A string in the JSON text holds half of a surrogate pair.")
	}
	r := &reader{dec: json.NewDecoder(bytes.NewReader(text)), maxDepth: maxDepth}
	r.dec.UseNumber()
	value, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse("Something follows the JSON value, which ends at byte %d.", r.dec.InputOffset())
	}
	return value, nil
}

type reader struct {
	dec      *json.Decoder
	maxDepth int
}

func (r *reader) value(depth int) (any, error) {
	token, err := r.dec.Token()
	if err != nil {
		return nil, r.malformed(err)
	}
	return r.from(token, depth)
}

func (r *reader) from(token json.Token, depth int) (any, error) {
	switch token := token.(type) {
	case json.Delim:
		if depth >= r.maxDepth {
			return nil, refuse("The JSON text nests deeper than %d levels, which is the limit.", r.maxDepth)
		}
		if token == '[' {
			return r.array(depth + 1)
		}
		return r.object(depth + 1)
	case string:
		if strings.IndexByte(token, 0) >= 0 {
			return nil, refuse("A string in the JSON text holds the NUL character.")
		}
		return token, nil
	case json.Number:
		if f, err := token.Float64(); err != nil || math.IsInf(f, 0) {
			return nil, refuse("A number in the JSON text is out of range.")
		}
		return token, nil
	default:
		return token, nil
	}
}

func (r *reader) array(depth int) (any, error) {
	list := []any{}
	for r.dec.More() {
		element, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, element)
	}
	_, err := r.dec.Token()
	if err != nil {
		return nil, r.malformed(err)
	}
	return list, nil
}

func (r *reader) object(depth int) (any, error) {
	object := map[string]any{}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return nil, r.malformed(err)
		}
		key, ok := token.(string)
		if !ok {
			return nil, r.malformed(nil)
		}
		if _, repeated := object[key]; repeated {
			return nil, refuse("The JSON text repeats the key %q in one object.", shorten(key, maxPathName))
		}
		if object[key], err = r.value(depth); err != nil {
			return nil, err
		}
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, r.malformed(err)
	}
	return object, nil
}

// malformed says where the text stops being JSON, never what stands there.
func (r *reader) malformed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if r.dec.InputOffset() == 0 {
			return refuse("The JSON text is empty.")
		}
		return refuse("The JSON text ends too early.")
	}
	return refuse("The text is not valid JSON: it goes wrong after byte %d.", r.dec.InputOffset())
}

// hasLoneSurrogate looks for a \uD800 to \uDFFF escape that is not one of a pair (RFC 8259, section 8.2).
func hasLoneSurrogate(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 >= len(text) {
			return false
		}
		if text[i+1] != 'u' {
			text = text[i+2:]
			continue
		}
		unit := hexUnit(text[i:])
		switch {
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			low := hexUnit(text[i+6:])
			if low < 0xDC00 || low > 0xDFFF {
				return true
			}
			text = text[i+12:]
		default:
			text = text[i+2:]
		}
	}
}

// hexUnit is the code unit of the escape that text starts with, -1 where it starts with none.
func hexUnit(text []byte) int {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	unit := 0
	for _, c := range text[2:6] {
		digit := 0
		switch {
		case c >= '0' && c <= '9':
			digit = int(c - '0')
		case c >= 'a' && c <= 'f':
			digit = int(c-'a') + 10
		case c >= 'A' && c <= 'F':
			digit = int(c-'A') + 10
		default:
			return -1
		}
		unit = unit<<4 | digit
	}
	return unit
}
