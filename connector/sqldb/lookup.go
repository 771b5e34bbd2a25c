package sqldb

import (
	"context"
	"fmt"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// Lookup reads the query of a kind until the identity comes, and for a group the links to their end. It takes as long as a
// round may. To ask the database for the one row, the query would have to be put into another one, and not every query can be.
func (s *source) Lookup(ctx context.Context, kind directory.IdentityKind, key, name string) (*connector.Page, error) {
	q, tells, named := s.users, userOf, "userName"
	if kind == directory.KindGroup {
		q, tells, named = s.groups, groupOf, "displayName"
	}
	if q == nil {
		return nil, nil
	}
	n, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer n.close()
	var page *connector.Page
	name = directory.FoldKey(name)
	err = n.each(ctx, q, func(r *row) error {
		t := tells(r)
		switch {
		case t.identity == nil || page != nil:
			return nil
		case key != "" && t.identity.Key != key, key == "" && directory.FoldKey(fmt.Sprint(t.identity.Attributes[named])) != name:
			return nil
		}
		page = &connector.Page{Identities: []connector.Identity{*t.identity}, Links: t.links}
		if kind == directory.KindUser || s.links == nil {
			return errEnough
		}
		return nil
	})
	if page == nil || err != nil || kind == directory.KindUser || s.links == nil {
		return page, err
	}
	err = n.each(ctx, s.links, func(r *row) error {
		for _, link := range linkOf(r).links {
			if link.OwnerKey == page.Identities[0].Key {
				page.Links = append(page.Links, link)
			}
		}
		return nil
	})
	return page, err
}
