// Package filter reads SCIM filters and attribute paths (RFC 7644 sections 3.4.2.2 and 3.5.2), applies them to
// resources in memory and compiles them to conditions that the store can answer.
package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/roster-gateway/roster/directory"
)

// Limits of a filter. They are checked before or while it is read, so that a hostile one costs little.
const (
	// MaxLength is in bytes.
	MaxLength = 8 << 10
	// MaxDepth is how deep parentheses, brackets and not may be nested.
	MaxDepth = 32
	// MaxTerms is how many comparisons there may be.
	MaxTerms = 256
)

// Error says why a filter or a path cannot be used (scimType invalidFilter or invalidPath, RFC 7644 section 3.12).
type Error struct {
	// Pos is the byte at which the trouble begins, counted from 1; 0 where it is no certain place.
	Pos int
	Msg string
}

func (e *Error) Error() string {
	if e.Pos == 0 {
		return e.Msg
	}
	return fmt.Sprintf("at character %d: %s", e.Pos, e.Msg)
}

// Op is a comparison.
type Op = directory.CompareOp

// Expr is a filter as it was written.
type Expr interface {
	String() string
	isExpr()
}

// The kinds of expression.
type (
	// And holds where all its terms do, Or where one does; both have two terms or more.
	And []Expr
	Or  []Expr
	// Not holds where its term does not.
	Not struct{ Term Expr }
	// Compare compares an attribute with a value.
	Compare struct {
		Path  AttrPath
		Op    Op
		Value Value
	}
	// Present holds where an attribute has a value.
	Present struct{ Path AttrPath }
	// Element holds where one element of a multi-valued attribute meets a filter on its sub-attributes.
	Element struct {
		Path  AttrPath
		Where Expr
	}
)

func (And) isExpr()     {}
func (Or) isExpr()      {}
func (Not) isExpr()     {}
func (Compare) isExpr() {}
func (Present) isExpr() {}
func (Element) isExpr() {}

// AttrPath names an attribute as it was written; URN and Sub may be empty.
type AttrPath struct{ URN, Name, Sub string }

func (p AttrPath) String() string {
	text := p.Name
	if p.URN != "" {
		text = p.URN + ":" + text
	}
	if p.Sub != "" {
		text += "." + p.Sub
	}
	return text
}

// Value is a literal: the text of a quoted one, or a bare word: true, false, null, a number, or a text that a client
// forgot to quote.
type Value struct {
	Text string
	Bare bool
}

// IsNull reports whether the literal is null.
func (v Value) IsNull() bool { return v.Bare && strings.EqualFold(v.Text, "null") }

func (v Value) String() string {
	if v.Bare {
		return v.Text
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v.Text) // cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

func (c Compare) String() string {
	return c.Path.String() + " " + string(c.Op) + " " + c.Value.String()
}
func (p Present) String() string { return p.Path.String() + " pr" }
func (n Not) String() string     { return "not (" + n.Term.String() + ")" }
func (e Element) String() string { return e.Path.String() + "[" + e.Where.String() + "]" }
func (a And) String() string     { return join(a, " and ", true) }
func (o Or) String() string      { return join(o, " or ", false) }

// join writes terms with parentheses where reading them back needs some. And binds closer than or.
func join(terms []Expr, word string, closer bool) string {
	texts := make([]string, len(terms))
	for i, t := range terms {
		texts[i] = t.String()
		_, isOr := t.(Or)
		_, isAnd := t.(And)
		if isOr || isAnd && closer {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	return strings.Join(texts, word)
}
