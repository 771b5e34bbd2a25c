package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/signin"
	"github.com/roster-gateway/roster/internal/testoidc"
)

const (
	tenant   = "https://roster.example.com/tokens/x"
	resource = "https://roster.example.com"
)

func session(t testing.TB, folder string) *signin.Session {
	t.Helper()
	client, err := outbound.NewClient(outbound.Config{Timeout: 10 * time.Second, MaxAnswer: signin.MaxAnswer})
	if err != nil {
		t.Fatal(err)
	}
	return &signin.Session{Tenant: tenant, Store: signin.Store{Folder: folder}, HTTP: client}
}

func person(p *testoidc.Provider) signin.Client {
	return signin.Client{Issuer: p.URL(), ID: "cli", Resource: resource, Scopes: []string{"openid", "offline_access", resource + "/write"}}
}

// browser opens the address as a browser does, and follows where it leads.
func browser(t testing.TB) func(string) {
	return func(address string) {
		go func() {
			response, err := http.Get(address)
			if err != nil {
				t.Error(err)
				return
			}
			response.Body.Close()
		}()
	}
}

func signIn(t testing.TB, p *testoidc.Provider, folder string) *signin.Session {
	t.Helper()
	s := session(t, folder)
	if err := s.SignIn(t.Context(), person(p), browser(t)); err != nil {
		t.Fatal(err)
	}
	return s
}

func token(t testing.TB, s *signin.Session, rejected string) string {
	t.Helper()
	got, err := s.Token(t.Context(), rejected)
	if err != nil || got == "" || got == rejected {
		t.Fatalf("got the token %q, %v", got, err)
	}
	return got
}

// kept is the one file in the folder that holds tokens.
func kept(t testing.TB, folder string) (file string, content map[string]any) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("kept are %v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	return files[0], content
}

func TestSignInKeepsTokensForTheOwnerOnly(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	folder := filepath.Join(t.TempDir(), "roster", "scim")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s := signIn(t, p, folder)
	first := token(t, s, "")
	file, content := kept(t, folder)
	if content["accessToken"] != first || content["refreshToken"] == nil || content["tenant"] != tenant {
		t.Errorf("kept is %v", content)
	}
	for path, want := range map[string]os.FileMode{file: 0o600, folder: 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has the mode %v, %v", path, info.Mode(), err)
		}
	}
	if got := token(t, session(t, folder), ""); got != first {
		t.Error("another process does not find the token")
	}
	asked := p.Asked()
	if len(asked) != 1 || asked[0]["resource"] != resource || len(asked[0]["code_verifier"]) < 43 {
		t.Errorf("the issuer was asked %v", asked)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := session(t, folder).Token(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
}

func TestRefreshedTokensAreOnDiskBeforeUse(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	folder := t.TempDir()
	p.SetLifetime(time.Minute)
	s := signIn(t, p, folder)
	first := token(t, s, "")
	_, before := kept(t, folder)
	later := session(t, folder)
	later.Now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	p.SetLifetime(time.Hour)
	second := token(t, later, "")
	_, after := kept(t, folder)
	if second == first || after["accessToken"] != second || after["refreshToken"] == before["refreshToken"] {
		t.Errorf("before %v, after %v", before, after)
	}
	if third := token(t, later, second); third == second { // it was rejected
		t.Error("a rejected token is given again")
	}
	last := p.Asked()[2]
	if last["grant_type"] != "refresh_token" || last["refresh_token"] != after["refreshToken"] || last["resource"] != resource {
		t.Errorf("the issuer was asked %v", last)
	}
}

// TestTwoAtOnceRefreshOnce: the issuer takes each refresh token once. A second use would end the sign-in.
func TestTwoAtOnceRefreshOnce(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	folder := t.TempDir()
	p.SetLifetime(time.Second) // within the margin: expired at once
	signIn(t, p, folder)
	p.SetLifetime(time.Hour)
	var all sync.WaitGroup
	got := make([]string, 16)
	var processes []*signin.Session
	for range 4 {
		processes = append(processes, session(t, folder))
	}
	for i := range got {
		all.Go(func() {
			var err error
			if got[i], err = processes[i%4].Token(t.Context(), ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, one := range got {
		if one != got[0] {
			t.Fatal("they use different tokens")
		}
	}
	if n := len(p.Asked()); n != 2 {
		t.Errorf("the issuer was asked %d times, want once for the sign-in and once for the refresh", n)
	}
}

func TestEndOfConsentLeavesNothing(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	folder := t.TempDir()
	s := signIn(t, p, folder)
	first := token(t, s, "")
	p.EndConsent()
	_, err := s.Token(t.Context(), first)
	var ended *signin.Ended
	if !errors.As(err, &ended) || ended.Client.ID != "cli" || !strings.Contains(err.Error(), "consent has run out") {
		t.Fatalf("got %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(folder, "*.json")); len(files) != 0 {
		t.Errorf("left are %v", files)
	}
	if _, err := s.Token(t.Context(), ""); !errors.As(err, &ended) || ended.Client.ID != "" {
		t.Errorf("the void token is still used: %v", err)
	}
}

// TestIssuerDownKeepsTheSignIn: only the issuer's word ends it.
func TestIssuerDownKeepsTheSignIn(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	folder := t.TempDir()
	s := signIn(t, p, folder)
	first := token(t, s, "")
	_, before := kept(t, folder)
	for name, answer := range map[string]http.HandlerFunc{
		"error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"other refusal": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_scope","error_description":"a\u001b[2Jb"}`)
		},
		"other type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"x","token_type":"DPoP"}`)
		},
	} {
		p.Hook(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/token" {
				return false
			}
			answer(w, r)
			return true
		})
		if _, err := s.Token(t.Context(), first); err == nil || errors.As(err, new(*signin.Ended)) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", name, err)
		}
		if _, after := kept(t, folder); cmp.Diff(before, after) != "" {
			t.Errorf("%s: the file has changed (-want +got):\n%s", name, cmp.Diff(before, after))
		}
	}
	p.Hook(nil)
	token(t, s, first)
}

func TestServicesSignInWithASecret(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	folder := t.TempDir()
	c := signin.Client{Issuer: p.URL(), ID: "service", Service: true, Resource: resource, Scopes: []string{resource + "/write"}}
	s := session(t, folder)
	s.Secret = "wrong"
	if err := s.SignIn(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("a wrong secret: %v", err)
	}
	s.Secret = testoidc.Secret
	if err := s.SignIn(t.Context(), c, nil); err != nil {
		t.Fatal(err)
	}
	first := token(t, s, "")
	token(t, s, first)
	file, _ := kept(t, folder)
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), testoidc.Secret) {
		t.Errorf("the secret is kept: %v", err)
	}
	forgetful := session(t, folder)
	if _, err := forgetful.Token(t.Context(), token(t, s, "")); err == nil || !strings.Contains(err.Error(), "ROSTER_SCIM_CLIENT_SECRET") {
		t.Errorf("without the secret: %v", err)
	}
}

func TestAnswersOfOthersAreNotTaken(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	for name, test := range map[string]struct {
		change func(url.Values)
		says   string // what sign-in fails with; empty where it goes on waiting
	}{
		"another state":  {func(q url.Values) { q.Set("state", "x") }, ""},
		"no state":       {func(q url.Values) { q.Del("state") }, ""},
		"another issuer": {func(q url.Values) { q.Set("iss", "https://evil.example.com") }, "not from the issuer"},
		"no issuer":      {func(q url.Values) { q.Del("iss") }, "not from the issuer"},
		"another code":   {func(q url.Values) { q.Set("code", "x") }, "invalid_grant"},
		"no code":        {func(q url.Values) { q.Del("code") }, "without a code"},
		"an error":       {func(q url.Values) { q.Set("error", "access_denied") }, "access_denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			err := session(t, folder).SignIn(t.Context(), person(p), func(address string) {
				go func() {
					// Stops before the callback, to change it.
					direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
					response, err := direct.Get(address)
					if err != nil {
						t.Error(err)
						return
					}
					response.Body.Close()
					back, err := response.Location()
					if err != nil {
						t.Error(err)
						return
					}
					good := *back
					q := back.Query()
					test.change(q)
					back.RawQuery = q.Encode()
					if response, err = http.Get(back.String()); err != nil {
						t.Error(err)
						return
					}
					response.Body.Close()
					if response.StatusCode != http.StatusBadRequest && test.says != "invalid_grant" {
						t.Errorf("the browser was answered %d", response.StatusCode)
					}
					if test.says == "" {
						if response, err = http.Get(good.String()); err == nil {
							response.Body.Close()
						}
					}
				}()
			})
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestSignInEndsWithTheContext(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := session(t, t.TempDir()).SignIn(ctx, person(p), func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestIssuersThatDoNotDo(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	for issuer, says := range map[string]string{
		"http://id.example.com": "https://", "nonsense": "web address", p.URL() + "/": "calls itself", "http://127.0.0.1:1": "cannot be discovered",
	} {
		c := person(p)
		c.Issuer = issuer
		if err := session(t, t.TempDir()).SignIn(t.Context(), c, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", issuer, err, says)
		}
	}
}

func TestDamagedFileIsNamed(t *testing.T) {
	t.Parallel()
	p := testoidc.New(t)
	folder := t.TempDir()
	signIn(t, p, folder)
	file, _ := kept(t, folder)
	if err := os.WriteFile(file, []byte(`{"tenant`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := session(t, folder).Token(t.Context(), ""); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
}
