package store

import (
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// The statements of every write.
var (
	ChangesSQL       = changesSQL
	InsertOneSQL     = insertOneSQL
	InsertSQL        = insertSQL
	UpdateSQL        = updateSQL
	AddOneSQL        = addOneSQL
	AddMembersSQL    = addMembersSQL
	RemoveMembersSQL = removeMembersSQL
)

// ResourcesSQL is the statement of [Store.Resources], with its arguments.
func ResourcesSQL(q directory.ListQuery, links directory.LinkSet) (string, []any, error) {
	query, c, err := resourcesSQL(q, links)
	if err != nil {
		return "", nil, err
	}
	return query, c.args, nil
}

// ResourceSQL is the statement of [Store.Resource], with its arguments.
func ResourceSQL(q directory.ListQuery, uid uuid.UUID, links directory.LinkSet) (string, []any, error) {
	query, c, err := resourceSQL(q, uid, links)
	if err != nil {
		return "", nil, err
	}
	return query, c.args, nil
}
