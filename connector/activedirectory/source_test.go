package activedirectory

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
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

func TestSignInsThatAreRefused(t *testing.T) {
	t.Parallel()
	server := started(t, sim.Config{})
	for code, want := range map[string]struct {
		code connector.Code
		text string
	}{
		"52e": {connector.Misconfigured, "does not take the account and the password"},
		"525": {connector.Misconfigured, "knows no account"},
		"530": {connector.Unavailable, "time of day"},
		"532": {connector.NeedsConsent, "has expired"},
		"533": {connector.NeedsConsent, "is disabled"},
		"701": {connector.NeedsConsent, "Prolong"},
		"773": {connector.NeedsConsent, "change its password"},
		"775": {connector.Unavailable, "is locked"},
		"abc": {connector.Misconfigured, "does not take the sign-in"},
	} {
		server.Refuse(code)
		_, err := read(t, opened(t, server, nil), nil)
		if codeOf(err) != want.code || !strings.Contains(err.Error(), want.text) || strings.Contains(err.Error(), server.Password) {
			t.Errorf("%s: %v", code, err)
		}
	}
	server.Refuse("")
	_, err := read(t, opened(t, server, map[string]string{keyPassword: "wrong"}), nil)
	if codeOf(err) != connector.Misconfigured {
		t.Errorf("a wrong password: %v", err)
	}
}

// A password that one controller refuses is not tried at the next one, which would bring the account nearer to be locked.
func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	first, second := started(t, sim.Config{}), started(t, sim.Config{})
	s := opened(t, first, map[string]string{
		keyURLs: first.URL() + ", " + second.URL(), keyPassword: "wrong", "tls.caCertificate": string(first.CA()) + string(second.CA()),
	})
	if _, err := read(t, s, nil); codeOf(err) != connector.Misconfigured {
		t.Fatal(err)
	}
	if n := first.SignIns() + second.SignIns(); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
}

func TestAnotherControllerTakesOver(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(3)
	domain.Populate(10, 3, 3)
	first, second := started(t, sim.Config{Domain: domain}), started(t, sim.Config{Domain: domain})
	second.Password = first.Password
	s := opened(t, first, map[string]string{keyURLs: first.URL() + "," + second.URL(), "tls.caCertificate": string(first.CA()) + string(second.CA())})
	whole := mustRead(t, s, nil)
	if got := mustRead(t, s, whole.state); len(got.ids) > 0 {
		t.Errorf("nothing has changed, and %d are told", len(got.ids))
	}
	_ = first.Close()
	if _, err := read(t, s, whole.state); codeOf(err) != connector.StateExpired {
		t.Fatalf("another controller goes on with the cookies: %v", err)
	}
	if again := mustRead(t, s, nil); len(again.ids) != len(whole.ids) {
		t.Errorf("the second one tells %d of %d", len(again.ids), len(whole.ids))
	}
}

func TestConnectionsAreSecured(t *testing.T) {
	t.Parallel()
	secure, upgraded := started(t, sim.Config{}), started(t, sim.Config{StartTLS: true})
	other := started(t, sim.Config{})
	for name, c := range map[string]struct {
		server *sim.Server
		change map[string]string
		want   connector.Code
		text   string
	}{
		"LDAPS":                          {secure, nil, 0, ""},
		"StartTLS":                       {upgraded, nil, 0, ""},
		"the certificate of another one": {secure, map[string]string{"tls.caCertificate": string(other.CA())}, connector.Misconfigured, "not trusted"},
		"the same after StartTLS":        {upgraded, map[string]string{"tls.caCertificate": string(other.CA())}, connector.Misconfigured, "not trusted"},
		"StartTLS where TLS is spoken":   {secure, map[string]string{keyURLs: strings.Replace(secure.URL(), "ldaps", "ldap", 1)}, connector.Unavailable, "Roster tries again"},
		"TLS where StartTLS is":          {upgraded, map[string]string{keyURLs: strings.Replace(upgraded.URL(), "ldap", "ldaps", 1)}, connector.Unavailable, "Roster tries again"},
	} {
		_, err := read(t, opened(t, c.server, c.change), nil)
		switch {
		case c.text == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case codeOf(err) != c.want || !strings.Contains(err.Error(), c.text):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	server := started(t, sim.Config{})
	s, err := Type.Open(connector.Config{Values: configOf(server)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, s, nil); codeOf(err) != connector.Misconfigured || !strings.Contains(err.Error(), "not of the public internet") {
		t.Errorf("it is read: %v", err)
	}
	var failed []connector.Check
	s.Check(t.Context(), func(c connector.Check) {
		if !c.OK {
			failed = append(failed, c)
		}
	})
	if len(failed) != 1 || failed[0].Name != "name resolution" {
		t.Errorf("%+v", failed)
	}
	if server.SignIns() > 0 {
		t.Error("it was reached")
	}
}

// raw answers each connection by a script.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); answer(c) }()
		}
	}()
	return "ldap://" + l.Addr().String()
}

// Whoever announces gigabytes, nests without an end or says nothing at all is cut off.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string][]byte{
		"4 GB":             {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01, 0x00},
		"a length of 2^63": {0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"nesting":          []byte(strings.Repeat("\x30\x80", 5000)),
		"a web page":       []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"nothing":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := raw(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 1000))
				_, _ = c.Write(answer)
			})
			s, err := patient().Open(connector.Config{AllowPrivate: true, Values: map[string]string{keyURLs: url, keyBindDN: "a", keyPassword: "b"}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := read(t, s, nil); connector.AsError(err) == nil {
				t.Errorf("it is taken: %v", err)
			}
		})
	}
}

// An answer that goes on and on ends at its bound, whatever its parts are.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	go func() {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := there.Write(chunk); err != nil {
				return
			}
		}
	}()
	w := &wire{Conn: here}
	w.answers()
	n, err := io.Copy(io.Discard, w)
	_ = here.Close()
	if n > maxAnswer || err == nil || !errors.Is(w.failure(), err) {
		t.Errorf("%d bytes were read (%v)", n, err)
	}
	if ber.MaxPacketLengthBytes != maxAnswer || ber.MaxNestingDepth != maxNesting {
		t.Error("packets are not bounded")
	}
}

func TestAContextEndsARead(t *testing.T) {
	t.Parallel()
	url := raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }) // it listens, and never answers
	s, err := patient().Open(connector.Config{AllowPrivate: true, Values: map[string]string{keyURLs: url, keyBindDN: "a", keyPassword: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Read(ctx, connector.From{}, func(context.Context, connector.Page) error { return nil })
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("it waits for who does not answer")
	}
}

// Without the right to replicate nobody is told who was deleted, so everything is read each time.
func TestWithoutTheRightEverythingIsRead(t *testing.T) {
	t.Parallel()
	server := started(t, sim.Config{NoReplication: true})
	if got := mustRead(t, opened(t, server, nil), nil); got.state != nil {
		t.Errorf("the next round begins at %s", got.state)
	}
	if _, err := read(t, opened(t, server, map[string]string{keyMode: modeDirSync}), nil); codeOf(err) != connector.Misconfigured || !strings.Contains(err.Error(), "Replicating Directory Changes") {
		t.Errorf("%v", err)
	}
	may := started(t, sim.Config{Domain: server.Domain})
	for _, change := range []map[string]string{{keyMode: modeFull}, {keyUserFilter: "(sAMAccountName=*)"}} {
		if got := mustRead(t, opened(t, may, change), nil); got.state != nil {
			t.Errorf("%v: the next round begins at %s", change, got.state)
		}
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

// The entries are as [MS-DTYP] section 2.4.4 writes them.
func TestWhoMayReplicate(t *testing.T) {
	t.Parallel()
	everybody, _ := hex.DecodeString("01010000000000050b000000")
	administrators, _ := hex.DecodeString("01020000000000052000000020020000")
	guid := "aaf63111079cd111f79f00c04fc2dcd2"
	other := "adf63111079cd111f79f00c04fc2dcd2"
	list := func(entries ...string) []byte {
		all := ""
		for _, e := range entries {
			all += e
		}
		body, _ := hex.DecodeString(all)
		head := []byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, byte(len(entries)), 0, 0, 0}
		return append(head, body...)
	}
	ace := func(kind, flags, mask, object, sid string) string {
		body := mask + object + sid
		size := 4 + len(body)/2
		return kind + flags + hex.EncodeToString([]byte{byte(size), byte(size >> 8)}) + body
	}
	const control, all, readOnly = "00010000", "ff010f00", "94000200"
	we, admins := hex.EncodeToString(everybody), hex.EncodeToString(administrators)
	for name, c := range map[string]struct {
		descriptor []byte
		want       bool
	}{
		"the right":                  {list(ace("05", "00", control, "01000000"+guid, we)), true},
		"another right":              {list(ace("05", "00", control, "01000000"+other, we)), false},
		"every right":                {list(ace("05", "00", control, "00000000", we)), true},
		"full control":               {list(ace("00", "00", all, "", we)), true},
		"reading":                    {list(ace("00", "00", readOnly, "", we)), false},
		"of somebody else":           {list(ace("05", "00", control, "01000000"+guid, admins)), false},
		"denied before":              {list(ace("06", "00", control, "01000000"+guid, we), ace("00", "00", all, "", we)), false},
		"denied to somebody else":    {list(ace("01", "00", all, "", admins), ace("05", "00", control, "01000000"+guid, we)), true},
		"for what is below":          {list(ace("05", "0a", control, "01000000"+guid, we)), false},
		"nothing":                    {nil, false},
		"no list":                    {make([]byte, 20), false},
		"cut":                        {list(ace("05", "00", control, "01000000"+guid, we))[:40], false},
		"an entry without an end":    {list("0500ffff" + control), false},
		"an entry that says nothing": {list("05000800" + control), false},
	} {
		if got := grants(c.descriptor, [][]byte{everybody}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzGrants: what others send for a security descriptor is read within its bounds.
func FuzzGrants(f *testing.F) {
	f.Add([]byte{1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 5, 0, 40, 0, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, descriptor []byte) {
		grants(descriptor, [][]byte{{1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0}})
	})
}
