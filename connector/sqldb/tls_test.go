package sqldb_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/connector"
)

// listen serves connections at an address of the loopback interface.
func listen(t testing.TB, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// certified makes an authority, in PEM, and a certificate of it for names.
func certified(t testing.TB, names ...string) (string, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// secured speaks TLS before a database, as a Postgres with a certificate does.
func (w *world) secured(certificate tls.Certificate) (address string) {
	return listen(w.t, func(conn net.Conn) {
		request := make([]byte, 8)
		if _, err := io.ReadFull(conn, request); err != nil || request[7] != 0x2f {
			return
		}
		_, _ = conn.Write([]byte("S"))
		inside := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
		to, err := net.Dial("tcp", hostOf(w.t, w.proxy.URL()))
		if err != nil {
			return
		}
		defer to.Close()
		go func() { _, _ = io.Copy(to, inside); _ = to.(*net.TCPConn).CloseWrite() }()
		_, _ = io.Copy(inside, to)
	})
}

func TestTLSIsSpokenUnlessItIsNotWanted(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	ca, certificate := certified(t, "127.0.0.1")
	_, elsewhere := certified(t, "db.example.com")
	plain := strings.TrimSuffix(w.proxy.URL(), "?sslmode=disable")
	through := func(address string) string { return strings.Replace(plain, hostOf(t, plain), address, 1) }
	good, bad := w.secured(certificate), w.secured(elsewhere)
	for name, c := range map[string]struct{ url, ca, want string }{
		"trusted":                   {through(good), ca, ""},
		"untrusted":                 {through(good), "", "is not trusted: x509: certificate signed by unknown authority. If it comes from an authority of your own, set tls.caCertificate."},
		"of another name":           {through(bad), ca, "is not trusted: x509: "},
		"unverified":                {through(bad) + "?sslmode=require", "", ""},
		"none, and wanted":          {plain, "", "speaks no TLS. Set it up there."},
		"none, and wanted anyhow":   {plain + "?sslmode=require", "", "speaks no TLS. Set it up there."},
		"TLS where none is spoken":  {through(good) + "?sslmode=disable", "", "The connection to 127.0.0.1 failed or broke off."},
		"none, and none was wanted": {plain + "?sslmode=disable", "", ""},
	} {
		_, err := w.read(w.source("sql.connectionString", c.url, "tls.caCertificate", c.ca), connector.From{})
		if e := connector.AsError(err); c.want == "" && err != nil || c.want != "" && (e == nil || !strings.Contains(e.Message, c.want)) {
			t.Errorf("%s: %v does not say %q", name, err, c.want)
		}
	}
}

// greeting is what a server says, and what it was told after that.
type greeting struct {
	waits    bool // for the client to speak first
	says     []byte
	answered chan int
}

func (g greeting) serve(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if g.waits {
		_, _ = conn.Read(make([]byte, 4096))
	}
	_, _ = conn.Write(g.says)
	n, _ := conn.Read(make([]byte, 4096))
	g.answered <- n
}

// Nobody signs in where TLS is wanted and the server says that it has none.
func TestN6ServersWithoutTLSAreToldNothing(t *testing.T) {
	t.Parallel()
	handshake := append([]byte{10}, "8.0.30\x00\x01\x00\x00\x0012345678\x00"...) // protocol 10, the connection's id, the first part of a challenge
	handshake = append(handshake, 0x00, 0x82, 45, 2, 0, 0x08, 0x00, 21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	handshake = append(handshake, "123456789012\x00mysql_native_password\x00"...)
	for driver, c := range map[string]struct {
		url   string
		greet greeting
	}{
		"postgres": {"postgres://reader:canary-pass@%s/hr", greeting{waits: true, says: []byte("N")}},
		"mysql":    {"mysql://reader:canary-pass@%s/hr", greeting{says: append([]byte{byte(len(handshake)), 0, 0, 0}, handshake...)}},
		// A prelogin answer with a version and the encryption "not supported".
		"sqlserver": {"sqlserver://reader:canary-pass@%s?database=hr", greeting{waits: true, says: []byte{4, 1, 0, 26, 0, 0, 1, 0, 0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 16, 0, 0, 0, 0, 0, 2}}},
	} {
		c.greet.answered = make(chan int, 8)
		w := &world{t: t, values: map[string]string{"sql.driver": driver, "sql.connectionString": fmt.Sprintf(c.url, listen(t, c.greet.serve)), "sql.usersQuery": "SELECT 1 AS id, 2 AS username"}}
		_, err := w.read(w.source(), connector.From{})
		if e := connector.AsError(err); e == nil || e.Code != connector.Misconfigured || !strings.Contains(e.Message, "speaks no TLS. Set it up there.") {
			t.Errorf("%s: %v", driver, err)
		}
		if n := <-c.greet.answered; n > 0 {
			t.Errorf("%s: the server is told %d bytes more", driver, n)
		}
	}
}
