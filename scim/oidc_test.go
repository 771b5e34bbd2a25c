package scim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/testoidc"
	"github.com/roster-gateway/roster/scim"
)

// trusting is a server that takes an issuer's tokens, and how to come to a client of it with a token for a subject.
func (w *world) trusting() (p *testoidc.Provider, at func(prefix, subject string) *client) {
	w.t.Helper()
	t := w.t
	p = testoidc.New(t)
	fetch, err := outbound.NewClient(outbound.Config{Timeout: time.Second, MaxAnswer: issuer.MaxKeySet})
	if err != nil {
		t.Fatal(err)
	}
	service := access.New(w.store, access.Config{Issuers: []access.Issuer{{URL: p.URL(), Audience: publicURL, Grants: access.SCIMGrants(publicURL + "/write"), Client: fetch}}})
	server := httptest.NewServer(canary.Handler(t, scim.NewHandler(w.directory, service, scim.Config{PublicURL: publicURL, Log: canary.Log(t)})))
	t.Cleanup(server.Close)
	return p, func(prefix, subject string) *client {
		return &client{t: t, server: server.URL, prefix: prefix, bearer: p.Token(p.Claims(publicURL, map[string]any{"sub": subject}))}
	}
}

// /Me is the user whose externalId is the subject of an issuer's token, and nobody who only looks like it.
func TestMeIsTheTokensSubject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, at := w.trusting()
	other := w.instance("Other")
	ana := w.post("/Users", `{"userName":"ana@x","externalId":"s-1","emails":[{"value":"s-2"}]}`).is(http.StatusCreated).text("id")
	w.post("/Users", `{"userName":"s-2","displayName":"s-2"}`).is(http.StatusCreated)
	w.post("/Groups", `{"displayName":"G","externalId":"s-3"}`).is(http.StatusCreated)
	other.post("/Users", `{"userName":"eve@x","externalId":"s-4"}`).is(http.StatusCreated)
	tenant := "/tokens/" + w.urlToken(provider)
	me := at(tenant, "s-1")
	me.get("/Me").is(http.StatusOK).has(ana, "id").has("ana@x", "userName")
	me.patch("/me", `{"op":"add","path":"title","value":"Dr"}`).is(http.StatusNoContent)
	me.get("/Me?attributes=title").is(http.StatusOK).has("Dr", "title")
	for _, a := range []*answer{me.get("/Me"), me.patch("/Me", `{"op":"replace","path":"title","value":"Dr"}`)} {
		same(t, a.what+": Location", w.get("/Users/"+ana).header.Get("Content-Location"), strings.Replace(a.header.Get("Location"), me.prefix, w.prefix, 1))
	}
	same(t, "Allow", "DELETE, GET, HEAD, PATCH, PUT", me.post("/Me", `{}`).fails(http.StatusMethodNotAllowed, "").header.Get("Allow"))
	for _, subject := range []string{"s-2", "s-3", "s-4", "S-1", ana, "ana@x"} {
		at(tenant, subject).get("/Me").fails(http.StatusNotFound, "")
	}
	me.delete("/Me").is(http.StatusNoContent)
	me.get("/Me").fails(http.StatusNotFound, "")
}

// An issuer's token is of no instance: it opens the one that the Tenant URL names, and nothing else.
func TestIssuersTokenNeedsATenantURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.instance("Other")
	p, with := w.trusting()
	at := func(prefix string) *client { return with(prefix, "somebody") }
	tenant := "/tokens/" + w.urlToken(provider)
	id := at(tenant).post("/Users", map[string]any{"userName": "ana@x"}).is(http.StatusCreated).text("id")
	w.client.get("/Users/" + id).is(http.StatusOK) // the same as with the instance's own token
	at(tenant + "/scim/v2").get("/Users/" + id).is(http.StatusOK)
	at("/tokens/"+w.urlToken("Other")).get("/Users/"+id).fails(http.StatusNotFound, "")
	at("/scim/v2").get("/Users/"+id).fails(http.StatusForbidden, "")
	at("/tokens/"+strings.Repeat("x", len(w.urlToken(provider)))).get("/Users/"+id).fails(http.StatusNotFound, "")
	at("/tokens/").get("/Users/"+id).fails(http.StatusNotFound, "")

	off := false
	if _, err := w.directory.UpdateProvider(t.Context(), provider, &off); err != nil {
		t.Fatal(err)
	}
	at(tenant).get("/Users/"+id).fails(http.StatusForbidden, "")
	stranger := at(tenant)
	stranger.bearer = p.Token(p.Claims("https://other.example.com", nil))
	nobody := at(tenant)
	nobody.bearer = "x"
	same(t, "refusals", nobody.get("/Users").fails(http.StatusUnauthorized, "").raw, stranger.get("/Users").fails(http.StatusUnauthorized, "").raw)
}
