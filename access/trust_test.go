package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/testoidc"
	"github.com/roster-gateway/roster/store"
)

const issuersFile = `{"issuers": [
	{
		"issuer": "https://login.microsoftonline.com/contoso/v2.0", "audience": "api://roster",
		"grants": [{"claim": "roles", "value": "Roster.Read", "scopes": ["READ"]}],
		"identity": {"claim": "oid", "provider": "AAD"}
	},
	{
		"issuer": "https://id.example.com/", "audience": "https://roster.example.com", "caFile": "ca.pem",
		"grants": [{"claim": "scope", "value": "write", "scopes": ["SCIM"]}, {"claim": "groups", "value": "Roster admins", "scopes": ["ROLE_ADMIN", "READ"]}],
		"identity": {"claim": "upn", "provider": "AD", "instance": "CONTOSO", "attribute": "userName"}
	}
]}`

func TestReadIssuers(t *testing.T) {
	t.Parallel()
	got, err := access.ReadIssuers([]byte(issuersFile))
	if err != nil {
		t.Fatal(err)
	}
	want := []access.Issuer{
		{
			URL: "https://login.microsoftonline.com/contoso/v2.0", Audience: "api://roster",
			Grants:   []access.Grant{{Claim: "roles", Value: "Roster.Read", Scopes: []access.Scope{access.Read}}},
			Identity: &access.IdentityClaim{Claim: "oid", Provider: "AAD", Attribute: directory.ActingByExternalID},
		},
		{
			URL: "https://id.example.com/", Audience: "https://roster.example.com", CAFile: "ca.pem",
			Grants: []access.Grant{
				{Claim: "scope", Value: "write", Scopes: []access.Scope{access.SCIM}},
				{Claim: "groups", Value: "Roster admins", Scopes: []access.Scope{access.RoleAdmin, access.Read}},
			},
			Identity: &access.IdentityClaim{Claim: "upn", Provider: "AD", Instance: "CONTOSO", Attribute: directory.ActingByUserName},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadIssuersRefuses(t *testing.T) {
	t.Parallel()
	const good = `{"issuer": "https://a", "audience": "b", "grants": [{"claim": "c", "value": "d", "scopes": ["READ"]}]}`
	for name, test := range map[string]struct{ from, to, want string }{
		"nothing":               {good, "", "issuers is missing or empty"},
		"no JSON":               {`"issuer"`, `issuer`, "JSON"},
		"an unknown field":      {`"audience"`, `"audiences"`, `"audiences"`},
		"something after":       {`"READ"]}]}]}`, `"READ"]}]}]} {}`, "follows"},
		"open address":          {`https://a`, `http://a.example.com`, "issuers[0].issuer does not do"},
		"no address":            {`https://a`, ``, "issuers[0].issuer"},
		"no audience":           {`"b"`, `""`, "issuers[0].audience is missing"},
		"no grants":             {`[{"claim": "c", "value": "d", "scopes": ["READ"]}]`, `[]`, "issuers[0].grants is missing"},
		"no claim":              {`"c"`, `""`, "issuers[0].grants[0].claim"},
		"no value":              {`"d"`, `""`, "issuers[0].grants[0].value"},
		"no scopes":             {`["READ"]`, `[]`, "issuers[0].grants[0].scopes"},
		"no scope of ours":      {`"READ"`, `"read"`, `issuers[0].grants[0].scopes[0] is "read"`},
		"two scopes in one":     {`"claim": "c", "value": "d"`, `"claim": "scp", "value": "d e"`, "one scope"},
		"twice":                 {good, good + "," + good, "https://a is there twice"},
		"narrowed to nothing":   {`"audience": "b"`, `"audience": "b", "restrictTo": []`, "issuers[0].restrictTo is empty"},
		"a part without a name": {`"audience": "b"`, `"audience": "b", "restrictTo": [{"instance": "x"}]`, "issuers[0].restrictTo[0].provider is missing"},
		"a part of no value":    {`"audience": "b"`, `"audience": "b", "restrictTo": [{"provider": "x", "claim": "c"}]`, "issuers[0].restrictTo[0] has one of claim and value"},
		"a wide scope": {
			`"scopes": ["READ"]}]`, `"scopes": ["READ", "SYNC_ADMIN"]}], "restrictTo": [{"provider": "x"}]`, "issuers[0].grants[0].scopes has SYNC_ADMIN",
		},
		"identity without a claim": {
			`"audience": "b"`, `"audience": "b", "identity": {"provider": "AAD"}`, "issuers[0].identity.claim is missing",
		},
		"identity without a provider": {
			`"audience": "b"`, `"audience": "b", "identity": {"claim": "oid"}`, "issuers[0].identity.provider is missing",
		},
		"identity by its address": {
			`"audience": "b"`, `"audience": "b", "identity": {"claim": "oid", "provider": "AAD", "attribute": "email"}`, "externalId or userName",
		},
	} {
		text := strings.Replace(`{"issuers": [`+good+`]}`, test.from, test.to, 1)
		if got, err := access.ReadIssuers([]byte(text)); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v; want an error with %q", name, got, err, test.want)
		}
	}
}

// trusting is a service over a store that trusts issuers, as their settings say.
func trusting(t testing.TB, db *store.Store, d *directory.Directory, issuers ...access.Issuer) *access.Service {
	t.Helper()
	client, err := outbound.NewClient(outbound.Config{Timeout: 2 * time.Second, MaxAnswer: issuer.MaxKeySet})
	if err != nil {
		t.Fatal(err)
	}
	for i := range issuers {
		issuers[i].Client = client
	}
	return access.New(db, access.Config{Issuers: issuers, People: d})
}

// The claims of Entra ID, Okta and oidc-provider give what the settings say, and nothing else does.
func TestClaimsGiveScopes(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	s := trusting(t, newStore(t), nil, access.Issuer{URL: p.URL(), Audience: audience, Grants: []access.Grant{
		{Claim: "roles", Value: "Roster.Admin", Scopes: []access.Scope{access.RoleAdmin, access.SyncAdmin}},
		{Claim: "scp", Value: "roster.read", Scopes: []access.Scope{access.Read}},
		{Claim: "scope", Value: "roster.read", Scopes: []access.Scope{access.Read}},
		{Claim: "scope", Value: "roster.push", Scopes: []access.Scope{access.SCIM}},
		{Claim: "groups", Value: "Token admins", Scopes: []access.Scope{access.TokenAdmin}},
	}})
	for name, test := range map[string]struct {
		claims map[string]any
		want   []access.Scope // nil is FORBIDDEN
	}{
		"Entra ID, delegated":    {map[string]any{"scp": "openid roster.read"}, []access.Scope{access.Read}},
		"Entra ID, application":  {map[string]any{"roles": []string{"Other", "Roster.Admin"}}, []access.Scope{access.RoleAdmin, access.SyncAdmin}},
		"Okta":                   {map[string]any{"scp": []string{"roster.read"}}, []access.Scope{access.Read}},
		"oidc-provider":          {map[string]any{"scope": "roster.read roster.push"}, []access.Scope{access.Read, access.SCIM}},
		"a group with a space":   {map[string]any{"groups": "Token admins"}, []access.Scope{access.TokenAdmin}},
		"several":                {map[string]any{"scp": "roster.read", "groups": []string{"Token admins"}}, []access.Scope{access.Read, access.TokenAdmin}},
		"none":                   {map[string]any{}, nil},
		"another case":           {map[string]any{"roles": []string{"roster.admin"}}, nil},
		"a part":                 {map[string]any{"roles": []string{"Roster.Administrators"}, "scp": "xroster.read"}, nil},
		"the value elsewhere":    {map[string]any{"roles": []string{"roster.read"}, "scp": "Roster.Admin"}, nil},
		"words where none are":   {map[string]any{"roles": "Other Roster.Admin"}, nil},
		"an object":              {map[string]any{"roles": map[string]any{"Roster.Admin": true}}, nil},
		"another case of a name": {map[string]any{"Roles": []string{"Roster.Admin"}}, nil},
	} {
		test.claims["scope"] = or(test.claims["scope"], "openid")
		got, err := s.Authenticate(t.Context(), []string{"Bearer " + p.Token(p.Claims(audience, test.claims))})
		if test.want == nil {
			if !directory.HasCode(err, directory.CodeForbidden) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, got.Scopes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A token of an issuer sees the parts that are for every one, and those of its claims: as the instances are now.
func TestZ3TokensOfAnIssuerAreNarrowed(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	db := newStore(t)
	d, hr := scimInstance(t, db, "HR")
	if _, err := d.AddProvider(t.Context(), "CORP", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	ids := map[string]int64{"HR": hr.ID}
	add := func(name string) {
		t.Helper()
		i, err := d.AddInstance(t.Context(), "CORP", name, true)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = i.ID
	}
	add("EU")
	add("US")
	grants := []access.Grant{{Claim: "scope", Value: "read", Scopes: []access.Scope{access.Read}}}
	byClaim := []access.Part{
		{Claim: "groups", Value: "Europe", Provider: "corp", Instance: to("eu")}, {Claim: "groups", Value: "Everybody", Provider: "CORP"}, {Claim: "roles", Value: "HR", Provider: "HR"},
	}
	check := func(what string, s *access.Service, claims map[string]any, want ...string) {
		t.Helper()
		claims["scope"] = "read"
		got, err := s.Authenticate(t.Context(), []string{"Bearer " + p.Token(p.Claims(audience, claims))})
		if want == nil {
			if !directory.HasCode(err, directory.CodeForbidden) || !strings.Contains(err.Error(), "Europe in groups") {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
			return
		}
		var seen []int64
		for _, name := range want {
			seen = append(seen, ids[name])
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if diff := cmp.Diff(directory.ScopeOf(seen...), got.Within); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	narrowed := func(parts ...access.Part) *access.Service {
		return trusting(t, db, d, access.Issuer{URL: p.URL(), Audience: audience, Grants: grants, RestrictTo: parts})
	}
	s := narrowed(byClaim...)
	look := func(what string, everybody ...string) {
		t.Helper()
		check(what+": one instance", s, map[string]any{"groups": []string{"x", "Europe"}}, "EU")
		check(what+": a provider", s, map[string]any{"groups": "Everybody"}, everybody...)
		check(what+": of two claims", s, map[string]any{"groups": []string{"Europe"}, "roles": []string{"HR"}}, "EU", "HR")
		check(what+": none", s, map[string]any{"groups": []string{"europe"}})
		check(what+": the value elsewhere", s, map[string]any{"roles": "Europe"})
	}
	look("from the store", "EU", "US")
	if err := d.HoldInMemory(t.Context(), db, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := s.HoldInMemory(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	look("in memory", "EU", "US")
	add("ASIA")
	eventually(t, "a new instance", func() bool {
		got, err := s.Authenticate(t.Context(), []string{"Bearer " + p.Token(p.Claims(audience, map[string]any{"scope": "read", "groups": "Everybody"}))})
		return err == nil && got.Within.Equal(directory.ScopeOf(ids["EU"], ids["US"], ids["ASIA"]))
	})
	check("every token", narrowed(access.Part{Provider: "HR"}), map[string]any{}, "HR")
	check("a provider that is not there", narrowed(access.Part{Provider: "HR"}, access.Part{Provider: "none"}), map[string]any{}, "HR")
	got, err := narrowed(access.Part{Provider: "none"}).Authenticate(t.Context(), []string{"Bearer " + p.Token(p.Claims(audience, map[string]any{"scope": "read"}))})
	if err != nil || got.Within == nil || !got.Within.Equal(directory.ScopeOf()) {
		t.Errorf("a part that is not there: %+v, %v; want one that sees nothing", got, err)
	}
}

func or(value, otherwise any) any {
	if value == nil {
		return otherwise
	}
	return value
}

// A token of one issuer is judged by that issuer's keys and settings alone.
func TestA5KeysOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	a, b := testoidc.New(t), testoidc.New(t)
	readers := []access.Grant{{Claim: "scope", Value: "read", Scopes: []access.Scope{access.Read}}}
	admins := []access.Grant{{Claim: "scope", Value: "read", Scopes: access.AdminScopes}}
	s := trusting(t, newStore(t), nil,
		access.Issuer{URL: a.URL(), Audience: "for a", Grants: readers}, access.Issuer{URL: b.URL(), Audience: "for b", Grants: admins})
	for _, test := range []struct {
		p        *testoidc.Provider
		audience string
		want     []access.Scope
	}{{a, "for a", []access.Scope{access.Read}}, {b, "for b", access.AdminScopes}} {
		got, err := s.Authenticate(t.Context(), []string{"Bearer " + test.p.Token(test.p.Claims(test.audience, map[string]any{"scope": "read"}))})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got.Scopes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.audience, diff)
		}
	}
	refuses(t, s, "b's name, a's key", a.Token(a.Claims("for b", map[string]any{"iss": b.URL(), "scope": "read"})))
	refuses(t, s, "b's audience, a's key", a.Token(a.Claims("for b", map[string]any{"scope": "read"})))
	key := testoidc.NewKey(t, "first", jose.ES256)
	refuses(t, s, "a stranger's key", testoidc.Sign(t, key, b.Claims("for b", map[string]any{"scope": "read"}), nil))
}

// acting is a directory with users, and a service whose issuer's tokens stand for them by a claim.
type acting struct {
	t        testing.TB
	provider *testoidc.Provider
	people   *directory.Directory
	instance *directory.Instance
	access   *access.Service
}

func newActing(t testing.TB, by directory.ActingBy, inMemory bool) *acting {
	t.Helper()
	db := newStore(t)
	d, hr := scimInstance(t, db, "HR")
	p := testoidc.New(t)
	if inMemory {
		if err := d.HoldInMemory(t.Context(), db, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	s := trusting(t, db, d, access.Issuer{
		URL: p.URL(), Audience: audience, Grants: []access.Grant{{Claim: "scope", Value: "read", Scopes: []access.Scope{access.Read}}},
		Identity: &access.IdentityClaim{Claim: "oid", Provider: "hr", Attribute: by},
	})
	return &acting{t, p, d, hr, s}
}

// put stores a user of the instance and returns its public id.
func (a *acting) put(put directory.Put) uuid.UUID {
	a.t.Helper()
	if put.Kind == "" {
		put.Kind = directory.KindUser
	}
	put.New, put.DisplayName = put.UID == uuid.Nil, put.Name
	result, err := a.people.Apply(a.t.Context(), directory.Changes{Instance: a.instance, Action: "test", Put: []directory.Put{put}})
	if err != nil {
		a.t.Fatal(err)
	}
	return result.Records[0].UID
}

func (a *acting) token(claims map[string]any) string {
	claims["scope"] = "read"
	return a.provider.Token(a.provider.Claims(audience, claims))
}

// as signs a value in, and returns the identity that acts or what it was refused with.
func (a *acting) as(value any) (*access.Principal, error) {
	return a.access.Authenticate(a.t.Context(), []string{"Bearer " + a.token(map[string]any{"oid": value})})
}

func (a *acting) is(value string, want uuid.UUID) *access.Principal {
	a.t.Helper()
	p, err := a.as(value)
	if err != nil || p.Identity != want {
		a.t.Fatalf("%q is %+v, %v; want %s", value, p, err, want)
	}
	return p
}

// denied fails the test unless a value is refused with a sentence that says why.
func (a *acting) denied(value any, why string) {
	a.t.Helper()
	p, err := a.as(value)
	if p != nil || !directory.HasCode(err, directory.CodeForbidden) || !strings.Contains(err.Error(), why) {
		a.t.Errorf("%.50v is %+v, %v; want FORBIDDEN with %q", value, p, err, why)
	}
}

// A user acts who is known and active, and nobody else: no source is asked.
func TestR02OnlyKnownAndActiveUsersAct(t *testing.T) {
	t.Parallel()
	for name, inMemory := range map[string]bool{"from the store": false, "in memory": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newActing(t, directory.ActingByExternalID, inMemory)
			a.denied("ana-1", "not known")
			ana := a.put(directory.Put{Name: "ana@x", ExternalID: to("ana-1"), Status: directory.StatusActive})
			p := a.is("ana-1", ana)
			if err := a.access.Recheck(t.Context(), p); err != nil {
				t.Errorf("an active user may go on no more: %v", err)
			}
			set := func(status directory.IdentityStatus) {
				a.put(directory.Put{UID: ana, Name: "ana@x", ExternalID: to("ana-1"), Status: status})
			}
			set(directory.StatusDisabled)
			a.denied("ana-1", "is disabled")
			if err := a.access.Recheck(t.Context(), p); !directory.HasCode(err, directory.CodeForbidden) {
				t.Errorf("a disabled user may go on: %v", err)
			}
			set(directory.StatusActive)
			a.is("ana-1", ana)
			if _, err := a.people.Apply(t.Context(), directory.Changes{Instance: a.instance, Action: "test", Delete: []directory.Delete{{UID: ana, Reason: "deleted"}}}); err != nil {
				t.Fatal(err)
			}
			a.denied("ana-1", "deleted")
			again := a.put(directory.Put{Name: "ana@x", ExternalID: to("ana-1"), Status: directory.StatusActive})
			a.is("ana-1", again)
			if err := a.access.Recheck(t.Context(), p); !directory.HasCode(err, directory.CodeForbidden) {
				t.Errorf("a deleted user may go on: %v", err)
			}
			// The name goes to another user: what was remembered of it does not count.
			a.put(directory.Put{UID: again, Name: "ana@x", ExternalID: to("ana-2"), Status: directory.StatusActive})
			ben := a.put(directory.Put{Name: "ben@x", ExternalID: to("ana-1"), Status: directory.StatusActive})
			a.is("ana-1", ben)
			a.is("ana-2", again)
			for _, value := range []any{nil, 7, []string{"ana-1", "ana-2"}, []string{}, map[string]any{}} {
				a.denied(value, "names no user")
			}
			for _, value := range []string{"", "ANA-1", "ana-1 ", "\x00", "ana@x", ana.String(), strings.Repeat("x", 5000)} {
				a.denied(value, "not known")
			}
		})
	}
}

// The name counts, not a former one: that may be somebody else's by tomorrow.
func TestActingByUserName(t *testing.T) {
	t.Parallel()
	a := newActing(t, directory.ActingByUserName, true)
	a.put(directory.Put{Kind: directory.KindGroup, Name: "ana@x", Status: directory.StatusActive})
	a.denied("ana@x", "not known")
	ana := a.put(directory.Put{Name: "ana@x", ExternalID: to("1"), Status: directory.StatusActive})
	a.is("ana@x", ana)
	a.is("ANA@X", ana)
	a.put(directory.Put{UID: ana, Name: "ana.b@x", ExternalID: to("1"), Status: directory.StatusActive})
	a.denied("ana@x", "not known")
	a.is("ana.b@x", ana)
	other := a.put(directory.Put{Name: "ana@x", ExternalID: to("2"), Status: directory.StatusActive})
	a.is("ana@x", other)
}

// An account is never matched by an address that nobody verified: neither by the claim nor by the attribute.
func TestCVE2026_9092AccountMatchedByUnverifiedMail(t *testing.T) {
	t.Parallel()
	for _, claim := range []string{"email", "Email", "preferred_username", "unique_name", "name"} {
		text := strings.Replace(issuersFile, `"oid"`, `"`+claim+`"`, 1)
		if _, err := access.ReadIssuers([]byte(text)); err == nil || !strings.Contains(err.Error(), "issuers[0].identity.claim") {
			t.Errorf("the claim %s is taken for somebody's name: %v", claim, err)
		}
	}
	for by, value := range map[directory.ActingBy]string{directory.ActingByExternalID: "eve", directory.ActingByUserName: "eve@x"} {
		a := newActing(t, by, true)
		email := "ana@x"
		a.put(directory.Put{Name: "ana", ExternalID: to("1"), Email: &email, Status: directory.StatusActive})
		eve := a.put(directory.Put{Name: "eve@x", ExternalID: to("eve"), Status: directory.StatusActive})
		a.denied("ana@x", "not known")
		token := a.token(map[string]any{"oid": value, "email": email, "email_verified": true, "preferred_username": email, "upn": email})
		if p, err := a.access.Authenticate(t.Context(), []string{"Bearer " + token}); err != nil || p.Identity != eve {
			t.Errorf("with another's address in other claims: %+v, %v; want %s", p, err, eve)
		}
	}
}

// A provider that is disabled lets none of its users in from the next request on, whatever was remembered of them.
func TestCVE2026_9098DisabledProviderStillAccepted(t *testing.T) {
	t.Parallel()
	a := newActing(t, directory.ActingByExternalID, true)
	ana := a.put(directory.Put{Name: "ana@x", ExternalID: to("ana-1"), Status: directory.StatusActive})
	p := a.is("ana-1", ana)
	for name, enable := range map[string]func(bool) error{
		"provider": func(on bool) error {
			_, err := a.people.UpdateProvider(t.Context(), "HR", &on)
			return err
		},
		"instance": func(on bool) error {
			_, err := a.people.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: "HR", Enabled: &on})
			return err
		},
	} {
		if err := enable(false); err != nil {
			t.Fatal(err)
		}
		a.denied("ana-1", "disabled")
		if err := a.access.Recheck(t.Context(), p); !directory.HasCode(err, directory.CodeForbidden) {
			t.Errorf("a stream goes on though its %s is disabled: %v", name, err)
		}
		if err := enable(true); err != nil {
			t.Fatal(err)
		}
		a.is("ana-1", ana)
	}
	if err := a.people.DeleteProvider(t.Context(), "HR"); err == nil {
		t.Fatal("an enabled provider was deleted")
	}
}

// A numeric external id is that text and nothing else: never a key of the store, nor a public id.
func TestCVE2025_41115NumericExternalId(t *testing.T) {
	t.Parallel()
	a := newActing(t, directory.ActingByExternalID, true)
	var users []uuid.UUID
	for _, name := range []string{"ana@x", "ben@x", "cem@x"} {
		users = append(users, a.put(directory.Put{Name: name, Status: directory.StatusActive}))
	}
	for _, value := range []string{"1", "2", "3", "-1", "0", "1.0", " 1", users[0].String()} {
		a.denied(value, "not known")
	}
	mallory := a.put(directory.Put{Name: "mallory@x", ExternalID: to("1"), Status: directory.StatusActive})
	a.is("1", mallory)
	a.denied("01", "not known")
}

// An end that no date has is the last one that there is.
func TestA6EndsBeyondAllDates(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	s := withIssuer(t, p, nil)
	for _, exp := range []any{1e300, 9.3e18, int64(1) << 62} {
		got, err := s.Authenticate(t.Context(), []string{"Bearer " + p.Token(p.Claims(audience, map[string]any{"exp": exp}))})
		if err != nil {
			t.Fatal(err)
		}
		if got.ExpiresAt.UTC().Year() != 9999 || s.Recheck(t.Context(), got) != nil {
			t.Errorf("%v: it ends at %v", exp, got.ExpiresAt)
		}
	}
}

// A stream of an issuer's token ends with the token.
func TestZ10IssuersTokensEnd(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := testoidc.New(t)
	s := withIssuer(t, p, c.now)
	principal, err := s.Authenticate(t.Context(), []string{"Bearer " + p.Token(p.Claims(audience, map[string]any{"exp": c.now().Add(time.Minute).Unix()}))})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.now().Add(time.Minute), *principal.ExpiresAt, cmpopts.EquateApproxTime(time.Second)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.pass(time.Minute)
	if err := s.Recheck(t.Context(), principal); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
	c.pass(time.Minute)
	if err := s.Recheck(t.Context(), principal); !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("an expired token: %v", err)
	}
}
