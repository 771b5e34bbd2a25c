package scim_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim"
	"github.com/roster-gateway/roster/scim/schema"
)

// A1 to A3, A16: without a valid bearer every address answers the same 401, with a challenge and a SCIM body.
func TestNobodyIsLetInWithoutAToken(t *testing.T) {
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
	w.get("/Users", "Authorization: Bearer the-admin-token").fails(http.StatusForbidden, "") // A11
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
		handler := scim.NewHandler(nil, failing{err}, scim.Config{Log: slog.New(slog.DiscardHandler)})
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

// I1, I2, I4: the token of one instance sees nothing of another, nor of roles.
func TestIsolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.instance("Other")
	mine := w.post("/Users", `{"userName":"ana@x","externalId":"1"}`).is(http.StatusCreated).text("id")
	theirs := b.post("/Users", `{"userName":"ana@x","externalId":"1"}`).is(http.StatusCreated).text("id")
	if mine == theirs {
		t.Fatal("two instances share a user")
	}
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
	group := w.group("mine", mine, theirs, theirGroup)
	same(t, "members of another instance are unknown", []string{mine}, w.members(group))
	w.patch("/Users/"+mine, `{"op":"add","path":"manager","value":"`+theirs+`"}`).is(http.StatusNoContent)
	w.get("/Users/"+mine).has(nil, enterprise)
	if !strings.Contains(w.log.String(), "unknown members") {
		t.Errorf("nothing is logged: %s", w.log)
	}

	ctx := t.Context()
	role, err := w.directory.CreateRole(ctx, "Approvers", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.directory.AddRoleMembers(ctx, "Approvers", []string{"HR:ana@x"}); err != nil {
		t.Fatal(err)
	}
	same(t, "roles are not shown", []string{group}, w.get("/Users/"+mine).values("groups"))
	same(t, "nor asked about", []string{}, w.list("/Users", `groups.value eq "`+role.UID.String()+`"`).ids())
	same(t, "nor by their absence", []string{mine}, w.list("/Users", `not (groups.value eq "`+role.UID.String()+`")`).ids())
	same(t, "nor groups of others", []string{}, w.list("/Users", `groups eq "`+theirGroup+`"`).ids())
	w.get("/Groups/"+role.UID.String()).fails(http.StatusNotFound, "")
	w.patch("/Groups/"+role.UID.String(), `{"op":"add","path":"members","value":"`+mine+`"}`).fails(http.StatusNotFound, "")
	w.patch("/Groups/"+role.UID.String(), `{"op":"remove","path":"members"}`).fails(http.StatusNotFound, "")
}
