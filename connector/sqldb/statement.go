package sqldb

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexis is how a dialect tells code from what is quoted or a comment.
type lexis struct {
	// nested: comments hold comments. hashes: # begins one, and -- only before a space.
	nested, hashes bool
	// dollars: $tag$ quotes. escapeStrings: E'...' has backslashes.
	dollars, escapeStrings bool
	// backticks and brackets quote names.
	backticks, brackets bool
	// backslashes: whether one stands for itself in a text depends on a setting of the server.
	backslashes bool
	// executable: /*! begins code.
	executable bool
}

// token is a word of a statement in capitals, or another character of it. What is quoted, comments and numbers leave none.
type token struct {
	text string
	word bool
}

// checkStatement refuses what is not one statement that reads, as far as it can be seen by how it is written. It refuses
// what it is not sure about, too: a text that a server might part into code and quotes otherwise than we do.
func (d *dialect) checkStatement(text string) error {
	tokens, err := d.lexis.tokens(text)
	if err != nil {
		return err
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].text == ";" {
		tokens = tokens[:len(tokens)-1]
	}
	first := 0
	for first < len(tokens) && tokens[first].text == "(" {
		first++
	}
	if first == len(tokens) || tokens[first].text != "SELECT" && tokens[first].text != "WITH" {
		return errors.New("a query begins with SELECT or WITH")
	}
	for i, t := range tokens {
		switch {
		case t.text == ";":
			return errors.New("it has more than one statement, and a query is one")
		case t.word && d.reserved[t.text]:
			return fmt.Errorf("it has the word %s, which no query that only reads has; quote it where it is a name", t.text)
		case t.text == "NEXT" && i+2 < len(tokens) && tokens[i+1].text == "VALUE" && tokens[i+2].text == "FOR":
			return errors.New("it moves a sequence on by NEXT VALUE FOR, and a query only reads")
		}
	}
	return nil
}

func words(list string) map[string]bool {
	out := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		out[word] = true
	}
	return out
}

// number is a number as all servers end it.
var number = regexp.MustCompile(`^(0[xX][0-9a-fA-F]*|[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?)`)

// tokens parts a text.
func (l lexis) tokens(text string) ([]token, error) {
	if err := plainText(text); err != nil {
		return nil, err
	}
	var out []token
	for i := 0; i < len(text); {
		c := text[i]
		skip, err := l.quoted(text[i:], i > 0 && isWord(text[i-1]))
		switch {
		case err != nil:
			return nil, err
		case skip > 0:
			i += skip
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c >= utf8.RuneSelf:
			return nil, fmt.Errorf("it has %.8q outside of quotes; put names with such characters into quotes", firstRune(text[i:]))
		case isDigit(c):
			n := len(number.FindString(text[i:]))
			if i += n; i < len(text) && isWord(text[i]) {
				return nil, fmt.Errorf("it has a number and a word without a space between them, near %.20q", text[i-n:])
			}
		case isWord(c) && c != '$':
			end := i
			for end < len(text) && isWord(text[end]) {
				end++
			}
			out = append(out, token{strings.ToUpper(text[i:end]), true})
			i = end
		default:
			out = append(out, token{text: text[i : i+1]})
			i++
		}
	}
	return out, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '@' || c == '#' || c == '$'
}

func firstRune(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

// plainText refuses what ends a line for one server and not for another, and what no editor shows.
func plainText(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("it is not UTF-8")
	}
	for i, r := range text {
		switch {
		case r == '\t' || r == '\n' || r == '\r' && strings.HasPrefix(text[i:], "\r\n"):
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return fmt.Errorf("it has the character %U, which cannot be seen; take it out", r)
		}
	}
	return nil
}

// quoted measures what is quoted or a comment at the beginning of a text; 0 where there is neither.
func (l lexis) quoted(text string, inWord bool) (int, error) {
	switch c := text[0]; {
	case strings.HasPrefix(text, "--") && (!l.hashes || len(text) == 2 || strings.ContainsRune(" \t\r\n", rune(text[2]))), l.hashes && c == '#':
		if end := strings.IndexByte(text, '\n'); end >= 0 {
			return end + 1, nil
		}
		return len(text), nil
	case strings.HasPrefix(text, "/*"):
		return l.comment(text)
	case l.escapeStrings && !inWord && (c == 'e' || c == 'E') && strings.HasPrefix(text[1:], "'"):
		n, err := escaped(text[1:])
		return n + 1, err
	case c == '\'' && l.backslashes, c == '"' && l.backslashes:
		return unambiguous(text)
	case c == '\'', c == '"', c == '`' && l.backticks:
		return doubled(text, c)
	case c == '[' && l.brackets:
		return doubled(text, ']')
	case c == '$' && l.dollars && !inWord:
		return dollarQuoted(text)
	}
	return 0, nil
}

var (
	errOpenQuote   = errors.New("a quote in it does not end")
	errOpenComment = errors.New("a comment in it does not end")
)

// comment measures a comment of /* and */.
func (l lexis) comment(text string) (int, error) {
	if l.executable && (strings.HasPrefix(text, "/*!") || strings.HasPrefix(text, "/*M!")) {
		return 0, errors.New("it has a comment that is code (/*!)")
	}
	depth := 0
	for i := 0; i+1 < len(text); i++ {
		switch text[i : i+2] {
		case "/*":
			if depth == 0 || l.nested {
				depth++
			}
			i++
		case "*/":
			if depth--; depth == 0 {
				return i + 2, nil
			}
			i++
		}
	}
	return 0, errOpenComment
}

// doubled measures what ends at a character, which stands for itself where it is doubled.
func doubled(text string, end byte) (int, error) {
	for i := 1; i < len(text); i++ {
		if text[i] != end {
			continue
		}
		if i+1 == len(text) || text[i+1] != end {
			return i + 1, nil
		}
		i++
	}
	return 0, errOpenQuote
}

// escaped measures a text in which a backslash takes the next character along.
func escaped(text string) (int, error) {
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] != text[0]:
		case i+1 < len(text) && text[i+1] == text[0]:
			i++
		default:
			return i + 1, nil
		}
	}
	return 0, errOpenQuote
}

// unambiguous measures a text that has the same end whether or not a backslash takes the next character along.
func unambiguous(text string) (int, error) {
	n, err := escaped(text)
	plain, plainErr := doubled(text, text[0])
	if err == nil && plainErr == nil && n != plain {
		err = errors.New(`it has a backslash before a quote, which not every server reads alike; double the quote instead`)
	}
	return n, errors.Join(err, plainErr)
}

// dollarQuoted measures $tag$...$tag$.
func dollarQuoted(text string) (int, error) {
	end := 1
	for end < len(text) && isWord(text[end]) && text[end] != '$' {
		end++
	}
	if end == len(text) || text[end] != '$' || end > 1 && isDigit(text[1]) {
		return 0, nil
	}
	tag := text[:end+1]
	length := strings.Index(text[len(tag):], tag)
	if length < 0 {
		return 0, errOpenQuote
	}
	return len(tag) + length + len(tag), nil
}
