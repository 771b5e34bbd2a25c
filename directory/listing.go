package directory

import (
	"context"
	"strconv"
	"strings"
)

// Listing is a page of a list of identities whose arguments were found in order: what to read for it.
type Listing struct {
	name  string
	query ListQuery
	first int
	// none is set where nothing can match, so that nothing is read.
	none bool
	// HasPrevious reports whether the page begins after a cursor.
	HasPrevious bool
}

// ForIdentities is a page of users, groups and roles together. Like all pages, it refuses a size out of bounds and a
// cursor of another list with a CodeBadInput error.
func (a ListArgs) ForIdentities() (*Listing, error) { return a.listing("identities") }

// ForUsers is a page of users.
func (a ListArgs) ForUsers() (*Listing, error) {
	a.Kinds = []IdentityKind{KindUser}
	return a.listing("users")
}

// ForGroups is a page of groups.
func (a ListArgs) ForGroups() (*Listing, error) {
	a.Kinds = []IdentityKind{KindGroup}
	return a.listing("groups")
}

// ForRoles is a page of roles.
func (a ListArgs) ForRoles() (*Listing, error) {
	a.Kinds = []IdentityKind{KindRole}
	return a.listing("roles")
}

// listing puts the arguments of a page together. Without a status in the filter, tombstones are left out.
func (a ListArgs) listing(name string) (*Listing, error) {
	if err := CheckFirst(a.First); err != nil {
		return nil, err
	}
	q := a.Filter
	q.Kinds, q.Order, q.Limit = a.Kinds, a.Order, a.First+1
	if q.Order.Field == "" {
		q.Order.Field = OrderID
	}
	if q.Status == 0 {
		q.Status = AnyLive
	}
	none := !q.canMatch()
	if a.Search != nil && strings.TrimSpace(*a.Search) != "" {
		if q.Words = SearchWords(*a.Search); len(q.Words) == 0 {
			none = true // a search of punctuation alone matches nothing
		}
	}
	name += "/" + string(q.Order.Field)
	if q.Order.Desc {
		name += "/desc"
	}
	if a.After != nil {
		parts, err := a.After.parts(name, 2)
		if err != nil {
			return nil, err
		}
		id, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			return nil, BadInput("after", "This is no cursor of this list.")
		}
		q.After = &Position{Key: parts[0], ID: id}
	}
	return &Listing{name: name, query: q, first: a.First, none: none, HasPrevious: a.After != nil}, nil
}

// Cursor is a row's place in the list.
func (l *Listing) Cursor(row *Record) Cursor {
	at := positionOf(row, l.query.Order)
	return newCursor(l.name, at.Key, strconv.FormatInt(at.ID, 10))
}

// Rows reads the rows of a listing, and whether there are more after them.
func (v *View) Rows(ctx context.Context, l *Listing) ([]*Record, bool, error) {
	if l.none {
		return nil, false, nil
	}
	records, err := v.rows(ctx, v.narrowed(l.query))
	if err != nil {
		return nil, false, err
	}
	records, more := trim(records, l.first)
	return records, more, nil
}

func (v *View) narrowed(q ListQuery) ListQuery {
	q.Within = v.scope
	return q
}

func (v *View) rows(ctx context.Context, q ListQuery) ([]*Record, error) {
	if m, ok := v.source.(*memory); ok {
		if records, ok, err := m.list(ctx, q); ok || err != nil {
			return records, err
		}
	}
	return v.d.store.List(ctx, q)
}

// Total counts the whole list that a listing is a page of.
func (v *View) Total(ctx context.Context, l *Listing) (int, error) {
	if l.none {
		return 0, nil
	}
	q := v.narrowed(l.query)
	if m, ok := v.source.(*memory); ok {
		if n, ok, err := m.total(ctx, q); ok || err != nil {
			return n, err
		}
	}
	return v.d.store.Count(ctx, q)
}
