package outbound_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
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

func TestN5AnswersAreBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat("x", 100)))
	}))
	t.Cleanup(server.Close)
	for limit, good := range map[int64]bool{99: false, 100: true, 101: true, 0: true, 10: false} {
		text, err := outbound.Get(t.Context(), client(t, outbound.Config{MaxAnswer: limit}), server.URL)
		if good != (err == nil && len(text) == 100) || !good && !errors.Is(err, outbound.ErrTooLarge) {
			t.Errorf("%d: read %d bytes, %v", limit, len(text), err)
		}
	}
}

// TestN5EndlessAnswersEnd: an answer that announces 5 GB, one that never ends, a small one that unpacks to a large one, one
// that drips, headers without an end and no answer at all cost a bounded time and a bounded memory.
func TestN5EndlessAnswersEnd(t *testing.T) { // not beside others, whose memory would count
	var bomb bytes.Buffer
	packer, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	for range 32 {
		_, _ = packer.Write(make([]byte, 1<<20))
	}
	packer.Close()
	piece := make([]byte, 32<<10)
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/announced":
			w.Header().Set("Content-Length", strconv.Itoa(5<<30))
			fallthrough
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		case "/drip":
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		case "/headers":
			for i := range 100 {
				w.Header().Set("X-"+strconv.Itoa(i), strings.Repeat("x", 4<<10))
			}
		case "/silent":
			select {
			case <-r.Context().Done():
			case <-done:
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(done) })
	for path, tooLarge := range map[string]bool{"/announced": true, "/endless": true, "/bomb": true, "/drip": false, "/headers": false, "/silent": false} {
		c := client(t, outbound.Config{MaxAnswer: 1 << 20})
		if path == "/drip" || path == "/silent" {
			c.Timeout = 300 * time.Millisecond
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := outbound.Get(t.Context(), c, server.URL+path)
		runtime.ReadMemStats(&after)
		timeout := net.Error(nil)
		if err == nil || errors.Is(err, outbound.ErrTooLarge) != tooLarge || c.Timeout < time.Second && !(errors.As(err, &timeout) && timeout.Timeout()) {
			t.Errorf("%s: %v", path, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 { // of everything that runs, and a buffer doubles as it grows
			t.Errorf("%s: %d bytes were allocated", path, grown)
		}
	}
}

func TestN6OwnCA(t *testing.T) {
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

// TestN6BadTLSIsRefused: a certificate of another name, and a TLS that is too old, are no better than an unknown authority.
func TestN6BadTLSIsRefused(t *testing.T) {
	t.Parallel()
	asked := false
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{CA: authority}), server.URL); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	modern := httptest.NewUnstartedServer(server.Config.Handler)
	modern.Config.ErrorLog = server.Config.ErrorLog
	modern.StartTLS()
	t.Cleanup(modern.Close)
	byName := strings.Replace(modern.URL, "127.0.0.1", "localhost", 1)
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{CA: authority}), byName); !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("a certificate of another name: %v", err)
	}
	if asked {
		t.Error("the server was asked")
	}
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{CA: authority}), modern.URL); err != nil {
		t.Errorf("a good one: %v", err)
	}
}
