package command

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/certificate"
	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/telemetry"
	"github.com/roster-gateway/roster/internal/testpg"
)

// selfSigned writes a certificate for this machine and its key, and returns their files and the certificate.
func selfSigned(t *testing.T) (certificate.Files, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := certificate.Files{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	for file, block := range map[string]*pem.Block{files.Certificate: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files, parsed
}

// TestServesTLS serves GraphQL, a stream and scrapes over TLS and HTTP/2, the latter on a listener apart, and stops in order.
func TestServesTLS(t *testing.T) {
	t.Parallel()
	files, authority := selfSigned(t)
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_TLS_CERT_FILE="+files.Certificate,
		"ROSTER_TLS_KEY_FILE="+files.Key, "ROSTER_MANAGEMENT_LISTEN=127.0.0.1:0")
	trust := x509.NewCertPool()
	trust.AddCert(authority)
	client := &http.Client{Timeout: patience, Transport: canary.Transport(t, &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trust}})}
	public := strings.Replace(c.base, "http:", "https:", 1)
	apart := "https://" + c.logged("serving probes and metrics", "address")
	if said := c.logged("serving", "public_url"); said != public {
		t.Errorf("the public URL is %s, want %s", said, public)
	}
	ask := func(method, url, token, accept, body string) *http.Response {
		t.Helper()
		request, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", accept)
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		if response.ProtoMajor != 2 {
			t.Errorf("%s is answered by %s", url, response.Proto)
		}
		return response
	}
	text := func(r *http.Response) string {
		t.Helper()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	if answer := text(ask("POST", public+"/graphql", admin, "application/json", `{"query":"{ viewer { name } }"}`)); answer != `{"data":{"viewer":{"name":"admin"}}}` {
		t.Errorf("answered %s", answer)
	}
	stream := ask("POST", public+"/graphql", admin, "text/event-stream", `{"query":"subscription { changes { kind } }"}`)
	if stream.StatusCode != http.StatusOK {
		t.Errorf("the subscription is answered %d", stream.StatusCode)
	}
	if status := ask("GET", public+"/metrics", admin, "*/*", "").StatusCode; status != http.StatusNotFound {
		t.Errorf("/metrics is answered %d beside a listener apart", status)
	}
	if status := ask("GET", apart+"/metrics", "", "*/*", "").StatusCode; status != http.StatusUnauthorized {
		t.Errorf("/metrics without a token is answered %d", status)
	}
	if status := ask("GET", apart+"/graphql", admin, "*/*", "").StatusCode; status != http.StatusNotFound {
		t.Errorf("the listener apart answers /graphql %d", status)
	}
	if metrics := text(ask("GET", apart+"/metrics", admin, "*/*", "")); !strings.Contains(metrics, fmt.Sprintf("roster_tls_certificate_expiry_timestamp_seconds %g\n", float64(authority.NotAfter.Unix()))) {
		t.Errorf("the metrics do not tell when the certificate ends")
	}
	if status := ask("GET", apart+"/health/ready", "", "*/*", "").StatusCode; status != http.StatusOK {
		t.Errorf("/health/ready is answered %d", status)
	}
	if status, _ := c.get("/health/live", ""); status != http.StatusBadRequest {
		t.Errorf("http is answered %d on the port of https", status)
	}
	c.signal(syscall.SIGTERM)
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Errorf("the subscription was cut, not ended: %v", err)
	}
	if code := c.exit(10 * time.Second); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}

func TestTLSThatCannotBe(t *testing.T) {
	t.Parallel()
	files, _ := selfSigned(t)
	c := launch(t, []string{"ROSTER_DATABASE_URL=postgres://127.0.0.1:1/x", "ROSTER_TLS_CERT_FILE=" + files.Certificate, "ROSTER_TLS_KEY_FILE=" + files.Certificate}, "serve")
	requireFailure(t, c, exitFailed, "tls.crt", "of no use together")
}

// TestSafetyR22SlowStartsAreCut: who begins a connection and does not come to its first request is cut, whatever it began with.
func TestSafetyR22SlowStartsAreCut(t *testing.T) {
	t.Parallel()
	files, _ := selfSigned(t)
	log := slog.New(slog.DiscardHandler)
	keeper, err := certificate.Open(files, log)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 200 * time.Millisecond
	s := &service{
		log: log, metrics: telemetry.NewMetrics("test"), certificate: keeper, ended: make(chan error, 2),
		settings: &config.Settings{}, limits: connectionLimits{header: limit, idle: limit, frame: limit},
	}
	quick := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	overTLS := func(protocol string) func(net.Conn) io.ReadWriter {
		return func(conn net.Conn) io.ReadWriter {
			return tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
		}
	}
	plain := func(conn net.Conn) io.ReadWriter { return conn }
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" // RFC 9113 section 3.4, then an empty frame of settings
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	headers := "\x00\x00\x20\x01\x04\x00\x00\x00\x01" // of 32 bytes that do not come
	for name, c := range map[string]struct {
		over func(net.Conn) io.ReadWriter
		sent string
	}{
		"a handshake":                {plain, "\x16\x03\x01"},
		"headers":                    {overTLS("http/1.1"), "GET / HTTP/1.1\r\nHost: roster\r\nX: "},
		"nothing after a request":    {overTLS("http/1.1"), "GET / HTTP/1.1\r\nHost: roster\r\n\r\n"},
		"no request on HTTP/2":       {overTLS("h2"), preface + settings},
		"part of a header on HTTP/2": {overTLS("h2"), preface + settings + headers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := s.serve(listener, quick)
			defer server.Close()
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			over := c.over(conn)
			if _, err := io.WriteString(over, c.sent); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, over); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection stays open")
			}
		})
	}
}
