package scim

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/roster-gateway/roster/internal/httpbody"
	"github.com/roster-gateway/roster/scim/patch"
)

// object reads the request's body, which must be one JSON object.
func (rq *request) object() (map[string]any, error) {
	if rq.given != nil {
		rq.note.sent(rq.given)
		return rq.given, nil
	}
	if err := checkMediaType(rq.r.Header); err != nil {
		return nil, err
	}
	var text []byte
	err := httpbody.Read(rq.r, rq.cfg.MaxBody, func(body io.Reader) (err error) {
		text, err = io.ReadAll(body)
		return err
	})
	if errors.Is(err, httpbody.ErrTooLarge) {
		return nil, rq.tooLarge()
	}
	if err != nil {
		return nil, badInput(patch.InvalidSyntax, "The body could not be read to its end.")
	}
	object, err := decodeObject(text)
	rq.note.sent(object)
	return object, err
}

func (rq *request) tooLarge() error {
	return &problem{status: http.StatusRequestEntityTooLarge, detail: "The body is larger than " + grouped(rq.cfg.MaxBody) + " bytes, the most that one request may have."}
}

// grouped writes a number with commas between its thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// checkMediaType takes JSON as SCIM and others call it (RFC 7644 section 3.1), in UTF-8 and not compressed.
func checkMediaType(h http.Header) error {
	refused := func(detail string) error {
		return &problem{status: http.StatusUnsupportedMediaType, detail: detail}
	}
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return refused("The body must not be compressed.")
	}
	text := h.Get("Content-Type")
	if text == "" || text == scimJSON || text == plainJSON {
		return nil
	}
	kind, parameters, err := mime.ParseMediaType(text)
	if err != nil || kind != scimJSON && kind != plainJSON {
		return refused("The body must be " + scimJSON + " or " + plainJSON + ".")
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return refused("The body must be in UTF-8.")
	}
	return nil
}

// decodeObject reads a JSON object more strictly than the standard library does: invalid UTF-8, halves of surrogate
// pairs, the NUL character, names that are given twice, numbers that no 64-bit float holds and nesting without end are
// refused, because they cannot be kept or could be read in two ways.
func decodeObject(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) {
		return nil, badInput(patch.InvalidSyntax, "The body is not valid UTF-8.")
	}
	if err := checkEscapes(text); err != nil {
		return nil, err
	}
	if !json.Valid(text) {
		return nil, badInput(patch.InvalidSyntax, "The body is not one JSON object.")
	}
	r := reader{text: text}
	value, err := r.value(0)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, badInput(patch.InvalidSyntax, "The body is not one JSON object.")
	}
	return object, nil
}

// checkEscapes refuses \u escapes that stand for no character of a text: the standard library replaces them silently.
func checkEscapes(text []byte) error {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' { // outside of strings a backslash is an error that the decoder finds
			continue
		}
		i++
		unit, ok := escapedUnit(text, i)
		if !ok {
			continue
		}
		i += 4
		switch {
		case unit == 0:
			return badInput(patch.InvalidValue, "The body holds the NUL character, which no text may.")
		case unit >= 0xDC00 && unit < 0xE000:
			return badInput(patch.InvalidSyntax, "The body holds half of a surrogate pair.")
		case unit >= 0xD800 && unit < 0xDC00:
			if i+1 >= len(text) || text[i+1] != '\\' {
				return badInput(patch.InvalidSyntax, "The body holds half of a surrogate pair.")
			}
			low, ok := escapedUnit(text, i+2)
			if !ok || low < 0xDC00 || low >= 0xE000 {
				return badInput(patch.InvalidSyntax, "The body holds half of a surrogate pair.")
			}
			i += 6
		}
	}
	return nil
}

// escapedUnit reads the uXXXX of an escape.
func escapedUnit(text []byte, i int) (rune, bool) {
	if i+5 > len(text) || text[i] != 'u' {
		return 0, false
	}
	unit := rune(0)
	for _, c := range text[i+1 : i+5] {
		digit := strings.IndexByte("0123456789abcdef", c|0x20)
		if digit < 0 {
			return 0, false
		}
		unit = unit<<4 | rune(digit)
	}
	return unit, true
}
