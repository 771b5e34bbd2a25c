package access_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/testoidc"
)

const audience = "https://roster.example.com"

// withIssuer returns a service that trusts a provider.
func withIssuer(t testing.TB, p *testoidc.Provider, now func() time.Time) *access.Service {
	t.Helper()
	client, err := outbound.NewClient(outbound.Config{Timeout: 2 * time.Second, MaxAnswer: issuer.MaxKeySet})
	if err != nil {
		t.Fatal(err)
	}
	return access.New(newStore(t), access.Config{
		AdminToken: "a.b.c", Now: now,
		Issuers: []access.Issuer{{URL: p.URL(), Audience: audience, Grants: access.SCIMGrants(audience + "/write"), Client: client}},
	})
}

// opens fails the test unless the service takes the token, as of the client.
func opens(t testing.TB, s *access.Service, p *testoidc.Provider, name, token string) {
	t.Helper()
	got, err := s.Authenticate(t.Context(), []string{"Bearer " + token})
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	want := &access.Principal{Name: "client-1 (" + p.URL() + ")", Scopes: []access.Scope{access.SCIM}, Issuer: p.URL(), Subject: "client-1"}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(access.Principal{}, "ExpiresAt")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// refuses fails the test unless the service refuses the token as it does every other one.
func refuses(t testing.TB, s *access.Service, name, token string) {
	t.Helper()
	got, err := s.Authenticate(t.Context(), []string{"Bearer " + token})
	if got != nil {
		t.Errorf("%s opens the door", name)
	}
	if diff := cmp.Diff(refusal, errorOf(err)); diff != "" {
		t.Errorf("%s is refused differently (-want +got):\n%s", name, diff)
	}
}

func TestIssuersTokensOpenSCIM(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	s := withIssuer(t, p, nil)
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		key := testoidc.NewKey(t, "key-"+string(algorithm), algorithm)
		p.SetKeys(key)
		s := withIssuer(t, p, nil)
		opens(t, s, p, string(algorithm), p.Token(p.Claims(audience, nil)))
	}
	p.SetKeys(testoidc.NewKey(t, "k", jose.ES256))
	for name, changes := range map[string]map[string]any{
		"audience among others": {"aud": []string{"x", audience}},
		"scp as a list":         {"scope": nil, "scp": []string{"a", audience + "/write"}},
		"scp as a text":         {"scope": nil, "scp": "a " + audience + "/write"},
		"no sub":                {"sub": nil},
		"azp only":              {"sub": nil, "client_id": nil, "azp": "client-1"},
	} {
		opens(t, s, p, name, p.Token(p.Claims(audience, changes)))
	}
	key := testoidc.NewKey(t, "", jose.RS256)
	p.SetKeys(key)
	opens(t, withIssuer(t, p, nil), p, "the only key needs no name", testoidc.Sign(t, key, p.Claims(audience, nil), map[string]any{"typ": "JWT"}))
	if got, err := s.Authenticate(t.Context(), []string{"Bearer a.b.c"}); err != nil || got.Name != access.AdminName {
		t.Errorf("a configured token that looks like a JWT: %v, %v", got, err)
	}
}

func TestIssuersScopeIsNeeded(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	s := withIssuer(t, p, nil)
	for name, changes := range map[string]map[string]any{
		"none": {"scope": nil}, "another": {"scope": "openid"}, "part": {"scope": audience + "/writer x" + audience + "/write"},
		"list of none": {"scope": nil, "scp": []string{}}, "in another case": {"scope": nil, "SCOPE": audience + "/write"}, "with a comma": {"scope": "a," + audience + "/write"},
	} {
		got, err := s.Authenticate(t.Context(), []string{"Bearer " + p.Token(p.Claims(audience, changes))})
		if got != nil || !directory.HasCode(err, directory.CodeForbidden) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestA5ForgedTokens(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	rsa := testoidc.NewKey(t, "rsa", jose.RS256)
	p.SetKeys(rsa)
	s := withIssuer(t, p, nil)
	good := testoidc.Sign(t, rsa, p.Claims(audience, nil), nil)
	opens(t, s, p, "the good one", good)
	var fetched atomic.Int64
	lure := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer lure.Close()
	before := p.Fetches.Load()

	public, err := x509.MarshalPKIXPublicKey(rsa.Public)
	if err != nil {
		t.Fatal(err)
	}
	// HMAC keys have a least length; the public key in either form is long enough.
	confused := func(secret []byte) string {
		return testoidc.Sign(t, testoidc.Key{ID: "rsa", Algorithm: jose.HS256, Private: secret}, p.Claims(audience, nil), nil)
	}
	parts := strings.Split(good, ".")
	none := func(alg string) string {
		head, _ := json.Marshal(map[string]string{"alg": alg, "kid": "rsa"})
		return base64.RawURLEncoding.EncodeToString(head) + "." + parts[1] + "."
	}
	foreign := testoidc.NewKey(t, "rsa", jose.RS256)
	stranger := testoidc.NewKey(t, "stranger", jose.RS256)
	weakPrivate, _ := testoidc.RSA(t, 2048)
	jwk := jose.JSONWebKey{Key: stranger.Public, KeyID: "stranger"}
	claims := p.Claims(audience, nil)
	changed, _ := json.Marshal(p.Claims(audience, map[string]any{"sub": "somebody"}))
	for name, token := range map[string]string{
		"alg none": none("none"), "alg None": none("None"), "alg empty": none(""),
		"HS256 with the public key":        confused(public),
		"HS256 with the public key in PEM": confused([]byte(fmt.Sprintf("-----BEGIN PUBLIC KEY-----\n%x\n-----END PUBLIC KEY-----\n", public))),
		"another key of that name":         testoidc.Sign(t, foreign, claims, nil),
		"unknown kid":                      testoidc.Sign(t, stranger, claims, nil),
		"jku":                              testoidc.Sign(t, stranger, claims, map[string]any{"jku": lure.URL}),
		"jku with a good key":              testoidc.Sign(t, rsa, claims, map[string]any{"jku": lure.URL}),
		"x5u":                              testoidc.Sign(t, stranger, claims, map[string]any{"x5u": lure.URL}),
		"jwk":                              testoidc.Sign(t, stranger, claims, map[string]any{"jwk": jwk}),
		"an algorithm that the key is not for": testoidc.Sign(t,
			testoidc.Key{ID: "rsa", Algorithm: jose.PS256, Private: rsa.Private}, claims, nil),
		"an algorithm that is not taken": testoidc.Sign(t, testoidc.Key{ID: "rsa", Algorithm: jose.RS512, Private: weakPrivate}, claims, nil),
		"another kind of token":          testoidc.Sign(t, rsa, claims, map[string]any{"typ": "logout+jwt"}),
		"a critical header":              testoidc.Sign(t, rsa, claims, map[string]any{"crit": []string{"x"}, "x": 1}),
		"changed claims":                 parts[0] + "." + base64.RawURLEncoding.EncodeToString(changed) + "." + parts[2],
		"cut":                            good[:len(good)-4],
		"no signature":                   parts[0] + "." + parts[1] + ".",
		"four parts":                     good + ".x",
		"too long":                       testoidc.Sign(t, rsa, p.Claims(audience, map[string]any{"x": strings.Repeat("x", 20_000)}), nil),
		"bound to a key":                 testoidc.Sign(t, rsa, p.Claims(audience, map[string]any{"cnf": map[string]string{"jkt": "x"}}), nil),
	} {
		refuses(t, s, name, token)
	}
	if fetched.Load() > 0 || p.Fetches.Load() != before {
		t.Errorf("forged tokens led to %d fetches from where they point and to %d from the issuer", fetched.Load(), p.Fetches.Load()-before)
	}
}

func TestA6WrongClaims(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := testoidc.New(t)
	s := withIssuer(t, p, c.now)
	now := c.now().Unix()
	other := testoidc.New(t)
	for name, changes := range map[string]map[string]any{
		"another audience": {"aud": "https://other.example.com"}, "no audience": {"aud": nil}, "audience with a slash": {"aud": audience + "/"},
		"audiences": {"aud": []string{"a", "b"}}, "audience number": {"aud": 1},
		"another issuer": {"iss": other.URL()}, "issuer with a slash": {"iss": p.URL() + "/"}, "no issuer": {"iss": nil}, "issuer list": {"iss": []string{p.URL()}},
		"expired": {"exp": now - 60}, "no exp": {"exp": nil}, "exp text": {"exp": "tomorrow"}, "exp null": {"exp": json.RawMessage("null")},
		"EXP": {"exp": nil, "EXP": now + 60}, "Aud": {"aud": nil, "Aud": audience}, "Iss": {"iss": "x", "Iss": p.URL()}, // names have a case
		"exp out of range": {"exp": json.RawMessage("1e400")},
		"not yet":          {"nbf": now + 61},
		"nobody":           {"sub": nil, "client_id": nil}, "empty": {"sub": "", "client_id": ""},
		"NUL": {"sub": "a\x00"}, "line": {"sub": "a\nb"}, "long": {"sub": strings.Repeat("x", 256)}, "sub number": {"sub": 1},
	} {
		refuses(t, s, name, p.Token(p.Claims(audience, changes)))
	}
	for name, changes := range map[string]map[string]any{
		"expired within the leeway": {"exp": now - 59}, "not yet within the leeway": {"nbf": now + 59}, "a fraction": {"exp": float64(now) + 0.5},
		"before": {"nbf": now - 100},
	} {
		opens(t, s, p, name, p.Token(p.Claims(audience, changes)))
	}
}

func TestA8KeysCannotBeFetched(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	for name, answer := range map[string]http.HandlerFunc{
		"error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"no keys": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) },
		"too many keys": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"keys":[%s{}]}`, strings.Repeat("{},", 100))
		},
		"a secret key": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":[{"kty":"oct","k":"AAAA","kid":"first"}]}`)
		},
		"huge": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":["`+strings.Repeat("x", 2<<20)) },
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			p := testoidc.New(t)
			s := withIssuer(t, p, c.now)
			token := p.Token(p.Claims(audience, map[string]any{"exp": c.now().Add(100 * time.Hour).Unix()}))
			down := func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/keys" {
					answer(w, r)
				}
				return r.URL.Path == "/keys"
			}
			unavailable := func(when, token string) {
				t.Helper()
				got, err := s.Authenticate(t.Context(), []string{"Bearer " + token})
				if got != nil || !directory.HasCode(err, directory.CodeUnavailable) || strings.Contains(errorOf(err).Message, p.URL()) {
					t.Errorf("%s: %v, %v", when, got, err)
				}
			}
			p.Hook(down)
			unavailable("without keys", token)
			p.Hook(nil)
			unavailable("before the next fetch", token)
			c.pass(10 * time.Second)
			opens(t, s, p, "after the next fetch", token)
			// From here on keys are at hand: they serve, and whoever names others cannot be judged.
			p.Hook(down)
			c.pass(time.Hour)
			opens(t, s, p, "with cached keys", token)
			unavailable("an unknown key", testoidc.Sign(t, testoidc.NewKey(t, "new", jose.ES256), p.Claims(audience, map[string]any{"exp": c.now().Add(time.Hour).Unix()}), nil))
			opens(t, s, p, "with cached keys, after that", token)
			c.pass(24 * time.Hour)
			unavailable("with keys of yesterday", token)
		})
	}
}

func TestA8FetchesAreFew(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := testoidc.New(t)
	s := withIssuer(t, p, c.now)
	opens(t, s, p, "the first", p.Token(p.Claims(audience, nil)))
	c.pass(time.Minute)
	before := p.Fetches.Load()
	stranger := testoidc.NewKey(t, "stranger", jose.ES256)
	var crowd sync.WaitGroup
	for range 50 {
		crowd.Go(func() { refuses(t, s, "unknown key", testoidc.Sign(t, stranger, p.Claims(audience, nil), nil)) })
	}
	crowd.Wait()
	if n := p.Fetches.Load() - before; n != 2 {
		t.Errorf("50 tokens with an unknown key cost %d requests, want one for discovery and one for the keys", n)
	}
	before = p.Fetches.Load()
	for _, token := range []string{"x.y.z", p.Token(p.Claims("https://other", nil)), p.Token(p.Claims(audience, map[string]any{"exp": 1}))} {
		c.pass(time.Minute)
		refuses(t, s, "hopeless", token)
	}
	if n := p.Fetches.Load() - before; n != 0 {
		t.Errorf("tokens that are bad by what they say cost %d requests", n)
	}
}

func TestA9KeyRotation(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := testoidc.New(t)
	s := withIssuer(t, p, c.now)
	first, second := testoidc.NewKey(t, "1", jose.RS256), testoidc.NewKey(t, "2", jose.ES256)
	sign := func(k testoidc.Key) string { return testoidc.Sign(t, k, p.Claims(audience, nil), nil) }
	p.SetKeys(first)
	opens(t, s, p, "the first key", sign(first))
	c.pass(10 * time.Second)
	p.SetKeys(second, first)
	opens(t, s, p, "the second key, at its first token", sign(second))
	opens(t, s, p, "the first key beside it", sign(first))
	p.SetKeys(second)
	c.pass(15 * time.Minute)
	opens(t, s, p, "the second key alone", sign(second)) // and has the keys asked for again, in the background
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := s.Authenticate(t.Context(), []string{"Bearer " + sign(first)}); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a key that the issuer took back still opens the door")
		}
	}
	c.pass(10 * time.Second)
	refuses(t, s, "the key that was taken back", sign(first))
}

func TestInstanceAt(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	d, hr := scimInstance(t, db, "HR")
	local, err := d.Instance(t.Context(), directory.LocalProvider, "")
	if err != nil {
		t.Fatal(err)
	}
	s := access.New(db, access.Config{})
	check := func(name, token string, want *directory.Instance) {
		t.Helper()
		got, err := s.InstanceAt(t.Context(), token)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	check("known", hr.URLToken, hr)
	check("empty", "", nil)
	check("unknown", strings.Repeat("x", len(hr.URLToken)), nil)
	check("no SCIM instance", local.URLToken, nil)
	if err := d.HoldInMemory(t.Context(), db, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := s.HoldInMemory(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	check("known, in memory", hr.URLToken, hr)
	check("no SCIM instance, in memory", local.URLToken, nil)
	check("unknown, in memory", "x", nil)
}
