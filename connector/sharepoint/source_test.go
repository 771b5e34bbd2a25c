package sharepoint_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sharepoint"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	sim "github.com/roster-gateway/roster/internal/sim/sharepoint"
)

func TestOpenRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for _, test := range []struct{ key, value, says string }{
		{"sp.clientSecret", canary.Mark, "sp.clientSecret cannot be used"},
		{"aad.clientSecret", canary.Mark, "takes no application that signs in with a client secret"},
		{"sp.certificate", "", "sp.certificate is not set"},
		{"sp.certificate", canary.Mark, "PEM"},
		{"sp.siteUrl", "http://contoso.sharepoint.com", "https URL"},
		{"sp.siteUrl", "", "https URL"},
		{"sp.authorityHost", "login.example.com", "https origin"},
		{"tls.caCertificate", canary.Mark, "tls.caCertificate"},
	} {
		cfg := w.config()
		cfg.Values[test.key] = test.value
		source, err := sharepoint.Type.Open(cfg)
		explained := connector.AsError(err)
		if source != nil || explained == nil || explained.Code != connector.Misconfigured || !strings.Contains(explained.Message, test.says) {
			t.Errorf("%s = %q: %v", test.key, test.value, err)
		} else if strings.Contains(err.Error(), canary.Mark) {
			t.Errorf("%s: the error tells the value: %v", test.key, err)
		}
	}
}

func TestConfigKeysAreChecked(t *testing.T) {
	t.Parallel()
	for key, values := range map[string]struct{ good, bad []string }{
		"sp.siteUrl":       {[]string{"https://contoso.sharepoint.com", "https://contoso.sharepoint.com/sites/hr"}, []string{"contoso.sharepoint.com", "http://contoso.sharepoint.com", "https://a@contoso.com/", "https://contoso.com/?a"}},
		"sp.tenant":        {[]string{"contoso.com", anID}, []string{"", "contoso", "a b.com"}},
		"sp.clientId":      {[]string{anID}, []string{"", "roster"}},
		"sp.authorityHost": {[]string{"https://login.example.com"}, []string{"https://login.example.com/common", "login.example.com"}},
		"sp.aadProvider":   {[]string{"AAD", "Contoso people"}, []string{"", " ", "A:B", `A\B`}},
		"sp.certificate":   {[]string{start(t, 1).server.Certificate}, []string{"", "-----BEGIN CERTIFICATE-----"}},
	} {
		declared := (*directory.ConfigKey)(nil)
		for i, k := range sharepoint.Type.ConfigKeys {
			if k.Key == key {
				declared = &sharepoint.Type.ConfigKeys[i]
			}
		}
		if declared == nil {
			t.Fatalf("%s is not declared", key)
		}
		for _, v := range values.good {
			if err := declared.Check(v); err != nil {
				t.Errorf("%s = %q: %v", key, v, err)
			}
		}
		for _, v := range values.bad {
			if declared.Check(v) == nil {
				t.Errorf("%s = %q is taken", key, v)
			}
		}
	}
}

func TestPrivateAddressesNeedLeave(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	cfg := w.config()
	cfg.AllowPrivate = false
	source, err := sharepoint.Type.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.source = source
	_, err = w.read(connector.From{})
	if explained := connector.AsError(err); explained == nil || explained.Code != connector.Misconfigured || !strings.Contains(explained.Message, "ROSTER_ALLOW_PRIVATE_SOURCES") {
		t.Errorf("%v", err)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	site := w.server.Site
	owners := site.AddGroup("Owner's Circle & co", "Those who may")
	other := site.AddGroup("Others", "")
	site.AddMember(owners, sim.User, "ana@contoso.com")
	site.AddMember(owners, sim.Everyone, "")
	site.AddMember(other, sim.User, "bo@contoso.com")
	id := site.State().ID
	for _, test := range []struct {
		name      string
		kind      directory.IdentityKind
		key, text string
		found     bool
	}{
		{"by key", directory.KindGroup, key(id, owners), "", true},
		{"by name", directory.KindGroup, "", "Owner's Circle & co", true},
		{"by a name in another case", directory.KindGroup, "", "owner's circle & CO", true},
		{"no such id", directory.KindGroup, key(id, 4711), "", false},
		{"of another site", directory.KindGroup, key(anID, owners), "", false},
		{"no key of a site", directory.KindGroup, "3", "", false},
		{"no such name", directory.KindGroup, "", "Nobody", false},
		{"a user", directory.KindUser, "", "ana@contoso.com", false},
	} {
		page, err := w.source.Lookup(t.Context(), test.kind, test.key, test.text)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if (page != nil) != test.found {
			t.Errorf("%s: found %v, want %v", test.name, page != nil, test.found)
			continue
		}
		if page != nil {
			if diff := cmp.Diff(map[string]*seen{key(id, owners): w.truth()[key(id, owners)]}, told([]connector.Page{*page})); diff != "" {
				t.Errorf("%s (-site +read):\n%s", test.name, diff)
			}
		}
	}
}

// checks runs the steps of a check and tells each one in a line.
func (w *world) checks() (steps []string) {
	w.source.Check(w.t.Context(), func(c connector.Check) {
		result := "failed"
		if c.OK {
			result = "ok"
		}
		steps = append(steps, c.Name+" "+result)
		if c.Detail == "" {
			w.t.Errorf("%s has no detail", c.Name)
		}
	})
	return steps
}

func TestCheckGoesStepByStep(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	w.server.Site.Populate(w.server.Directory, 3, 4, 1)
	all := []string{"name resolution ok", "TLS ok", "sign-in ok", "read the site ok", "read groups ok", "one sample ok"}
	if diff := cmp.Diff(all, w.checks()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, test := range []struct {
		key, value string
		steps      []string
	}{
		{"sp.siteUrl", w.server.Origin + "/sites/other", []string{"name resolution ok", "TLS ok", "sign-in ok", "read the site failed"}},
		{"sp.clientId", anID, []string{"name resolution ok", "TLS ok", "sign-in failed"}},
		{"tls.caCertificate", "", []string{"name resolution ok", "TLS failed"}},
	} {
		cfg := w.config()
		cfg.Values[test.key] = test.value
		source, err := sharepoint.Type.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		broken := &world{t: t, source: source}
		if diff := cmp.Diff(test.steps, broken.checks()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.key, diff)
		}
	}
}
