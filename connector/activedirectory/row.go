package activedirectory

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// The attributes that are read of each kind, beside those of the configuration.
var (
	userAttributes = []string{
		"objectGUID", "objectSid", "sAMAccountName", "userPrincipalName", "userAccountControl", "displayName", "givenName", "sn", "mail", "title", "department",
		"telephoneNumber", "description", "manager", "primaryGroupID",
	}
	groupAttributes = []string{"objectGUID", "objectSid", "sAMAccountName", "description", "mail", "member", "uSNChanged"}
)

// asked are the attributes that are asked for of a kind.
func (s *source) asked(kind directory.IdentityKind) []string {
	asked := slices.Clone(groupAttributes)
	if kind == directory.KindUser {
		asked = slices.Clone(userAttributes)
	}
	for _, name := range s.extra {
		if !slices.ContainsFunc(asked, func(other string) bool { return strings.EqualFold(name, other) }) {
			asked = append(asked, name)
		}
	}
	return asked
}

// take adds the rows of one kind to a page: users with their links, groups without their members. Where patch is set, what a
// row does not have is cleared.
func (c *session) take(ctx context.Context, kind directory.IdentityKind, rows []row, patch bool, page *connector.Page) error {
	for _, r := range rows {
		if r.key == "" {
			page.Failures = append(page.Failures, connector.Failure{Code: directory.SourceError, Message: "The domain controller told something that has no objectGUID. It is left out."})
			continue
		}
		id := connector.Identity{Kind: kind, Key: r.key}
		if kind == directory.KindUser {
			id.Attributes = c.userOf(r, patch)
			if err := c.userLinks(ctx, r, page); err != nil {
				return err
			}
		} else {
			id.Attributes = c.groupOf(r, patch)
		}
		page.Identities = append(page.Identities, id)
	}
	return nil
}

// object builds the attributes of an identity.
type object struct {
	attributes map[string]any
	patch      bool
}

func (o object) put(name string, value any, told bool) {
	if told {
		o.attributes[name] = value
	} else if o.patch {
		o.attributes[name] = nil
	}
}

func (o object) text(name, value string) { o.put(name, value, value != "") }

// only is SCIM's list of a single value; see RFC 7643 section 2.4.
func (o object) only(name, kind, value string) {
	o.put(name, []any{map[string]any{"value": value, "type": kind, "primary": true}}, value != "")
}

func (c *session) userOf(r row, patch bool) map[string]any {
	o := object{map[string]any{}, patch}
	o.text("userName", r.text("sAMAccountName"))
	o.text("displayName", r.text("displayName"))
	o.text("title", r.text("title"))
	o.text("department", r.text("department"))
	o.text("description", r.text("description"))
	o.text("userPrincipalName", r.text("userPrincipalName"))
	o.text("distinguishedName", r.dn)
	o.only("emails", "work", r.text("mail"))
	o.only("phoneNumbers", "work", r.text("telephoneNumber"))
	name := object{map[string]any{}, patch}
	name.text("givenName", r.text("givenName"))
	name.text("familyName", r.text("sn"))
	o.put("name", name.attributes, len(name.attributes) > 0)
	on, told := active(r.text("userAccountControl"))
	o.put("active", on, told)
	c.extras(r, o)
	return o.attributes
}

func (c *session) groupOf(r row, patch bool) map[string]any {
	o := object{map[string]any{}, patch}
	o.text("displayName", r.text("sAMAccountName"))
	o.text("description", r.text("description"))
	o.text("distinguishedName", r.dn)
	o.only("emails", "work", r.text("mail"))
	c.extras(r, o)
	return o.attributes
}

// extras adds the attributes of the configuration under their own names: a text, or a list of several.
func (c *session) extras(r row, o object) {
	for _, name := range c.source.extra {
		if _, taken := o.attributes[name]; taken {
			continue
		}
		var texts []any
		for _, value := range r.GetEqualFoldAttributeValues(name) {
			if value = plain(value); value != "" {
				texts = append(texts, value)
			}
		}
		if len(texts) == 1 {
			o.put(name, texts[0], true)
		} else {
			o.put(name, texts, len(texts) > 0)
		}
	}
}

// text is the first value of an attribute; empty where there is none, or none that is text.
func (r row) text(name string) string { return plain(r.GetEqualFoldAttributeValue(name)) }

// plain is a value as it is kept: names without what the directory adds to them, and no bytes that are not text.
func plain(value string) string {
	if strings.HasPrefix(value, "<GUID=") {
		if named, err := parseReference(value); err == nil {
			value = named.DN
		}
	}
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return ""
	}
	return value
}

// userLinks adds the links of a user: to the manager, and from the primary group, whose members are in no list.
func (c *session) userLinks(ctx context.Context, r row, page *connector.Page) error {
	if text := r.GetEqualFoldAttributeValue("manager"); text != "" {
		if other, err := parseReference(text); err == nil && other.GUID != "" {
			if ref, problem := c.refer(other); problem == "" {
				ref.Kind = directory.KindUser
				page.Links = append(page.Links, connector.Link{Type: connector.Manager, OwnerKind: directory.KindUser, OwnerKey: r.key, Other: ref})
			}
		}
	}
	group, err := c.primaryGroup(ctx, r)
	if err == nil && group != "" {
		page.Links = append(page.Links, connector.Link{
			Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: group, Other: connector.Ref{Kind: directory.KindUser, Key: r.key},
		})
	}
	return err
}

// primaryGroup is the key of a user's primary group; empty where it is not read.
func (c *session) primaryGroup(ctx context.Context, r row) (string, error) {
	rid, err := strconv.ParseUint(r.text("primaryGroupID"), 10, 32)
	if err != nil {
		return "", nil
	}
	sid, ok := sibling(r.GetEqualFoldRawAttributeValue("objectSid"), uint32(rid))
	if !ok {
		return "", nil
	}
	if key, known := c.groups[string(sid)]; known {
		return key, nil
	}
	found, err := c.find(ctx, directory.KindGroup, octets("objectSid", sid), []string{"objectGUID"})
	if err != nil {
		return "", err
	}
	key := ""
	if len(found) > 0 {
		key = found[0].key
	}
	c.groups[string(sid)] = key
	return key, nil
}

// find reads what a filter matches of a kind, which is few.
func (c *session) find(ctx context.Context, kind directory.IdentityKind, filter string, attributes []string) (found []row, err error) {
	err = c.pages(ctx, groupsAtOnce, and(c.source.filter(kind), filter), attributes, func(rows []row) error {
		found = append(found, rows...)
		return nil
	})
	return found, err
}

// memberLinks adds links to members of a group, told or taken back.
func (c *session) memberLinks(group row, values []string, removed bool, page *connector.Page) {
	for _, text := range values {
		other, err := parseReference(text)
		if err != nil || other.GUID == "" {
			other.DN = "" // it is not known what that is
		}
		ref, problem := c.refer(other)
		if problem == "" {
			page.Links = append(page.Links, connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: group.key, Other: ref, Removed: removed})
		} else if !removed {
			page.Failures = append(page.Failures, connector.Failure{
				Key: orElse(other.SID, other.GUID), Name: group.text("sAMAccountName"), Code: directory.UnmappedPrincipal,
				Message: fmt.Sprintf("A member of the group %s. It is not linked.", problem),
			})
		}
	}
}

// refer is how a link leads to an object, or why none does.
func (c *session) refer(other reference) (ref connector.Ref, problem string) {
	sid, foreign := foreignPrincipal(other.DN)
	switch {
	case other.DN == "":
		return ref, "has a name that Roster does not understand"
	case foreign:
		return ref, "is of another forest, or one of the principals that every Windows has (" + sid + ")"
	case within(other.DN, c.domain) && !isSubdomain(other.DN, c.domain):
		return connector.Ref{Key: other.GUID}, ""
	case c.source.provider != "":
		return connector.Ref{Provider: c.source.provider, Key: other.GUID}, ""
	}
	return ref, "is of another domain, and " + keyProvider + " does not say where that is read"
}

// isSubdomain reports whether a name within a domain is of a domain below it.
func isSubdomain(dn, domain string) bool {
	above := strings.TrimSuffix(dn[:len(dn)-len(domain)], ",")
	last := above[strings.LastIndexByte(above, ',')+1:]
	return len(last) > 3 && strings.EqualFold(last[:3], "DC=")
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
