// Package testoidc is an OpenID provider for tests, in process: it approves everything at once, and can be told to
// misbehave.
package testoidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Key is a signing key of a provider.
type Key struct {
	ID        string
	Algorithm jose.SignatureAlgorithm
	Private   any
	Public    any
}

// NewKey makes a key for an algorithm: RS256, PS256, ES256 or EdDSA.
func NewKey(t testing.TB, id string, algorithm jose.SignatureAlgorithm) Key {
	t.Helper()
	k := Key{ID: id, Algorithm: algorithm}
	var err error
	switch algorithm {
	case jose.ES256:
		var key *ecdsa.PrivateKey
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		k.Private, k.Public = key, &key.PublicKey
	case jose.EdDSA:
		k.Public, k.Private, err = ed25519.GenerateKey(rand.Reader)
	default:
		k.Private, k.Public = RSA(t, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// RSA makes a key pair of a length in bits.
func RSA(t testing.TB, bits int) (*rsa.PrivateKey, *rsa.PublicKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key, &key.PublicKey
}

// Provider is a running provider.
type Provider struct {
	t      testing.TB
	server *httptest.Server
	// Fetches counts the requests for discovery and keys.
	Fetches atomic.Int64
	// Hooked answers in place of the provider where it is set and returns true.
	Hooked atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]

	mu       sync.Mutex
	keys     []Key
	codes    map[string]code
	refresh  map[string]string // scopes by refresh token
	asked    []map[string]string
	lifetime time.Duration
	consent  bool
}

// New starts a provider with one key, that ends with the test.
func New(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{t: t, codes: map[string]code{}, refresh: map[string]string{}, lifetime: time.Hour, consent: true}
	p.keys = []Key{NewKey(t, "first", jose.ES256)}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/keys", p.serveKeys)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.token)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hook := p.Hooked.Load(); hook != nil && (*hook)(w, r) {
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

// URL is the issuer.
func (p *Provider) URL() string { return p.server.URL }

// SetKeys changes the keys. The first one signs.
func (p *Provider) SetKeys(keys ...Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
}

// Hook has requests answered by another function where that returns true; nil ends it.
func (p *Provider) Hook(hook func(http.ResponseWriter, *http.Request) bool) {
	if hook == nil {
		p.Hooked.Store(nil)
		return
	}
	p.Hooked.Store(&hook)
}

// Claims are those of a good token for an audience, with changes; a nil value takes a claim out.
func (p *Provider) Claims(audience string, changes map[string]any) map[string]any {
	now := time.Now()
	out := map[string]any{
		"iss": p.URL(), "aud": audience, "sub": "client-1", "client_id": "client-1", "scope": "openid " + audience + "/write",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": rand.Text(),
	}
	for name, value := range changes {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

// Sign makes a JWT with a key, and header fields beside alg and kid.
func Sign(t testing.TB, k Key, claims map[string]any, header map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt")
	if k.ID != "" {
		options = options.WithHeader("kid", k.ID)
	}
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: k.Algorithm, Key: k.Private}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Token signs claims with the provider's first key.
func (p *Provider) Token(claims map[string]any) string {
	p.t.Helper()
	p.mu.Lock()
	key := p.keys[0]
	p.mu.Unlock()
	return Sign(p.t, key, claims, nil)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.Fetches.Add(1)
	answer(w, http.StatusOK, map[string]any{
		"issuer": p.URL(), "authorization_endpoint": p.URL() + "/authorize", "token_endpoint": p.URL() + "/token", "jwks_uri": p.URL() + "/keys",
		"id_token_signing_alg_values_supported":          []string{"ES256", "RS256"},
		"authorization_response_iss_parameter_supported": true,
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "none"},
	})
}

func (p *Provider) serveKeys(w http.ResponseWriter, _ *http.Request) {
	p.Fetches.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	set := jose.JSONWebKeySet{}
	for _, k := range p.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public, KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"})
	}
	answer(w, http.StatusOK, set)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Asked lists what the token endpoint was asked, in order.
func (p *Provider) Asked() []map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]map[string]string, len(p.asked))
	for i, form := range p.asked {
		out[i] = maps.Clone(form)
	}
	return out
}

// SetLifetime says how long access tokens live from now on.
func (p *Provider) SetLifetime(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lifetime = d
}

// EndConsent takes back every refresh token.
func (p *Provider) EndConsent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refresh = map[string]string{}
}

// DenyConsent has the provider refuse to sign anybody in.
func (p *Provider) DenyConsent() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.consent = false
}

func fields(scope string) []string { return strings.Fields(scope) }
