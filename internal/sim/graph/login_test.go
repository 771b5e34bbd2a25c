package graph

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assertion makes a client assertion ("Microsoft identity platform application authentication certificate credentials").
func assertion(t *testing.T, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.PS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(claims)
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

func TestSignIn(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	certificate := &x509.Certificate{SerialNumber: big.NewInt(1), PublicKey: &key.PublicKey}
	s := start(t, Config{Tenant: NewTenant(1), Certificate: certificate})
	claims := map[string]any{"iss": s.ClientID, "sub": s.ClientID, "aud": s.URL() + "/" + s.Tenant.ID + "/oauth2/v2.0/token", "exp": time.Now().Add(time.Minute).Unix()}
	old := map[string]any{"iss": s.ClientID, "sub": s.ClientID, "aud": claims["aud"], "exp": time.Now().Add(-time.Minute).Unix()}
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.ClientID}, "client_secret": {s.ClientSecret}, "scope": {"https://graph.microsoft.com/.default openid profile"}}
	for _, c := range []struct {
		name, tenant string
		change       url.Values
		status, code int
	}{
		{"a secret", s.Tenant.ID, nil, 200, 0},
		{"the tenant's domain", s.Tenant.Domain, nil, 200, 0},
		{"a certificate", s.Tenant.ID, url.Values{"client_secret": nil, "client_assertion": {assertion(t, key, claims)}}, 200, 0},
		{"a certificate of somebody else", s.Tenant.ID, url.Values{"client_assertion": {assertion(t, other, claims)}}, 401, 700027},
		{"an assertion that is over", s.Tenant.ID, url.Values{"client_assertion": {assertion(t, key, old)}}, 401, 700027},
		{"a wrong secret", s.Tenant.ID, url.Values{"client_secret": {"x"}}, 401, 7000215},
		{"no secret", s.Tenant.ID, url.Values{"client_secret": nil}, 401, 7000216},
		{"another application", s.Tenant.ID, url.Values{"client_id": {"x"}}, 400, 700016},
		{"another tenant", "fabrikam.example", nil, 400, 90002},
		{"another grant", s.Tenant.ID, url.Values{"grant_type": {"password"}}, 400, 70003},
		{"a scope that is none of an application", s.Tenant.ID, url.Values{"scope": {"User.Read"}}, 400, 1002012},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			form := url.Values{}
			for name, v := range good {
				form[name] = v
			}
			for name, v := range c.change {
				form[name] = v
			}
			answer, err := s.Client().PostForm(s.URL()+"/"+c.tenant+"/oauth2/v2.0/token", form)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var body struct {
				Codes []int  `json:"error_codes"`
				Text  string `json:"error_description"`
				Token string `json:"access_token"`
			}
			if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != c.status || (body.Token != "") != (c.status == 200) || c.code != 0 && (len(body.Codes) != 1 || body.Codes[0] != c.code || !strings.HasPrefix(body.Text, "AADSTS")) {
				t.Errorf("%d %+v", answer.StatusCode, body)
			}
		})
	}
}

// TestDiscovery: the libraries look for the token endpoint here, and compare the issuer with the authority.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Tenant: NewTenant(1)})
	answer, err := s.Client().Get(s.URL() + "/" + s.Tenant.ID + "/v2.0/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body struct {
		Issuer string
		Token  string `json:"token_endpoint"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.StatusCode, err)
	}
	if body.Issuer != s.URL()+"/"+s.Tenant.ID+"/v2.0" || body.Token != s.URL()+"/"+s.Tenant.ID+"/oauth2/v2.0/token" {
		t.Errorf("%+v", body)
	}
}
