package scim

import (
	"strings"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

// identities are the users or the groups of the directory.
type identities struct {
	rt   *schema.ResourceType
	kind directory.IdentityKind
}

// managerKey is the name of the manager attribute, see [filter.Key].
const managerKey = schema.EnterpriseUserURN + ":manager"

// memberTypes are the types of a group's members, groupTypes those of the groups that a user is in: only memberships
// that are direct are listed.
var (
	memberTypes = map[directory.IdentityKind]string{directory.KindUser: "User", directory.KindGroup: "Group"}
	groupTypes  = map[directory.IdentityKind]string{directory.KindGroup: "direct"}
)

func newUsers(c *collection) *identities {
	c.binding.Columns["userName"] = directory.ColumnName
	c.binding.Columns["displayName"] = directory.ColumnDisplayName
	c.binding.Columns["active"] = directory.ColumnActive
	c.binding.Links = map[string]filter.Link{"groups": {Way: directory.Up, Types: groupTypes}, managerKey: {Manager: true}}
	c.binding.Kind = directory.KindUser
	return &identities{rt: c.rt, kind: directory.KindUser}
}

func newGroups(c *collection) *identities {
	c.binding.Columns["displayName"] = directory.ColumnName
	c.binding.Links = map[string]filter.Link{"members": {Way: directory.Down, Types: memberTypes}}
	c.binding.Kind = directory.KindGroup
	return &identities{rt: c.rt, kind: directory.KindGroup}
}

func (c *identities) all(i *directory.Instance) directory.ListQuery {
	return directory.ListQuery{
		Kinds: []directory.IdentityKind{c.kind}, InstanceID: i.ID, Status: c.statuses(),
		Order: directory.Order{Field: directory.OrderID},
	}
}

// statuses are those of the resources that clients see. A disabled group is none that a client made: it keeps the name
// that a group of theirs had before (policy DISABLE_OLD).
func (c *identities) statuses() directory.StatusSet {
	if c.kind == directory.KindGroup {
		return directory.OnlyActive
	}
	return directory.AnyLive
}

func (c *identities) wantedBy(p *projection) directory.LinkSet {
	if c.kind == directory.KindGroup {
		return directory.LinkSet{Members: p.has("members")}
	}
	return directory.LinkSet{Groups: p.has("groups"), Manager: p.has(managerKey)}
}

func (c *identities) create(rq *request, resource map[string]any) (*directory.Record, directory.LinkSet, error) {
	none := directory.LinkSet{}
	s, err := c.stateOf(rq.instance, resource)
	if err != nil {
		return nil, none, err
	}
	if err := rq.checkUser(c, resource, nil); err != nil {
		return nil, none, err
	}
	s.put.New = true
	changes := rq.changes(c, "create")
	if len(s.members) > 0 || s.manager != "" {
		s.put.UID = uuid.Must(uuid.NewV7()) // the links have to name it
	}
	changes.Put = []directory.Put{s.put}
	if err := rq.addMembers(&changes, directory.MemberChange{Container: s.put.UID}, patch.MemberChange{Add: s.members}); err != nil {
		return nil, none, err
	}
	if s.manager != "" {
		if err := rq.setManager(&changes, s.put.UID, s.manager); err != nil {
			return nil, none, err
		}
	}
	record, err := rq.commit(changes)
	return record, directory.LinkSet{Members: len(s.members) > 0, Manager: s.manager != ""}, err
}

// replace leaves the members of a group as they are where the body lists none: clients that rename a group leave them
// out.
func (c *identities) replace(rq *request, id string, resource, body map[string]any) (*directory.Record, error) {
	s, err := c.stateOf(rq.instance, resource)
	if err != nil {
		return nil, err
	}
	return rq.change(c, id, directory.LinkSet{Manager: c.kind == directory.KindUser}, func(found *directory.Resource) (*directory.Record, error) {
		version := rq.ifVersion(found.Record)
		if c.rt.Selective { // else there is nothing to be compared
			version = found.Version
			before := c.resourceOf(found.Record)
			if err := replaced(c.rt, before, resource); err != nil {
				return nil, err
			}
			if s, err = c.stateOf(rq.instance, resource); err != nil {
				return nil, err
			}
			markHad(s.put.Unique, c.rt, before)
		}
		if err := rq.checkUser(c, resource, nil); err != nil {
			return nil, err
		}
		members := patch.MemberChange{Replace: c.listsMembers(body), Add: s.members}
		changes := rq.changes(c, "replace")
		if c.kind == directory.KindUser {
			if err := rq.changeManager(&changes, found, s.manager); err != nil {
				return nil, err
			}
		}
		return rq.update(c, changes, found.Record, s, members, version)
	})
}

// listsMembers reports whether a body has a list of members, be it an empty one.
func (c *identities) listsMembers(body map[string]any) bool {
	for key, value := range body {
		ref, ok := c.rt.ResolveKey(key)
		if _, isList := value.([]any); isList && ok && ref.Attr != nil && ref.Attr.Name == "members" {
			return true
		}
	}
	return false
}

func (c *identities) patch(rq *request, id string, ops []patch.Op) (*directory.Record, error) {
	members, rest := patch.MemberChange{}, ops
	if c.kind == directory.KindGroup {
		var err error
		if members, rest, err = patch.Members(ops); err != nil {
			return nil, err
		}
		if uid, ok := parseID(id); ok && len(rest) == 0 && !members.Empty() && !rq.conditional() && !rq.wantsBody() {
			return nil, rq.patchMembers(c, uid, members)
		}
	}
	managed := patch.Touches(ops, schema.EnterpriseUserURN, "manager")
	return rq.change(c, id, directory.LinkSet{Manager: managed}, func(found *directory.Resource) (*directory.Record, error) {
		return rq.applyPatch(c, found, rest, members, managed)
	})
}

// patchMembers changes members of a group and nothing else: the group is not even read.
func (rq *request) patchMembers(c *identities, group uuid.UUID, members patch.MemberChange) error {
	changes := rq.changes(c, "patch")
	if err := rq.addMembers(&changes, directory.MemberChange{Container: group}, members); err != nil {
		return err
	}
	return rq.retry(func() error {
		if len(changes.Members) == 0 { // nobody who can be a member was named
			directory.NoteUnchanged(rq.ctx())
			_, err := rq.find(c, group.String(), directory.LinkSet{})
			return err
		}
		_, err := rq.commit(changes)
		return err
	})
}

// applyPatch applies a request to one state of a resource and writes the outcome if it is still in that state. managed
// says that the manager is concerned.
func (rq *request) applyPatch(c *identities, found *directory.Resource, ops []patch.Op, members patch.MemberChange, managed bool) (*directory.Record, error) {
	record := found.Record
	before := c.resourceOf(record)
	changes := rq.changes(c, "patch")
	if manager := found.Manager(); manager != "" {
		withManager(before, map[string]any{"value": manager})
	}
	after, err := patched(c.rt, before, ops)
	if err != nil {
		return nil, err
	}
	s, err := c.stateOf(rq.instance, after)
	if err != nil {
		return nil, err
	}
	markHad(s.put.Unique, c.rt, before)
	if err := rq.checkUser(c, after, before); err != nil {
		return nil, err
	}
	if managed {
		if err := rq.changeManager(&changes, found, s.manager); err != nil {
			return nil, err
		}
	}
	return rq.update(c, changes, record, s, members, record.Version)
}

func (c *identities) delete(rq *request, found *directory.Record) error {
	_, err := rq.directory.Apply(rq.ctx(), directory.Changes{
		Instance: rq.instance,
		Delete:   []directory.Delete{{UID: found.UID, IfVersion: rq.ifVersion(found), Reason: "deleted by the provisioning client"}},
		Action:   action(c.rt, "delete"),
	})
	return err
}

// action is the name of a change in the audit trail, such as scim.user.create.
func action(rt *schema.ResourceType, verb string) string {
	return "scim." + strings.ToLower(rt.ID) + "." + verb
}
