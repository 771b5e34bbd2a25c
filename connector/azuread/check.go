package azuread

import (
	"context"
	"fmt"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/directory"
)

// Check tries the way to the tenant, and what the application may read of it.
func (s *source) Check(ctx context.Context, report func(connector.Check)) {
	if !s.graph.Check(ctx, report) {
		return
	}
	users := connector.Step(report, "read users", func() (string, error) {
		return "Users can be read.", s.graph.Get(ctx, "/v1.0/users?$select=id&$top=1", &answer{})
	})
	groups := connector.Step(report, "read groups", func() (string, error) { return s.checkGroups(ctx) })
	if !users || !groups {
		return
	}
	connector.Step(report, "sample", func() (string, error) {
		page := &connector.Page{}
		at := &place{Phase: directory.KindUser, Full: true}
		got, err := s.first(ctx, at.Phase)
		if err != nil {
			return "", err
		}
		s.rows(got.Value, at, page)
		detail := fmt.Sprintf("The first page tells %d users.", len(page.Identities))
		for _, failure := range page.Failures {
			detail += " " + failure.Message
		}
		return detail, nil
	})
}

// checkGroups reads a group and its members, which needs a permission of its own.
func (s *source) checkGroups(ctx context.Context) (string, error) {
	var groups struct {
		Value []reference `json:"value"`
	}
	if err := s.graph.Get(ctx, "/v1.0/groups?$select=id&$top=1", &groups); err != nil {
		return "", err
	}
	if len(groups.Value) == 0 {
		return "Groups can be read; there are none.", nil
	}
	group := groups.Value[0].ID
	if microsoft.GUID(group) != nil {
		return "", connector.Errorf(connector.Unavailable, "Microsoft Graph told a group without an id.")
	}
	if err := s.graph.Get(ctx, "/v1.0/groups/"+group+"/members?$select=id&$top=1", &answer{}); err != nil && !isMissing(err) {
		return "", err
	}
	return "Groups and their members can be read.", nil
}
