package issuer

import (
	"errors"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Nothing that somebody sends opens the door by itself, or ends the program.
func FuzzVerify(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjEifQ.")
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwOi8vMTI3LjAuMC4xOjEiLCJhdWQiOiJhIiwiZXhwIjo5OTk5OTk5OTk5LCJzdWIiOiJ4In0.AAAA")
	f.Add(`{"payload":"","signatures":[]}`)
	i := New(Config{URL: "http://127.0.0.1:1", Audience: "a"})
	i.keys.tried = i.cfg.Now().Add(maxAge) // fetches nothing
	f.Fuzz(func(t *testing.T, token string) {
		if claims, err := i.Verify(t.Context(), token); claims != nil || !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v, %v", token, claims, err)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"1"},{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},{},null,7]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeys(text)
		if (len(keys) > 0) != (err == nil) || len(keys) > maxKeys {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			for _, algorithm := range []jose.SignatureAlgorithm{jose.HS256, jose.RS512, "none", ""} {
				if fits(k, string(algorithm)) {
					t.Errorf("a key of %s is one for %q", text, algorithm)
				}
			}
		}
	})
}
