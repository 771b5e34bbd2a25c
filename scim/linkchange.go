package scim

import (
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
)

// addMembers adds a change of members to a change set. Texts that are no ids at all are unknown members.
func (rq *request) addMembers(changes *directory.Changes, link directory.MemberChange, m patch.MemberChange) error {
	if m.Empty() {
		return nil
	}
	link.Replace = m.Replace
	var unknown []string
	link.Add, unknown = parseIDs(m.Add)
	link.Remove, _ = parseIDs(m.Remove)
	if len(unknown) > 0 {
		if err := rq.unknown(unknown); err != nil {
			return err
		}
	}
	if link.Replace || len(link.Add)+len(link.Remove) > 0 {
		changes.Members = append(changes.Members, link)
	}
	return nil
}

func parseIDs(texts []string) (ids []uuid.UUID, others []string) {
	seen := map[uuid.UUID]bool{}
	for _, text := range texts {
		id, ok := parseID(text)
		switch {
		case !ok:
			others = append(others, text)
		case !seen[id]:
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, others
}

// changeManager adds a change of a user's manager to a change set where it is another one now.
func (rq *request) changeManager(changes *directory.Changes, user *directory.Resource, manager string) error {
	if user.Manager() == manager {
		return nil
	}
	return rq.setManager(changes, user.UID, manager)
}

// setManager adds a change of a user's manager to a change set; an empty id clears it. So does one of nobody, where the
// instance takes it: the former manager is none any more.
func (rq *request) setManager(changes *directory.Changes, user uuid.UUID, manager string) error {
	change := directory.ManagerChange{User: user}
	if manager != "" {
		if id, ok := parseID(manager); ok {
			change.Manager = &id
		} else if err := rq.unknown([]string{manager}); err != nil {
			return err
		}
	}
	changes.Managers = append(changes.Managers, change)
	return nil
}

// unknown deals with members and managers that do not exist, as the instance wants it.
func (rq *request) unknown(ids []string) error {
	if refusesUnknown(rq.instance) {
		return badInput(patch.InvalidValue, "There is no user or group with the id %q.", ids[0])
	}
	rq.note.unknown = append(rq.note.unknown, ids...)
	const shown = 10
	rq.cfg.Log.WarnContext(rq.ctx(), "scim: unknown members left out", "count", len(ids), "first", ids[:min(shown, len(ids))])
	return nil
}
