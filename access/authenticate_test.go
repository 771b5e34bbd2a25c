package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := access.New(newStore(t), access.Config{AdminToken: "let-me-in", Now: c.now})
	token, secret := create(t, s, readToken)
	revoked, gone := create(t, s, readToken)
	if err := s.Revoke(t.Context(), revoked.UID.String()); err != nil {
		t.Fatal(err)
	}
	_, expired := create(t, s, access.CreateTokenInput{Name: "x", Scopes: readToken.Scopes, ExpiresAt: to(c.now().Add(time.Second))})
	c.pass(time.Second)

	reader := &access.Principal{Name: "reader", Scopes: []access.Scope{access.Read}, Token: token.UID}
	admin := &access.Principal{Name: "admin", Scopes: access.AdminScopes}
	for _, test := range []struct {
		name   string
		header []string
		want   *access.Principal // nil is refused
	}{
		{"stored", []string{"Bearer " + secret}, reader},
		{"scheme in another case", []string{"bEARER " + secret}, reader},
		{"several spaces", []string{"Bearer   " + secret + " "}, reader},
		{"configured", []string{"Bearer let-me-in"}, admin},
		{"none", nil, nil},
		{"empty", []string{""}, nil},
		{"scheme only", []string{"Bearer"}, nil},
		{"empty token", []string{"Bearer "}, nil},
		{"null", []string{"Bearer null"}, nil},
		{"token only", []string{secret}, nil},
		{"another scheme", []string{"Basic " + secret}, nil},
		{"twice", []string{"Bearer " + secret, "Bearer " + secret}, nil},
		{"twice in one", []string{"Bearer " + secret + ", Bearer " + secret}, nil},
		{"two tokens", []string{"Bearer " + secret + " " + secret}, nil},
		{"wrong", []string{"Bearer rst_" + strings.Repeat("A", 43)}, nil},
		{"truncated", []string{"Bearer " + secret[:len(secret)-1]}, nil},
		{"longer", []string{"Bearer " + secret + "A"}, nil},
		{"in another case", []string{"Bearer " + strings.ToUpper(secret)}, nil},
		{"without its prefix", []string{"Bearer " + strings.TrimPrefix(secret, access.SecretPrefix)}, nil},
		{"revoked", []string{"Bearer " + gone}, nil},
		{"expired", []string{"Bearer " + expired}, nil},
		{"the configured token, truncated", []string{"Bearer let-me-i"}, nil},
		{"the public id", []string{"Bearer " + token.UID.String()}, nil},
		{"NUL", []string{"Bearer \x00"}, nil},
	} {
		got, err := s.Authenticate(t.Context(), test.header)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if test.want != nil {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if diff := cmp.Diff(refusal, errorOf(err)); diff != "" {
			t.Errorf("%s is refused differently (-want +got):\n%s", test.name, diff)
		}
	}
}

// refusal is the one answer to every request without a live token.
var refusal = directory.Error{
	Code: directory.CodeUnauthenticated, Message: "A valid access token is required. Send it in the header Authorization: Bearer <token>.",
}

func errorOf(err error) directory.Error {
	var e *directory.Error
	if !errors.As(err, &e) {
		return directory.Error{}
	}
	return *e
}

func TestEmptyAdminTokenIsNoToken(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{})
	for _, header := range []string{"Bearer ", "Bearer", "Bearer null"} {
		if p, err := s.Authenticate(t.Context(), []string{header}); p != nil || !directory.HasCode(err, directory.CodeUnauthenticated) {
			t.Errorf("%q opens the door: %v, %v", header, p, err)
		}
	}
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	c := newClock()
	db := newStore(t)
	s := access.New(db, access.Config{Now: c.now})
	token, secret := create(t, s, readToken)
	use := func() (statements uint64) {
		t.Helper()
		before := db.Statements()
		if _, err := s.Authenticate(t.Context(), []string{"Bearer " + secret}); err != nil {
			t.Fatal(err)
		}
		return db.Statements() - before
	}
	used := func() time.Time {
		t.Helper()
		tokens, err := s.TokensByUID(t.Context(), []uuid.UUID{token.UID})
		if err != nil || tokens[0] == nil || tokens[0].LastUsedAt == nil {
			t.Fatalf("no use is noted: %v, %v", tokens, err)
		}
		return *tokens[0].LastUsedAt
	}
	first := c.now()
	if n := use(); n != 2 {
		t.Errorf("the first use took %d statements, want a look-up and a note", n)
	}
	c.pass(59 * time.Second)
	if n := use(); n != 1 || !used().Equal(first) {
		t.Errorf("the second use took %d statements, noted %v; want one and nothing new", n, used())
	}
	c.pass(time.Second)
	if n := use(); n != 2 || !used().Equal(c.now()) {
		t.Errorf("the third use took %d statements, noted %v; want two and %v", n, used(), c.now())
	}
}

// What an administrator takes away is gone with the next request.
func TestTokensAreReadFresh(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	s := access.New(db, access.Config{})
	d, instance := scimInstance(t, db, "HR")
	_, secret := create(t, s, access.CreateTokenInput{Name: "push", Scopes: []access.Scope{access.SCIM}, Provider: to("HR")})
	authenticate := func() (*access.Principal, error) {
		return s.Authenticate(t.Context(), []string{"Bearer " + secret})
	}
	p, err := authenticate()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(instance, p.Instance); diff != "" {
		t.Errorf("the token's instance (-want +got):\n%s", diff)
	}
	if _, err := d.SetRuntimeConfig(t.Context(), "HR", "", "scim.unknownMembers", "refuse"); err != nil {
		t.Fatal(err)
	}
	if p, err = authenticate(); err != nil || p.Instance.Config["scim.unknownMembers"] != "refuse" {
		t.Errorf("the new configuration is not seen: %+v, %v", p, err)
	}
	if _, err := d.UpdateProvider(t.Context(), "HR", to(false)); err != nil {
		t.Fatal(err)
	}
	if p, err = authenticate(); err != nil || p.Instance.Live() {
		t.Errorf("the disabled provider is not seen: %+v, %v", p, err)
	}
	if err := d.DeleteProvider(t.Context(), "HR"); err != nil {
		t.Fatal(err)
	}
	if p, err = authenticate(); p != nil || !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("the token of a deleted instance opens the door: %+v, %v", p, err)
	}
}

func TestRecheck(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := access.New(newStore(t), access.Config{AdminToken: "a", Now: c.now})
	token, secret := create(t, s, access.CreateTokenInput{Name: "x", Scopes: readToken.Scopes, ExpiresAt: to(c.now().Add(time.Hour))})
	p, err := s.Authenticate(t.Context(), []string{"Bearer " + secret})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Recheck(t.Context(), p); err != nil {
		t.Errorf("a live token: %v", err)
	}
	if err := s.Recheck(t.Context(), &access.Principal{Name: "admin"}); err != nil {
		t.Errorf("the configured token: %v", err)
	}
	if err := s.Recheck(t.Context(), nil); !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("nobody: %v", err)
	}
	c.pass(time.Hour)
	if err := s.Recheck(t.Context(), p); !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("an expired token: %v", err)
	}
	c.pass(-time.Hour)
	if err := s.Revoke(t.Context(), token.UID.String()); err != nil {
		t.Fatal(err)
	}
	if err := s.Recheck(t.Context(), p); !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("a revoked token: %v", err)
	}
}
