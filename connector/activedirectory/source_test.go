package activedirectory

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	sim "github.com/roster-gateway/roster/internal/sim/ldap"
)

// started starts a server of a small domain.
func started(t *testing.T, c sim.Config) *sim.Server {
	t.Helper()
	if c.Domain == nil {
		c.Domain = sim.NewDomain(4)
		c.Domain.Populate(20, 5, 4)
	}
	server, err := sim.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// opened opens a source with some keys set otherwise; those that are empty are not set.
func opened(t *testing.T, server *sim.Server, change map[string]string) connector.Source {
	t.Helper()
	values := configOf(server)
	for key, value := range change {
		values[key] = value
	}
	s, err := patient().Open(connector.Config{AllowPrivate: true, Values: values})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// taken is what a round told.
type taken struct {
	ids      map[string]connector.Identity
	links    []connector.Link
	failures []connector.Failure
	state    []byte
}

func read(t *testing.T, s connector.Source, state []byte) (taken, error) {
	t.Helper()
	got := taken{ids: map[string]connector.Identity{}}
	err := s.Read(t.Context(), connector.From{State: state}, func(_ context.Context, p connector.Page) error {
		for _, id := range p.Identities {
			got.ids[id.Key] = id
		}
		got.links, got.failures = append(got.links, p.Links...), append(got.failures, p.Failures...)
		if p.End != nil {
			got.state = p.End.State
		}
		return nil
	})
	return got, err
}

func mustRead(t *testing.T, s connector.Source, state []byte) taken {
	t.Helper()
	got, err := read(t, s, state)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func codeOf(err error) connector.Code {
	if e := connector.AsError(err); e != nil {
		return e.Code
	}
	return -1
}

func TestConfigurationsThatDoNotDo(t *testing.T) {
	t.Parallel()
	good := map[string]string{keyURLs: "ldaps://dc1.corp.example", keyBindDN: "roster@corp.example", keyPassword: "secret"}
	if _, err := open(connector.Config{Values: good}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ key, value, want string }{
		{keyURLs, "", keyURLs},
		{keyBindDN, "", keyBindDN},
		{keyPassword, "", keyPassword},
		{keyURLs, "https://dc1", "ldaps://"},
		{keyURLs, "ldaps://", "ldaps://"},
		{keyURLs, "ldapi:///var/run/x", "ldaps://"},
		{keyURLs, "ldaps://user:pass@dc1", "ldaps://"},
		{keyURLs, "ldaps://dc1/dc=corp", "ldaps://"},
		{keyURLs, strings.Repeat("ldaps://dc1,", 11), "up to 10"},
		{keyBaseDN, "Staff", "distinguished name"},
		{keyUserFilter, "(cn=a", "LDAP filter"},
		{keyGroupFilter, "cn=a", "LDAP filter"},
		{keyAttributes, "employeeID, unicodePwd", "unicodePwd"},
		{keyAttributes, "a=b", "names of attributes"},
		{keyAttributes, "memberOf", "memberOf"},
		{keyMode, "fast", "one of auto"},
		{"tls.caCertificate", "none", "PEM"},
	} {
		values := map[string]string{}
		for key, value := range good {
			values[key] = value
		}
		values[c.key] = c.value
		_, err := open(connector.Config{Values: values})
		if codeOf(err) != connector.Misconfigured || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s = %q: %v, want %q", c.key, c.value, err, c.want)
		}
	}
	filtered := map[string]string{keyURLs: "ldaps://dc1", keyBindDN: "a", keyPassword: "b", keyUserFilter: "(cn=a)", keyMode: modeDirSync}
	if _, err := open(connector.Config{Values: filtered}); codeOf(err) != connector.Misconfigured {
		t.Errorf("dirsync goes with a filter: %v", err)
	}
}

func TestFiltersOfTheConfigurationAreAsked(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(1)
	ana := domain.Create(sim.User, "Ana", map[string]string{"sAMAccountName": "ana", "department": "Sales", "userAccountControl": "512"})
	domain.Create(sim.User, "Ben", map[string]string{"sAMAccountName": "ben", "userAccountControl": "512"})
	domain.Create(sim.User, "CONTOSO", map[string]string{"sAMAccountName": "CONTOSO$", "department": "Sales", "userAccountControl": "2080"})
	domain.Create(sim.Computer, "PC", map[string]string{"sAMAccountName": "PC$", "department": "Sales"})
	got := mustRead(t, opened(t, started(t, sim.Config{Domain: domain}), map[string]string{keyUserFilter: "(department=Sales)", keyGroupFilter: "(sAMAccountName=none)"}), nil)
	if len(got.ids) != 1 || got.ids[ana].Attributes["userName"] != "ana" {
		t.Errorf("%+v", got.ids)
	}
}

// A cookie that the domain controller does not know is the end of the state, by whichever code it says so.
func TestCookiesThatAreNotKnown(t *testing.T) {
	t.Parallel()
	for _, code := range []int64{ldap.LDAPResultUnavailableCriticalExtension, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultProtocolError} {
		s := opened(t, started(t, sim.Config{ForgottenCookie: code}), nil)
		state := mustRead(t, s, nil).state
		var at place
		if err := json.Unmarshal(state, &at); err != nil {
			t.Fatal(err)
		}
		at.Cookies[ofUsers] = []byte("corrupt")
		if _, err := read(t, s, encode(at)); codeOf(err) != connector.StateExpired {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// However often connections break, a round comes to its end as long as each of them brings it further.
func TestARoundGoesOnOverManyConnections(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(2)
	s := opened(t, started(t, sim.Config{Domain: domain, ChangesPerPage: 1, SearchesPerConnection: 9}), nil)
	got := mustRead(t, s, nil)
	want := map[string]bool{}
	for i := range 20 {
		want[domain.Create(sim.User, fmt.Sprint("User ", i), map[string]string{"sAMAccountName": fmt.Sprint("user", i)})] = true
	}
	got = mustRead(t, s, got.state)
	for key := range want {
		if got.ids[key].Attributes["userName"] == nil {
			t.Errorf("%s is not told", key)
		}
	}
}

// What leaves the folder that is read is gone, and what comes into it is told whole.
func TestMovesOutAndIn(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(2)
	ana := domain.Create(sim.User, "Ana", map[string]string{"sAMAccountName": "ana", "userAccountControl": "512"})
	team := domain.Create(sim.Group, "Team", map[string]string{"sAMAccountName": "Team"})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(domain.SetLink(team, "member", ana, true))
	elsewhere, staff := domain.Folder("Elsewhere"), domain.Folder("Staff")
	s := opened(t, started(t, sim.Config{Domain: domain}), nil)
	got := mustRead(t, s, nil)
	must(domain.Move(ana, elsewhere, ""))
	must(domain.Move(team, elsewhere, ""))
	got = mustRead(t, s, got.state)
	if got.ids[ana].Removal != connector.Gone || got.ids[team].Removal != connector.Gone {
		t.Errorf("moved out: %+v", got.ids)
	}
	must(domain.Move(ana, staff, ""))
	must(domain.Move(team, staff, "Team 2"))
	got = mustRead(t, s, got.state)
	if got.ids[ana].Attributes["userName"] != "ana" || got.ids[team].Attributes["displayName"] != "Team" || !told(got.links, team, ana) {
		t.Errorf("moved in: %+v, %+v", got.ids, got.links)
	}
	must(domain.Move(elsewhere, staff, ""))
	if _, err := read(t, s, got.state); codeOf(err) != connector.StateExpired {
		t.Errorf("a folder was moved: %v", err)
	}
}

func told(links []connector.Link, owner, other string) (there bool) {
	for _, l := range links {
		if l.OwnerKey == owner && l.Other.Key == other {
			there = !l.Removed
		}
	}
	return there
}

// Who makes a group the primary one leaves its list of members and stays its member.
func TestThePrimaryGroup(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(2)
	ana := domain.Create(sim.User, "Ana", map[string]string{"sAMAccountName": "ana", "userAccountControl": "512"})
	team := domain.Create(sim.Group, "Team", map[string]string{"sAMAccountName": "Team"})
	if err := domain.SetLink(team, "member", ana, true); err != nil {
		t.Fatal(err)
	}
	s := opened(t, started(t, sim.Config{Domain: domain}), nil)
	got := mustRead(t, s, nil)
	if err := domain.SetPrimary(ana, team); err != nil {
		t.Fatal(err)
	}
	got = mustRead(t, s, got.state)
	removed := 0
	for _, l := range got.links {
		if l.Removed {
			removed++
		}
	}
	if removed > 0 || !told(got.links, team, ana) {
		t.Errorf("%+v", got.links)
	}
}

func TestWhatTheRecycleBinKeepsIsSoftlyRemoved(t *testing.T) {
	t.Parallel()
	for _, bin := range []bool{true, false} {
		domain := sim.NewDomain(2)
		domain.RecycleBin = bin
		ana := domain.Create(sim.User, "Ana", map[string]string{"sAMAccountName": "ana"})
		s := opened(t, started(t, sim.Config{Domain: domain}), nil)
		got := mustRead(t, s, nil)
		if err := domain.Delete(ana); err != nil {
			t.Fatal(err)
		}
		want := map[bool]connector.Removal{true: connector.Soft, false: connector.Gone}[bin]
		if got = mustRead(t, s, got.state); got.ids[ana].Removal != want {
			t.Errorf("with a bin %v: %+v", bin, got.ids[ana])
		}
		if !bin {
			continue
		}
		if err := domain.Restore(ana); err != nil {
			t.Fatal(err)
		}
		if _, err := read(t, s, got.state); codeOf(err) != connector.StateExpired {
			t.Errorf("restored: %v", err)
		}
	}
}

// A name that is asked for is found by what it is, whatever LDAP makes of its letters, and no other one is.
func TestQ3NamesAreAskedForAsTheyAre(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(1)
	keys := map[string]string{}
	for _, name := range []string{"ana", "a*", `a\2a`, "(ana)", "ana)(objectClass=*", "näme", "a=b,c"} {
		keys[name] = domain.Create(sim.User, "CN "+name, map[string]string{"sAMAccountName": name})
	}
	s := opened(t, started(t, sim.Config{Domain: domain}), nil)
	for name, key := range keys {
		if page, err := s.Lookup(t.Context(), directory.KindUser, "", name); err != nil || page == nil || page.Identities[0].Key != key {
			t.Errorf("%q: %v, %v", name, page, err)
		}
	}
	for _, name := range []string{"*", "an*", "*)(sAMAccountName=ana", "ana)", "", "\x00"} {
		if page, err := s.Lookup(t.Context(), directory.KindUser, "", name); err != nil || page != nil {
			t.Errorf("%q: %v, %v", name, page, err)
		}
	}
	for _, key := range []string{"*", "11111111-2222-3333-4444-555555555555", "ana"} {
		if page, err := s.Lookup(t.Context(), directory.KindUser, key, ""); err != nil || page != nil {
			t.Errorf("the key %q: %v, %v", key, page, err)
		}
	}
}

// Members from elsewhere are listed, or linked to the provider that has them.
func TestMembersFromElsewhere(t *testing.T) {
	t.Parallel()
	const key = "ef5604f2-7f2a-4bf4-8506-eced39b6dfd3"
	group := row{Entry: ldap.NewEntry("", map[string][]string{"sAMAccountName": {"Team"}}), key: "11111111-2222-3333-4444-555555555555"}
	values := []string{
		"<GUID=" + key + ">;<SID=S-1-5-21-1-2-3-1103>;CN=ana,OU=Staff,DC=corp,DC=example",
		"<GUID=" + key + ">;<SID=S-1-5-21-4-5-6-1103>;CN=ben,DC=sub,DC=corp,DC=example",
		"<GUID=" + key + ">;<SID=S-1-5-21-7-8-9-1103>;CN=cai,DC=other,DC=example",
		"<GUID=" + key + ">;<SID=S-1-5-11>;CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=corp,DC=example",
		"CN=without a key,DC=corp,DC=example",
	}
	for provider, want := range map[string]struct {
		providers []string
		failures  []string
	}{
		"":   {[]string{""}, []string{"S-1-5-21-4-5-6-1103", "S-1-5-21-7-8-9-1103", "S-1-5-11", ""}},
		"K2": {[]string{"", "K2", "K2"}, []string{"S-1-5-11", ""}},
	} {
		c := &session{source: &source{provider: provider}, root: root{domain: "DC=corp,DC=example"}}
		page := &connector.Page{}
		c.memberLinks(group, values, false, page)
		var providers, failures []string
		for _, l := range page.Links {
			providers = append(providers, l.Other.Provider)
		}
		for _, f := range page.Failures {
			failures = append(failures, f.Key)
			if f.Code != directory.UnmappedPrincipal || f.Name != "Team" {
				t.Errorf("%+v", f)
			}
		}
		if diff := cmp.Diff(want.providers, providers) + cmp.Diff(want.failures, failures); diff != "" {
			t.Errorf("%q: %s", provider, diff)
		}
	}
}

func TestExtraAttributes(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(2)
	ana := domain.Create(sim.User, "Ana", map[string]string{"sAMAccountName": "ana", "employeeID": "4711", "pager": "a\x00b", "department": "Sales"})
	s := opened(t, started(t, sim.Config{Domain: domain}), map[string]string{keyAttributes: "employeeID, pager,department"})
	attributes := mustRead(t, s, nil).ids[ana].Attributes
	if _, odd := attributes["pager"]; odd || attributes["employeeID"] != "4711" || attributes["department"] != "Sales" {
		t.Errorf("%v", attributes)
	}
}
