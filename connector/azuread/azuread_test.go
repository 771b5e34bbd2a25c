package azuread

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testentra"
)

var update = flag.Bool("update", false, "write the golden files anew")

// exchange is what the stand-in answers to one request.
type exchange struct {
	// asks is the path with its query, its commas and spaces decoded.
	asks   string
	status int // 200 where it is 0
	says   string
	header map[string]string
}

// script answers exchanges in their order and refuses any other request.
type script struct {
	t    *testing.T
	mu   sync.Mutex
	left []exchange
	base string
	// header is that of the last request.
	header http.Header
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header = r.Header
	asked := r.URL.Path
	if r.URL.RawQuery != "" {
		asked += "?" + strings.ReplaceAll(strings.ReplaceAll(r.URL.RawQuery, "%2C", ","), "+", " ")
	}
	if len(s.left) == 0 || s.left[0].asks != asked {
		s.t.Errorf("asked for %s, not %+v", asked, s.left)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	e := s.left[0]
	s.left = s.left[1:]
	for name, value := range e.header {
		w.Header().Set(name, value)
	}
	if e.status != 0 {
		w.WriteHeader(e.status)
	}
	_, _ = w.Write([]byte(strings.ReplaceAll(e.says, "BASE", s.base)))
}

// play opens a source whose tenant answers a script.
func play(t *testing.T, exchanges ...exchange) (*source, *script) {
	t.Helper()
	s := &script{t: t, left: exchanges}
	server := testentra.Start(t, s)
	s.base = server.URL
	opened, err := open(connector.Config{AllowPrivate: true, Log: canary.Log(t), Values: map[string]string{
		keyTenant: testentra.Tenant, keyClientID: testentra.ClientID, keyClientSecret: canary.Mark,
		keyAuthority: server.URL, keyGraph: server.URL, "tls.caCertificate": server.CA,
	}})
	if err != nil {
		t.Fatal(err)
	}
	opened.graph.Pause = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	t.Cleanup(func() {
		if len(s.left) > 0 {
			t.Errorf("never asked for %+v", s.left)
		}
	})
	return opened, s
}

// read reads a round and returns its pages.
func read(t *testing.T, s *source, from connector.From) ([]connector.Page, error) {
	t.Helper()
	var pages []connector.Page
	err := s.Read(t.Context(), from, func(_ context.Context, page connector.Page) error {
		pages = append(pages, page)
		return nil
	})
	return pages, err
}

const (
	usersStart  = "/v1.0/users/delta?$select=id,userPrincipalName,displayName,accountEnabled,givenName,surname,mail,mailNickname,userType,deletedDateTime,signInSessionsValidFromDateTime,manager"
	groupsStart = "/v1.0/groups/delta?$select=id,displayName,description,mail,mailNickname,mailEnabled,securityEnabled,visibility,members"
	noUsers     = `{"value":[],"@odata.deltaLink":"BASE/v1.0/users/delta?$deltatoken=u1"}`
	noGroups    = `{"value":[],"@odata.deltaLink":"BASE/v1.0/groups/delta?$deltatoken=g1"}`
)

// page is a page of rows with the link that it leads to.
func page(row, link string) string {
	kind := "nextLink"
	if strings.Contains(link, "deltatoken") {
		kind = "deltaLink"
	}
	return fmt.Sprintf(`{"value":[%s],"@odata.%s":"BASE%s"}`, row, kind, link)
}

func TestRowsBecomeIdentitiesAndLinks(t *testing.T) {
	t.Parallel()
	source, script := play(t,
		exchange{asks: usersStart, says: page(`
			{"id":"u-all","userPrincipalName":"ada@contoso.com","displayName":"Ada","givenName":"Ada","surname":"L","mail":"ada@contoso.com","mailNickname":"ada",
			 "accountEnabled":true,"userType":"Member","deletedDateTime":null,"signInSessionsValidFromDateTime":"2024-01-01T00:00:00Z",
			 "manager@delta":[{"@odata.type":"#microsoft.graph.user","id":"u-boss"}]},
			{"id":"u-null","userPrincipalName":null,"displayName":null,"givenName":null,"mail":null,"accountEnabled":false},
			{"id":"u-part","surname":"Only"},
			{"id":"u-soft","@removed":{"reason":"changed"}},
			{"id":"u-gone","@removed":{"reason":"deleted"}},
			{"id":"u-odd","@removed":{"reason":"because"}},
			{"id":"u-switch","manager@delta":[{"@odata.type":"#microsoft.graph.user","id":"u-new"},{"@odata.type":"#microsoft.graph.user","id":"u-old","@removed":{"reason":"deleted"}}]},
			{"id":"u-expanded","manager":{"@odata.type":"#microsoft.graph.user","id":"u-boss"}},
			{"id":"u-unmanaged","manager":null,"@removed":null},
			{"displayName":"nobody"}, 7`, "/v1.0/users/delta?$skiptoken=2")},
		exchange{asks: "/v1.0/users/delta?$skiptoken=2", says: page("", "/v1.0/users/delta?$skiptoken=3")},
		exchange{asks: "/v1.0/users/delta?$skiptoken=3", says: page(`{"id":"u-part","surname":"Again"},{"id":"u-part","surname":"Again"}`, "/v1.0/users/delta?$deltatoken=u1")},
		exchange{asks: groupsStart, says: page(`
			{"id":"g-all","displayName":"Staff","description":"All","mail":"staff@contoso.com","mailNickname":"staff","mailEnabled":true,"securityEnabled":false,"visibility":"Private",
			 "members@delta":[{"@odata.type":"#microsoft.graph.user","id":"u-all"},{"@odata.type":"#microsoft.graph.group","id":"g-part"},{"@odata.type":"#microsoft.graph.device","id":"d"},
			  {"id":"untyped"},{"@odata.type":"#microsoft.graph.user","id":"u-gone","@removed":{"reason":"deleted"}},{"@odata.type":"#microsoft.graph.device","id":"d2","@removed":{"reason":"deleted"}}]},
			{"id":"g-part","description":null},
			{"id":"g-hidden","displayName":"Secret","visibility":"HiddenMembership"},
			{"id":"g-seen","displayName":"Seen","visibility":"HiddenMembership","members@delta":[{"@odata.type":"#microsoft.graph.user","id":"u-all"}]},
			{"id":"g-soft","@removed":{"reason":"changed"}}`, "/v1.0/groups/delta?$skiptoken=2")},
		exchange{asks: "/v1.0/groups/delta?$skiptoken=2", says: page(`{"id":"g-all","members@delta":[{"@odata.type":"#microsoft.graph.user","id":"u-more"}]}`, "/v1.0/groups/delta?$deltatoken=g1")},
	)
	pages, err := read(t, source, connector.From{})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "full", pages, script.base)
	if got := script.header; got.Get("x-ms-throttle-priority") != "low" || got.Get("User-Agent") != "Roster" {
		t.Errorf("sent %v", got)
	}
}

// golden compares pages with what is kept of them.
func golden(t *testing.T, name string, pages []connector.Page, base string) {
	t.Helper()
	type shown struct {
		connector.Page
		Resume json.RawMessage
		State  json.RawMessage
		End    *struct{} `json:",omitempty"`
	}
	var list []shown
	for _, p := range pages {
		s := shown{Page: p, Resume: p.Resume}
		if p.End != nil {
			s.State = p.End.State
		}
		list = append(list, s)
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(string(text), base, "https://graph.example.com") + "\n"
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestTheNextRoundBeginsWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	source, _ := play(t,
		exchange{asks: usersStart, says: noUsers}, exchange{asks: groupsStart, says: noGroups},
		exchange{asks: "/v1.0/users/delta?$deltatoken=u1", says: page(`{"id":"u","displayName":"New"}`, "/v1.0/users/delta?$deltatoken=u2")},
		exchange{asks: "/v1.0/groups/delta?$deltatoken=g1", says: page(`{"id":"g","visibility":"HiddenMembership"}`, "/v1.0/groups/delta?$deltatoken=g2")},
	)
	first, err := read(t, source, connector.From{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := read(t, source, connector.From{State: first[1].End.State})
	if err != nil {
		t.Fatal(err)
	}
	if first[0].End != nil || second[0].End != nil || len(second[0].Identities) != 1 || len(second[1].Failures) != 0 {
		t.Errorf("%+v", second)
	}
	if got := string(second[1].End.State); !strings.Contains(got, "deltatoken=u2") || !strings.Contains(got, "deltatoken=g2") || strings.Contains(got, "=u1") {
		t.Error(got)
	}
}

// Wherever a round is broken off, it goes on with exactly the next page, full or not, and comes to the same end.
func TestARoundGoesOnWithTheNextPage(t *testing.T) {
	t.Parallel()
	round := []exchange{
		{says: page(`{"id":"u1"}`, "/v1.0/users/delta?$skiptoken=2")},
		{asks: "/v1.0/users/delta?$skiptoken=2", says: page(`{"id":"u2"}`, "/v1.0/users/delta?$deltatoken=u8")},
		{says: page(`{"id":"g1"}`, "/v1.0/groups/delta?$skiptoken=2")},
		{asks: "/v1.0/groups/delta?$skiptoken=2", says: page(`{"id":"g2"}`, "/v1.0/groups/delta?$deltatoken=g8")},
	}
	for _, full := range []bool{true, false} {
		for cut := 1; cut < len(round); cut++ {
			script := append([]exchange(nil), round...)
			script[0].asks, script[2].asks = usersStart, groupsStart
			if !full {
				script[0].asks, script[2].asks = "/v1.0/users/delta?$deltatoken=u7", "/v1.0/groups/delta?$deltatoken=g7"
			}
			source, tenant := play(t, script...)
			var from connector.From
			if !full {
				from.State = encode(state{stateVersion, source.of, tenant.base + "/v1.0/users/delta?$deltatoken=u7", tenant.base + "/v1.0/groups/delta?$deltatoken=g7"})
			}
			broken := fmt.Errorf("broken off")
			var pages []connector.Page
			err := source.Read(t.Context(), from, func(_ context.Context, page connector.Page) error {
				pages = append(pages, page)
				if len(pages) == cut {
					return broken
				}
				return nil
			})
			if err != broken {
				t.Fatalf("the error of stage comes back as %v", err)
			}
			from.Resume = pages[cut-1].Resume
			rest, err := read(t, source, from)
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, p := range append(pages, rest...) {
				keys = append(keys, p.Identities[0].Key)
			}
			if got := strings.Join(keys, " "); got != "u1 u2 g1 g2" {
				t.Errorf("full %v, cut after %d: %s", full, cut, got)
			}
			end := rest[len(rest)-1].End
			if want := encode(state{stateVersion, source.of, tenant.base + "/v1.0/users/delta?$deltatoken=u8", tenant.base + "/v1.0/groups/delta?$deltatoken=g8"}); end == nil || string(end.State) != string(want) {
				t.Errorf("full %v, cut after %d: ended with %+v", full, cut, end)
			}
		}
	}
}

func TestExpiredStates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   connector.Code
	}{
		"410 with a location":       {410, "", connector.StateExpired},
		"400 syncStateNotFound":     {400, `{"error":{"code":"SyncStateNotFound","message":"x"}}`, connector.StateExpired},
		"404 inner code":            {404, `{"error":{"code":"NotFound","innerError":{"code":"syncstateINVALID"}}}`, connector.StateExpired},
		"400 resyncRequired":        {400, `{"error":{"code":"resyncRequired"}}`, connector.StateExpired},
		"400 of a page":             {400, `{"error":{"code":"Directory_ExpiredPageToken"}}`, connector.StateExpired},
		"400 of something else":     {400, `{"error":{"code":"BadRequest"}}`, connector.Unavailable},
		"403 with the code of sync": {403, `{"error":{"code":"syncStateNotFound"}}`, connector.Misconfigured},
	} {
		source, tenant := play(t, exchange{asks: "/v1.0/users/delta?$deltatoken=u7", status: c.status, says: c.body, header: map[string]string{"Location": "/v1.0/users/delta?$deltatoken="}})
		from := connector.From{State: encode(state{stateVersion, source.of, tenant.base + "/v1.0/users/delta?$deltatoken=u7", tenant.base + "/g"})}
		_, err := read(t, source, from)
		if got := connector.AsError(err); got == nil || got.Code != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"no JSON": "x", "another version": `{"version":99}`, "no version": `{}`, "another tenant": `{"version":1,"of":"https://graph.microsoft.com other.example.com"}`,
	} {
		source, _ := play(t)
		for _, from := range []connector.From{{State: []byte(text)}, {Resume: []byte(text)}} {
			if _, err := read(t, source, from); connector.AsError(err) == nil || connector.AsError(err).Code != connector.StateExpired {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestUnknownPropertiesAreDropped(t *testing.T) {
	t.Parallel()
	without := func(query string, names ...string) string {
		for _, name := range names {
			query = strings.Replace(query, ","+name, "", 1)
		}
		return query
	}
	refused := `{"error":{"code":"BadRequest","message":"Could not find a property named 'mail' on type 'microsoft.graph.user'."}}`
	source, _ := play(t,
		exchange{asks: usersStart, status: 400, says: refused},
		exchange{asks: without(usersStart, "mail"), says: noUsers},
		exchange{asks: groupsStart, status: 400, says: `{"error":{"code":"BadRequest","message":"No."}}`},
		exchange{asks: "/v1.0/groups/delta?$select=id,description", says: noGroups},
		exchange{asks: "/v1.0/groups/delta?$select=id,mail", status: 400, says: `{}`},
		exchange{asks: "/v1.0/groups/delta?$select=id,mailNickname", says: noGroups},
		exchange{asks: "/v1.0/groups/delta?$select=id,mailEnabled", says: noGroups},
		exchange{asks: "/v1.0/groups/delta?$select=id,securityEnabled", says: noGroups},
		exchange{asks: "/v1.0/groups/delta?$select=id,visibility", status: 400, says: `{}`},
		exchange{asks: without(groupsStart, "mail", "visibility"), says: noGroups},
	)
	pages, err := read(t, source, connector.From{})
	if err != nil {
		t.Fatal(err)
	}
	// That is nothing which makes a run partial: everything that the tenant has is taken over.
	for _, p := range pages {
		if len(p.Failures) > 0 {
			t.Errorf("a page tells the failures %v", p.Failures)
		}
	}
}

func TestARefusalThatNoPropertyExplains(t *testing.T) {
	t.Parallel()
	exchanges := []exchange{{asks: usersStart, status: 400, says: `{"error":{"code":"BadRequest"}}`}}
	for _, name := range propertiesOf[directory.KindUser].optional {
		exchanges = append(exchanges, exchange{asks: "/v1.0/users/delta?$select=id," + name, says: noUsers})
	}
	source, _ := play(t, exchanges...)
	_, err := read(t, source, connector.From{})
	if got := connector.AsError(err); got == nil || got.Code != connector.Unavailable || !strings.Contains(got.Message, "status 400, BadRequest") {
		t.Errorf("%v", err)
	}
}

func TestN4PagesThatLeadNowhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says, want string
		more       []exchange
	}{
		"no link":          {`{"value":[]}`, "leads nowhere", nil},
		"another host":     {`{"value":[],"@odata.nextLink":"https://elsewhere.example.com/v1.0/users/delta?$skiptoken=2"}`, "leads away", nil},
		"another protocol": {`{"value":[],"@odata.nextLink":"http://127.0.0.1/v1.0/users/delta?$skiptoken=2"}`, "leads away", nil},
		"itself": {
			page("", "/v1.0/users/delta?$skiptoken=2"), "leads to itself",
			[]exchange{{asks: "/v1.0/users/delta?$skiptoken=2", says: page("", "/v1.0/users/delta?$skiptoken=2")}},
		},
	} {
		source, _ := play(t, append([]exchange{{asks: usersStart, says: c.says}}, c.more...)...)
		pages, err := read(t, source, connector.From{})
		if got := connector.AsError(err); got == nil || got.Code != connector.Unavailable || !strings.Contains(got.Message, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if len(pages) > 1 {
			t.Errorf("%s: %d pages", name, len(pages))
		}
	}
}

// Trouble that passes costs nothing but time: each page comes once, in its order.
func TestTroubleBetweenPages(t *testing.T) {
	t.Parallel()
	source, _ := play(t,
		exchange{asks: usersStart, status: 429, says: "{}", header: map[string]string{"Retry-After": "1"}},
		exchange{asks: usersStart, status: 503},
		exchange{asks: usersStart, says: page(`{"id":"u1"}`, "/v1.0/users/delta?$skiptoken=2")},
		exchange{asks: "/v1.0/users/delta?$skiptoken=2", status: 504},
		exchange{asks: "/v1.0/users/delta?$skiptoken=2", says: `{"value":[`, header: map[string]string{"Content-Length": "100"}},
		exchange{asks: "/v1.0/users/delta?$skiptoken=2", status: 401},
		exchange{asks: "/v1.0/users/delta?$skiptoken=2", says: noUsers},
		exchange{asks: groupsStart, status: 429, header: map[string]string{"Retry-After": "120"}},
	)
	pages, err := read(t, source, connector.From{})
	if got := connector.AsError(err); got == nil || got.Code != connector.Throttled || got.RetryAfter != 2*time.Minute {
		t.Errorf("%+v", got)
	}
	if len(pages) != 2 || len(pages[0].Identities) != 1 || !strings.Contains(string(pages[1].Resume), `"phase":"GROUP"`) {
		t.Errorf("%+v", pages)
	}
}

func TestPermissionsAreNamed(t *testing.T) {
	t.Parallel()
	source, _ := play(t, exchange{asks: usersStart, status: 403, says: `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}`})
	_, err := read(t, source, connector.From{})
	got := connector.AsError(err)
	if got == nil || got.Code != connector.Misconfigured {
		t.Fatal(err)
	}
	for _, name := range []string{"User.Read.All", "GroupMember.Read.All", "Member.Read.Hidden", "/v1.0/users/delta"} {
		if !strings.Contains(got.Message, name) {
			t.Errorf("%s is not named: %s", name, got.Message)
		}
	}
}
