package directory

import (
	"strings"
	"time"
	"unicode"
)

// ListQuery selects identities from the store, in a stable order.
type ListQuery struct {
	// ResourceType selects resources of a type that operators added, see [Custom], in the place of identities. They have
	// no kind, no status and no names.
	ResourceType string
	Kinds        []IdentityKind
	// Provider and Instance narrow to a label and to an instance's name, both compared without case; nil is any.
	Provider, Instance *string
	// InstanceID narrows to one instance; 0 is any.
	InstanceID int64
	// Within narrows to the identities of some instances; nil is all.
	Within *Scope
	Status StatusSet
	// Words are folded word prefixes that all have to occur in name, displayName, userName or email.
	Words []string
	// NameKey and EmailKey are folded keys (FoldKey), compared whole.
	NameKey, EmailKey *string
	ExternalID        *string
	UpdatedSince      *time.Time
	// Where narrows further; nil is no condition. SCIM filters arrive here.
	Where Predicate
	// Order is a field and a direction; ties are broken by id.
	Order Order
	// After is the position of the last row of the page before; nil starts at the first.
	After *Position
	// Offset skips rows, for callers that page by index (SCIM startIndex).
	Offset int
	// Limit is how many rows to return at most.
	Limit int
}

// OrderField is what a list is sorted by.
type OrderField string

// The fields. OrderID is the order of creation; the only one whose keys never change.
const (
	OrderID          OrderField = "ID"
	OrderName        OrderField = "NAME"
	OrderDisplayName OrderField = "DISPLAY_NAME"
	OrderCreatedAt   OrderField = "CREATED_AT"
	OrderUpdatedAt   OrderField = "UPDATED_AT"
)

// Order is a sort order.
type Order struct {
	Field OrderField
	Desc  bool
	// By sorts by anything that a predicate may name, in the place of Field. Identities without a value come last, or
	// first in descending order.
	By *SortKey
}

// SortKey is what a list is sorted by where that is no [OrderField].
type SortKey struct {
	// Operand is a column or a path of names in the attributes.
	Operand Operand
	// Several is set where there may be several values at the path; the primary one counts, else the first. Sub is then
	// a member of each, empty where they are simple.
	Several bool
	Sub     string
	Type    SortType
	// Link sorts by a column of the first identity that is linked so.
	Link *Linked
}

// SortType says how the values of an attribute are ordered.
type SortType string

// The types. Texts are in the order of their code points, by FoldKey where the operand is not exact.
const (
	SortText    SortType = "text"
	SortNumber  SortType = "number"
	SortBoolean SortType = "boolean" // false first
	SortInstant SortType = "instant"
)

// Position is a row's place in an order: the text of its sort key (empty for OrderID) and its id. Absent says that the
// row has no value to be sorted by.
type Position struct {
	Key    string
	Absent bool
	ID     int64
}

// positionOf returns a record's place in an order.
func positionOf(r *Record, o Order) Position {
	p := Position{ID: r.ID}
	switch o.Field {
	case OrderName:
		p.Key = FoldKey(r.Name)
	case OrderDisplayName:
		p.Key = FoldKey(r.DisplayName)
	case OrderCreatedAt:
		p.Key = r.CreatedAt.UTC().Format(time.RFC3339Nano)
	case OrderUpdatedAt:
		p.Key = r.UpdatedAt.UTC().Format(time.RFC3339Nano)
	case OrderID:
	}
	return p
}

// maxWordLength bounds a search word, in bytes; longer ones are cut, in the index and in the query alike.
const maxWordLength = 128

// SearchWords splits text into folded words of letters, marks and digits, the form in which names are indexed and
// searched.
func SearchWords(text string) []string {
	words := strings.FieldsFunc(FoldKey(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	for i, word := range words {
		if len(word) > maxWordLength {
			words[i] = strings.ToValidUTF8(word[:maxWordLength], "")
		}
	}
	return words
}

// Predicate is a condition on one identity. The store compiles it to SQL with bound arguments.
type Predicate interface{ isPredicate() }

// The predicates.
type (
	// And holds where all its terms hold; an empty And holds.
	And []Predicate
	// Or holds where one of its terms holds; an empty Or does not.
	Or []Predicate
	// Not holds where its term does not.
	Not struct{ Term Predicate }
	// Compare holds where the operand compares so with Value. An absent value compares with nothing but NotEqual.
	Compare struct {
		Operand Operand
		Op      CompareOp
		Value   any // string, bool, json.Number or time.Time
	}
	// Present holds where the operand has a value that is not null, not empty. A display name is one where it is not just
	// the name.
	Present struct{ Operand Operand }
	// Element holds where one element of the multi-valued complex attribute at Path meets Where, whose operands are
	// relative to the element.
	Element struct {
		Path  []string
		Where Predicate
	}
	// Linked holds where the identity is linked to one that meets Where (nil: to any): as its container (Down: the other
	// is a direct member of it), its member (Up) or its report (the other is its manager). Only live users and groups of
	// the same instance count. The operands of Where are columns of the other identity.
	Linked struct {
		Way     Way
		Manager bool
		Where   Predicate
	}
)

func (And) isPredicate()     {}
func (Or) isPredicate()      {}
func (Not) isPredicate()     {}
func (Compare) isPredicate() {}
func (Present) isPredicate() {}
func (Element) isPredicate() {}
func (Linked) isPredicate()  {}

// Operand names what a predicate looks at: a column of the identity, or a path of attribute names in its attributes
// (Column empty). CaseExact compares text as it is, else by FoldKey.
type Operand struct {
	Column    Column
	Path      []string
	CaseExact bool
}

// Column is a column of the identity that predicates may name.
type Column string

// The columns.
const (
	ColumnUID         Column = "uid"
	ColumnKind        Column = "kind" // an [IdentityKind] as text, compared whole
	ColumnExternalID  Column = "external_id"
	ColumnName        Column = "name"
	ColumnDisplayName Column = "display_name"
	ColumnEmail       Column = "email"
	ColumnActive      Column = "active" // true where the status is ACTIVE
	ColumnCreatedAt   Column = "created_at"
	ColumnUpdatedAt   Column = "updated_at"
	ColumnVersion     Column = "version"
)

// CompareOp is a comparison of RFC 7644 section 3.4.2.2.
type CompareOp string

// The comparisons.
const (
	Equal          CompareOp = "eq"
	NotEqual       CompareOp = "ne"
	Contains       CompareOp = "co"
	StartsWith     CompareOp = "sw"
	EndsWith       CompareOp = "ew"
	Greater        CompareOp = "gt"
	GreaterOrEqual CompareOp = "ge"
	Less           CompareOp = "lt"
	LessOrEqual    CompareOp = "le"
)
