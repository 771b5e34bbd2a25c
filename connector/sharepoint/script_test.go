package sharepoint_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sharepoint"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testentra"
)

// scripted is a source whose site answers by a script, request by request; the last answer is that to all that follow.
type scripted struct {
	source connector.Source
	asked  []string // paths with what is of interest of their queries
	tokens []string
	pauses []time.Duration
	header http.Header
}

func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, strings.ReplaceAll(body, "{origin}", "https://"+r.Host))
	}
}

func cutShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = fmt.Fprint(w, `{"value":[{"Id":1`)
}

const siteID = "aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb"

var (
	theSite  = says(200, `{"Id":"`+strings.ToUpper(siteID)+`"}`)
	noGroups = says(200, `{"value":[]}`)
	oneGroup = says(200, `{"value":[{"Id":3,"Title":"Owners","LoginName":"Owners","Description":null,"PrincipalType":8,"Users":[`+ana+`]}]}`)
)

const ana = `{"Id":7,"LoginName":"i:0#.f|membership|ana@contoso.com"}`

func play(t *testing.T, answers ...http.HandlerFunc) *scripted {
	t.Helper()
	s := &scripted{}
	server := testentra.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/sites/hr/_api/")
		if filter := r.URL.Query().Get("$filter"); filter != "" {
			path += " " + filter
		}
		s.asked, s.tokens, s.header = append(s.asked, path), append(s.tokens, r.Header.Get("Authorization")), r.Header
		answers[min(len(s.asked), len(answers))-1](w, r)
	}))
	w := start(t, 1)
	cfg := w.config()
	for key, value := range map[string]string{"sp.siteUrl": server.URL + "/sites/hr/", "sp.authorityHost": server.URL, "tls.caCertificate": server.CA, "sp.aadProvider": "Contoso"} {
		cfg.Values[key] = value
	}
	var err error
	if s.source, err = sharepoint.Type.Open(cfg); err != nil {
		t.Fatal(err)
	}
	sharepoint.OnPause(s.source, func(_ context.Context, d time.Duration) error {
		s.pauses = append(s.pauses, d)
		return nil
	})
	return s
}

func (s *scripted) read(t *testing.T) (out connector.Page, err error) {
	err = s.source.Read(t.Context(), connector.From{}, func(_ context.Context, p connector.Page) error {
		out.Identities, out.Links, out.Failures = append(out.Identities, p.Identities...), append(out.Links, p.Links...), append(out.Failures, p.Failures...)
		out.End = p.End
		return nil
	})
	return out, err
}

func TestAGroupIsTakenOverAsItIs(t *testing.T) {
	t.Parallel()
	s := play(t, theSite, says(200, `{"value":[{"Id":3,"Title":"Owners","LoginName":"Owners","Description":"Those who may","PrincipalType":8,"Users":[
		`+ana+`,`+ana+`,{"Id":8,"LoginName":"i:0#.f|membership|bo@contoso.com"},
		{"Id":9,"LoginName":"c:0t.c|tenant|`+strings.ToUpper(anID)+`"},{"Id":10,"LoginName":"c:0o.c|federateddirectoryclaimprovider|`+anID+`"},
		{"Id":11,"LoginName":"c:0(.s|true"},{"Id":11,"LoginName":"c:0(.s|true"}]},
		{"Id":4,"Title":"","LoginName":"","Description":null,"PrincipalType":8,"Users":[]}]}`))
	got, err := s.read(t)
	if err != nil {
		t.Fatal(err)
	}
	owner := siteID + "/3"
	member := func(ref connector.Ref) connector.Link {
		ref.Provider = "Contoso"
		return connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: owner, Other: ref}
	}
	want := connector.Page{
		Identities: []connector.Identity{
			{Kind: directory.KindGroup, Key: owner, Attributes: map[string]any{"displayName": "Owners", "description": "Those who may", "loginName": "Owners"}},
			{Kind: directory.KindGroup, Key: siteID + "/4", Attributes: map[string]any{}},
		},
		Links: []connector.Link{
			member(connector.Ref{Kind: directory.KindUser, Name: "ana@contoso.com"}),
			member(connector.Ref{Kind: directory.KindUser, Name: "bo@contoso.com"}),
			member(connector.Ref{Kind: directory.KindGroup, Key: anID}),
		},
		Failures: []connector.Failure{{Key: "c:0(.s|true", Code: directory.UnmappedPrincipal, Message: `This member of the group "Owners" stands for everybody. It is not linked.`}},
		End:      &connector.End{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if agent, accept := s.header.Get("User-Agent"), s.header.Get("Accept"); !strings.HasPrefix(agent, "NONISV|Roster|Roster/") || accept != "application/json;odata=nometadata" {
		t.Errorf("User-Agent: %s, Accept: %s", agent, accept)
	}
}

func TestWhatPassesIsOvercome(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		answers []http.HandlerFunc
		asked   []string
		paused  time.Duration // at least, in all
		members int
	}{
		{"429 with Retry-After", []http.HandlerFunc{theSite, says(429, "", "Retry-After", "7"), oneGroup}, []string{"site", "web/sitegroups Id gt 0", "web/sitegroups Id gt 0"}, 7 * time.Second, 1},
		{"503 with Retry-After", []http.HandlerFunc{theSite, says(503, "busy", "Retry-After", "3"), oneGroup}, []string{"site", "web/sitegroups Id gt 0", "web/sitegroups Id gt 0"}, 3 * time.Second, 1},
		{"429 without", []http.HandlerFunc{says(429, ""), theSite, oneGroup}, []string{"site", "site", "web/sitegroups Id gt 0"}, time.Second / 2, 1},
		{"a body that ends too early", []http.HandlerFunc{theSite, cutShort, cutShort, oneGroup}, []string{"site", "web/sitegroups Id gt 0", "web/sitegroups Id gt 0", "web/sitegroups Id gt 0"}, time.Second, 1},
		{"a token that is taken no more", []http.HandlerFunc{theSite, says(401, ""), oneGroup}, []string{"site", "web/sitegroups Id gt 0", "web/sitegroups Id gt 0"}, 0, 1},
		{"an answer in parts", []http.HandlerFunc{
			theSite,
			says(200, `{"odata.nextLink":"{origin}/sites/hr/_api/web/sitegroups?$skiptoken=3","value":[{"Id":3,"Title":"A","Users":[`+ana+`]}]}`),
			says(200, `{"value":[{"Id":3,"Title":"A","Users":[`+ana+`]},{"Id":5,"Title":"B","Users":[`+ana+`]}]}`), noGroups,
		}, []string{"site", "web/sitegroups Id gt 0", "web/sitegroups", "web/sitegroups Id gt 5"}, 0, 2},
		{"a row that does not tell its users", []http.HandlerFunc{theSite, says(200, `{"value":[{"Id":3,"Title":"A"}]}`), says(200, `{"value":[`+ana+`]}`)}, []string{"site", "web/sitegroups Id gt 0", "web/sitegroups/getbyid(3)/users Id gt 0"}, 0, 1},
		{"a row with room for some users only", []http.HandlerFunc{theSite, says(200, `{"value":[{"Id":3,"Title":"A","Users":[`+ana+`],"Users@odata.nextLink":"x"}]}`), says(200, `{"value":[`+ana+`,{"Id":8,"LoginName":"i:0#.f|membership|bo@contoso.com"}]}`)}, []string{"site", "web/sitegroups Id gt 0", "web/sitegroups/getbyid(3)/users Id gt 0"}, 0, 2},
		{"a group that goes meanwhile", []http.HandlerFunc{theSite, says(200, `{"value":[{"Id":3,"Title":"A"},{"Id":4,"Title":"B","Users":[`+ana+`]}]}`), says(404, "")}, []string{"site", "web/sitegroups Id gt 0", "web/sitegroups/getbyid(3)/users Id gt 0"}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := play(t, test.answers...)
			got, err := s.read(t)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.asked, s.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			paused := time.Duration(0)
			for _, d := range s.pauses {
				paused += d
			}
			if paused < test.paused || test.paused == 0 && paused > 0 {
				t.Errorf("it paused for %v, want at least %v", paused, test.paused)
			}
			if len(got.Links) != test.members || got.End == nil {
				t.Errorf("%d links, end: %v", len(got.Links), got.End)
			}
		})
	}
}

func TestARoundThatCannotBeReadEndsWithAReason(t *testing.T) {
	t.Parallel()
	disordered := says(200, `{"value":[{"Id":5,"Title":"A","Users":[]},{"Id":3,"Title":"B","Users":[]}]}`)
	for _, test := range []struct {
		name    string
		answers []http.HandlerFunc
		code    connector.Code
		says    string
	}{
		{"throttled for long", []http.HandlerFunc{theSite, says(429, "", "Retry-After", "120")}, connector.Throttled, "SharePoint is asked too often"},
		{"busy to the end", []http.HandlerFunc{theSite, says(503, "")}, connector.Unavailable, "SharePoint cannot serve"},
		{"no token is taken", []http.HandlerFunc{says(401, `{"error_description":"Unsupported app only token."}`)}, connector.Misconfigured, "does not take the token"},
		{"forbidden", []http.HandlerFunc{theSite, says(403, "")}, connector.Misconfigured, "Sites.FullControl.All"},
		{"no such site", []http.HandlerFunc{says(404, "404 FILE NOT FOUND")}, connector.Misconfigured, "Set sp.siteUrl"},
		{"no SharePoint", []http.HandlerFunc{says(200, `{}`)}, connector.Unavailable, "Look at sp.siteUrl"},
		{"sent elsewhere", []http.HandlerFunc{says(302, "", "Location", "https://example.com/")}, connector.Unavailable, "follows no redirect"},
		{"a link that leads away", []http.HandlerFunc{theSite, says(200, `{"odata.nextLink":"https://example.com/sites/hr/_api/web","value":[]}`)}, connector.Unavailable, "leads away"},
		{"links in a circle", []http.HandlerFunc{theSite, says(200, `{"odata.nextLink":"{origin}/sites/hr/_api/web/sitegroups?a","value":[]}`)}, connector.Unavailable, "in a circle"},
		{"no regard to the order", []http.HandlerFunc{theSite, disordered}, connector.Unavailable, "in the order that was asked for"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := play(t, test.answers...)
			got, err := s.read(t)
			explained := connector.AsError(err)
			if explained == nil || explained.Code != test.code || !strings.Contains(explained.Message, test.says) {
				t.Fatalf("%v", err)
			}
			if got.End != nil {
				t.Error("the round came to an end")
			}
			if test.code == connector.Throttled && explained.RetryAfter != 2*time.Minute {
				t.Errorf("it goes on after %v", explained.RetryAfter)
			}
			for _, token := range s.tokens {
				if strings.Contains(fmt.Sprintf("%v %+v", err, explained.Cause), strings.TrimPrefix(token, "Bearer ")) {
					t.Errorf("the error tells the token: %v", err)
				}
			}
		})
	}
}

func TestFiltersOfGroupsWithoutRegardAreNoticed(t *testing.T) {
	t.Parallel()
	var rows []string
	for id := range 25 {
		rows = append(rows, fmt.Sprintf(`{"Id":%d,"Title":"Team %d","Users":[]}`, id+1, id))
	}
	s := play(t, theSite, says(200, `{"value":[`+strings.Join(rows, ",")+`]}`))
	got, err := s.read(t)
	if err == nil || got.End != nil || !strings.Contains(err.Error(), "in the order that was asked for") {
		t.Errorf("%v, end %v", err, got.End)
	}
}

func TestQ4QueriesAreEscaped(t *testing.T) {
	t.Parallel()
	var asked *url.URL
	s := play(t, theSite, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL
		noGroups(w, r)
	})
	page, err := s.source.Lookup(t.Context(), directory.KindGroup, "", `Owner's & 100 % + "more"`)
	if page != nil || err != nil {
		t.Fatalf("%v, %v", page, err)
	}
	if filter := asked.Query().Get("$filter"); filter != `Title eq 'Owner''s & 100 % + "more"'` || strings.Contains(asked.RawQuery, "+") {
		t.Errorf("asked for %s by %s", filter, asked.RawQuery)
	}
}
