package activedirectory

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/roster-gateway/roster/connector"
)

// How many objects a page holds. A domain controller gives 1,000 at most, and each group may come with 1,500 members.
const (
	usersAtOnce  = 500
	groupsAtOnce = 50
)

// pages reads all that a filter matches below the base, page by page. The cookies of a search hold for its connection only.
func (c *session) pages(ctx context.Context, size uint32, filter string, attributes []string, each func([]row) error) error {
	var cookie []byte
	for empty := 0; ; {
		result, err := c.search(ctx, &ldap.SearchRequest{
			BaseDN: c.base, Scope: ldap.ScopeWholeSubtree, Filter: filter, Attributes: attributes,
			Controls: []ldap.Control{paged(size, cookie), extendedDN},
		})
		if err != nil {
			return err
		}
		if err := each(rowsOf(result.Entries)); err != nil {
			return err
		}
		next, _ := ldap.FindControl(result.Controls, controlPaged).(*ldap.ControlPaging)
		if next == nil || len(next.Cookie) == 0 {
			return nil
		}
		if empty++; len(result.Entries) > 0 {
			empty = 0
		}
		if len(result.Entries) == 0 && bytes.Equal(next.Cookie, cookie) || empty == maxEmpty {
			return c.astray()
		}
		cookie = next.Cookie
	}
}

// maxEmpty is how many pages without anything may follow one another.
const maxEmpty = 1000

func (c *session) astray() error {
	return connector.Errorf(connector.Unavailable, "%s gave pages that lead nowhere. Nothing was changed.", c.host)
}

// row is one object as the directory tells it.
type row struct {
	*ldap.Entry
	// key is the objectGUID, and dn the name without what the directory adds to it.
	key, dn string
}

// rowsOf reads the names of objects. What has no key keeps an empty one.
func rowsOf(entries []*ldap.Entry) []row {
	out := make([]row, len(entries))
	for i, e := range entries {
		named, err := parseReference(e.DN)
		if err != nil {
			named = reference{}
		}
		out[i] = row{Entry: e, key: named.GUID, dn: named.DN}
		if key, ok := guidText(e.GetEqualFoldRawAttributeValue("objectGUID")); ok {
			out[i].key = key
		}
	}
	return out
}

// maxReadings is how often the members of a group are read anew, because it changes meanwhile.
const maxReadings = 5

// members reads the members of a group, of which its row may hold the first ones alone. It reports false where they could
// not be read whole: the ranges of a group that changes are out of step with one another.
func (c *session) members(ctx context.Context, group row, each func([]string) error) (bool, error) {
	for range maxReadings {
		values, s := group.values("member")
		if err := each(values); err != nil || s.whole {
			return true, err
		}
		if steady, err := c.ranges(ctx, group, s, values, each); steady || err != nil {
			return steady, err
		}
		again, err := c.one(ctx, guidName(group.key), []string{"uSNChanged", "member"}, []ldap.Control{extendedDN})
		if err != nil || again == nil {
			return true, err // where it has gone, the next round tells
		}
		group.Entry = again
	}
	return false, nil
}

// ranges reads the members of a group that come after some of them, each time from the last one on that is known. It reports
// false where the group has changed since its row. That a member was deleted does not change the group: then another one has
// its place.
func (c *session) ranges(ctx context.Context, group row, s span, known []string, each func([]string) error) (bool, error) {
	version := group.GetEqualFoldAttributeValue("uSNChanged")
	for !s.whole {
		if len(known) == 0 || s.last-s.first != len(known)-1 {
			return false, c.astray()
		}
		from := s.last
		next, err := c.one(ctx, guidName(group.key), []string{"uSNChanged", fmt.Sprintf("member;range=%d-*", from)}, []ldap.Control{extendedDN})
		switch {
		case hasCode(err, ldap.LDAPResultOperationsError): // there are not that many any more
			return false, nil
		case err != nil || next == nil:
			return true, err
		}
		var values []string
		values, s = row{Entry: next}.values("member")
		switch {
		case next.GetEqualFoldAttributeValue("uSNChanged") != version, len(values) == 0, values[0] != known[len(known)-1]:
			return false, nil
		case s.first != from || !s.whole && s.last == from:
			return false, c.astray()
		}
		if err := each(values[1:]); err != nil {
			return true, err
		}
		known = values
	}
	return true, nil
}

// guidName names an object by its key ([MS-ADTS] section 3.1.1.3.1.2.4).
func guidName(key string) string { return "<GUID=" + key + ">" }

// values are the values of an attribute that a row holds, and which of all they are.
func (r row) values(name string) ([]string, span) {
	var out []string
	found := span{whole: true}
	for _, a := range r.Attributes {
		if len(a.Name) < len(name) || !strings.EqualFold(a.Name[:len(name)], name) {
			continue
		}
		if s, err := parseSpan(a.Name[len(name):]); err == nil {
			out = append(out, a.Values...)
			if a.Name != name && !strings.EqualFold(a.Name, name) {
				found = s
			}
		}
	}
	return out, found
}
