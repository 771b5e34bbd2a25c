package access_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
)

// A token is narrowed to instances, or to all those of a provider: as they are now, on every replica.
func TestRestrictionsFollowTheProviders(t *testing.T) {
	t.Parallel()
	all := replicasInMemory(t, 2)
	here, there := all[0], all[1]
	ctx := t.Context()
	ids := map[string]int64{}
	add := func(provider, instance string) {
		t.Helper()
		if p, err := here.Provider(ctx, provider); err != nil || p == nil {
			if _, err := here.AddProvider(ctx, provider, directory.TypeSCIM, true); err != nil {
				t.Fatal(err)
			}
		}
		i, err := here.AddInstance(ctx, provider, instance, true)
		if err != nil {
			t.Fatal(err)
		}
		ids[provider+"/"+instance] = i.ID
	}
	add("HR", "")
	add("CORP", "EU")
	add("CORP", "US")
	signIn := func(r replica, secret string) *directory.Scope {
		t.Helper()
		p, err := r.tokens.Authenticate(ctx, []string{"Bearer " + secret})
		if err != nil || p.Within == nil {
			t.Fatalf("%+v, %v", p, err)
		}
		return p.Within
	}
	secrets := map[string]string{}
	for name, restrictTo := range map[string][]access.Restriction{
		"one instance":  {{Provider: "corp", Instance: to("eu")}},
		"a provider":    {{Provider: "CORP"}},
		"several":       {{Provider: "HR"}, {Provider: "CORP", Instance: to("US")}},
		"named as none": {{Provider: "HR", Instance: to("")}},
	} {
		_, secrets[name], _ = here.tokens.CreateToken(ctx, access.CreateTokenInput{Name: name, Scopes: []access.Scope{access.Read}, RestrictTo: restrictTo})
	}
	check := func(what string, want map[string][]string) {
		t.Helper()
		for name, instances := range want {
			var seen []int64
			for _, i := range instances {
				seen = append(seen, ids[i])
			}
			if diff := cmp.Diff(directory.ScopeOf(seen...), signIn(here, secrets[name])); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", what, name, diff)
			}
			eventually(t, what+": "+name+" elsewhere", func() bool {
				p, err := there.tokens.Authenticate(ctx, []string{"Bearer " + secrets[name]})
				return err == nil && p.Within.Equal(directory.ScopeOf(seen...))
			})
		}
	}
	check("at first", map[string][]string{
		"one instance": {"CORP/EU"}, "a provider": {"CORP/EU", "CORP/US"}, "several": {"HR/", "CORP/US"}, "named as none": {"HR/"},
	})
	add("CORP", "ASIA")
	check("with a new instance", map[string][]string{"one instance": {"CORP/EU"}, "a provider": {"CORP/EU", "CORP/US", "CORP/ASIA"}})
}

func TestRestrictionsAreChecked(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	s := access.New(db, access.Config{})
	scimInstance(t, db, "HR")
	hr := []access.Restriction{{Provider: "HR"}}
	for name, test := range map[string]struct {
		in   access.CreateTokenInput
		code directory.Code
	}{
		"nothing":          {access.CreateTokenInput{Scopes: readToken.Scopes, RestrictTo: []access.Restriction{}}, directory.CodeBadInput},
		"much":             {access.CreateTokenInput{Scopes: readToken.Scopes, RestrictTo: make([]access.Restriction, 101)}, directory.CodeBadInput},
		"SYNC_ADMIN":       {access.CreateTokenInput{Scopes: []access.Scope{access.Read, access.SyncAdmin}, RestrictTo: hr}, directory.CodeBadInput},
		"TOKEN_ADMIN":      {access.CreateTokenInput{Scopes: []access.Scope{access.TokenAdmin}, RestrictTo: hr}, directory.CodeBadInput},
		"SCIM":             {access.CreateTokenInput{Scopes: []access.Scope{access.SCIM}, Provider: to("HR"), RestrictTo: hr}, directory.CodeBadInput},
		"unknown provider": {access.CreateTokenInput{Scopes: readToken.Scopes, RestrictTo: []access.Restriction{{Provider: "X"}}}, directory.CodeNotFound},
		"unknown instance": {access.CreateTokenInput{Scopes: readToken.Scopes, RestrictTo: []access.Restriction{{Provider: "HR", Instance: to("X")}}}, directory.CodeNotFound},
	} {
		test.in.Name = name
		_, secret, err := s.CreateToken(t.Context(), test.in)
		var e *directory.Error
		if secret != "" || !errors.As(err, &e) || e.Code != test.code || cmp.Diff([]string{"restrictTo"}, e.Field) != "" {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
}

// The end of a token is shown, counted and logged before it comes (rule R24).
func TestExpiryIsWarnedAbout(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := replicasInMemory(t, 1)[0]
	c := newClock()
	tokens := access.New(r.store, access.Config{Now: c.now, Log: canary.LogTo(t, &log)})
	for name, days := range map[string]int{"ends tomorrow": 1, "ends next week": 7, "ends next month": 30} {
		create(t, tokens, access.CreateTokenInput{Name: name, Scopes: readToken.Scopes, ExpiresAt: to(c.now().AddDate(0, 0, days))})
	}
	create(t, tokens, readToken)
	if err := tokens.HoldInMemory(t.Context(), r.Directory); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		pass time.Duration
		want []string
	}{
		{0, []string{"ends tomorrow", "ends next week"}},
		{time.Hour, nil},
		{25 * time.Hour, []string{"ends next week"}},
		{24 * 20 * time.Hour, []string{"ends next month"}},
	} {
		c.pass(step.pass)
		log.Reset()
		tokens.WarnOfExpiry(t.Context())
		if n := strings.Count(log.String(), "expires soon"); n != len(step.want) {
			t.Errorf("after %s: %d warnings, want %v\n%s", step.pass, n, step.want, log.String())
		}
		for _, name := range step.want {
			if !strings.Contains(log.String(), fmt.Sprintf("name=%q", name)) {
				t.Errorf("after %s: nothing about %s in\n%s", step.pass, name, log.String())
			}
		}
	}
	if n := tokens.Expiring(); n != 1 {
		t.Errorf("%d tokens expire soon, want one", n)
	}
}
