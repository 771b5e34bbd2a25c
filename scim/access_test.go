package scim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/testoidc"
	"github.com/roster-gateway/roster/scim"
	"github.com/roster-gateway/roster/scim/schema"
)

// Without a valid bearer every address answers the same 401, with a challenge and a SCIM body.
func TestA1NobodyIsLetIntoSCIMWithoutAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.user("ana@x")
	for _, path := range []string{
		"/scim/v2/Users", "/scim/v2/Users/" + user, "/scim/v2/Groups", "/scim/v2/ServiceProviderConfig", "/scim/v2/Schemas", "/scim/v2/ResourceTypes",
		"/scim/v2/Bulk", "/scim/v2/Me", "/scim/v2/nonsense", "/scim/", "/tokens/" + w.urlToken(provider) + "/Users", "/tokens/unknown/Users", "/tokens/",
		"/scim/v2/%55sers", "/scim//v2/Users", "/scim/v2/../v2/Users", "/scim/v2/Users/", "/scim/v2/Users?access_token=" + w.bearer,
	} {
		for _, header := range []string{"", "Bearer", "Bearer ", "Bearer null", "Bearer wrong", "Bearer " + w.bearer[:10], "Basic " + w.bearer, w.bearer} {
			nobody := &client{t: t, server: w.server.URL}
			headers := []string{}
			if header != "" {
				headers = append(headers, "Authorization: "+header)
			}
			a := nobody.get(path, headers...).fails(http.StatusUnauthorized, "")
			if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %q: no challenge", path, header)
			}
		}
	}
	w.get("/Users", "Authorization: bEARER "+w.bearer).is(http.StatusOK)
	w.get("/Users", "Authorization: Bearer "+adminToken).fails(http.StatusForbidden, "") // A11
}

// The credential cannot be checked: that is no 401, which would put a client into quarantine.
func TestTokensThatCannotBeChecked(t *testing.T) {
	t.Parallel()
	for err, status := range map[error]int{
		&directory.Error{Code: directory.CodeUnavailable, Message: "down"}:  http.StatusServiceUnavailable,
		&directory.Error{Code: directory.CodeRateLimited, Message: "slow"}:  http.StatusTooManyRequests,
		&directory.Error{Code: directory.CodeInternal, Message: "a secret"}: http.StatusInternalServerError,
		context.DeadlineExceeded:  http.StatusServiceUnavailable,
		errors.New("some reason"): http.StatusUnauthorized,
	} {
		handler := scim.NewHandler(nil, failing{err}, scim.Config{Log: canary.Log(t)})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/scim/v2/Users", nil)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, r)
		if rec.Code != status || strings.Contains(rec.Body.String(), "secret") {
			t.Errorf("%v: %d %s", err, rec.Code, rec.Body)
		}
		if wait := rec.Header().Get("Retry-After"); (wait != "") != (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) {
			t.Errorf("%v: Retry-After is %q", err, wait)
		}
	}
}

type failing struct{ err error }

func (f failing) Authenticate(context.Context, []string) (*access.Principal, error) {
	return nil, f.err
}

func (f failing) InstanceAt(context.Context, string) (*directory.Instance, error) { return nil, f.err }

// The three forms of address, resource names in any case, a slash at the end.
func TestAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.instance("Other")
	id := w.user("ana@x")
	token := w.urlToken(provider)
	for _, base := range []string{"/scim/v2", "/tokens/" + token + "/scim/v2", "/tokens/" + token} {
		c := *w.client
		c.prefix = base
		for _, path := range []string{"/Users/" + id, "/users/" + id, "/USERS/" + id + "/", "/Users/" + id + "?"} {
			c.get(path).is(http.StatusOK).has(publicURL+base+"/Users/"+id, "meta", "location")
		}
		c.get("/Users/").is(http.StatusOK)
		c.get("/users?&").is(http.StatusOK)
		c.get("/serviceproviderconfig").is(http.StatusOK)
		created := c.post("/Users", map[string]any{"userName": base}).is(http.StatusCreated)
		same(t, "Location", publicURL+base+"/Users/"+created.text("id"), created.header.Get("Location"))
		for what, shown := range map[string]*answer{
			"POST": created, "GET": c.get("/users/" + created.text("id") + "?attributes=id"), "PUT": c.put("/Users/"+created.text("id"), map[string]any{"userName": base}),
			"PATCH": c.patch("/Users/"+created.text("id")+"?attributes=title", `{"op":"add","path":"title","value":"t"}`), "304": c.get("/Users/"+created.text("id"), "If-None-Match: *"),
		} {
			same(t, what+": Content-Location", publicURL+base+"/Users/"+created.text("id"), shown.header.Get("Content-Location"))
		}
		for what, other := range map[string]*answer{
			"a list": c.get("/Users"), "an error": c.get("/Users/x"), "no body": c.patch("/Users/"+id, `{"op":"add","path":"title","value":"t"}`),
		} {
			same(t, what+": Content-Location", "", other.header.Get("Content-Location"))
		}
		for _, path := range []string{"/Users/" + id + "/x", "/nonsense", "//Users", "/Users//" + id, "/Schemas/x/y"} {
			c.get(path).fails(http.StatusNotFound, "")
		}
		for _, path := range []string{"", "/", "?count=1"} {
			c.get(path).is(http.StatusOK).has(publicURL+base+"/Users/"+id, "Resources", 0, "meta", "location")
		}
		for _, path := range []string{"/.search", "/Users/.search", "/groups/.SEARCH/"} {
			c.post(path, `{}`).is(http.StatusOK)
			if got := c.get(path).fails(http.StatusMethodNotAllowed, "").header.Get("Allow"); got != "POST" {
				t.Errorf("%s: Allow: %s", path, got)
			}
		}
	}
	// A token in the address that is unknown, and one that is another instance's, are answered alike.
	unknown, foreign := *w.client, *w.client
	unknown.prefix, foreign.prefix = "/tokens/"+strings.Repeat("x", len(token)), "/tokens/"+w.urlToken("Other")
	same(t, "unknown and foreign", unknown.get("/Users").fails(http.StatusNotFound, "").raw, foreign.get("/Users").fails(http.StatusNotFound, "").raw)
	empty := *w.client
	empty.prefix = "/tokens/"
	empty.get("/Users").fails(http.StatusNotFound, "")
	own := *other
	own.prefix = foreign.prefix
	own.get("/Users").is(http.StatusOK)
}

// HEAD is GET without its body; what an address does not take is told with what it takes (RFC 9110 section 15.5.6). Me
// is not there for any method.
func TestMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const all, one, read, post, none = "GET, HEAD, POST", "DELETE, GET, HEAD, PATCH, PUT", "GET, HEAD", "POST", ""
	user, unknown := w.user("ana@x"), uuid.NewString()
	group := w.group("G", user)
	for path, allowed := range map[string]string{
		"/Users": all, "/Groups": all, "/Users/" + user: one, "/Groups/" + group: one, "/Users/" + unknown: one, "": read,
		"/ServiceProviderConfig": read, "/Schemas": read, "/Schemas/" + schema.UserURN: read, "/ResourceTypes": read, "/ResourceTypes/User": read,
		"/.search": post, "/Users/.search": post, "/Groups/.SEARCH": post, "/Bulk": post, "/Me": none,
	} {
		taken := strings.Split(allowed, ", ")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"} {
			if slices.Contains(taken, method) {
				continue
			}
			status := http.StatusMethodNotAllowed
			if allowed == none {
				status = http.StatusNotImplemented
			}
			a := w.do(method, path, nil).is(status)
			if method != "HEAD" {
				a.fails(status, "")
			}
			same(t, method+" "+path, allowed, a.header.Get("Allow"))
		}
		if !slices.Contains(taken, "HEAD") {
			continue
		}
		get, head := w.get(path), w.do("HEAD", path, nil)
		same(t, "HEAD "+path+": status", get.status, head.status)
		same(t, "HEAD "+path+": body", "", head.raw)
		for _, name := range []string{"Content-Type", "Content-Length", "Content-Location", "ETag"} {
			if path == "/Users/"+unknown && name == "Content-Length" {
				continue // the error names the request
			}
			same(t, "HEAD "+path+": "+name, get.header.Get(name), head.header.Get(name))
		}
	}
}

// R22: a disabled provider or instance is refused at once (CVE-2026-9098).
func TestDisabledInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.user("ana@x")
	off, on := false, true
	ctx := t.Context()
	update := func(enabled *bool) {
		if _, err := w.directory.UpdateInstance(ctx, directory.InstanceUpdate{Provider: provider, Enabled: enabled}); err != nil {
			t.Fatal(err)
		}
	}
	update(&off)
	w.get("/Users/"+id).fails(http.StatusForbidden, "")
	w.post("/Users", `{"userName":"ben@x"}`).fails(http.StatusForbidden, "")
	w.get("/ServiceProviderConfig").fails(http.StatusForbidden, "")
	update(&on)
	w.get("/Users/" + id).is(http.StatusOK)
	if _, err := w.directory.UpdateProvider(ctx, provider, &off); err != nil {
		t.Fatal(err)
	}
	w.delete("/Users/"+id).fails(http.StatusForbidden, "")
}

// I1: the token of one instance sees nothing of another, nor of roles.
func TestI1InstancesSeeNothingOfEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.instance("Other")
	mine := w.user("ana@x")
	theirs := b.post("/Users", `{"userName":"ben@x","externalId":"b-1"}`).is(http.StatusCreated).text("id")
	theirGroup := b.group("G", theirs)
	for _, path := range []string{"/Users/" + theirs, "/Groups/" + theirGroup} {
		w.get(path).fails(http.StatusNotFound, "")
		w.put(path, `{"userName":"x","displayName":"x"}`).fails(http.StatusNotFound, "")
		w.patch(path, `{"op":"replace","value":{"displayName":"x"}}`).fails(http.StatusNotFound, "")
		w.patch(path, `{"op":"add","path":"members","value":"`+mine+`"}`).fails(http.StatusNotFound, "")
		w.delete(path).fails(http.StatusNotFound, "")
	}
	same(t, "users", []string{mine}, w.get("/Users").ids())
	same(t, "groups", []string{}, w.get("/Groups").ids())
	for _, filter := range []string{`userName eq "ben@x"`, `externalId eq "b-1"`, `id eq "` + theirs + `"`, `groups.value eq "` + theirGroup + `"`, `groups eq "` + theirGroup + `"`} {
		same(t, filter, []string{}, w.list("/Users", filter).ids())
	}

	ctx := t.Context()
	role, err := w.directory.CreateRole(ctx, "Approvers", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.directory.AddRoleMembers(ctx, "Approvers", []string{"HR:ana@x"}); err != nil {
		t.Fatal(err)
	}
	same(t, "roles are not shown", []string{}, w.get("/Users/"+mine).values("groups"))
	same(t, "nor asked about", []string{}, w.list("/Users", `groups.value eq "`+role.UID.String()+`"`).ids())
	same(t, "nor by their absence", []string{mine}, w.list("/Users", `not (groups.value eq "`+role.UID.String()+`")`).ids())
	w.get("/Groups/"+role.UID.String()).fails(http.StatusNotFound, "")
}

// I2: external ids and names are an instance's own.
func TestI2OneExternalIdAndNameInTwoInstances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.instance("Other")
	const ana = `{"userName":"ana@x","externalId":"1"}`
	mine, theirs := w.post("/Users", ana).is(http.StatusCreated), b.post("/Users", ana).is(http.StatusCreated)
	if mine.text("id") == theirs.text("id") {
		t.Fatal("two instances share a user")
	}
	w.patch("/Users/"+mine.text("id"), `{"op":"replace","path":"title","value":"Dr"}`).is(http.StatusNoContent)
	w.get("/Users/"+mine.text("id")).has("Dr", "title")
	b.get("/Users/"+theirs.text("id")).has(nil, "title")
	w.delete("/Users/" + mine.text("id")).is(http.StatusNoContent)
	b.get("/Users/"+theirs.text("id")).has("ana@x", "userName")
}

// I4: members and managers of another instance are unknown.
func TestI4MembersFromAnotherInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.instance("Other")
	mine := w.user("ana@x")
	theirs := b.post("/Users", `{"userName":"ben@x"}`).is(http.StatusCreated).text("id")
	theirGroup := b.group("G", theirs)
	group := w.group("mine", mine, theirs, theirGroup)
	same(t, "members of another instance are unknown", []string{mine}, w.members(group))
	same(t, "and the other way", []string{theirs}, b.members(theirGroup))
	w.patch("/Users/"+mine, `{"op":"add","path":"manager","value":"`+theirs+`"}`).is(http.StatusNoContent)
	w.get("/Users/"+mine).has(nil, enterprise)
	if !strings.Contains(w.log.String(), "unknown members") {
		t.Errorf("nothing is logged: %s", w.log)
	}
	if _, err := w.directory.SetRuntimeConfig(t.Context(), provider, "", "scim.unknownMembers", "refuse"); err != nil {
		t.Fatal(err)
	}
	w.patch("/Groups/"+group, `{"op":"add","path":"members","value":"`+theirs+`"}`).fails(http.StatusBadRequest, "invalidValue")
	same(t, "after the refusal", []string{mine}, w.members(group))
}

// No way to a membership passes the check of the role: a provisioning client changes no role through any resource, and
// nests nothing in one. Nor does it put a group under one of another instance.
func TestCVE2026_94000MembershipPathWithoutTheRoleCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	mine := w.user("ana@x")
	group := w.group("mine", mine)
	role, err := w.directory.CreateRole(ctx, "Admins", nil)
	if err != nil {
		t.Fatal(err)
	}
	id := role.UID.String()
	for _, member := range []string{mine, group} {
		w.patch("/Groups/"+id, `{"op":"add","path":"members","value":[{"value":"`+member+`"}]}`).fails(http.StatusNotFound, "")
		w.put("/Groups/"+id, `{"displayName":"Admins","members":[{"value":"`+member+`"}]}`).fails(http.StatusNotFound, "")
	}
	w.patch("/Groups/"+id, `{"op":"remove","path":"members"}`).fails(http.StatusNotFound, "")
	w.delete("/Groups/"+id).fails(http.StatusNotFound, "")
	// A user's groups are read-only (RFC 7643 section 4.1.2): what is sent of them is no membership.
	w.put("/Users/"+mine, `{"userName":"ana@x","groups":[{"value":"`+id+`"}]}`)
	w.patch("/Users/"+mine, `{"op":"add","path":"groups","value":[{"value":"`+id+`"}]}`)
	w.post("/Users", `{"userName":"ben@x","groups":[{"value":"`+id+`"}]}`)
	w.post("/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"PATCH","path":"/Groups/`+id+`","data":{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"members","value":[{"value":"`+mine+`"}]}]}},
		{"method":"PUT","path":"/Groups/`+id+`","data":{"displayName":"Admins","members":[{"value":"`+mine+`"}]}}]}`).is(http.StatusOK)
	// A role as a member of an own group would be an edge of the role, too.
	w.patch("/Groups/"+group, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)
	same(t, "the group's members", []string{mine}, w.members(group))
	reader := w.directory.Reader()
	for _, scope := range []directory.MembershipScope{directory.ScopeDirect, directory.ScopeEffective} {
		for _, way := range []directory.Way{directory.Down, directory.Up} {
			q := directory.LinkArgs{Scope: scope, Status: []directory.IdentityStatus{directory.StatusActive, directory.StatusDisabled}}.Query(role.ID, way)
			if edges, err := reader.Source().Edges(ctx, []directory.EdgeQuery{q}); err != nil || len(edges[0]) > 0 {
				t.Errorf("the role is linked: %v, %v", edges, err)
			}
		}
	}
	names, err := reader.Principals(ctx, "HR:ana@x")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "principals", []string{"HR:ana@x", "HR:mine"}, names)
}

// doors asks at every door with a token, and tells how each one answers.
func (w *world) doors(service *access.Service, bearer string) map[string]int {
	w.t.Helper()
	graphQL := service.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
		func(w http.ResponseWriter, _ *http.Request, err error) {
			switch {
			case directory.HasCode(err, directory.CodeForbidden):
				w.WriteHeader(http.StatusForbidden)
			case directory.HasCode(err, directory.CodeUnauthenticated):
				w.WriteHeader(http.StatusUnauthorized)
			default:
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
	push := scim.NewHandler(w.directory, service, scim.Config{PublicURL: publicURL})
	out := map[string]int{}
	for name, door := range map[string]struct {
		handler http.Handler
		path    string
	}{
		access.DoorGraphQL: {graphQL, "/graphql"}, access.DoorSCIM: {push, "/tokens/" + w.urlToken(provider) + "/Users"}, "/scim/v2": {push, "/scim/v2/Users"},
	} {
		r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, door.path, nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		rec := httptest.NewRecorder()
		door.handler.ServeHTTP(rec, r)
		out[name] = rec.Code
	}
	return out
}

// A token of one kind opens nothing that is another's.
func TestA11TokenKindsAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.instance("Other")
	p, service := w.trustingAll()
	_, reader, err := service.CreateToken(t.Context(), access.CreateTokenInput{Name: "reader", Scopes: []access.Scope{access.Read}})
	if err != nil {
		t.Fatal(err)
	}
	other := "Other"
	_, foreign, err := service.CreateToken(t.Context(), access.CreateTokenInput{Name: "push", Scopes: []access.Scope{access.SCIM}, Provider: &other})
	if err != nil {
		t.Fatal(err)
	}
	issued := func(scopes string) string { return p.Token(p.Claims(publicURL, map[string]any{"scope": scopes})) }
	const yes, no, missing, nobody = http.StatusOK, http.StatusForbidden, http.StatusNotFound, http.StatusUnauthorized
	for name, test := range map[string]struct {
		bearer                 string
		graphQL, tenant, plain int
	}{
		"the instance's SCIM token":  {w.bearer, no, yes, yes},
		"another instance's":         {foreign, no, missing, yes},
		"a reader":                   {reader, yes, no, no},
		"the admin token":            {adminToken, yes, no, no},
		"an issuer's, for SCIM":      {issued("SCIM"), no, yes, no},
		"an issuer's, for reading":   {issued("READ"), yes, no, no},
		"an issuer's, for both":      {issued("READ SCIM"), yes, yes, no},
		"an issuer's, for nothing":   {issued("openid"), no, no, no},
		"the name in the Tenant URL": {w.urlToken(provider), nobody, nobody, nobody},
		"a token that is not there":  {access.SecretPrefix + strings.Repeat("A", 43), nobody, nobody, nobody},
		"an issuer's, for others":    {p.Token(p.Claims("https://other.example.com", map[string]any{"scope": "READ SCIM"})), nobody, nobody, nobody},
	} {
		want := map[string]int{access.DoorGraphQL: test.graphQL, access.DoorSCIM: test.tenant, "/scim/v2": test.plain}
		same(t, name, want, w.doors(service, test.bearer))
	}
}

// trustingAll is a service that gives an issuer's tokens the scopes that they ask for by name.
func (w *world) trustingAll() (*testoidc.Provider, *access.Service) {
	w.t.Helper()
	p := testoidc.New(w.t)
	fetch, err := outbound.NewClient(outbound.Config{Timeout: time.Second, MaxAnswer: issuer.MaxKeySet})
	if err != nil {
		w.t.Fatal(err)
	}
	trusted := access.Issuer{URL: p.URL(), Audience: publicURL, Client: fetch}
	for _, s := range append(slices.Clone(access.AdminScopes), access.SCIM) {
		trusted.Grants = append(trusted.Grants, access.Grant{Claim: "scope", Value: string(s), Scopes: []access.Scope{s}})
	}
	return p, access.New(w.store, access.Config{AdminToken: adminToken, Issuers: []access.Issuer{trusted}})
}

// What a door needs stands in the table of rules, beside what fields need, and each door goes by it: whatever scopes
// somebody has.
func TestZ8OnePolicyForEveryDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, service := w.trustingAll()
	all := append(slices.Clone(access.AdminScopes), access.SCIM)
	for set := 1; set < 1<<len(all); set++ {
		principal := &access.Principal{}
		var words []string
		for i, s := range all {
			if set>>i&1 == 1 {
				principal.Scopes, words = append(principal.Scopes, s), append(words, string(s))
			}
		}
		got := w.doors(service, p.Token(p.Claims(publicURL, map[string]any{"scope": strings.Join(words, " ")})))
		for _, door := range []string{access.DoorGraphQL, access.DoorSCIM} {
			needed, ok := access.RuleFor(door)
			want := http.StatusForbidden
			if ok && principal.May(needed) {
				want = http.StatusOK
			}
			if got[door] != want {
				t.Errorf("%s with %v: %d, want %d", door, words, got[door], want)
			}
		}
	}
}
