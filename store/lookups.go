package store

import (
	"context"
	"database/sql"
	"slices"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// The reads that provisioning clients send one by one, of an identity by its id or of a user by its name, are gathered:
// those of several requests share a statement.

// lookup is such a read: of the identity with a key among those of a sort.
type lookup struct {
	lookupSort
	key string
}

// lookupSort is what lookups that share a statement have in common.
type lookupSort struct {
	kind     directory.IdentityKind
	instance int64
	status   directory.StatusSet
	links    directory.LinkSet
	byName   bool // the key is a folded name, else an id
}

// lookupWide is how many statements of lookups run at a time, lookupFew and lookupMost how many lookups each takes.
const (
	lookupWide = 2
	lookupFew  = 4
	lookupMost = 64
)

// lookupOf is a query of all identities of one kind in one instance as a lookup, where that is all that it asks for.
func lookupOf(q directory.ListQuery, links directory.LinkSet) (l lookup, ok bool) {
	plain := q.ResourceType == "" && len(q.Kinds) == 1 && q.InstanceID != 0 && q.Provider == nil && q.Instance == nil &&
		len(q.Words) == 0 && q.NameKey == nil && q.EmailKey == nil && q.ExternalID == nil && q.UpdatedSince == nil
	if !plain {
		return lookup{}, false
	}
	return lookup{lookupSort: lookupSort{kind: q.Kinds[0], instance: q.InstanceID, status: q.Status, links: links}}, true
}

// lookupByName is a list as a lookup, where it asks for the one live user with a name.
func lookupByName(q directory.ListQuery, links directory.LinkSet) (l lookup, ok bool) {
	is, isCompare := q.Where.(directory.Compare)
	if !isCompare || is.Op != directory.Equal || is.Operand.Column != directory.ColumnName || is.Operand.CaseExact {
		return lookup{}, false
	}
	name, isText := is.Value.(string)
	if !isText || q.Order.By != nil || q.After != nil || q.Offset != 0 || q.Limit < 1 {
		return lookup{}, false
	}
	if l, ok = lookupOf(q, links); !ok || l.kind != directory.KindUser || slices.Contains(l.status.List(), directory.StatusDeleted) {
		return lookup{}, false
	}
	l.byName, l.key = true, directory.FoldKey(name)
	return l, true
}

// lookupSQL is the statement of a sort of lookups: of the instance $1, those with a key among $2. The keys are in a sub-select
// for the reason that those of addMembersSQL are.
func lookupSQL(l lookupSort) (string, error) {
	c, err := listConditions(directory.ListQuery{Kinds: []directory.IdentityKind{l.kind}, Status: l.status, InstanceID: l.instance})
	if err != nil {
		return "", err
	}
	key, term := "", "i.uid = ANY((SELECT $2::uuid[])::uuid[])"
	if l.byName {
		key, term = ", i.name_key", "i.name_key = ANY((SELECT $2::text[])::text[])"
	}
	c.terms = append(c.terms, term)
	return `SELECT ` + resourceColumns + snapshotColumn(l.links) + linkLists[onlyLinks(l.links)] + key + ` FROM identity i` + c.where(), nil
}

// lookUp answers lookups, with nil where there is no such identity.
func (s *Store) lookUp(ctx context.Context, calls []lookup) ([]*directory.Resource, error) {
	out := make([]*directory.Resource, len(calls))
	done := make([]bool, len(calls))
	for i := range calls {
		if done[i] {
			continue
		}
		sort := calls[i].lookupSort
		keys := make(pq.StringArray, 0, len(calls))
		for j := i; j < len(calls); j++ {
			if calls[j].lookupSort == sort {
				keys, done[j] = append(keys, calls[j].key), true
			}
		}
		found, err := s.lookUpSort(ctx, sort, keys)
		if err != nil {
			return nil, err
		}
		for j := i; j < len(calls); j++ {
			if one := found[calls[j].key]; one != nil && calls[j].lookupSort == sort {
				own := *one // what a caller does with it is not seen by the others
				out[j] = &own
			}
		}
	}
	return out, nil
}

// lookUpSort returns identities by their keys.
func (s *Store) lookUpSort(ctx context.Context, sort lookupSort, keys pq.StringArray) (map[string]*directory.Resource, error) {
	query, err := lookupSQL(sort)
	if err != nil {
		return nil, err
	}
	var key string
	row := &resourceRow{kind: sort.kind, instance: sort.instance}
	into := row.into(sort.links, false)
	if sort.byName {
		into = append(into, &key)
	}
	found := make(map[string]*directory.Resource, len(keys))
	err = s.direct().rows(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		one, err := row.resource()
		if err != nil {
			return err
		}
		if !sort.byName {
			key = one.UID.String()
		}
		found[key] = one
		return nil
	}, query, sort.instance, keys)
	return found, err
}
