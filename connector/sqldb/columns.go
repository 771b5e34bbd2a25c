package sqldb

import (
	"fmt"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/outbound"
)

// column is a column that a query gives, by its name in any case. What else it gives is not read: a password that comes
// with SELECT * is kept nowhere.
type column struct {
	name     string
	required bool
}

var (
	userColumns  = []column{{"id", true}, {"username", true}, {"displayname", false}, {"email", false}, {"description", false}, {"enabled", false}, {"manager", false}}
	groupColumns = []column{{"id", true}, {"name", true}, {"description", false}}
	linkColumns  = []column{{"group_id", true}, {"member_id", true}, {"member_type", false}}
)

// text is the value of a column; empty where it is NULL or not there.
func (r *row) text(n int) string {
	if r.at[n] < 0 {
		return ""
	}
	return text(r.values[r.at[n]], r.types[r.at[n]])
}

// told is what one row tells.
type told struct {
	identity *connector.Identity
	links    []connector.Link
	failure  *connector.Failure
}

// userOf is what a row of the users query tells.
func userOf(r *row) told {
	key, name := r.text(0), r.text(1)
	if key == "" {
		return told{failure: r.noID(name)}
	}
	user := &connector.Identity{Kind: directory.KindUser, Key: key, Attributes: map[string]any{}}
	out := told{identity: user}
	for n, attribute := range map[int]string{1: "userName", 2: "displayName", 4: "description"} {
		if value := r.text(n); value != "" {
			user.Attributes[attribute] = value
		}
	}
	if email := r.text(3); email != "" {
		user.Attributes["emails"] = []any{map[string]any{"value": email, "type": "work", "primary": true}}
	}
	if enabled := r.text(5); enabled != "" {
		yes, known := truth(enabled)
		user.Attributes["active"] = yes
		if !known {
			// Who may not be meant to have access has none.
			out.failure = &connector.Failure{
				Key: key, Name: "", Code: directory.InvalidValue,
				Message: fmt.Sprintf("The users query says %q in the column enabled of %q, where true or false is expected (or 1, 0, yes, no). It counts as disabled until that is put right.", outbound.Printable(enabled), outbound.Printable(name)),
			}
		}
	}
	if manager := r.text(6); manager != "" {
		out.links = []connector.Link{{Type: connector.Manager, OwnerKind: directory.KindUser, OwnerKey: key, Other: connector.Ref{Kind: directory.KindUser, Key: manager}}}
	}
	return out
}

// groupOf is what a row of the groups query tells.
func groupOf(r *row) told {
	key, name := r.text(0), r.text(1)
	if key == "" {
		return told{failure: r.noID(name)}
	}
	group := &connector.Identity{Kind: directory.KindGroup, Key: key, Attributes: map[string]any{}}
	for n, attribute := range map[int]string{1: "displayName", 2: "description"} {
		if value := r.text(n); value != "" {
			group.Attributes[attribute] = value
		}
	}
	return told{identity: group}
}

// linkOf is what a row of the links query tells: nothing where an id is NULL, as outer joins leave it.
func linkOf(r *row) told {
	link := connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: r.text(0), Other: connector.Ref{Kind: directory.KindUser, Key: r.text(1)}}
	if link.OwnerKey == "" || link.Other.Key == "" {
		return told{}
	}
	switch kind := strings.ToLower(r.text(2)); kind {
	case "user", "":
	case "group":
		link.Other.Kind = directory.KindGroup
	default:
		return told{failure: &connector.Failure{
			Key: link.Other.Key, Code: directory.InvalidValue,
			Message: fmt.Sprintf("The links query says %q in the column member_type of a member of the group with the id %q, where user or group is expected. It is not linked.", outbound.Printable(kind), outbound.Printable(link.OwnerKey)),
		}}
	}
	return told{links: []connector.Link{link}}
}

func (r *row) noID(name string) *connector.Failure {
	return &connector.Failure{
		Key: name, Code: directory.MissingRequired,
		Message: fmt.Sprintf("Row %d of the %s has no id, without which it cannot be taken over. Give it one there.", r.number, r.query.noun),
	}
}
