package directory

import (
	"context"
	"strconv"
	"strings"
)

// PageArgs are the arguments of every page: how many rows, after which cursor.
type PageArgs struct {
	First int
	After *Cursor
}

// ListArgs are what the lists of identities take.
type ListArgs struct {
	PageArgs
	Search *string
	Kinds  []IdentityKind
	Order  Order
	// Filter holds the list's own conditions; the fields above are put into it.
	Filter ListQuery
}

// Identities lists users, groups and roles together.
func (r *Reader) Identities(args ListArgs) (*IdentityConnection, error) {
	return list(r, args, "identities", func(i Identity) Identity { return i })
}

// Users lists users.
func (r *Reader) Users(args ListArgs) (*UserConnection, error) {
	args.Kinds = []IdentityKind{KindUser}
	return list(r, args, "users", func(i Identity) *User { return i.(*User) })
}

// Groups lists groups.
func (r *Reader) Groups(args ListArgs) (*GroupConnection, error) {
	args.Kinds = []IdentityKind{KindGroup}
	return list(r, args, "groups", func(i Identity) *Group { return i.(*Group) })
}

// Roles lists roles.
func (r *Reader) Roles(args PageArgs) (*RoleConnection, error) {
	return list(r, ListArgs{PageArgs: args, Kinds: []IdentityKind{KindRole}}, "roles", func(i Identity) *Role { return i.(*Role) })
}

// list pages through identities. Without a status in the filter, tombstones are left out.
func list[T any](r *Reader, args ListArgs, name string, as func(Identity) T) (*Page[T], error) {
	if err := CheckFirst(args.First); err != nil {
		return nil, err
	}
	q := args.Filter
	q.Kinds, q.Order, q.Limit = args.Kinds, args.Order, args.First+1
	if q.Order.Field == "" {
		q.Order.Field = OrderID
	}
	if q.Status == 0 {
		q.Status = AnyLive
	}
	none := !q.canMatch()
	if args.Search != nil && strings.TrimSpace(*args.Search) != "" {
		if q.Words = SearchWords(*args.Search); len(q.Words) == 0 {
			none = true // a search of punctuation alone matches nothing
		}
	}
	name += "/" + string(q.Order.Field)
	if q.Order.Desc {
		name += "/desc"
	}
	if args.After != nil {
		parts, err := args.After.parts(name, 2)
		if err != nil {
			return nil, err
		}
		id, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			return nil, BadInput("after", "This is no cursor of this list.")
		}
		q.After = &Position{Key: parts[0], ID: id}
	}
	return NewPage(args.After != nil,
		func(ctx context.Context) ([]PageEdge[T], bool, error) {
			if none {
				return nil, false, nil
			}
			records, err := r.d.store.List(ctx, q)
			if err != nil {
				return nil, false, err
			}
			records, more := trim(records, args.First)
			edges := make([]PageEdge[T], len(records))
			for i, record := range records {
				at := positionOf(record, q.Order)
				edges[i] = PageEdge[T]{Cursor: newCursor(name, at.Key, strconv.FormatInt(at.ID, 10)), Node: as(record.Identity())}
			}
			return edges, more, nil
		},
		func(ctx context.Context) (int, error) {
			if none {
				return 0, nil
			}
			return r.d.store.Count(ctx, q)
		}), nil
}

// canMatch reports whether every text of the query could be stored at all.
func (q *ListQuery) canMatch() bool {
	for _, text := range []*string{q.Provider, q.Instance, q.NameKey, q.EmailKey, q.ExternalID} {
		if text != nil && *text != "" && !isLookupKey(*text) {
			return false
		}
	}
	return true
}
