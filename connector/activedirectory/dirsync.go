package activedirectory

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// maxChanges is what one answer of DirSync may hold, in bytes.
const maxChanges = 1 << 20

// The filters of DirSync. They look at the class, which stays with an object that is deleted; what is no folder, user or
// group has no class of this name.
const (
	folderFilter  = "(|(objectClass=organizationalUnit)(objectClass=container))"
	changedUsers  = "(&(objectClass=user)(!(objectClass=computer)))"
	changedGroups = "(objectClass=group)"
	deletedFolder = "(&(objectClass=container)(isDeleted=TRUE))"
)

// newest is a cookie from which on everything that happens from now is told. It asks for the folder of what is deleted, which
// every domain has and which is marked as deleted itself: who is not told of that, is not told of anything that is deleted,
// for all the right to replicate.
func (c *session) newest(ctx context.Context) (cookie []byte, tellsDeleted bool, err error) {
	for more := true; more; {
		var rows []row
		if rows, cookie, more, err = c.dirSync(ctx, deletedFolder, []string{"name", "isDeleted"}, cookie); err != nil {
			return nil, false, err
		}
		tellsDeleted = tellsDeleted || len(rows) > 0
	}
	return cookie, tellsDeleted, nil
}

// dirSync asks once what has changed since a cookie, and whether there is more ([MS-ADTS] section 3.1.1.3.4.1.3). It covers
// the whole domain.
func (c *session) dirSync(ctx context.Context, filter string, attributes []string, cookie []byte) (rows []row, next []byte, more bool, err error) {
	result, err := c.search(ctx, &ldap.SearchRequest{
		BaseDN: c.domain, Scope: ldap.ScopeWholeSubtree, Filter: filter, Attributes: attributes,
		Controls: []ldap.Control{ldap.NewRequestControlDirSync(ldap.DirSyncIncrementalValues, maxChanges, cookie), extendedDN},
	})
	switch {
	case len(cookie) > 0 && hasCode(err, ldap.LDAPResultUnavailableCriticalExtension, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultProtocolError):
		expired := connector.Errorf(connector.StateExpired, "The domain controller no longer knows where the last run ended. Everything is read again.")
		expired.Cause = err
		return nil, nil, false, expired
	case err != nil:
		return nil, nil, false, err
	}
	answer, _ := ldap.FindControl(result.Controls, controlDirSync).(*ldap.ControlDirSync)
	if answer == nil || len(answer.Cookie) == 0 {
		return nil, nil, false, connector.Errorf(connector.Unavailable, "%s did not say how far its changes have come. Nothing was changed.", c.host)
	}
	more = answer.Flags != 0
	if more && len(result.Entries) == 0 && bytes.Equal(answer.Cookie, cookie) {
		return nil, nil, false, c.astray()
	}
	return rowsOf(result.Entries), answer.Cookie, more, nil
}

// changes reads what has changed since the place of a round.
func (c *session) changes(ctx context.Context, r *reading) error {
	if !c.replicates {
		return connector.Errorf(connector.StateExpired, "%s. Everything is read again.", lacksReplication)
	}
	for _, p := range []struct {
		phase
		filter string
		next   phase
		take   func(context.Context, []row, *connector.Page) error
	}{
		{ofTree, folderFilter, ofUsers, c.changedFolders},
		{ofUsers, changedUsers, ofGroups, c.changedUsers},
		{ofGroups, changedGroups, "", c.changedGroups},
	} {
		for r.Phase == p.phase {
			rows, cookie, more, err := c.dirSync(ctx, p.filter, c.source.watched(p.phase), r.Cookies[p.phase])
			if err != nil {
				return err
			}
			page := connector.Page{}
			if err := p.take(ctx, rows, &page); err != nil {
				return err
			}
			to := p.phase
			if !more {
				to = p.next
			}
			r.Cookies[p.phase] = cookie
			r.moved(to)
			if err := r.keep(page); err != nil {
				return err
			}
		}
	}
	return r.end()
}

// watched are the attributes whose changes are told in a phase. Without name and isDeleted, neither who moved is told nor who
// is gone.
func (s *source) watched(p phase) []string {
	always := []string{"name", "isDeleted", "isRecycled"}
	if p == ofTree {
		return append(always, "whenCreated")
	}
	return append(always, slices.DeleteFunc(s.asked(p.kind()), func(name string) bool { return name == "uSNChanged" })...)
}

// has reports whether a row tells an attribute, be it that it was cleared.
func (r row) has(name string) bool {
	return slices.ContainsFunc(r.Attributes, func(a *ldap.EntryAttribute) bool { return strings.EqualFold(a.Name, name) })
}

func (r row) is(name string) bool { return strings.EqualFold(r.text(name), "TRUE") }

// changedFolders ends the round where a folder was moved or renamed. One that is new comes with the time of its creation,
// and with nobody in it who would not be told.
func (c *session) changedFolders(_ context.Context, rows []row, _ *connector.Page) error {
	for _, r := range rows {
		if r.text("name") != "" && r.text("whenCreated") == "" && !r.is("isDeleted") {
			return connector.Errorf(connector.StateExpired, "A folder of the directory was moved or renamed, and with it what is in it. Everything is read again.")
		}
	}
	return nil
}

// changedUsers takes over users as they are now, and who manages them no more.
func (c *session) changedUsers(ctx context.Context, rows []row, page *connector.Page) error {
	now, err := c.present(ctx, directory.KindUser, rows, page)
	if err != nil {
		return err
	}
	for _, r := range rows {
		user, there := now[r.key]
		if !there {
			continue
		}
		manager, _ := parseReference(user.GetEqualFoldAttributeValue("manager"))
		for _, text := range r.incremental("manager", removedValues) {
			if other, err := parseReference(text); err == nil && other.GUID != "" && other.GUID != manager.GUID {
				if ref, problem := c.refer(other); problem == "" {
					ref.Kind = directory.KindUser
					page.Links = append(page.Links, connector.Link{Type: connector.Manager, OwnerKind: directory.KindUser, OwnerKey: r.key, Other: ref, Removed: true})
				}
			}
		}
		if err := c.take(ctx, directory.KindUser, []row{user}, true, page); err != nil {
			return err
		}
	}
	return nil
}

// changedGroups takes over groups as they are now, and their members as these have changed. Of a group that has changed
// otherwise, all members are told: it may be one that was not read until now, because it was elsewhere.
func (c *session) changedGroups(ctx context.Context, rows []row, page *connector.Page) error {
	now, err := c.present(ctx, directory.KindGroup, rows, page)
	if err != nil {
		return err
	}
	for _, r := range rows {
		group, there := now[r.key]
		if !there {
			continue
		}
		if err := c.take(ctx, directory.KindGroup, []row{group}, true, page); err != nil {
			return err
		}
		removed, err := c.notPrimary(ctx, group, r.incremental("member", removedValues))
		if err != nil {
			return err
		}
		c.memberLinks(group, removed, true, page)
		c.memberLinks(group, r.incremental("member", addedValues), false, page)
		if r.onlyMembers() {
			continue
		}
		if err := c.allMembers(ctx, group, page); err != nil {
			return err
		}
	}
	return nil
}

// atOnce is how many objects are asked for by their keys in one search.
const atOnce = 50

// present reads what has changed as it is now, by key. What is not there is told as gone: it was deleted, or has left what is
// read.
func (c *session) present(ctx context.Context, kind directory.IdentityKind, rows []row, page *connector.Page) (map[string]row, error) {
	var keys []string
	seen := map[string]bool{}
	for _, r := range rows {
		switch {
		case r.key == "":
			page.Failures = append(page.Failures, connector.Failure{Code: directory.SourceError, Message: "The domain controller told a change of something that has no objectGUID. It is left out."})
		case r.is("isDeleted"):
			page.Identities = append(page.Identities, connector.Identity{Kind: kind, Key: r.key, Removal: c.removal(r)})
		case r.has("isDeleted"):
			return nil, connector.Errorf(connector.StateExpired, "Somebody was restored from the recycle bin, with links that nobody tells. Everything is read again.")
		case !seen[r.key]:
			seen[r.key] = true
			keys = append(keys, r.key)
		}
	}
	now := map[string]row{}
	for some := range slices.Chunk(keys, atOnce) {
		found, err := c.find(ctx, kind, byKeys(some), c.source.asked(kind))
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			now[r.key] = r
		}
	}
	for _, key := range keys {
		if _, there := now[key]; !there {
			page.Identities = append(page.Identities, connector.Identity{Kind: kind, Key: key, Removal: connector.Gone})
		}
	}
	return now, nil
}

// removal is soft where the recycle bin keeps an object with its links. Without one, and in the end with one, too, an object
// is recycled: what is left of it has neither.
func (c *session) removal(r row) connector.Removal {
	if c.recycles && !r.is("isRecycled") {
		return connector.Soft
	}
	return connector.Gone
}

// byKeys matches the objects of some keys.
func byKeys(keys []string) string {
	filters := make([]string, len(keys))
	for i, key := range keys {
		id, _ := guidOctets(key)
		filters[i] = octets("objectGUID", id)
	}
	return anyOf(filters)
}

// notPrimary leaves those out whose primary group a group is. Who makes a group the primary one leaves its list, and stays
// its member.
func (c *session) notPrimary(ctx context.Context, group row, members []string) ([]string, error) {
	rid, ok := ridOf(group.GetEqualFoldRawAttributeValue("objectSid"))
	if !ok {
		return members, nil
	}
	keys := make([]string, len(members))
	for i, text := range members {
		if other, err := parseReference(text); err == nil {
			keys[i] = other.GUID
		}
	}
	primary := map[string]bool{}
	for some := range slices.Chunk(slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return key == "" }), atOnce) {
		found, err := c.find(ctx, directory.KindUser, and(equals("primaryGroupID", rid), byKeys(some)), []string{"objectGUID"})
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			primary[r.key] = true
		}
	}
	var out []string
	for i, text := range members {
		if !primary[keys[i]] {
			out = append(out, text)
		}
	}
	return out, nil
}

// How DirSync marks the values of links: those that came, and those that went.
const (
	addedValues   = ";range=1-1"
	removedValues = ";range=0-0"
)

// incremental are the values of a link that came or went.
func (r row) incremental(name, mark string) []string {
	return r.GetEqualFoldAttributeValues(name + mark)
}

// onlyMembers reports whether nothing of a group has changed but its members.
func (r row) onlyMembers() bool {
	for _, a := range r.Attributes {
		switch name := strings.ToLower(a.Name); name {
		case "objectguid", "instancetype", "member" + addedValues, "member" + removedValues:
		default:
			return false
		}
	}
	return true
}
