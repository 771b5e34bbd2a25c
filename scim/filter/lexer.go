package filter

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

type tokenKind int

const (
	end tokenKind = iota
	word
	quoted
	punctuation // one of ( ) [ ]
)

// token is a part of a filter; text is a quoted one's content.
type token struct {
	kind tokenKind
	text string
	pos  int // of its first byte
	// glued reports that nothing separates the token from the one before.
	glued bool
}

func (t token) is(p string) bool { return t.kind == punctuation && t.text == p }

func (t token) isWord(w string) bool { return t.kind == word && strings.EqualFold(t.text, w) }

type lexer struct {
	text string
	pos  int
}

func fail(pos int, msg string) error { return &Error{Pos: pos + 1, Msg: msg} }

// next reads one token.
func (l *lexer) next() (token, error) {
	start := l.pos
	for l.pos < len(l.text) && isSpace(l.text[l.pos]) {
		l.pos++
	}
	t := token{pos: l.pos, glued: l.pos == start && start > 0}
	if l.pos == len(l.text) {
		return t, nil
	}
	switch c := l.text[l.pos]; {
	case isPunctuation(c):
		t.kind, t.text = punctuation, l.text[l.pos:l.pos+1]
		l.pos++
		return t, nil
	case c == '"':
		text, err := l.quotedText()
		t.kind, t.text = quoted, text
		return t, err
	}
	for l.pos < len(l.text) && !isSpace(l.text[l.pos]) && !isPunctuation(l.text[l.pos]) && l.text[l.pos] != '"' {
		l.pos++
	}
	t.kind, t.text = word, l.text[t.pos:l.pos]
	return t, nil
}

func isSpace(c byte) bool       { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
func isPunctuation(c byte) bool { return c == '(' || c == ')' || c == '[' || c == ']' }

// quotedText reads a JSON string (RFC 8259 section 7), whose escapes it decodes.
func (l *lexer) quotedText() (string, error) {
	start := l.pos
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); {
		c := l.text[l.pos]
		switch c {
		case '"':
			l.pos++
			return b.String(), nil
		case '\\':
			r, err := l.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
	return "", fail(start, "the text that begins here has no closing quote")
}

var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape decodes one escape, or two that are a surrogate pair.
func (l *lexer) escape() (rune, error) {
	start := l.pos
	if l.pos+1 < len(l.text) {
		if r, ok := escapes[l.text[l.pos+1]]; ok {
			l.pos += 2
			return r, nil
		}
	}
	first, ok := l.unit()
	if !ok {
		return 0, fail(start, `this is no escape; \\ stands for a backslash`)
	}
	r := first
	if utf16.IsSurrogate(first) {
		second, ok := l.unit()
		if r = utf16.DecodeRune(first, second); !ok || r == utf8.RuneError {
			return 0, fail(start, "half of a surrogate pair is missing")
		}
	}
	if r == 0 {
		return 0, fail(start, "a text cannot hold the NUL character")
	}
	return r, nil
}

// unit reads \uXXXX.
func (l *lexer) unit() (rune, bool) {
	const size = 6
	if l.pos+size > len(l.text) || l.text[l.pos:l.pos+2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(l.text[l.pos+2:l.pos+size], 16, 16)
	if err != nil {
		return 0, false
	}
	l.pos += size
	return rune(n), true
}
