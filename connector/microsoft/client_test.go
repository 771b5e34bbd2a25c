package microsoft_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testentra"
)

// secret is in no error.
const secret = canary.Mark + "-client-secret"

// script answers one request after the other; the last one for all that follow.
type script struct {
	t       *testing.T
	answers []http.HandlerFunc
	asked   []string
	tokens  []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.URL.RequestURI())
	s.tokens = append(s.tokens, r.Header.Get("Authorization"))
	s.answers[min(len(s.asked), len(s.answers))-1](w, r)
}

func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`{"value":`))
}

type world struct {
	*script
	server *testentra.Server
	client *microsoft.Client
	pauses []time.Duration
}

func signIn(s *testentra.Server) microsoft.SignIn {
	return microsoft.SignIn{Credential: microsoft.Secret, Tenant: testentra.Tenant, ClientID: testentra.ClientID, Secret: secret, Authority: s.URL, OwnAuthority: true}
}

func service(s *testentra.Server) microsoft.Service {
	return microsoft.Service{Name: "The service", Origin: s.URL, Permissions: "Grant it Some.Read.", Header: map[string]string{"X-Extra": "1"}}
}

func start(t *testing.T, answers ...http.HandlerFunc) *world {
	t.Helper()
	w := &world{script: &script{t: t, answers: answers}}
	w.server = testentra.Start(t, w.script)
	var err error
	w.client, err = microsoft.Open(signIn(w.server), service(w.server), connector.Config{Values: map[string]string{"tls.caCertificate": w.server.CA}, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	w.client.Pause = func(ctx context.Context, d time.Duration) error {
		w.pauses = append(w.pauses, d)
		return ctx.Err()
	}
	return w
}

const good = `{"id":"1"}`

func TestGet(t *testing.T) {
	t.Parallel()
	ok := says(200, good)
	for name, c := range map[string]struct {
		answers []http.HandlerFunc
		code    connector.Code
		says    string // the error; empty where there is none
		asked   int
		after   time.Duration
	}{
		"an answer":                            {answers: []http.HandlerFunc{ok}, asked: 1},
		"429, then an answer":                  {answers: []http.HandlerFunc{says(429, "{}", "Retry-After", "2"), says(429, "{}"), says(429, "", "Retry-After", "0"), ok}, asked: 4},
		"429 for long":                         {answers: []http.HandlerFunc{says(429, "{}", "Retry-After", "31")}, code: connector.Throttled, says: "too often", asked: 1, after: 31 * time.Second},
		"429 for ever":                         {answers: []http.HandlerFunc{says(429, "{}")}, code: connector.Throttled, says: "too often", asked: 6, after: time.Minute},
		"429 for ever, shortly":                {answers: []http.HandlerFunc{says(429, "{}", "Retry-After", "3")}, code: connector.Throttled, says: "too often", asked: 6, after: 3 * time.Second},
		"503 for long":                         {answers: []http.HandlerFunc{says(503, "", "Retry-After", "600")}, code: connector.Throttled, says: "at the moment", asked: 1, after: 10 * time.Minute},
		"503, 504, reset, truncated, not JSON": {answers: []http.HandlerFunc{says(503, ""), says(504, "<html>"), reset, truncated, says(200, "<html>"), ok}, asked: 6},
		"503 for ever":                         {answers: []http.HandlerFunc{says(503, `{"error":{"code":"ServiceUnavailable"}}`)}, says: "(status 503, ServiceUnavailable)", asked: 6},
		"reset for ever":                       {answers: []http.HandlerFunc{reset}, says: "broke off", asked: 6},
		"truncated for ever":                   {answers: []http.HandlerFunc{truncated}, says: "broke off", asked: 6},
		"401 once":                             {answers: []http.HandlerFunc{says(401, ""), ok}, asked: 2},
		"401 for ever":                         {answers: []http.HandlerFunc{says(401, `{"error":{"code":"InvalidAuthenticationToken"}}`)}, code: connector.Misconfigured, says: "InvalidAuthenticationToken", asked: 2},
		"403":                                  {answers: []http.HandlerFunc{says(403, `{"error":{"code":"Authorization_RequestDenied","message":"no"}}`)}, code: connector.Misconfigured, says: "Grant it Some.Read.", asked: 1},
		"a redirect":                           {answers: []http.HandlerFunc{says(302, "", "Location", "https://elsewhere.example.com/")}, says: "follows no redirect", asked: 1},
		"400":                                  {answers: []http.HandlerFunc{says(400, `{"error":{"code":"BadRequest","message":"`+secret+`"}}`)}, says: "(status 400, BadRequest)", asked: 1},
		"too much":                             {answers: []http.HandlerFunc{says(200, `"`+strings.Repeat("x", 65<<20)+`"`)}, says: "64 MiB", asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, c.answers...)
			var row struct{ ID string }
			err := w.client.Get(t.Context(), "/v1.0/things?$select=id", &row)
			if len(w.asked) != c.asked && !(name == "reset for ever" && len(w.asked) > c.asked) { // net/http itself repeats what a kept connection loses
				t.Errorf("asked %d times, not %d: %v", len(w.asked), c.asked, err)
			}
			if c.says == "" {
				if err != nil || row.ID != "1" {
					t.Fatalf("%+v, %v", row, err)
				}
				return
			}
			got := connector.AsError(err)
			if got == nil || got.Code != c.code || got.RetryAfter != c.after || !strings.Contains(got.Message, c.says) {
				t.Fatalf("%+v", got)
			}
			if whole := got.Message + fmt.Sprint(errors.Unwrap(got)); strings.Contains(whole, secret) || strings.Contains(whole, "token-") || strings.Contains(whole, "$select") {
				t.Errorf("the error tells too much: %s", whole)
			}
		})
	}
}

// TestN5StrangeAnswersEndTheRead: a page that is none, or far too much of one, ends in a reason; with it the round ends, and
// one that has not come to its end deletes nobody.
func TestN5StrangeAnswersEndTheRead(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	packer, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	_, _ = packer.Write([]byte(`{"id":"`))
	for range 65 {
		_, _ = packer.Write(bytes.Repeat([]byte("x"), 1<<20))
	}
	_, _ = packer.Write([]byte(`"}`))
	packer.Close()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"HTML with 200":            {says(200, "<html><body>Sign in</body></html>", "Content-Type", "text/html"), "not the JSON"},
		"nothing with 200":         {says(200, ""), "not the JSON"},
		"a list for an object":     {says(200, "[1]"), "not the JSON"},
		"a bomb":                   {says(200, bomb.String(), "Content-Encoding", "gzip"), "64 MiB"},
		"what is no gzip at all":   {says(200, "{}", "Content-Encoding", "gzip"), "broke off"},
		"a length that is a lie":   {truncated, "broke off"},
		"a switch of the protocol": {says(101, ""), "status 101"},
	} {
		w := start(t, c.answer)
		var row struct{ ID string }
		err := w.client.Get(t.Context(), "/v1.0/things", &row)
		if got := connector.AsError(err); got == nil || got.Code != connector.Unavailable || !strings.Contains(got.Message, c.want) || len(got.Message) > 300 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPausesFollowTheService(t *testing.T) {
	t.Parallel()
	w := start(t, says(429, "", "Retry-After", "7"), says(503, ""), says(503, "", "Retry-After", "0.5"), says(503, ""), says(200, good))
	if err := w.client.Get(t.Context(), "/x", new(any)); err != nil {
		t.Fatal(err)
	}
	for i, between := range [][2]time.Duration{
		{7 * time.Second, 9 * time.Second}, {time.Second, 2 * time.Second}, {500 * time.Millisecond, 600 * time.Millisecond}, {4 * time.Second, 8 * time.Second},
	} {
		if p := w.pauses[i]; p < between[0] || p > between[1] {
			t.Errorf("pause %d is %s, not in %v", i, p, between)
		}
	}
}

func TestPausesEndWithTheContext(t *testing.T) {
	t.Parallel()
	w := start(t, says(503, ""))
	ctx, cancel := context.WithCancel(t.Context())
	w.client.Pause = func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}
	if err := w.client.Get(ctx, "/x", new(any)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestATokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	w := start(t, says(200, good), says(401, ""), says(200, good), says(200, good))
	for range 3 {
		if err := w.client.Get(t.Context(), "/x", new(any)); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.ReplaceAll(strings.Join(w.tokens, " "), canary.Mark+"-", ""); got != "Bearer token-1 Bearer token-1 Bearer token-2 Bearer token-2" {
		t.Error(got)
	}
	form := w.server.SignIns()[0]
	if form.Get("scope") != w.server.URL+"/.default openid offline_access profile" && !strings.HasPrefix(form.Get("scope"), w.server.URL+"/.default") {
		t.Error(form.Get("scope"))
	}
}

// TestN4TheTokenStaysAtItsOrigin: a link that the service sends is followed on its own scheme, host and port alone.
func TestN4TheTokenStaysAtItsOrigin(t *testing.T) {
	t.Parallel()
	w := start(t, says(200, good))
	host := strings.TrimPrefix(w.server.URL, "https://")
	for _, link := range []string{
		"https://elsewhere.example.com/v1.0/users", "http://" + host + "/x", "//elsewhere.example.com/x", "https://" + host + ".example.com/x",
		"https://user@" + host + "/x", "https://127.0.0.1:1/x", "https://%zz", "file:///etc/passwd", "https:///x",
	} {
		err := w.client.Get(t.Context(), link, new(any))
		if got := connector.AsError(err); got == nil || got.Code != connector.Unavailable || !strings.Contains(got.Message, "leads away") {
			t.Errorf("%s: %v", link, err)
		}
	}
	if len(w.asked) > 0 {
		t.Errorf("asked for %v", w.asked)
	}
	if err := w.client.Get(t.Context(), strings.Replace(w.server.URL, "https", "HTTPS", 1)+"/x", new(any)); err != nil {
		t.Errorf("its own link: %v", err)
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":{"code":"A","message":"m","innerError":{"code":"B","innerError":{"code":"C"}}}}`: "C [A B C] m",
		`{"odata.error":{"code":"-1, Microsoft.X","message":{"lang":"en","value":"v"}}}`:           "-1, Microsoft.X [-1, Microsoft.X] v",
		`{"error":{"code":"<script>"}}`: " [] ", `{"error":"text"}`: " [] ", `[]`: " [] ", ``: " [] ",
	} {
		w := start(t, says(404, body, "request-id", "abc-1"))
		r := microsoft.AsRefusal(w.client.Get(t.Context(), "/x", new(any)))
		if r == nil || fmt.Sprintf("%s %v %s", r.Code, r.Codes, r.Said) != want || r.RequestID != "abc-1" {
			t.Errorf("%s: %+v", body, r)
		}
	}
}

func TestSignInErrors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		status int
		code   connector.Code
		says   string
	}{
		`{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`:   {401, connector.Misconfigured, "its value, not its id"},
		`{"error":"invalid_client","error_description":"AADSTS7000222: The secret keys are expired."}`:      {401, connector.Misconfigured, "has expired"},
		`{"error":"unauthorized_client","error_description":"AADSTS700016: Application was not found."}`:    {400, connector.Misconfigured, "no application of this client id"},
		`{"error":"invalid_grant","error_description":"AADSTS65001: The user or admin has not consented."}`: {400, connector.NeedsConsent, "admin consent"},
		`{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found."}`:                  {400, connector.Misconfigured, "no such tenant"},
		`{"error":"invalid_grant","error_description":"AADSTS1234567: ` + secret + `"}`:                     {400, connector.NeedsConsent, "AADSTS1234567"},
		`{"error":"invalid_client"}`: {401, connector.Misconfigured, "client id"},
		`{"error":"server_error"}`:   {400, connector.Unavailable, "at the moment"},
		`<html>`:                     {404, connector.Misconfigured, "status 404"},
	} {
		w := start(t, says(200, good))
		w.server.OnToken(func(rw http.ResponseWriter, _ url.Values) bool {
			says(want.status, body, "Content-Type", "application/json")(rw, nil)
			return true
		})
		got := connector.AsError(w.client.Get(t.Context(), "/x", new(any)))
		if got == nil || got.Code != want.code || !strings.Contains(got.Message, want.says) || strings.Contains(got.Message+fmt.Sprint(got.Cause), secret) {
			t.Errorf("%s: %+v", body, got)
		}
		if len(w.asked) > 0 {
			t.Error("the service was asked without a token")
		}
	}
}

func certificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "roster"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}))
}

func TestCertificateSignsIn(t *testing.T) {
	t.Parallel()
	w := start(t, says(200, good))
	with := signIn(w.server)
	with.Credential, with.Secret, with.Certificate = microsoft.Certificate, "", certificate(t)
	cfg := connector.Config{Values: map[string]string{"tls.caCertificate": w.server.CA}, AllowPrivate: true}
	client, err := microsoft.Open(with, service(w.server), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Get(t.Context(), "/x", new(any)); err != nil {
		t.Fatal(err)
	}
	if form := w.server.SignIns()[0]; form.Get("client_assertion") == "" || form.Get("client_secret") != "" {
		t.Errorf("signed in with %v", form)
	}
	with.Certificate = "-----BEGIN CERTIFICATE-----"
	if _, err := microsoft.Open(with, service(w.server), cfg); connector.AsError(err) == nil || connector.AsError(err).Code != connector.Misconfigured {
		t.Errorf("a broken certificate: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	w := start(t, says(404, ""))
	for name, c := range map[string]struct {
		config connector.Config
		token  bool
		want   string
	}{
		"good":      {connector.Config{Values: map[string]string{"tls.caCertificate": w.server.CA}, AllowPrivate: true}, true, "name resolution true, TLS true, sign-in true"},
		"private":   {connector.Config{Values: map[string]string{"tls.caCertificate": w.server.CA}}, true, "name resolution false ROSTER_ALLOW_PRIVATE_SOURCES"},
		"untrusted": {connector.Config{AllowPrivate: true}, true, "name resolution true, TLS false tls.caCertificate"},
	} {
		client, err := microsoft.Open(signIn(w.server), service(w.server), c.config)
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		client.Check(t.Context(), func(c connector.Check) {
			step := fmt.Sprintf("%s %v", c.Name, c.OK)
			for _, hint := range []string{"ROSTER_ALLOW_PRIVATE_SOURCES", "tls.caCertificate"} {
				if strings.Contains(c.Detail, hint) {
					step += " " + hint
				}
			}
			steps = append(steps, step)
		})
		if got := strings.Join(steps, ", "); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestN1GuardAndTrustOfRequests(t *testing.T) {
	t.Parallel()
	w := start(t, says(200, good))
	for want, cfg := range map[string]connector.Config{
		"ROSTER_ALLOW_PRIVATE_SOURCES=true": {Values: map[string]string{"tls.caCertificate": w.server.CA}},
		"set tls.caCertificate":             {AllowPrivate: true},
	} {
		client, err := microsoft.Open(signIn(w.server), service(w.server), cfg)
		if err != nil {
			t.Fatal(err)
		}
		got := connector.AsError(client.Get(t.Context(), "/x", new(any)))
		if got == nil || got.Code != connector.Misconfigured || !strings.Contains(got.Message, want) {
			t.Errorf("%s: %+v", want, got)
		}
	}
	if len(w.server.SignIns()) > 0 {
		t.Error("the secret was sent")
	}
}
