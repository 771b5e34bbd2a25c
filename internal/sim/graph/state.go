package graph

import "slices"

// Status is what an object counts as.
type Status string

// The statuses. What is gone is in no state.
const (
	Active      Status = "active"
	Disabled    Status = "disabled"
	SoftDeleted Status = "soft-deleted"
)

// State is the truth about a tenant.
type State struct {
	Users  map[string]Object `json:"users"`
	Groups map[string]Object `json:"groups"`
}

// Object is a user or a group.
type Object struct {
	Status Status `json:"status"`
	// Attributes are those that are set, as Graph calls them.
	Attributes map[string]any `json:"attributes"`
	// Manager is the id of a user's manager.
	Manager string `json:"manager,omitempty"`
	// Members are the ids of a group's direct members, sorted.
	Members []string `json:"members,omitempty"`
}

// State returns the truth to compare with. It has the softly deleted, and links to and from them: a client that has read
// the tenant only since then need not know them.
func (t *Tenant) State() State {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := State{Users: make(map[string]Object, len(t.all[User])), Groups: make(map[string]Object, len(t.all[Group]))}
	for kind, into := range map[Kind]map[string]Object{User: out.Users, Group: out.Groups} {
		for _, o := range t.all[kind] {
			if o.life != gone {
				into[o.id] = o.state()
			}
		}
	}
	return out
}

func (o *object) state() Object {
	out := Object{Status: Active, Attributes: map[string]any{}}
	for i, p := range properties[o.kind] {
		if v := o.values[i].now; v != nil {
			out.Attributes[p.name] = v
		}
	}
	switch {
	case o.life == soft:
		out.Status = SoftDeleted
	case out.Attributes["accountEnabled"] == false:
		out.Status = Disabled
	}
	for _, l := range o.links {
		switch {
		case !l.there():
		case o.kind == User:
			out.Manager = l.to.id
		default:
			out.Members = append(out.Members, l.to.id)
		}
	}
	slices.Sort(out.Members)
	return out
}
