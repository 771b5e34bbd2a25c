package azuread

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/directory"
)

// Lookup reads one user with the manager, or one group with all direct members.
func (s *source) Lookup(ctx context.Context, kind directory.IdentityKind, key, name string) (*connector.Page, error) {
	if _, ok := propertiesOf[kind]; !ok || key != "" && microsoft.GUID(key) != nil {
		return nil, nil
	}
	r, err := s.find(ctx, kind, key, name)
	if err != nil || r == nil {
		return nil, err
	}
	found, err := s.related(ctx, kind, r)
	if err != nil || !found {
		return nil, err
	}
	page := &connector.Page{}
	r.take(kind, true, page)
	return page, nil
}

// find reads the attributes of one user or group; nil where there is none.
func (s *source) find(ctx context.Context, kind directory.IdentityKind, key, name string) (row, error) {
	path := propertiesOf[kind].path
	query := func() string { return "$select=" + url.QueryEscape(strings.Join(s.selected(kind), ",")) }
	if key != "" {
		var r row
		err := s.selecting(ctx, kind, func() error { return s.graph.Get(ctx, path+"/"+key+"?"+query(), &r) })
		if isMissing(err) {
			return nil, nil
		}
		return r, err
	}
	property := "userPrincipalName"
	if kind == directory.KindGroup {
		property = "displayName"
	}
	var list struct {
		Value []row `json:"value"`
	}
	filter := "$filter=" + url.QueryEscape(fmt.Sprintf("%s eq '%s'", property, strings.ReplaceAll(name, "'", "''")))
	err := s.selecting(ctx, kind, func() error { return s.graph.Get(ctx, path+"?"+filter+"&"+query(), &list) })
	switch {
	case err != nil || len(list.Value) == 0:
		return nil, err
	case len(list.Value) > 1:
		return nil, connector.Errorf(connector.Unavailable, "The tenant has several groups of the name %q. Ask for one of them by its id.", name)
	}
	return list.Value[0], nil
}

// related adds the manager or the members to a row. It reports false where its owner has gone meanwhile.
func (s *source) related(ctx context.Context, kind directory.IdentityKind, r row) (bool, error) {
	path := propertiesOf[kind].path + "/" + url.PathEscape(r.text("id"))
	if kind == directory.KindUser {
		var manager reference
		switch err := s.graph.Get(ctx, path+"/manager?$select=id", &manager); {
		case err == nil:
			r["manager"] = encode(manager)
		case !isMissing(err): // where there is no manager, there is nothing at its address
			return false, err
		}
		return true, nil
	}
	members := []reference{}
	for link := path + "/members?$select=id&$top=999"; link != ""; {
		var list struct {
			Value    []reference `json:"value"`
			NextLink string      `json:"@odata.nextLink"`
		}
		if err := s.graph.Get(ctx, link, &list); err != nil {
			if isMissing(err) {
				return false, nil
			}
			return false, err
		}
		if list.NextLink == link {
			return false, connector.Errorf(connector.Unavailable, "Microsoft Graph sent a page of members that leads to itself.")
		}
		members, link = append(members, list.Value...), list.NextLink
	}
	r["members"] = encode(members)
	return true, nil
}

func isMissing(err error) bool {
	refusal := microsoft.AsRefusal(err)
	return refusal != nil && refusal.Status == http.StatusNotFound
}
