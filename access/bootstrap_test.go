package access_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

func TestBootstrapCreatesTheFirstToken(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{})
	secret, err := s.Bootstrap(t.Context())
	if err != nil || !strings.HasPrefix(secret, access.SecretPrefix) || len(secret) != len(access.SecretPrefix)+43 {
		t.Fatalf("got the secret %q, %v", secret, err)
	}
	p, err := s.Authenticate(t.Context(), []string{"Bearer " + secret})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(access.AdminScopes, p.Scopes); diff != "" || p.Name != "admin" {
		t.Errorf("the first token is %q with (-want +got):\n%s", p.Name, diff)
	}
	if again, err := s.Bootstrap(t.Context()); again != "" || err != nil {
		t.Errorf("the second start got %q, %v", again, err)
	}
}

func TestBootstrapOfSeveralStartersCreatesOneToken(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	got := make([]string, 6)
	starters := make([]*store.Store, len(got))
	for i := range starters {
		starters[i] = openStore(t, url)
	}
	var all sync.WaitGroup
	for i, db := range starters {
		all.Go(func() {
			secret, err := access.New(db, access.Config{}).Bootstrap(t.Context())
			if err != nil {
				t.Error(err)
			}
			got[i] = secret
		})
	}
	all.Wait()
	if n := len(strings.Join(got, "")) / (len(access.SecretPrefix) + 43); n != 1 {
		t.Errorf("%d starters got a secret, want one: %q", n, got)
	}
	if n, err := starters[0].CountTokens(t.Context()); n != 1 || err != nil {
		t.Errorf("there are %d tokens, want one; %v", n, err)
	}
}

func TestBootstrapLeavesAConfiguredTokenAlone(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	if secret, err := access.New(db, access.Config{AdminToken: "x"}).Bootstrap(t.Context()); secret != "" || err != nil {
		t.Errorf("got %q, %v", secret, err)
	}
	if n, err := db.CountTokens(t.Context()); n != 0 || err != nil {
		t.Errorf("there are %d tokens, want none; %v", n, err)
	}
}

// A demo, or a Roster with a configured token, leaves SCIM tokens behind: nobody gets in to administer with those.
func TestBootstrapDoesNotCountSCIMTokens(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	s := access.New(db, access.Config{})
	scimInstance(t, db, "HR")
	create(t, s, access.CreateTokenInput{Name: "push", Scopes: []access.Scope{access.SCIM}, Provider: to("HR")})
	secret, err := s.Bootstrap(t.Context())
	if err != nil || secret == "" {
		t.Fatalf("beside a SCIM token alone: %q, %v; want a first token", secret, err)
	}
	p, err := s.Authenticate(t.Context(), []string{"Bearer " + secret})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Revoke(t.Context(), p.Token.String()); err != nil {
		t.Fatal(err)
	}
	if secret, err := s.Bootstrap(t.Context()); secret != "" || err == nil {
		t.Errorf("with nothing live but a SCIM token: %q, %v; want an error", secret, err)
	}
}

// A start after which nobody could sign in fails; an issuer whose tokens do more than push lets somebody in.
func TestA4AStartWithoutAWayInIsRefused(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	s := access.New(db, access.Config{})
	token, _ := create(t, s, readToken)
	if secret, err := s.Bootstrap(t.Context()); secret != "" || err != nil {
		t.Errorf("beside a live token: %q, %v", secret, err)
	}
	if err := s.Revoke(t.Context(), token.UID.String()); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg     access.Config
		refused bool
	}{
		"nothing":              {access.Config{}, true},
		"an issuer for SCIM":   {access.Config{Issuers: []access.Issuer{{URL: "https://a", Grants: access.SCIMGrants("x")}}}, true},
		"an issuer of readers": {access.Config{Issuers: []access.Issuer{{URL: "https://a", Grants: []access.Grant{{Claim: "scp", Value: "x", Scopes: []access.Scope{access.Read}}}}}}, false},
		"an admin token":       {access.Config{AdminToken: "x"}, false},
	} {
		if secret, err := access.New(db, test.cfg).Bootstrap(t.Context()); secret != "" || (err != nil) != test.refused {
			t.Errorf("%s: %q, %v", name, secret, err)
		}
	}
	if directory.HasCode(s.Recheck(t.Context(), nil), directory.CodeInternal) {
		t.Error("the service is broken afterwards")
	}
}
