package sharepoint

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/directory"
)

// linksAtOnce is about how many links a page has; a group is never parted.
const linksAtOnce = 5000

// source is one site collection.
type source struct {
	client *microsoft.Client
	// path is that of the site's REST service, with a slash at its end.
	path        string
	aadProvider string
}

// resume is where a round goes on.
type resume struct {
	Version int    `json:"v"`
	Site    string `json:"site"`
	// After is the id of the last group that was kept.
	After int `json:"after"`
}

const resumeVersion = 1

// Read reads all groups of the site. There is no other way to know that one has lost a member.
func (s *source) Read(ctx context.Context, from connector.From, stage func(context.Context, connector.Page) error) error {
	site, err := s.siteID(ctx)
	if err != nil {
		return err
	}
	at := resume{Version: resumeVersion, Site: site}
	if from.Resume != nil {
		var kept resume
		if json.Unmarshal(from.Resume, &kept) != nil || kept.Version != resumeVersion || kept.Site != site {
			return connector.Errorf(connector.StateExpired, "The round that was broken off was of another site, or of another version of Roster.")
		}
		at = kept
	}
	for more := true; more; {
		var groups []group
		if groups, more, err = s.groups(ctx, at.After); err != nil {
			return err
		}
		page := connector.Page{}
		for i := range groups {
			if err := s.add(ctx, &page, site, &groups[i]); err != nil {
				return err
			}
			at.After = groups[i].ID
			if len(page.Links)+len(page.Failures) >= linksAtOnce {
				page.Resume, _ = json.Marshal(at)
				if err := stage(ctx, page); err != nil {
					return err
				}
				page = connector.Page{}
			}
		}
		page.Resume, _ = json.Marshal(at)
		if !more {
			page.End = &connector.End{}
		}
		if err := stage(ctx, page); err != nil {
			return err
		}
	}
	return nil
}

// add puts a group on a page: itself, its links, and whom of its members nobody can be linked to. A group that has gone
// meanwhile is left out.
func (s *source) add(ctx context.Context, page *connector.Page, site string, g *group) error {
	whole, there, err := s.complete(ctx, g)
	if err != nil || !there {
		return err
	}
	key := keyOf(site, g.ID)
	identity := connector.Identity{Kind: directory.KindGroup, Key: key, Attributes: map[string]any{}, PartialLinks: !whole}
	for name, value := range map[string]string{"displayName": g.Title, "description": g.Description, "loginName": g.LoginName} {
		if value != "" {
			identity.Attributes[name] = value
		}
	}
	page.Identities = append(page.Identities, identity)
	if !whole {
		page.Failures = append(page.Failures, connector.Failure{
			Key: key, Code: directory.SourceError,
			Message: fmt.Sprintf("SharePoint tells %d members of the group %q, the most that it tells of one, and perhaps not all. Those that it does not tell stay as they are. Put people into groups of Microsoft Entra ID, and these into the group.", len(g.Users), g.Title),
		})
	}
	linked, listed := map[connector.Ref]bool{}, map[string]bool{}
	for _, u := range g.Users {
		switch c := parseClaim(u.LoginName); {
		case c.Problem != "" && !listed[u.LoginName]:
			listed[u.LoginName] = true
			page.Failures = append(page.Failures, connector.Failure{
				Key: u.LoginName, Code: directory.UnmappedPrincipal,
				Message: fmt.Sprintf("This member of the group %q %s. It is not linked.", g.Title, c.Problem),
			})
		case c.Problem == "" && !linked[c.Of]:
			linked[c.Of] = true
			c.Of.Provider = s.aadProvider
			page.Links = append(page.Links, connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: key, Other: c.Of})
		}
	}
	return nil
}

// keyOf is the key of a group: ids of groups are unique in one site collection only.
func keyOf(site string, id int) string { return site + "/" + strconv.Itoa(id) }

// siteID reads the id of the site collection.
func (s *source) siteID(ctx context.Context) (string, error) {
	var site struct {
		ID string `json:"Id"`
	}
	err := s.client.Get(ctx, s.path+"site?$select=Id", &site)
	if refusal := microsoft.AsRefusal(err); refusal != nil && refusal.Status == http.StatusNotFound {
		return "", connector.Errorf(connector.Misconfigured, "There is no SharePoint site at %s. Set %s to the root URL of a site collection.", strings.TrimSuffix(s.path, "/_api/"), keySiteURL)
	}
	if err != nil {
		return "", err
	}
	if microsoft.GUID(site.ID) != nil {
		return "", connector.Errorf(connector.Unavailable, "What answers at the address of the site does not tell the id of a SharePoint site collection. Look at %s.", keySiteURL)
	}
	return strings.ToLower(site.ID), nil
}

// Lookup reads one group with its members. A site collection has no users of its own.
func (s *source) Lookup(ctx context.Context, kind directory.IdentityKind, key, name string) (*connector.Page, error) {
	if kind != directory.KindGroup {
		return nil, nil
	}
	site, err := s.siteID(ctx)
	if err != nil {
		return nil, err
	}
	filter := "Title eq '" + strings.ReplaceAll(name, "'", "''") + "'"
	if name == "" {
		id, err := strconv.ParseUint(strings.TrimPrefix(key, site+"/"), 10, 31)
		if err != nil {
			return nil, nil // of another site, or no key of ours
		}
		filter = fmt.Sprintf("Id eq %d", id)
	}
	groups, _, err := list[group](ctx, s, s.path+"web/sitegroups"+query(groupFields, "Users", filter, 0))
	if err != nil {
		return nil, err
	}
	for i := range groups {
		if keyOf(site, groups[i].ID) != key && (name == "" || !strings.EqualFold(groups[i].Title, name)) {
			continue
		}
		page := &connector.Page{}
		if err := s.add(ctx, page, site, &groups[i]); err != nil || len(page.Identities) == 0 {
			return nil, err
		}
		return page, nil
	}
	return nil, nil
}

// Check tries the site step by step.
func (s *source) Check(ctx context.Context, report func(connector.Check)) {
	if !s.client.Check(ctx, report) {
		return
	}
	site, groups := "", []group(nil)
	if !connector.Step(report, "read the site", func() (_ string, err error) {
		site, err = s.siteID(ctx)
		return "The site collection has the id " + site + ".", err
	}) || !connector.Step(report, "read groups", func() (detail string, err error) {
		var more bool
		if groups, more, err = s.groups(ctx, 0); more {
			return fmt.Sprintf("There are %d groups and more.", len(groups)), err
		}
		return fmt.Sprintf("There are %d groups.", len(groups)), err
	}) {
		return
	}
	connector.Step(report, "one sample", func() (string, error) {
		if len(groups) == 0 {
			return "There is no group to look at.", nil
		}
		page := connector.Page{}
		err := s.add(ctx, &page, site, &groups[0])
		return fmt.Sprintf("The group %q has %d members that can be linked and %d that cannot.", groups[0].Title, len(page.Links), len(page.Failures)), err
	})
}
