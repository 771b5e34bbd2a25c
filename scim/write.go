package scim

import (
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

// create answers POST on an endpoint (RFC 7644 section 3.3).
func (rq *request) create(c *collection) (*answer, error) {
	body, err := rq.object()
	if err != nil {
		return nil, err
	}
	resource, err := c.rt.Normalize(body)
	if err != nil {
		return nil, err
	}
	s, err := c.stateOf(rq.instance, resource)
	if err != nil {
		return nil, err
	}
	if err := rq.checkUser(c, resource, nil); err != nil {
		return nil, err
	}
	s.put.New = true
	changes := rq.changes(c, "create")
	if len(s.members) > 0 || s.manager != "" {
		s.put.UID = uuid.Must(uuid.NewV7()) // the links have to name it
	}
	changes.Put = []directory.Put{s.put}
	if err := rq.addMembers(&changes, directory.MemberChange{Container: s.put.UID}, patch.MemberChange{Add: s.members}); err != nil {
		return nil, err
	}
	if s.manager != "" {
		if err := rq.setManager(&changes, s.put.UID, s.manager); err != nil {
			return nil, err
		}
	}
	record, err := rq.commit(changes)
	if err != nil {
		return nil, err
	}
	p := rq.projection(c)
	want := c.wantedBy(p)
	want = directory.LinkSet{Members: want.Members && len(s.members) > 0, Manager: want.Manager && s.manager != ""}
	out, err := rq.written(c, http.StatusCreated, record, p, want)
	if err == nil {
		out.location = rq.address(c.kind, record.UID.String())
	}
	return out, err
}

// replace answers PUT (RFC 7644 section 3.5.1). The attributes that the body does not have are gone, but for the
// members of a group: clients that rename a group leave them out.
func (rq *request) replace(c *collection, id string) (*answer, error) {
	body, err := rq.object()
	if err != nil {
		return nil, err
	}
	resource, err := c.rt.Normalize(body)
	if err != nil {
		return nil, err
	}
	s, err := c.stateOf(rq.instance, resource)
	if err != nil {
		return nil, err
	}
	listed := listsMembers(c, body)
	var record *directory.Record
	err = rq.retry(func() error {
		found, err := rq.find(c, id, directory.LinkSet{Manager: c.kind == directory.KindUser})
		if err != nil {
			return err
		}
		if err := rq.checkConditions(found.Record); err != nil {
			return err
		}
		if err := rq.checkUser(c, resource, nil); err != nil {
			return err
		}
		changes := rq.changes(c, "replace")
		if c.kind == directory.KindUser {
			if err := rq.changeManager(&changes, found, s.manager); err != nil {
				return err
			}
		}
		before := found.Record
		members := patch.MemberChange{Replace: listed, Add: s.members}
		record, err = rq.update(c, changes, before, s, members, rq.ifVersion(before))
		return err
	})
	if err != nil {
		return nil, err
	}
	p := rq.projection(c)
	return rq.written(c, http.StatusOK, record, p, c.wantedBy(p))
}

// listsMembers reports whether a body has a list of members, be it an empty one.
func listsMembers(c *collection, body map[string]any) bool {
	for key, value := range body {
		ref, ok := c.rt.ResolveKey(key)
		if _, isList := value.([]any); isList && ok && ref.Attr != nil && ref.Attr.Name == "members" {
			return true
		}
	}
	return false
}

// patch answers PATCH (RFC 7644 section 3.5.2), with the resource only where attributes of it are asked for.
func (rq *request) patch(c *collection, id string) (*answer, error) {
	body, err := rq.object()
	if err != nil {
		return nil, err
	}
	ops, err := patch.Parse(body, c.rt)
	if err != nil {
		return nil, err
	}
	members, rest := patch.MemberChange{}, ops
	if c.kind == directory.KindGroup {
		if members, rest, err = patch.Members(ops); err != nil {
			return nil, err
		}
		if uid, ok := parseID(id); ok && len(rest) == 0 && !members.Empty() && !rq.conditional() && !rq.wantsBody() {
			return rq.patchMembers(c, uid, members)
		}
	}
	var record *directory.Record
	managed := patch.Touches(ops, schema.EnterpriseUserURN, "manager")
	err = rq.retry(func() error {
		found, err := rq.find(c, id, directory.LinkSet{Manager: managed})
		if err != nil {
			return err
		}
		if err := rq.checkConditions(found.Record); err != nil {
			return err
		}
		record, err = rq.applyPatch(c, found, rest, members, managed)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !rq.wantsBody() {
		return &answer{status: http.StatusNoContent, etag: etag(record)}, nil
	}
	p := rq.projection(c)
	return rq.written(c, http.StatusOK, record, p, c.wantedBy(p))
}

// patchMembers changes members of a group and nothing else: the group is not even read.
func (rq *request) patchMembers(c *collection, group uuid.UUID, members patch.MemberChange) (*answer, error) {
	changes := rq.changes(c, "patch")
	if err := rq.addMembers(&changes, directory.MemberChange{Container: group}, members); err != nil {
		return nil, err
	}
	err := rq.retry(func() error {
		if len(changes.Members) == 0 { // nobody who can be a member was named
			_, err := rq.find(c, group.String(), directory.LinkSet{})
			return err
		}
		_, err := rq.commit(changes)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusNoContent}, nil
}

// applyPatch applies a request to one state of a resource and writes the outcome if it is still in that state. managed
// says that the manager is concerned.
func (rq *request) applyPatch(c *collection, found *directory.Resource, ops []patch.Op, members patch.MemberChange, managed bool) (*directory.Record, error) {
	record := found.Record
	before := c.resourceOf(record)
	changes := rq.changes(c, "patch")
	if manager := found.Manager(); manager != "" {
		withManager(before, map[string]any{"value": manager})
	}
	after, err := patch.Apply(before, ops)
	if err != nil {
		return nil, err
	}
	s, err := c.stateOf(rq.instance, after)
	if err != nil {
		return nil, err
	}
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

// conditional reports whether the request depends on the resource's version.
func (rq *request) conditional() bool {
	return len(rq.r.Header.Values("If-Match"))+len(rq.r.Header.Values("If-None-Match")) > 0
}

// wantsBody reports whether a PATCH is to be answered with the resource.
func (rq *request) wantsBody() bool {
	return rq.chosen() || slices.Contains(rq.r.Header.Values("Prefer"), "return=representation")
}
