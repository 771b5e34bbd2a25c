package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// patience is how long somebody may take to sign in.
const patience = 10 * time.Minute

// browser signs a person in: Authorization Code with PKCE, answered on a loopback address (RFC 8252 section 7.3).
// show is given the address to open.
func (c Client) browser(ctx context.Context, secret string, show func(address string)) (*Tokens, error) {
	p, err := discover(ctx, c.Issuer)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot listen for the browser's answer: %w", err)
	}
	defer listener.Close()
	ask := request{
		client: c, provider: p, redirect: "http://" + listener.Addr().String() + "/callback",
		state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), answers: make(chan answer, 1),
	}
	server := &http.Server{Handler: &ask, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 32 << 10}
	go func() { _ = server.Serve(listener) }() // ends with the listener
	defer func() {
		// The browser gets its page before the program ends.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(ending)
	}()
	show(ask.address())
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case got := <-ask.answers:
		if got.err != nil {
			return nil, got.err
		}
		return ask.redeem(ctx, secret, got.code)
	case <-bounded.Done():
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("nobody signed in within %s", patience)
	}
}

// request is one question to the authorization endpoint.
type request struct {
	client                           Client
	provider                         *provider
	redirect, state, nonce, verifier string
	answers                          chan answer
}

// answer is what came back of it.
type answer struct {
	code string
	err  error
}

func (r *request) address() string {
	cfg := oauth2.Config{ClientID: r.client.ID, Endpoint: r.provider.Endpoint(), RedirectURL: r.redirect, Scopes: r.client.Scopes}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.verifier), oidc.Nonce(r.nonce)}
	if r.client.Resource != "" {
		options = append(options, oauth2.SetAuthURLParam("resource", r.client.Resource))
	}
	if slices.Contains(r.client.Scopes, oidc.ScopeOfflineAccess) {
		// Without it the issuer must not give a refresh token (OpenID Connect Core section 11).
		options = append(options, oauth2.SetAuthURLParam("prompt", "consent"))
	}
	return cfg.AuthCodeURL(r.state, options...)
}

// ServeHTTP takes the browser back. Whoever does not know the state is not the issuer's answer, and changes nothing.
func (r *request) ServeHTTP(w http.ResponseWriter, browser *http.Request) {
	query := browser.URL.Query()
	state := query.Get("state")
	if browser.Method != http.MethodGet || browser.URL.Path != "/callback" || subtle.ConstantTimeCompare([]byte(state), []byte(r.state)) != 1 {
		http.Error(w, "This is not the answer that was waited for.", http.StatusBadRequest)
		return
	}
	got := r.read(query)
	select {
	case r.answers <- got:
	default: // it was answered before
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	if got.err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintln(w, "Roster could not sign you in. The terminal says why.")
		return
	}
	fmt.Fprintln(w, "Roster has got its answer. You can close this window.")
}

// read checks who answers (RFC 9207) and what.
func (r *request) read(query url.Values) answer {
	from, stated := query.Get("iss"), query.Has("iss")
	switch {
	case stated && from != r.client.Issuer, !stated && r.provider.SendsIssuer:
		return answer{err: errors.New("the answer is not from the issuer that was asked: sign in again, and follow no other link meanwhile")}
	case query.Get("error") != "":
		return answer{err: fmt.Errorf("the issuer %s did not sign you in: %s", r.client.Issuer, described(query.Get("error"), query.Get("error_description")))}
	case query.Get("code") == "":
		return answer{err: fmt.Errorf("the issuer %s answered without a code", r.client.Issuer)}
	}
	return answer{code: query.Get("code")}
}

// redeem changes the code for tokens, and checks that they belong to this sign-in.
func (r *request) redeem(ctx context.Context, secret, code string) (*Tokens, error) {
	token, err := r.client.grant(ctx, r.provider, secret, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {r.redirect}, "code_verifier": {r.verifier},
	})
	if err != nil {
		return nil, err
	}
	if slices.Contains(r.client.Scopes, oidc.ScopeOpenID) {
		raw, _ := token.Extra("id_token").(string)
		id, err := r.provider.Verifier(&oidc.Config{ClientID: r.client.ID}).Verify(ctx, raw)
		if err != nil || id.Nonce != r.nonce {
			return nil, fmt.Errorf("the issuer %s gave an ID token that does not belong to this sign-in", r.client.Issuer)
		}
	}
	if scope, stated := token.Extra("scope").(string); stated {
		for _, wanted := range r.client.Scopes {
			if strings.Contains(wanted, "/") && !slices.Contains(strings.Fields(scope), wanted) {
				return nil, fmt.Errorf("the issuer %s did not grant the scope %s", r.client.Issuer, wanted)
			}
		}
	}
	tokens := kept(token)
	return &tokens, nil
}
