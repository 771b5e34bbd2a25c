package directory

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

// The rules of the public reads, one function each: a [Reader] follows them with its loaders, and callers that batch
// their reads themselves follow them with a [Source].

// The lists in id order, by the name that their cursors carry.
const (
	ListMembers  = "members"
	ListMemberOf = "memberOf"
	ListReports  = "reports"
)

// LookupUID reads a public id; false for a text that can be nobody's.
func LookupUID(id string) (uuid.UUID, bool) {
	uid, err := uuid.Parse(id)
	return uid, err == nil && len(id) == 36
}

// LookupKey is the folded form of an FQN to look for; false for a text that can be nobody's.
func LookupKey(fqn string) (string, bool) {
	if !isLookupKey(fqn) {
		return "", false
	}
	return FoldKey(fqn), true
}

// Within narrows the query of a list in id order to this page, and one row beyond it that [PageArgs.Cut] takes off. A
// page size out of bounds and a cursor of another list are CodeBadInput errors.
func (a PageArgs) Within(list string, q EdgeQuery) (EdgeQuery, error) {
	if err := CheckFirst(a.First); err != nil {
		return q, err
	}
	after, err := AfterID(list, a.After)
	q.After, q.First = after, a.First+1
	return q, err
}

// Cut takes the row off that was read beyond the page, and reports whether there was one.
func (a PageArgs) Cut(edges []Edge) ([]Edge, bool) { return trim(edges, a.First) }

// Query is the question that lists what is linked to an identity: its members (Down) or its containers (Up).
func (a LinkArgs) Query(of int64, way Way) EdgeQuery {
	q := EdgeQuery{Of: of, Way: way, Scope: a.Scope, Kind: a.Kind, Status: Statuses(a.Status...)}
	if q.Scope == "" {
		q.Scope = ScopeDirect
	}
	if a.Status == nil {
		q.Status = OnlyActive
	}
	return q
}

// ReportsQuery is the question that lists the reports of a user.
func ReportsQuery(manager int64) EdgeQuery { return EdgeQuery{Of: manager, Status: AnyLive} }

// ResolutionOf says what a looked-up FQN stands for; nil is an unknown one.
func ResolutionOf(record *Record) ResolutionStatus {
	switch {
	case record == nil:
		return ResolutionUnknown
	case record.Status == StatusDisabled:
		return ResolutionDisabled
	case record.Status == StatusDeleted:
		return ResolutionDeleted
	default:
		return Resolved
	}
}

// UsersBehind tells how the active users behind a resolved FQN are listed, in pages of [ListMembers]: by a question,
// by the identity itself (Alone), or, with neither, not at all.
type UsersBehind struct {
	Query *EdgeQuery
	Alone *Record
}

// UsersBehindOf returns how the users behind a looked-up FQN are listed; nil is an unknown one.
func UsersBehindOf(record *Record) UsersBehind {
	switch {
	case ResolutionOf(record) != Resolved:
		return UsersBehind{}
	case record.Kind.IsContainer():
		q := LinkArgs{Scope: ScopeEffective, Kind: KindUser}.Query(record.ID, Down)
		return UsersBehind{Query: &q}
	default:
		return UsersBehind{Alone: record}
	}
}

// CheckPair is the pair that decides whether a member is in a container; false where there is nothing to decide,
// because one of them is not active or the container has no members.
func CheckPair(member, container *Record) (Pair, bool) {
	if ResolutionOf(member) != Resolved || ResolutionOf(container) != Resolved || !container.Kind.IsContainer() {
		return Pair{}, false
	}
	return Pair{Member: member.ID, Container: container.ID}, true
}

// CanHold reports whether a container can have a member at all; nil is an unknown member.
func CanHold(member, container *Record) bool {
	return member != nil && member.Status == StatusActive && container.Status == StatusActive
}

// DirectLink is the question whose answer holds one direct link, as [IsDirectLink] reads it.
func DirectLink(member, container int64) EdgeQuery {
	return EdgeQuery{Of: container, Way: Down, Scope: ScopeDirect, Status: OnlyActive, After: member - 1, First: 1}
}

// IsDirectLink reads the answer to a [DirectLink].
func IsDirectLink(edges []Edge, member int64) bool { return len(edges) == 1 && edges[0].ID == member }

// PrincipalsQuery is the question for everything that effectively contains an identity; false where the identity is
// unknown (nil) or not active, which then has no principals.
func PrincipalsQuery(self *Record) (EdgeQuery, bool) {
	if self == nil || self.Status != StatusActive {
		return EdgeQuery{}, false
	}
	return EdgeQuery{Of: self.ID, Way: Up, Scope: ScopeEffective, Status: OnlyActive}, true
}

// PrincipalNames lists the FQN of an identity, first, and of its containers; nil containers were purged.
func PrincipalNames(self *Record, containers []*Record) []string {
	out := make([]string, 1, len(containers)+1)
	out[0] = self.FQN
	for _, record := range containers {
		if record != nil && record.ID != self.ID {
			out = append(out, record.FQN)
		}
	}
	return out
}

// CheckPath refuses the records of a membership path of which one was purged.
func CheckPath(path []int64, records []*Record) error {
	for i, record := range records {
		if record == nil {
			return fmt.Errorf("identity %d of a membership path is gone", path[i])
		}
	}
	return nil
}

// AsOf is the time to tell of what was read up to now.
func (v *View) AsOf() time.Time { return v.d.now().UTC() }
