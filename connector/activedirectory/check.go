package activedirectory

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"github.com/go-ldap/ldap/v3"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/dialing"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/outbound"
)

// Check tries the way to each domain controller, and what the account may read at the first one.
func (s *source) Check(ctx context.Context, report func(connector.Check)) {
	var c *session
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for _, step := range []struct {
		name string
		try  func() (string, error)
	}{
		{"name resolution", func() (string, error) { return s.each(func(u *url.URL) (string, error) { return s.resolve(ctx, u) }) }},
		{"TLS", func() (string, error) {
			return s.each(func(u *url.URL) (string, error) { return s.shakeHands(ctx, u) })
		}},
		{"sign-in", func() (_ string, err error) {
			if c, err = s.signIn(ctx, s.urls[0]); err != nil {
				return "", err
			}
			return fmt.Sprintf("%s takes the account. Its domain is %s.", c.host, c.domain), nil
		}},
		{"base", func() (string, error) { return c.checkBase(ctx) }},
	} {
		if !connector.Step(report, step.name, step.try) {
			return
		}
	}
	users := connector.Step(report, "read users", func() (string, error) { return c.sample(ctx, directory.KindUser) })
	groups := connector.Step(report, "read groups", func() (string, error) { return c.sample(ctx, directory.KindGroup) })
	if users && groups {
		connector.Step(report, "changes", func() (string, error) { return c.checkChanges(ctx) })
	}
}

// each tries something with every domain controller; what it says is said of the last one.
func (s *source) each(try func(*url.URL) (string, error)) (detail string, err error) {
	for _, u := range s.urls {
		if detail, err = try(u); err != nil {
			return "", err
		}
	}
	if len(s.urls) > 1 {
		detail += fmt.Sprintf(" So it is for all %d domain controllers.", len(s.urls))
	}
	return detail, nil
}

func (s *source) resolve(ctx context.Context, u *url.URL) (string, error) {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return "", dialing.Unreachable(u.Hostname(), err)
	}
	for _, address := range addresses {
		if s.public && !outbound.IsPublic(address) {
			return "", dialing.Unreachable(u.Hostname(), &outbound.PrivateAddressError{Address: address.String()})
		}
	}
	return fmt.Sprintf("%s has an address.", u.Hostname()), nil
}

func (s *source) shakeHands(ctx context.Context, u *url.URL) (string, error) {
	c, err := s.reach(ctx, u)
	if err != nil {
		return "", err
	}
	c.close()
	return fmt.Sprintf("The certificate of %s is trusted.", u.Hostname()), nil
}

func (c *session) checkBase(ctx context.Context) (string, error) {
	base, err := c.one(ctx, c.base, []string{"objectGUID"}, nil)
	if err != nil {
		return "", err
	}
	if base == nil {
		return "", connector.Errorf(connector.Misconfigured, "%s has nothing of the name that is set as %s, or the account may not see it.", c.host, keyBaseDN)
	}
	return fmt.Sprintf("Users and groups are read below %s.", c.base), nil
}

// sample reads the first page of a kind.
func (c *session) sample(ctx context.Context, kind directory.IdentityKind) (string, error) {
	result, err := c.search(ctx, &ldap.SearchRequest{
		BaseDN: c.base, Scope: ldap.ScopeWholeSubtree, Filter: c.source.filter(kind), Attributes: c.source.asked(kind),
		Controls: []ldap.Control{paged(groupsAtOnce, nil), extendedDN},
	})
	if err != nil {
		return "", err
	}
	what := map[directory.IdentityKind]string{directory.KindUser: "users", directory.KindGroup: "groups"}[kind]
	if len(result.Entries) == 0 {
		return "", connector.Errorf(connector.Misconfigured, "No %s are found below %s. Look at %s and at what the account may read.", what, c.base, keyBaseDN)
	}
	page := &connector.Page{}
	if err := c.take(ctx, kind, rowsOf(result.Entries), false, page); err != nil {
		return "", err
	}
	detail := fmt.Sprintf("The first page tells %d %s.", len(page.Identities), what)
	for _, failure := range page.Failures {
		detail += " " + failure.Message
	}
	return detail, nil
}

// What an account may lack that is to read what has changed.
const (
	lacksReplication = "The account lacks the right Replicating Directory Changes (DS-Replication-Get-Changes) on the domain"
	lacksDeleted     = "The account may replicate, but is not told what was deleted: it lacks the right to list the folder Deleted Objects"
)

// follow is from where on an account can follow the changes, or what it lacks to do so.
func (c *session) follow(ctx context.Context) (cookie []byte, lacks string, err error) {
	if !c.replicates {
		return nil, lacksReplication, nil
	}
	cookie, tellsDeleted, err := c.newest(ctx)
	if err == nil && !tellsDeleted {
		lacks = lacksDeleted
	}
	return cookie, lacks, err
}

// checkChanges says how runs after the first one read.
func (c *session) checkChanges(ctx context.Context) (string, error) {
	if c.source.mode == modeFull || c.source.filtered() {
		return "Every run reads everything, as the configuration says.", nil
	}
	_, lacks, err := c.follow(ctx)
	switch {
	case err != nil:
		return "", err
	case lacks == "":
		return "The account may replicate: runs after the first one read what has changed.", nil
	case c.source.mode == modeDirSync:
		return "", connector.Errorf(connector.Misconfigured, "%s, which the mode dirsync needs. Grant it there.", lacks)
	}
	return lacks + ": every run reads everything.", nil
}
