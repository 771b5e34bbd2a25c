package microsoft_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/internal/testentra"
)

// The identities that the platform gives are found through the environment, which tests that run side by side share.

func TestWorkloadIdentitySignsIn(t *testing.T) {
	w := start(t, says(200, good))
	with := signIn(w.server)
	with.Credential, with.Secret = microsoft.WorkloadIdentity, ""
	cfg := connector.Config{Values: map[string]string{"tls.caCertificate": w.server.CA}, AllowPrivate: true}

	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", "")
	if err := os.Unsetenv("AZURE_FEDERATED_TOKEN_FILE"); err != nil {
		t.Fatal(err)
	}
	if _, err := microsoft.Open(with, service(w.server), cfg); connector.AsError(err) == nil || !strings.Contains(err.Error(), "AZURE_FEDERATED_TOKEN_FILE") {
		t.Errorf("without the variable: %v", err)
	}

	file := filepath.Join(t.TempDir(), "token")
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", file)
	client, err := microsoft.Open(with, service(w.server), cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := connector.AsError(client.Get(t.Context(), "/x", new(any)))
	if got == nil || got.Code != connector.Misconfigured || strings.Contains(got.Message, file) {
		t.Errorf("without the file: %+v", got)
	}
	if err := os.WriteFile(file, []byte("federated"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := client.Get(t.Context(), "/x", new(any)); err != nil {
		t.Fatal(err)
	}
	if form := w.server.SignIns()[0]; form.Get("client_assertion") != "federated" {
		t.Errorf("signed in with %v", form)
	}
}

// The platform's own address is private, and not guarded; the service's is.
func TestManagedIdentitySignsIn(t *testing.T) {
	asked := ""
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Query().Get("resource") + " " + r.URL.Query().Get("client_id")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "platform", "expires_on": "4102444800", "token_type": "Bearer", "resource": r.URL.Query().Get("resource")})
	}))
	t.Cleanup(platform.Close)
	t.Setenv("IDENTITY_ENDPOINT", platform.URL)
	t.Setenv("IDENTITY_HEADER", "header")
	w := start(t, says(200, good))
	with := microsoft.SignIn{Credential: microsoft.ManagedIdentity, ClientID: testentra.ClientID, Authority: w.server.URL}
	cfg := connector.Config{Values: map[string]string{"tls.caCertificate": w.server.CA}, AllowPrivate: true}
	client, err := microsoft.Open(with, service(w.server), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Get(t.Context(), "/x", new(any)); err != nil {
		t.Fatal(err)
	}
	if w.tokens[0] != "Bearer platform" || asked != w.server.URL+" "+testentra.ClientID {
		t.Errorf("asked for %s and sent %s", asked, w.tokens[0])
	}
	cfg.AllowPrivate = false
	if client, err = microsoft.Open(with, service(w.server), cfg); err != nil {
		t.Fatal(err)
	}
	if got := connector.AsError(client.Get(t.Context(), "/x", new(any))); got == nil || !strings.Contains(got.Message, "ROSTER_ALLOW_PRIVATE_SOURCES") || len(w.tokens) != 1 {
		t.Errorf("the guard of the service: %+v", got)
	}
}
