package access_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
)

func TestMiddlewareNamesWhoActs(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	s := access.New(db, access.Config{AdminToken: "let-me-in"})
	scimInstance(t, db, "HR")
	token, secret := create(t, s, readToken)
	_, push := create(t, s, access.CreateTokenInput{Name: "push", Scopes: []access.Scope{access.SCIM}, Provider: to("HR")})

	var seen *directory.Actor
	var refused error
	handler := s.Middleware(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			actor := directory.ActorFrom(r.Context())
			seen = &actor
			if p := access.PrincipalFrom(r.Context()); p == nil || p.Name != actor.Name {
				t.Errorf("the principal is %+v, the actor %+v", p, actor)
			}
		}),
		func(_ http.ResponseWriter, _ *http.Request, err error) { refused = err })
	for _, test := range []struct {
		name, url string
		header    []string
		want      *directory.Actor
		code      directory.Code
	}{
		{name: "stored", header: []string{"Bearer " + secret}, want: &directory.Actor{Name: "reader", Token: token.UID.String(), Door: "graphql", RequestID: "r1"}},
		{name: "configured", header: []string{"bearer let-me-in"}, want: &directory.Actor{Name: "admin", Door: "graphql", RequestID: "r1"}},
		{name: "none", code: directory.CodeUnauthenticated},
		{name: "twice", header: []string{"Bearer let-me-in", "Bearer let-me-in"}, code: directory.CodeUnauthenticated},
		{name: "in the query string", url: "?access_token=let-me-in&token=let-me-in", code: directory.CodeUnauthenticated},
		{name: "SCIM", header: []string{"Bearer " + push}, code: directory.CodeForbidden},
	} {
		seen, refused = nil, nil
		r := httptest.NewRequestWithContext(telemetry.WithRequestID(t.Context(), "r1"), http.MethodPost, "/graphql"+test.url, nil)
		r.Header["Authorization"] = test.header
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if diff := cmp.Diff(test.want, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if test.want == nil && !directory.HasCode(refused, test.code) {
			t.Errorf("%s: refused with %v, want %s", test.name, refused, test.code)
		}
	}
}
