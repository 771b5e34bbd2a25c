package sharepoint_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	prng "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/go-cmp/cmp"

	sim "github.com/roster-gateway/roster/internal/sim/sharepoint"
)

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

type client struct {
	*sim.Server
	t     *testing.T
	http  *http.Client
	token string
}

// start starts a simulator and a client that trusts it.
func start(t *testing.T, s *sim.Server) *client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Key = appKey()
	if err := s.Start(listener, 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.CA))
	return &client{Server: s, t: t, http: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}}
}

// ask sends a request and returns its status and the JSON that it is answered with.
func (c *client) ask(method, address string) (int, map[string]any) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.Origin+address, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	out := map[string]any{}
	_ = json.Unmarshal(body, &out)
	return response.StatusCode, out
}

// signIn signs in with Microsoft's own library.
func (c *client) signIn(tenant, clientID, certificate, scope string) error {
	chain, key, err := azidentity.ParseCertificates([]byte(certificate), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	credential, err := azidentity.NewClientCertificateCredential(tenant, clientID, chain, key, &azidentity.ClientCertificateCredentialOptions{
		ClientOptions:            azcore.ClientOptions{Transport: c.http, Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: c.Origin}, Retry: policy.RetryOptions{MaxRetries: -1}},
		DisableInstanceDiscovery: true,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	token, err := credential.GetToken(c.t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
	c.token = token.Token
	return err
}

func (c *client) signedIn() *client {
	c.t.Helper()
	if err := c.signIn(c.Tenant, c.ClientID, c.Certificate, c.Origin+"/.default"); err != nil {
		c.t.Fatal(err)
	}
	return c
}

func TestSignInsTakeTheCertificateOnly(t *testing.T) {
	t.Parallel()
	c, other := start(t, &sim.Server{Site: sim.NewSite(1)}), start(t, &sim.Server{Site: sim.NewSite(2)})
	scope := c.Origin + "/.default"
	for _, test := range []struct{ name, clientID, certificate, scope, code string }{
		{"as it should be", c.ClientID, c.Certificate, scope, ""},
		{"another certificate of the same key", c.ClientID, other.Certificate, scope, "AADSTS700027"},
		{"another application", "11111111-2222-4333-8444-555555555555", c.Certificate, scope, "AADSTS700016"},
		{"another resource", c.ClientID, c.Certificate, other.Origin + "/.default", "AADSTS500011"},
	} {
		err := c.signIn(c.Tenant, test.clientID, test.certificate, test.scope)
		if (err == nil) != (test.code == "") || err != nil && !strings.Contains(err.Error(), test.code) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "client_secret": {"secret"}, "scope": {scope}}
	response, err := c.http.PostForm(c.Origin+"/"+c.Tenant+"/oauth2/v2.0/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "AADSTS7000215") {
		t.Errorf("a client secret: %d %s", response.StatusCode, body)
	}
	for _, token := range []string{"", "made-up"} {
		c.token = token
		if status, _ := c.ask("GET", sim.SitePath+"/_api/site"); status != http.StatusUnauthorized {
			t.Errorf("the token %q: %d", token, status)
		}
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	site := sim.NewSite(1)
	owners, visitors := site.AddGroup("Owner's Circle", "Those who may"), site.AddGroup("A visitor", "")
	site.AddMember(owners, sim.User, "ana@contoso.com")
	site.AddMember(owners, sim.Everyone, "")
	c := start(t, &sim.Server{Site: site}).signedIn()
	everyone := map[string]any{"Id": 4., "Title": "everyone", "LoginName": "c:0(.s|true", "Email": "", "PrincipalType": 4.}
	ana := map[string]any{"Id": 3., "Title": "ana@contoso.com", "LoginName": "i:0#.f|membership|ana@contoso.com", "Email": "ana@contoso.com", "PrincipalType": 1.}
	list := func(rows ...any) map[string]any { return map[string]any{"value": append([]any{}, rows...)} }
	id := func(n int) map[string]any { return map[string]any{"Id": float64(n)} }
	for _, test := range []struct {
		address string
		status  int
		answer  map[string]any // nil: not looked at
	}{
		{"site?$select=Id", 200, map[string]any{"Id": site.State().ID}},
		{"web?$select=Title", 200, map[string]any{"Title": "Simulated site"}},
		{"web/sitegroups?$select=Id", 200, list(id(visitors), id(owners))}, // by their titles
		{"web/sitegroups?$select=Id&$orderby=Id", 200, list(id(owners), id(visitors))},
		{"web/sitegroups?$select=Id&$orderby=Id&$top=1", 200, list(id(owners))},
		{"web/sitegroups?$select=Id&$filter=Id%20gt%201", 200, list(id(visitors))},
		{"web/sitegroups?$select=Id&$filter=Title%20eq%20'owner''s%20circle'", 200, list(id(owners))},
		{"web/sitegroups?$select=Id,Users/LoginName&$expand=Users&$filter=Id%20le%201", 200, list(map[string]any{
			"Id": 1., "Users": []any{map[string]any{"LoginName": ana["LoginName"]}, map[string]any{"LoginName": everyone["LoginName"]}},
		})},
		{"web/sitegroups/getbyid(1)", 200, map[string]any{"Id": 1., "Title": "Owner's Circle", "LoginName": "Owner's Circle", "Description": "Those who may", "PrincipalType": 8.}},
		{"web/sitegroups/getbyid(1)/users?$orderby=Id", 200, list(ana, everyone)},
		{"web/siteusers", 200, list(ana, everyone)},
		{"web/sitegroups/getbyid(9)", 404, nil},
		{"web/sitegroups/getbyid(9)/users", 404, nil},
		{"web/lists", 404, nil},
		{"web/sitegroups?$select=Nothing", 400, nil},
		{"web/sitegroups?$filter=Nothing%20eq%201", 400, nil},
		{"web/sitegroups?$expand=Owner", 400, nil},
		{"web/siteusers?$expand=Users", 400, nil},
		{"web/sitegroups?$skip=1", 400, nil},
	} {
		status, answer := c.ask("GET", sim.SitePath+"/_api/"+test.address)
		if status != test.status {
			t.Errorf("%s: %d, want %d", test.address, status, test.status)
		}
		if test.answer != nil {
			if diff := cmp.Diff(test.answer, answer); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.address, diff)
			}
		} else if answer["odata.error"] == nil {
			t.Errorf("%s: the answer is %v", test.address, answer)
		}
	}
}

func TestAnswersHoldNoMoreThanFiveThousandUsers(t *testing.T) {
	t.Parallel()
	site := sim.NewSite(1)
	group := site.AddGroup("Everybody", "")
	for n := range sim.MaxUsers + 3 {
		site.AddMember(group, sim.User, fmt.Sprintf("user%d@contoso.com", n))
	}
	c := start(t, &sim.Server{Site: site}).signedIn()
	for address, want := range map[string]int{
		"web/sitegroups/getbyid(1)/users":                            sim.MaxUsers,
		"web/sitegroups/getbyid(1)/users?$orderby=Id":                sim.MaxUsers,
		"web/sitegroups/getbyid(1)/users?$filter=Id%20gt%205001":     3,
		"web/sitegroups/getbyid(1)/users?$filter=Id%20gt%201&$top=7": 7,
		"web/siteusers": sim.MaxUsers,
	} {
		if _, answer := c.ask("GET", sim.SitePath+"/_api/"+address); len(answer["value"].([]any)) != want || answer["odata.nextLink"] != nil {
			t.Errorf("%s: %d users, want %d and no link", address, len(answer["value"].([]any)), want)
		}
	}
	_, answer := c.ask("GET", sim.SitePath+"/_api/web/sitegroups?$expand=Users")
	if users := answer["value"].([]any)[0].(map[string]any)["Users"].([]any); len(users) != sim.MaxUsers {
		t.Errorf("expanded: %d users", len(users))
	}
}

func TestTheSiteIsChangedByRequests(t *testing.T) {
	t.Parallel()
	site := sim.NewSite(1)
	c := start(t, &sim.Server{Site: site, Adversary: sim.NewAdversary(1)})
	for _, step := range []struct {
		request string
		status  int
	}{
		{"POST /sim/groups?title=Owners&description=Those", 200}, // 1
		{"POST /sim/groups?title=Owners", 409},
		{"POST /sim/groups?title=", 409},
		{"POST /sim/groups?title=Visitors", 200},                                // 2
		{"POST /sim/groups/1/members?kind=user&object=ana@contoso.com", 200},    // 3
		{"POST /sim/groups/1/members?kind=securityGroup&object=" + "0a1b", 200}, // 4
		{"POST /sim/groups/9/members?kind=user&object=ana@contoso.com", 409},    // no such group
		{"POST /sim/groups/1/members?kind=nobody&object=ana@contoso.com", 409},  // no such kind
		{"POST /sim/groups/2/members?kind=user&object=ana@contoso.com", 200},    // is known
		{"PATCH /sim/groups/1?title=Visitors", 409},                             // is taken
		{"PATCH /sim/groups/1?title=Keepers", 200},                              // renamed
		{"DELETE /sim/groups/1/members/4", 200},
		{"DELETE /sim/groups/1/members/4", 409},
		{"DELETE /sim/groups/2", 200},
		{"DELETE /sim/groups/2", 409},
		{"POST /sim/settle", 200},
		{"POST /sim/nothing", 404},
	} {
		method, address, _ := strings.Cut(step.request, " ")
		if status, _ := c.ask(method, address); status != step.status {
			t.Errorf("%s: %d, want %d", step.request, status, step.status)
		}
	}
	want := sim.State{ID: site.State().ID, Groups: []sim.GroupState{{
		ID: 1, Title: "Keepers", Description: "Those", Members: []sim.Principal{{ID: 3, Kind: sim.User, Object: "ana@contoso.com", Title: "ana@contoso.com", Email: "ana@contoso.com"}},
	}}}
	if diff := cmp.Diff(want, site.State()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, state := c.ask("GET", "/sim/state"); len(state["groups"].([]any)) != 1 {
		t.Errorf("the state is %v", state)
	}
	if c.Adversary.Changes != 0 {
		t.Error("the adversary goes on")
	}
	if status, _ := c.ask("POST", "/sim/mutate?n=50&seed=3"); status != 200 || cmp.Equal(want, site.State()) {
		t.Errorf("%d, and nothing has changed", status)
	}
}

func TestASeedMakesTheSameSite(t *testing.T) {
	t.Parallel()
	made := func(seed uint64) sim.State {
		site, d := sim.NewSite(seed), sim.NewDirectory(50, 10, seed)
		site.Populate(d, 20, 10, seed)
		site.Mutate(prng.New(prng.NewPCG(seed, 1)), d, 200)
		return site.State()
	}
	if diff := cmp.Diff(made(7), made(7)); diff != "" {
		t.Errorf("(-once +again):\n%s", diff)
	}
	if cmp.Equal(made(7), made(8)) {
		t.Error("another seed makes the same site")
	}
}

func TestStartTakesLoopbackOnly(t *testing.T) {
	t.Parallel()
	s := &sim.Server{Site: sim.NewSite(1)}
	if err := s.Start(elsewhere{}, 1); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("%v", err)
	}
}

// elsewhere is a listener of every address of the machine.
type elsewhere struct{ net.Listener }

func (elsewhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 1} }
