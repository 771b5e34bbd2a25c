package access_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// A token and its successor both open the door for a while, and do the same.
func TestRotationOverlaps(t *testing.T) {
	t.Parallel()
	c := newClock()
	db := newStore(t)
	s := access.New(db, access.Config{Now: c.now})
	scimInstance(t, db, "HR")
	for name, in := range map[string]access.CreateTokenInput{
		"reader":   readToken,
		"push":     {Name: "push", Scopes: []access.Scope{access.SCIM}, Provider: to("HR")},
		"narrowed": {Name: "narrowed", Scopes: []access.Scope{access.Read}, RestrictTo: []access.Restriction{{Provider: "hr"}, {Provider: "Local", Instance: to("")}}},
		"expiring": {Name: "expiring", Scopes: readToken.Scopes, ExpiresAt: to(c.now().Add(100 * time.Hour))},
	} {
		old, secret := create(t, s, in)
		ends := c.now().Add(1000 * time.Hour)
		token, next, err := s.RotateToken(t.Context(), access.RotateTokenInput{ID: old.UID.String(), Overlap: to(time.Hour), ExpiresAt: &ends})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		signIn := func(secret string) *access.Principal {
			p, err := s.Authenticate(t.Context(), []string{"Bearer " + secret})
			if err != nil && !directory.HasCode(err, directory.CodeUnauthenticated) {
				t.Fatal(err)
			}
			return p
		}
		before, after := signIn(secret), signIn(next)
		if before == nil || after == nil || after.Token != token.UID || before.Token != old.UID {
			t.Fatalf("%s: the old token is %+v, the new one %+v", name, before, after)
		}
		if diff := cmp.Diff(c.now().Add(time.Hour), *before.ExpiresAt); diff != "" {
			t.Errorf("%s: the end of the old token (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(ends, *after.ExpiresAt); diff != "" {
			t.Errorf("%s: the end of the new token (-want +got):\n%s", name, diff)
		}
		before.Token, before.ExpiresAt = after.Token, after.ExpiresAt
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s (-old +new):\n%s", name, diff)
		}
		c.pass(time.Hour)
		if signIn(secret) != nil || signIn(next) == nil {
			t.Errorf("%s: after the overlap the old token is live, or the new one is not", name)
		}
		if _, secret, err := s.RotateToken(t.Context(), access.RotateTokenInput{ID: old.UID.String()}); secret != "" || !directory.HasCode(err, directory.CodeNotFound) {
			t.Errorf("%s: a token that has ended was rotated: %v", name, err)
		}
	}
}

func TestRotationNeverProlongs(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := access.New(newStore(t), access.Config{Now: c.now})
	soon := c.now().Add(time.Minute)
	old, secret := create(t, s, access.CreateTokenInput{Name: "x", Scopes: readToken.Scopes, ExpiresAt: &soon})
	if _, _, err := s.RotateToken(t.Context(), access.RotateTokenInput{ID: old.UID.String()}); err != nil {
		t.Fatal(err)
	}
	p, err := s.Authenticate(t.Context(), []string{"Bearer " + secret})
	if err != nil || !p.ExpiresAt.Equal(soon) {
		t.Errorf("the old token ends at %v, %v; want %v", p.ExpiresAt, err, soon)
	}
}

func TestRotationRefuses(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := access.New(newStore(t), access.Config{Now: c.now})
	token, _ := create(t, s, readToken)
	gone, _ := create(t, s, readToken)
	if err := s.Revoke(t.Context(), gone.UID.String()); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		in   access.RotateTokenInput
		code directory.Code
	}{
		"unknown":          {access.RotateTokenInput{ID: uuid.NewString()}, directory.CodeNotFound},
		"malformed":        {access.RotateTokenInput{ID: "1"}, directory.CodeNotFound},
		"revoked":          {access.RotateTokenInput{ID: gone.UID.String()}, directory.CodeNotFound},
		"negative overlap": {access.RotateTokenInput{ID: token.UID.String(), Overlap: to(-time.Second)}, directory.CodeBadInput},
		"long overlap":     {access.RotateTokenInput{ID: token.UID.String(), Overlap: to(31 * 24 * time.Hour)}, directory.CodeBadInput},
		"expired":          {access.RotateTokenInput{ID: token.UID.String(), ExpiresAt: to(c.now())}, directory.CodeBadInput},
	} {
		if _, secret, err := s.RotateToken(t.Context(), test.in); secret != "" || !directory.HasCode(err, test.code) {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}

// TOKEN_ADMIN alone makes nobody more than that: neither by a new token nor by the successor of one.
func TestZ6NobodyGivesATokenScopesThatTheyLack(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	s := access.New(db, access.Config{})
	scimInstance(t, db, "HR")
	all := []access.Scope{access.Read, access.RoleAdmin, access.SyncAdmin, access.TokenAdmin, access.SCIM}
	tokens := map[access.Scope]*access.Token{}
	input := func(scope access.Scope) access.CreateTokenInput {
		in := access.CreateTokenInput{Name: "x", Scopes: []access.Scope{scope}}
		if scope == access.SCIM {
			in.Provider = to("HR")
		}
		return in
	}
	for _, scope := range all {
		tokens[scope], _ = create(t, s, input(scope))
	}
	for _, test := range []struct{ has, may []access.Scope }{
		{[]access.Scope{access.TokenAdmin}, []access.Scope{access.TokenAdmin}},
		{[]access.Scope{access.TokenAdmin, access.Read}, []access.Scope{access.TokenAdmin, access.Read}},
		{[]access.Scope{access.TokenAdmin, access.RoleAdmin}, []access.Scope{access.TokenAdmin, access.Read, access.RoleAdmin}},
		{[]access.Scope{access.TokenAdmin, access.SyncAdmin}, []access.Scope{access.TokenAdmin, access.Read, access.SyncAdmin, access.SCIM}},
		{access.AdminScopes, all},
	} {
		ctx := access.WithPrincipal(t.Context(), &access.Principal{Name: "giver", Scopes: test.has})
		may := map[access.Scope]bool{}
		for _, scope := range test.may {
			may[scope] = true
		}
		for _, scope := range all {
			_, secret, err := s.CreateToken(ctx, input(scope))
			_, next, errNext := s.RotateToken(ctx, access.RotateTokenInput{ID: tokens[scope].UID.String()})
			if may[scope] && (err != nil || errNext != nil) {
				t.Errorf("%v may not give %s: %v, %v", test.has, scope, err, errNext)
			}
			if !may[scope] && (secret != "" || next != "" || !directory.HasCode(err, directory.CodeForbidden) || !directory.HasCode(errNext, directory.CodeForbidden)) {
				t.Errorf("%v may give %s: %v, %v", test.has, scope, err, errNext)
			}
		}
	}
}
