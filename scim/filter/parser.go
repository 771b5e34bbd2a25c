package filter

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// Parse reads a filter (RFC 7644 section 3.4.2.2, figure 1). Beyond the grammar it takes words in any case, literals
// without quotes and attr[filter].sub op value. Its errors are of type [Error].
func Parse(text string) (Expr, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.now.kind != end {
		return nil, p.unexpected("and, or, or the end")
	}
	return e, nil
}

// parser is a recursive-descent parser with one token of look-ahead.
type parser struct {
	lexer lexer
	now   token
	depth int
	terms int
	// inElement is set between the brackets of attr[filter].
	inElement bool
}

func newParser(text string) (*parser, error) {
	switch {
	case len(text) > MaxLength:
		return nil, &Error{Msg: "it is longer than " + strconv.Itoa(MaxLength) + " bytes"}
	case !utf8.ValidString(text):
		return nil, &Error{Msg: "it is not valid UTF-8"}
	case strings.ContainsRune(text, 0):
		return nil, &Error{Msg: "it holds the NUL character"}
	}
	p := &parser{lexer: lexer{text: text}}
	return p, p.advance()
}

func (p *parser) advance() (err error) {
	p.now, err = p.lexer.next()
	return err
}

func (p *parser) unexpected(wanted string) error {
	if p.now.kind == end {
		return fail(p.now.pos, "it ends where "+wanted+" was expected")
	}
	return fail(p.now.pos, wanted+" was expected here")
}

// expect goes past a bracket or a parenthesis.
func (p *parser) expect(mark string) error {
	if !p.now.is(mark) {
		return p.unexpected(mark)
	}
	return p.advance()
}

func (p *parser) or() (Expr, error) {
	return p.chain("or", p.and, func(terms []Expr) Expr { return Or(terms) })
}

func (p *parser) and() (Expr, error) {
	return p.chain("and", p.term, func(terms []Expr) Expr { return And(terms) })
}

// chain reads terms with a word between them.
func (p *parser) chain(between string, next func() (Expr, error), of func([]Expr) Expr) (Expr, error) {
	first, err := next()
	if err != nil || !p.now.isWord(between) {
		return first, err
	}
	terms := []Expr{first}
	for p.now.isWord(between) {
		if err := p.advance(); err != nil {
			return nil, err
		}
		term, err := next()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	return of(terms), nil
}

func (p *parser) term() (Expr, error) {
	if p.now.isWord("not") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		inner, err := p.nested("(", ")")
		return Not{Term: inner}, err
	}
	if p.now.is("(") {
		return p.nested("(", ")")
	}
	return p.attribute()
}

// nested reads a filter between marks.
func (p *parser) nested(opening, closing string) (Expr, error) {
	if p.depth++; p.depth > MaxDepth {
		return nil, fail(p.now.pos, "it is nested deeper than "+strconv.Itoa(MaxDepth))
	}
	if err := p.expect(opening); err != nil {
		return nil, err
	}
	inner, err := p.or()
	if err != nil {
		return nil, err
	}
	p.depth--
	return inner, p.expect(closing)
}

// attribute reads a comparison, or attr[filter] and what may follow it.
func (p *parser) attribute() (Expr, error) {
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if !p.now.is("[") {
		return p.comparison(path)
	}
	where, err := p.element(path)
	if err != nil {
		return nil, err
	}
	if sub, err := p.subAttribute(); err != nil {
		return nil, err
	} else if sub != "" {
		after, err := p.comparison(AttrPath{Name: sub})
		if err != nil {
			return nil, err
		}
		where = And{where, after}
	}
	return Element{Path: path, Where: where}, nil
}

// element reads the [filter] after an attribute.
func (p *parser) element(of AttrPath) (Expr, error) {
	switch {
	case p.inElement:
		return nil, fail(p.now.pos, "a filter in brackets cannot hold another one")
	case of.Sub != "":
		return nil, fail(p.now.pos, "a filter in brackets follows an attribute, not a sub-attribute")
	}
	p.inElement = true
	defer func() { p.inElement = false }()
	return p.nested("[", "]")
}

// subAttribute reads the .sub right after attr[filter], empty where there is none.
func (p *parser) subAttribute() (string, error) {
	if p.now.kind != word || !p.now.glued || p.now.text[0] != '.' {
		return "", nil
	}
	name := p.now.text[1:]
	if !isName(name) {
		return "", fail(p.now.pos, "this is no name of a sub-attribute")
	}
	return name, p.advance()
}

func (p *parser) path() (AttrPath, error) {
	if p.now.kind != word {
		return AttrPath{}, p.unexpected("an attribute")
	}
	path, ok := splitPath(p.now.text)
	if !ok {
		return AttrPath{}, fail(p.now.pos, "this is no attribute path")
	}
	return path, p.advance()
}

// splitPath takes urn:name.sub apart.
func splitPath(text string) (AttrPath, bool) {
	path := AttrPath{Name: text}
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		path.URN, path.Name = text[:i], text[i+1:]
		if len(path.URN) < len("urn:x") || !strings.EqualFold(path.URN[:4], "urn:") {
			return path, false
		}
	}
	name, sub, dotted := strings.Cut(path.Name, ".")
	path.Name, path.Sub = name, sub
	return path, isName(name) && (!dotted || isName(sub))
}

// isName reports whether a text is an attribute name (RFC 7643 section 2.1, and $ref).
func isName(text string) bool {
	if text == "$ref" {
		return true
	}
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '_' && c != '$') {
			return false
		}
	}
	return text != ""
}

var operators = map[string]Op{
	"eq": directory.Equal, "ne": directory.NotEqual,
	"co": directory.Contains, "sw": directory.StartsWith, "ew": directory.EndsWith,
	"gt": directory.Greater, "ge": directory.GreaterOrEqual, "lt": directory.Less, "le": directory.LessOrEqual,
}

// comparison reads what follows an attribute.
func (p *parser) comparison(path AttrPath) (Expr, error) {
	if p.terms++; p.terms > MaxTerms {
		return nil, fail(p.now.pos, "it has more than "+strconv.Itoa(MaxTerms)+" comparisons")
	}
	if p.now.isWord("pr") {
		return Present{Path: path}, p.advance()
	}
	op, ok := operators[strings.ToLower(p.now.text)]
	if p.now.kind != word || !ok {
		return nil, p.unexpected("an operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	value, err := p.value()
	return Compare{Path: path, Op: op, Value: value}, err
}

func (p *parser) value() (Value, error) {
	t := p.now
	switch {
	case t.kind == quoted:
		return Value{Text: t.text}, p.advance()
	case t.kind != word || t.isWord("and") || t.isWord("or") || t.isWord("not") || t.text[0] == '\'':
		return Value{}, p.unexpected("a value in double quotes")
	}
	if b, ok := schema.ParseBool(t.text); ok {
		t.text = strconv.FormatBool(b)
	}
	return Value{Text: t.text, Bare: true}, p.advance()
}
