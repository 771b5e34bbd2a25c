package outbound_test

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/outbound"
)

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"https://id.example.com": true, "https://id.example.com/a/": true, "http://127.0.0.1:9": true, "http://[::1]/": true, "http://localhost": true,
		"": false, "id.example.com": false, "http://id.example.com": false, "http://127.0.0.1.example.com": false, "https://": false, "ftp://127.0.0.1": false,
		"https://u:p@id.example.com": false, "https://id.example.com#x": false, "file:///etc/passwd": false, "https://a b": false,
	} {
		if err := outbound.CheckURL(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func client(t *testing.T, cfg outbound.Config) *http.Client {
	t.Helper()
	cfg.Timeout = 10 * time.Second
	c, err := outbound.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(strings.Repeat("x", 100)))
	}))
	t.Cleanup(server.Close)
	for limit, good := range map[int64]bool{99: false, 100: true, 101: true, 0: true, 10: false} {
		text, err := outbound.Get(t.Context(), client(t, outbound.Config{MaxAnswer: limit}), server.URL)
		if good != (err == nil && len(text) == 100) || !good && !errors.Is(err, outbound.ErrTooLarge) {
			t.Errorf("%d: read %d bytes, %v", limit, len(text), err)
		}
	}
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{}), server.URL+"/away"); err == nil || !strings.Contains(err.Error(), "302") {
		t.Errorf("a redirect is followed: %v", err)
	}
}

func TestOwnCA(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{}), server.URL); err == nil || !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("an unknown CA is trusted: %v", err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{CAFile: file}), server.URL); err != nil {
		t.Errorf("our own CA: %v", err)
	}
	for _, bad := range []string{filepath.Join(t.TempDir(), "missing"), os.Args[0]} {
		if _, err := outbound.NewClient(outbound.Config{CAFile: bad}); err == nil {
			t.Errorf("%s is taken as a CA file", bad)
		}
	}
}
