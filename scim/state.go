package scim

import (
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

// inactiveReason is why an identity is disabled that a client set inactive.
const inactiveReason = "set inactive by the provisioning client"

// state is what a client wants a resource to be, in the directory's terms.
type state struct {
	put directory.Put
	// members are the ids that the resource lists, nil where it lists none.
	members []string
	// manager is the id of the manager, empty for none.
	manager string
}

// stateOf takes a normalized resource apart: what the directory keeps in fields of its own, links, and the remaining
// attributes in their SCIM form.
func (c *identities) stateOf(i *directory.Instance, resource map[string]any) (state, error) {
	attrs := maps.Clone(resource)
	take := func(name string) string {
		text, _ := attrs[name].(string)
		delete(attrs, name)
		return text
	}
	s := state{put: directory.Put{Kind: c.kind, Status: directory.StatusActive}}
	if id := take("externalId"); id != "" {
		s.put.ExternalID = &id
	}
	displayName, named := attrs["displayName"]
	s.put.DisplayName = take("displayName")
	nameAttr := "userName"
	if c.kind == directory.KindGroup {
		nameAttr, s.put.Name = "displayName", s.put.DisplayName
		if list, ok := attrs["members"].([]any); ok {
			s.members = patch.IDs(list)
		}
		delete(attrs, "members")
	} else {
		s.put.Name = take("userName")
		s.put.Email = email(attrs["emails"])
		if attrs["active"] == false {
			reason := inactiveReason
			s.put.Status, s.put.StatusReason = directory.StatusDisabled, &reason
		}
		delete(attrs, "active")
		s.manager = takeManager(attrs)
		// The directory falls back to the name where there is no display name. One that a client did send, and that
		// is the same, is kept beside: only then is it shown.
		if named && s.put.DisplayName == s.put.Name {
			attrs["displayName"] = displayName
		}
	}
	if strings.TrimSpace(s.put.Name) == "" {
		return s, badInput(patch.InvalidValue, "%s is required and must not be blank.", nameAttr)
	}
	s.put.Attrs, s.put.Unique = attrs, uniqueValues(c.rt, resource)
	c.applyMap(i, resource, &s.put)
	return s, nil
}

// over is the put that gives a record this state.
func (s state) over(r *directory.Record, version int64) directory.Put {
	put := s.put
	put.UID, put.IfVersion = r.UID, version
	if r.Status == directory.StatusDisabled && put.Status == directory.StatusDisabled {
		put.StatusReason = r.StatusReason
	}
	return put
}

// takeManager takes the manager out of the enterprise extension.
func takeManager(attrs map[string]any) string {
	extension, ok := attrs[schema.EnterpriseUserURN].(map[string]any)
	if !ok {
		return ""
	}
	manager, _ := extension["manager"].(map[string]any)
	id, _ := manager["value"].(string)
	rest := maps.Clone(extension)
	delete(rest, "manager")
	attrs[schema.EnterpriseUserURN] = rest
	if len(rest) == 0 {
		delete(attrs, schema.EnterpriseUserURN)
	}
	return id
}

// email picks the address that stands for the user: the primary one, else the one for work, else the first.
func email(emails any) *string {
	list, _ := emails.([]any)
	best, rank := "", 0
	for _, e := range list {
		object, _ := e.(map[string]any)
		value, _ := object["value"].(string)
		kind, _ := object["type"].(string)
		own := 1
		switch {
		case value == "":
			own = 0
		case schema.IsPrimary(e):
			own = 3
		case strings.EqualFold(kind, "work"):
			own = 2
		}
		if own > rank {
			best, rank = value, own
		}
	}
	if rank == 0 {
		return nil
	}
	return &best
}

// resourceOf is the normalized resource that a record was made from, without its links: the reverse of stateOf.
func (c *identities) resourceOf(r *directory.Record) map[string]any {
	resource := map[string]any(r.Attrs.Set())
	displayName, kept := resource["displayName"]
	if displayName == nil {
		delete(resource, "displayName")
	}
	c.fields(r, kept, func(name string, value any) { resource[name] = value })
	return resource
}

// fields are the attributes that the directory keeps in fields of its own. The client's display name is kept beside
// them where the directory has another one.
func (c *identities) fields(r *directory.Record, kept bool, set func(name string, value any)) {
	if r.ExternalID != nil {
		set("externalId", *r.ExternalID)
	}
	if c.kind == directory.KindGroup {
		set("displayName", r.Name)
		return
	}
	set("userName", r.Name)
	set("active", r.Status == directory.StatusActive)
	if r.DisplayName != r.Name && !kept {
		set("displayName", r.DisplayName)
	}
}

// withManager adds a manager to a resource, without altering the record's own attributes.
func withManager(resource, manager map[string]any) {
	extension, _ := resource[schema.EnterpriseUserURN].(map[string]any)
	if extension = maps.Clone(extension); extension == nil {
		extension = map[string]any{}
	}
	extension["manager"] = manager
	resource[schema.EnterpriseUserURN] = extension
}

// parseID reads an id as it is given out; anything else is the id of nobody.
func parseID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && len(text) == 36
}
