package activedirectory

import (
	"context"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// Lookup reads one user with the manager, or one group with all direct members.
func (s *source) Lookup(ctx context.Context, kind directory.IdentityKind, key, name string) (*connector.Page, error) {
	filter := equals("sAMAccountName", name)
	if key != "" {
		id, ok := guidOctets(strings.ToLower(key))
		if !ok {
			return nil, nil
		}
		filter = octets("objectGUID", id)
	}
	if kind != directory.KindUser && kind != directory.KindGroup || key == "" && name == "" {
		return nil, nil
	}
	var page *connector.Page
	err := s.trying(ctx, anyDC, func(c *session) (bool, error) {
		page = nil
		rows, err := c.find(ctx, kind, filter, s.asked(kind))
		if err != nil || len(rows) == 0 {
			return false, err
		}
		if len(rows) > 1 {
			return false, connector.Errorf(connector.Misconfigured, "%s has several objects of this name, which no domain has.", c.host)
		}
		found := &connector.Page{}
		if err := c.take(ctx, kind, rows, false, found); err != nil {
			return false, err
		}
		if kind == directory.KindGroup {
			err = c.allMembers(ctx, rows[0], found)
		}
		page = found
		return false, err
	})
	return page, err
}

// allMembers adds links to the members of a group: those in its list, and the users whose primary group it is.
func (c *session) allMembers(ctx context.Context, group row, page *connector.Page) error {
	if err := c.addMembers(ctx, group, page, func() error { return nil }); err != nil {
		return err
	}
	rid, ok := ridOf(group.GetEqualFoldRawAttributeValue("objectSid"))
	if !ok {
		return nil
	}
	filter := and(c.source.filter(directory.KindUser), equals("primaryGroupID", rid))
	return c.pages(ctx, usersAtOnce, filter, []string{"objectGUID"}, func(rows []row) error {
		for _, r := range rows {
			page.Links = append(page.Links, connector.Link{
				Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: group.key, Other: connector.Ref{Kind: directory.KindUser, Key: r.key},
			})
		}
		return nil
	})
}
