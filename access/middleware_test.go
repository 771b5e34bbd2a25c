package access_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
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
		name   string
		header []string
		want   *directory.Actor
		code   directory.Code
	}{
		{name: "stored", header: []string{"Bearer " + secret}, want: &directory.Actor{Name: "reader", Token: token.UID.String(), Door: "graphql", RequestID: "r1"}},
		{name: "configured", header: []string{"bearer let-me-in"}, want: &directory.Actor{Name: "admin", Door: "graphql", RequestID: "r1"}},
		{name: "none", code: directory.CodeUnauthenticated},
		{name: "twice", header: []string{"Bearer let-me-in", "Bearer let-me-in"}, code: directory.CodeUnauthenticated},
		{name: "SCIM", header: []string{"Bearer " + push}, code: directory.CodeForbidden},
	} {
		seen, refused = nil, nil
		r := httptest.NewRequestWithContext(telemetry.WithRequestID(t.Context(), "r1"), http.MethodPost, "/graphql", nil)
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

// A token is taken from the header alone (RFC 6750 section 2.3, RFC 9700 section 4.3.2): addresses are logged, and kept by
// browsers and proxies. One that is there does not help, and does not harm.
func TestA10TokenInTheQueryString(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{AdminToken: "let-me-in"})
	passed := 0
	var refused error
	handler := s.Middleware(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ }),
		func(_ http.ResponseWriter, _ *http.Request, err error) { refused = err })
	for _, name := range []string{"access_token", "token", "authorization", "Authorization", "bearer", "api_key"} {
		for _, value := range []string{"let-me-in", "Bearer let-me-in"} {
			text := url.Values{name: {value}}.Encode()
			form := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(text))
			form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			cookie := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", nil)
			cookie.Header.Set("Cookie", text)
			for where, r := range map[string]*http.Request{
				"query": httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/graphql?"+text, nil), "form": form, "cookie": cookie,
			} {
				refused = nil
				handler.ServeHTTP(httptest.NewRecorder(), r)
				if diff := cmp.Diff(refusal, errorOf(refused)); diff != "" || passed > 0 {
					t.Errorf("%s in the %s (-want +got):\n%s", text, where, diff)
				}
			}
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql?access_token=wrong", nil)
	r.Header.Set("Authorization", "Bearer let-me-in")
	if handler.ServeHTTP(httptest.NewRecorder(), r); passed != 1 {
		t.Errorf("a good header beside a wrong query: %v", refused)
	}
}
