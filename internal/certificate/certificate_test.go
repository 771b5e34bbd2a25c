package certificate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// made returns a self-signed pair in PEM form.
func made(t *testing.T, name string, end time.Time) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: end.Add(-48 * time.Hour), NotAfter: end,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func written(t *testing.T, files Files, certificate, key []byte) {
	t.Helper()
	for file, text := range map[string][]byte{files.Certificate: certificate, files.Key: key} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func somewhere(t *testing.T) Files {
	dir := t.TempDir()
	return Files{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
}

func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good, key := made(t, "a", tomorrow())
	other, _ := made(t, "b", tomorrow())
	old, oldKey := made(t, "c", time.Now().Add(-time.Hour))
	for name, c := range map[string]struct {
		certificate, key []byte
		says             string
	}{
		"good":        {good, key, ""},
		"of another":  {other, key, "of no use together"},
		"swapped":     {key, good, "of no use together"},
		"empty":       {nil, nil, "of no use together"},
		"expired":     {old, oldKey, "has expired on"},
		"no key here": {good, []byte("secret-canary"), "of no use together"},
		"too large":   {bytes.Repeat(good, 4000), key, "too large"},
	} {
		files := somewhere(t)
		written(t, files, c.certificate, c.key)
		_, err := Open(files, slog.New(slog.DiscardHandler))
		if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	if _, err := Open(somewhere(t), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "tls.crt: no such file") {
		t.Errorf("missing files: %v", err)
	}
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen", what)
		}
	}
}

func TestRenewedWhileItServes(t *testing.T) {
	t.Parallel()
	files, log := somewhere(t), &journal{}
	first, firstKey := made(t, "first", tomorrow())
	written(t, files, first, firstKey)
	k, err := Open(files, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", k.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go echo(listener)
	ctx, cancel := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { k.watch(ctx, time.Millisecond) })
	defer watch.Wait()
	defer cancel()

	standing, name := dialed(t, listener.Addr())
	if name != "first" {
		t.Fatalf("offered %s", name)
	}
	second, secondKey := made(t, "second", tomorrow())
	written(t, files, second, firstKey) // as in the middle of a renewal
	await(t, "the complaint", func() bool { return strings.Contains(log.String(), "the old one stays in use") })
	if _, name := dialed(t, listener.Addr()); name != "first" {
		t.Errorf("with a broken pair %s is offered", name)
	}
	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	await(t, "the second complaint", func() bool { return strings.Contains(log.String(), "no such file") })
	written(t, files, second, secondKey)
	await(t, "the renewal", func() bool { _, name := dialed(t, listener.Addr()); return name == "second" })
	if _, err := standing.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := standing.Read(make([]byte, 1)); err != nil {
		t.Errorf("a connection from before was dropped: %v", err)
	}
	await(t, "the log line", func() bool { return strings.Contains(log.String(), "was renewed") })
	if n := strings.Count(log.String(), "of no use together"); n > 2 { // a look may meet each file half written
		t.Errorf("a broken pair is told of %d times", n)
	}
}

func echo(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			b := make([]byte, 1)
			for {
				if _, err := conn.Read(b); err != nil {
					return
				}
				if _, err := conn.Write(b); err != nil {
					return
				}
			}
		}()
	}
}

// dialed opens a connection and says what it was offered.
func dialed(t *testing.T, to net.Addr) (*tls.Conn, string) {
	t.Helper()
	conn, err := tls.Dial("tcp", to.String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestOnlyModernTLS(t *testing.T) {
	t.Parallel()
	files := somewhere(t)
	certificate, key := made(t, "a", tomorrow())
	written(t, files, certificate, key)
	k, err := Open(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", k.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go echo(listener)
	for name, c := range map[string]struct {
		client *tls.Config
		good   bool
	}{
		"1.0":         {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		"1.1":         {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"1.2":         {&tls.Config{MaxVersion: tls.VersionTLS12}, true},
		"1.3":         {&tls.Config{MinVersion: tls.VersionTLS13}, true},
		"1.2 and CBC": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
	} {
		c.client.InsecureSkipVerify = true
		conn, err := tls.Dial("tcp", listener.Addr().String(), c.client)
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}
