package azuread

import (
	"encoding/json"
	"fmt"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// row is a user or a group as Graph tells it: what is absent is not told, and null is.
type row map[string]json.RawMessage

// removed is the annotation of what has gone: an identity or a member.
type removed struct {
	Reason string `json:"reason"`
}

// reference is the other end of a link.
type reference struct {
	Type    string   `json:"@odata.type"`
	ID      string   `json:"id"`
	Removed *removed `json:"@removed"`
}

// rows takes the rows of a page over.
func (s *source) rows(texts []json.RawMessage, at *place, page *connector.Page) {
	for _, text := range texts {
		var r row
		if err := json.Unmarshal(text, &r); err != nil || r.text("id") == "" {
			page.Failures = append(page.Failures, connector.Failure{Code: directory.SourceError, Message: "Microsoft Graph told something that has no id. It is left out."})
			continue
		}
		r.take(at.Phase, at.Full, page)
	}
}

// take adds what a row tells to a page. In a full round the members of a group are all told, by this row and others.
func (r row) take(kind directory.IdentityKind, full bool, page *connector.Page) {
	id := connector.Identity{Kind: kind, Key: r.text("id")}
	if text, ok := r["@removed"]; ok && string(text) != "null" {
		id.Removal = removalOf(text)
		page.Identities = append(page.Identities, id)
		return
	}
	if kind == directory.KindUser {
		id.Attributes = r.userAttributes()
		r.managers(page)
	} else {
		id.Attributes = r.groupAttributes()
		told := r.members(page)
		if full && !told && r.text("visibility") == "HiddenMembership" {
			id.PartialLinks = true
			page.Failures = append(page.Failures, connector.Failure{
				Key: id.Key, Name: r.text("displayName"), Code: directory.SourceError,
				Message: "The group hides its members, and none were told. To read them, grant the application permission Member.Read.Hidden.",
			})
		}
	}
	page.Identities = append(page.Identities, id)
}

// removalOf tells what can be restored from what cannot; what is not understood can.
func removalOf(text json.RawMessage) connector.Removal {
	var r removed
	if json.Unmarshal(text, &r) == nil && r.Reason == "deleted" {
		return connector.Gone
	}
	return connector.Soft
}

func (r row) text(name string) string {
	var text string
	_ = json.Unmarshal(r[name], &text)
	return text
}

// copied adds properties to attributes under their own names or others, as pairs of both.
func (r row) copied(into map[string]any, names ...[2]string) map[string]any {
	for _, name := range names {
		text, ok := r[name[0]]
		if !ok {
			continue
		}
		var value any
		_ = json.Unmarshal(text, &value)
		into[name[1]] = value
	}
	return into
}

func same(name string) [2]string { return [2]string{name, name} }

func (r row) userAttributes() map[string]any {
	attributes := r.copied(map[string]any{},
		[2]string{"userPrincipalName", "userName"}, same("displayName"), [2]string{"accountEnabled", "active"},
		same("userType"), same("mailNickname"), same("signInSessionsValidFromDateTime"), same("deletedDateTime"))
	if name := r.copied(map[string]any{}, [2]string{"givenName", "givenName"}, [2]string{"surname", "familyName"}); len(name) > 0 {
		attributes["name"] = name
	}
	return r.emails(attributes)
}

func (r row) groupAttributes() map[string]any {
	return r.emails(r.copied(map[string]any{}, same("displayName"), same("description"), same("mailNickname"), same("mailEnabled"), same("securityEnabled")))
}

// emails adds the one address that Graph knows, as SCIM's list.
func (r row) emails(attributes map[string]any) map[string]any {
	if _, ok := r["mail"]; !ok {
		return attributes
	}
	attributes["emails"] = nil
	if mail := r.text("mail"); mail != "" {
		attributes["emails"] = []any{map[string]any{"value": mail, "type": "work", "primary": true}}
	}
	return attributes
}

// managers adds the links to managers: as changes, or as the manager that the row carries itself.
func (r row) managers(page *connector.Page) {
	list := references(r["manager@delta"])
	var whole *reference
	if json.Unmarshal(r["manager"], &whole) == nil && whole != nil {
		list = append(list, *whole)
	}
	for _, other := range settled(list) {
		page.Links = append(page.Links, connector.Link{
			Type: connector.Manager, OwnerKind: directory.KindUser, OwnerKey: r.text("id"),
			Other: connector.Ref{Kind: directory.KindUser, Key: other.ID}, Removed: other.Removed != nil,
		})
	}
}

// members adds the links to members. It reports whether any member was told.
func (r row) members(page *connector.Page) bool {
	list := settled(append(references(r["members@delta"]), references(r["members"])...))
	others := 0
	for _, other := range list {
		kind, known := kindOf(other.Type)
		switch {
		case known:
			page.Links = append(page.Links, connector.Link{
				Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: r.text("id"),
				Other: connector.Ref{Kind: kind, Key: other.ID}, Removed: other.Removed != nil,
			})
		case other.Removed == nil:
			others++
		}
	}
	if others > 0 {
		page.Failures = append(page.Failures, connector.Failure{
			Key: r.text("id"), Name: r.text("displayName"), Code: directory.UnmappedPrincipal,
			Message: fmt.Sprintf("%d members of the group are neither users nor groups but devices, contacts or applications. They are not linked.", others),
		})
	}
	return len(list) > 0
}

// kindOf tells the kind of a member; it reports false for what is neither a user nor a group. A type that is not told
// may be either.
func kindOf(odataType string) (directory.IdentityKind, bool) {
	switch odataType {
	case "#microsoft.graph.user":
		return directory.KindUser, true
	case "#microsoft.graph.group":
		return directory.KindGroup, true
	case "", "#microsoft.graph.directoryObject":
		return "", true
	}
	return "", false
}

func references(text json.RawMessage) []reference {
	var list []reference
	_ = json.Unmarshal(text, &list)
	return list
}

// settled is what a list comes to: the last word on each id, and what is taken back first, so that a manager who takes
// over from another one is the last that is told.
func settled(list []reference) []reference {
	last := map[string]int{}
	for i, r := range list {
		last[r.ID] = i
	}
	var back, told []reference
	for i, r := range list {
		switch {
		case r.ID == "" || last[r.ID] != i:
		case r.Removed != nil:
			back = append(back, r)
		default:
			told = append(told, r)
		}
	}
	return append(back, told...)
}
