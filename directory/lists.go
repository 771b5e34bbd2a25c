package directory

import "context"

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
	l, err := args.ForIdentities()
	return list(r, l, err, func(i Identity) Identity { return i })
}

// Users lists users.
func (r *Reader) Users(args ListArgs) (*UserConnection, error) {
	l, err := args.ForUsers()
	return list(r, l, err, func(i Identity) *User { return i.(*User) })
}

// Groups lists groups.
func (r *Reader) Groups(args ListArgs) (*GroupConnection, error) {
	l, err := args.ForGroups()
	return list(r, l, err, func(i Identity) *Group { return i.(*Group) })
}

// Roles lists roles.
func (r *Reader) Roles(args PageArgs) (*RoleConnection, error) {
	l, err := ListArgs{PageArgs: args}.ForRoles()
	return list(r, l, err, func(i Identity) *Role { return i.(*Role) })
}

// list pages through identities.
func list[T any](r *Reader, l *Listing, err error, as func(Identity) T) (*Page[T], error) {
	if err != nil {
		return nil, err
	}
	return NewPage(l.HasPrevious,
		func(ctx context.Context) ([]PageEdge[T], bool, error) {
			records, more, err := r.Rows(ctx, l)
			if err != nil {
				return nil, false, err
			}
			edges := make([]PageEdge[T], len(records))
			for i, record := range records {
				edges[i] = PageEdge[T]{Cursor: l.Cursor(record), Node: as(record.Identity())}
			}
			return edges, more, nil
		},
		func(ctx context.Context) (int, error) { return r.Total(ctx, l) }), nil
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
