package testoidc

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"

	"github.com/roster-gateway/roster/internal/canary"
)

// code is an authorization code that was given out.
type code struct {
	challenge, redirect, scope, nonce, client, resource string
}

// Secret is the secret of the client "service". Other clients are public.
const Secret = canary.Mark + "-service"

// authorize approves at once, or refuses where it was told to.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Hostname() != "127.0.0.1" || q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" {
		http.Error(w, "no such client", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	out := url.Values{"state": {q.Get("state")}, "iss": {p.server.URL}}
	if p.consent {
		text := rand.Text()
		p.codes[text] = code{q.Get("code_challenge"), q.Get("redirect_uri"), q.Get("scope"), q.Get("nonce"), q.Get("client_id"), q.Get("resource")}
		out.Set("code", text)
	} else {
		out.Set("error", "access_denied")
		out.Set("error_description", "the user said no")
	}
	back.RawQuery = out.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token answers the grants authorization_code, refresh_token and client_credentials (RFC 6749). A refresh token is good
// once.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	form := map[string]string{}
	for name := range r.PostForm {
		form[name] = r.PostForm.Get(name)
	}
	p.mu.Lock()
	p.asked = append(p.asked, form)
	status, body := p.grant(r, form)
	p.mu.Unlock()
	answer(w, status, body)
}

func (p *Provider) grant(r *http.Request, form map[string]string) (int, map[string]any) {
	refused := func(reason string) (int, map[string]any) {
		return http.StatusBadRequest, map[string]any{"error": reason, "error_description": "grant request is invalid"}
	}
	scope, nonce := form["scope"], ""
	switch form["grant_type"] {
	case "authorization_code":
		c, ok := p.codes[form["code"]]
		delete(p.codes, form["code"])
		sum := sha256.Sum256([]byte(form["code_verifier"]))
		if !ok || base64.RawURLEncoding.EncodeToString(sum[:]) != c.challenge || c.redirect != form["redirect_uri"] || c.client != form["client_id"] {
			return refused("invalid_grant")
		}
		scope, nonce = c.scope, c.nonce
	case "refresh_token":
		granted, ok := p.refresh[form["refresh_token"]]
		delete(p.refresh, form["refresh_token"])
		if !ok {
			return refused("invalid_grant")
		}
		scope = granted
	case "client_credentials":
		if id, secret, _ := r.BasicAuth(); id != "service" || secret != Secret {
			return http.StatusUnauthorized, map[string]any{"error": "invalid_client"}
		}
	default:
		return refused("unsupported_grant_type")
	}
	key := p.keys[0]
	changes := map[string]any{"scope": scope}
	out := map[string]any{"token_type": "Bearer", "expires_in": int(p.lifetime.Seconds())}
	out["access_token"] = Sign(p.t, key, p.Claims(form["resource"], changes), nil)
	if slices.Contains(fields(scope), "offline_access") {
		next := rand.Text()
		p.refresh[next] = scope
		out["refresh_token"] = next
	}
	if slices.Contains(fields(scope), "openid") {
		out["id_token"] = Sign(p.t, key, p.Claims(form["client_id"], map[string]any{"nonce": nonce}), nil)
	}
	return http.StatusOK, out
}
