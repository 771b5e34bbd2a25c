package scim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/testoidc"
	"github.com/roster-gateway/roster/scim"
)

// An issuer's token is of no instance: it opens the one that the Tenant URL names, and nothing else.
func TestIssuersTokenNeedsATenantURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.instance("Other")
	p := testoidc.New(t)
	fetch, err := outbound.NewClient(outbound.Config{Timeout: time.Second, MaxAnswer: issuer.MaxKeySet})
	if err != nil {
		t.Fatal(err)
	}
	trusting := access.New(w.store, access.Config{Issuers: []access.Issuer{{URL: p.URL(), Audience: publicURL, SCIMScope: publicURL + "/write", Client: fetch}}})
	server := httptest.NewServer(scim.NewHandler(w.directory, trusting, scim.Config{PublicURL: publicURL}))
	t.Cleanup(server.Close)
	at := func(prefix string) *client {
		return &client{t: t, server: server.URL, prefix: prefix, bearer: p.Token(p.Claims(publicURL, nil))}
	}
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
