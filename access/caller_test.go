package access_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
)

// Whoever has a limit of their own has a name of their own.
func TestCallersHaveDifferentNames(t *testing.T) {
	t.Parallel()
	one, two := uuid.New(), uuid.New()
	seen := map[string]string{}
	for who, ctx := range map[string]context.Context{
		"nobody":             context.Background(),
		"the admin":          access.WithPrincipal(t.Context(), &access.Principal{Name: access.AdminName, Scopes: access.AdminScopes}),
		"a token":            access.WithPrincipal(t.Context(), &access.Principal{Name: "x", Token: one}),
		"another, as named":  access.WithPrincipal(t.Context(), &access.Principal{Name: "x", Token: two}),
		"a subject":          access.WithPrincipal(t.Context(), &access.Principal{Issuer: "https://a", Subject: "x"}),
		"another subject":    access.WithPrincipal(t.Context(), &access.Principal{Issuer: "https://a", Subject: "y"}),
		"of another issuer":  access.WithPrincipal(t.Context(), &access.Principal{Issuer: "https://b", Subject: "x"}),
		"a subject of admin": access.WithPrincipal(t.Context(), &access.Principal{Issuer: "https://a", Subject: access.AdminName}),
	} {
		name := access.Caller(ctx)
		if other, taken := seen[name]; taken {
			t.Errorf("%s and %s are both %q", who, other, name)
		}
		seen[name] = who
	}
}

func TestWhoAdministers(t *testing.T) {
	t.Parallel()
	for scope, want := range map[access.Scope]bool{access.Read: false, access.SCIM: false, access.RoleAdmin: true, access.SyncAdmin: true, access.TokenAdmin: true} {
		if got := (&access.Principal{Scopes: []access.Scope{scope}}).Administers(); got != want {
			t.Errorf("%s: %v", scope, got)
		}
	}
	if (*access.Principal)(nil).Administers() {
		t.Error("nobody administers")
	}
}
