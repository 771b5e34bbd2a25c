package directory

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ConflictKind says what kind of doubt there is about a name.
type ConflictKind string

// The kinds of conflict.
const (
	// DuplicateName: two identities of one instance and kind have one name (rule R07).
	DuplicateName ConflictKind = "DUPLICATE_NAME"
	// NameTakenFromAlias: a new live name retired an equal alias of another identity.
	NameTakenFromAlias ConflictKind = "NAME_TAKEN_FROM_ALIAS"
	// AmbiguousName: identities of different kinds or instances come to one FQN.
	AmbiguousName ConflictKind = "AMBIGUOUS_NAME"
)

// Conflict is a name that more than one live identity lays claim to. It lasts as long as they do.
type Conflict struct {
	ID         uuid.UUID
	Kind       ConflictKind
	Identities []Identity
	Since      time.Time
}

// conflictSpace makes a conflict's id from its key (UUID version 5, RFC 9562 section 5.5).
var conflictSpace = uuid.MustParse("5d1c6a52-5f0b-4f5e-9d8e-0a4d6d3c7b11")

// Conflicts pages through the conflicts in the order of their names; narrowed to a scope, those of which all identities
// are in it.
func (r *Reader) Conflicts(args PageArgs) (*ConflictConnection, error) {
	if err := CheckFirst(args.First); err != nil {
		return nil, err
	}
	after := ""
	if args.After != nil {
		parts, err := args.After.parts("conflicts", 1)
		if err != nil {
			return nil, err
		}
		after = parts[0]
	}
	return NewPage(args.After != nil,
		func(ctx context.Context) ([]PageEdge[*Conflict], bool, error) {
			rows, err := r.d.store.Conflicts(ctx, r.scope, after, args.First+1)
			if err != nil {
				return nil, false, err
			}
			rows, more := trim(rows, args.First)
			ids := []int64{}
			for _, row := range rows {
				ids = append(ids, row.IDs...)
			}
			records, err := r.byID.LoadAll(ctx, ids)
			if err != nil {
				return nil, false, err
			}
			out := make([]PageEdge[*Conflict], len(rows))
			for i, row := range rows {
				c := &Conflict{ID: uuid.NewSHA1(conflictSpace, []byte(row.Key)), Kind: row.Kind, Since: row.Since, Identities: []Identity{}}
				for _, record := range records[:len(row.IDs)] {
					if record != nil {
						c.Identities = append(c.Identities, record.Identity())
					}
				}
				records = records[len(row.IDs):]
				out[i] = PageEdge[*Conflict]{Cursor: newCursor("conflicts", row.Key), Node: c}
			}
			return out, more, nil
		},
		func(ctx context.Context) (int, error) { return r.d.store.CountConflicts(ctx, r.scope) }), nil
}
