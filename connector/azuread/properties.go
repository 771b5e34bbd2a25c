package azuread

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/directory"
)

// properties are what is asked for of one kind. Whatever is not selected is not tracked either.
type properties struct {
	// path is the collection's.
	path string
	// needed are those without which nothing can be taken over, optional the others: not every cloud has all of them.
	needed, optional []string
}

var propertiesOf = map[directory.IdentityKind]properties{
	directory.KindUser: {
		"/v1.0/users",
		[]string{"id", "userPrincipalName", "displayName", "accountEnabled"},
		[]string{"givenName", "surname", "mail", "mailNickname", "userType", "deletedDateTime", "signInSessionsValidFromDateTime"},
	},
	directory.KindGroup: {
		"/v1.0/groups",
		[]string{"id", "displayName"},
		[]string{"description", "mail", "mailNickname", "mailEnabled", "securityEnabled", "visibility"},
	},
}

// relation is the navigation property that a delta query tracks beside the attributes.
var relation = map[directory.IdentityKind]string{directory.KindUser: "manager", directory.KindGroup: "members"}

// selected are the properties that are asked for.
func (s *source) selected(kind directory.IdentityKind) []string {
	p := propertiesOf[kind]
	return append(slices.Clone(p.needed), slices.DeleteFunc(slices.Clone(p.optional), func(name string) bool {
		return slices.Contains(s.dropped[kind], name)
	})...)
}

// deltaQuery is where the delta query of a kind begins. It sets nothing but $select: Graph refuses or ignores the rest.
func deltaQuery(kind directory.IdentityKind, names []string) string {
	return propertiesOf[kind].path + "/delta?$select=" + url.QueryEscape(strings.Join(names, ","))
}

// first reads the first page of all users or groups. An optional property that Graph does not know is dropped.
func (s *source) first(ctx context.Context, kind directory.IdentityKind) (*answer, error) {
	got := &answer{}
	err := s.selecting(ctx, kind, func() error {
		return s.graph.Get(ctx, deltaQuery(kind, append(s.selected(kind), relation[kind])), got)
	})
	return got, err
}

// selecting makes a request with the selected properties, and again without those that it is refused for.
func (s *source) selecting(ctx context.Context, kind directory.IdentityKind, request func() error) error {
	for {
		err := request()
		refusal := microsoft.AsRefusal(err)
		if refusal == nil || refusal.Status != http.StatusBadRequest {
			return err
		}
		unknown, probeErr := s.unknown(ctx, kind, refusal)
		if probeErr != nil {
			return probeErr
		}
		if len(unknown) == 0 {
			return err
		}
		s.log.Warn("Microsoft Graph does not know optional properties; they are not asked for", "kind", kind, "properties", unknown)
		s.dropped[kind] = append(s.dropped[kind], unknown...)
	}
}

// unknown finds the optional properties that a request was refused for: those that the refusal names, or else those
// that are refused alone.
func (s *source) unknown(ctx context.Context, kind directory.IdentityKind, refusal *microsoft.Refusal) ([]string, error) {
	asked := s.selected(kind)[len(propertiesOf[kind].needed):]
	var named, refused []string
	for _, name := range asked {
		if regexp.MustCompile(`\b` + name + `\b`).MatchString(refusal.Said) {
			named = append(named, name)
		}
	}
	if len(named) > 0 {
		return named, nil
	}
	for _, name := range asked {
		err := s.graph.Get(ctx, deltaQuery(kind, []string{"id", name}), &answer{})
		if r := microsoft.AsRefusal(err); r != nil && r.Status == http.StatusBadRequest {
			refused = append(refused, name)
		} else if err != nil {
			return nil, err
		}
	}
	return refused, nil
}
