package sharepoint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	prng "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SitePath is the path of the simulated site.
const SitePath = "/sites/simulated"

// Server serves one site over TLS, with its sign-in, its REST service, and /sim/ for whoever directs the simulation.
type Server struct {
	Site      *Site
	Directory Directory
	// Key is the application's; one is drawn where it is nil.
	Key *rsa.PrivateKey
	// Adversary spoils requests; nil for none.
	Adversary *Adversary
	BigGroups BigGroups

	// Origin is the https origin, of the site and of the authority.
	Origin string
	// CA is what the server's certificate is to be trusted by, in PEM.
	CA string
	// Tenant and ClientID are what to sign in with, Certificate is the application's with its key, in PEM.
	Tenant, ClientID, Certificate string

	mu    sync.Mutex
	entra *entra
	rng   *prng.Rand
	http  *http.Server
}

// SiteURL is the address of the site.
func (s *Server) SiteURL() string { return s.Origin + SitePath }

// Start serves on a listener of a loopback address until Close. The seed decides about all that is drawn but the keys.
func (s *Server) Start(listener net.Listener, seed uint64) error {
	if tcp, ok := listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return errors.New("the simulator takes loopback addresses alone, such as 127.0.0.1:0")
	}
	s.rng = prng.New(prng.NewPCG(seed, 4))
	s.Origin = "https://" + listener.Addr().String()
	s.Tenant, s.ClientID = s.Site.tenant, guid(s.rng)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	served, err := certificate("Simulated SharePoint", &key.PublicKey, key, listener.Addr())
	if err != nil {
		return err
	}
	if s.Key == nil {
		if s.Key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return err
		}
	}
	app, err := certificate("Roster", &s.Key.PublicKey, s.Key, nil)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(s.Key)
	if err != nil {
		return err
	}
	s.CA = block("CERTIFICATE", served.Raw)
	s.Certificate = block("CERTIFICATE", app.Raw) + block("PRIVATE KEY", private)
	s.entra = &entra{tenant: s.Tenant, clientID: s.ClientID, origin: s.Origin, certificate: app, now: time.Now, tokens: map[string]time.Time{}}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // clients that do not trust it are to be expected
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{served.Raw}, PrivateKey: key}}},
	}
	go func() { _ = s.http.ServeTLS(listener, "", "") }()
	return nil
}

// Close ends the server and its connections.
func (s *Server) Close() error { return s.http.Close() }

// ServeHTTP answers one request after the other, so that a seed means the same each time.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, isSite := strings.CutPrefix(r.URL.Path, SitePath+"/_api/")
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case tenant == "sim":
		s.admin().ServeHTTP(w, r)
	case tenant == s.Tenant && rest == "v2.0/.well-known/openid-configuration":
		s.entra.openID(w)
	case tenant == s.Tenant && rest == "oauth2/v2.0/token":
		s.entra.issue(w, r)
	case !isSite || r.Method != http.MethodGet:
		http.Error(w, "404 FILE NOT FOUND", http.StatusNotFound)
	case !s.entra.opens(r):
		refuse(w, http.StatusUnauthorized, "-2147024891, System.UnauthorizedAccessException", "Access denied.")
	case s.Adversary.fails(w):
	case !s.Adversary.takesToken():
		s.entra.revoke(r)
		refuse(w, http.StatusUnauthorized, "-2147024891, System.UnauthorizedAccessException", "The token has expired.")
	default:
		for s.Adversary.changes() {
			s.Site.Mutate(s.rng, s.Directory, 1)
		}
		s.rest(w, r, path)
	}
}

// Settle ends the changes that the adversary makes to the site. Everything else goes on.
func (s *Server) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
}

func (s *Server) settle() {
	if s.Adversary != nil {
		s.Adversary.Changes = 0
	}
}

// certificate makes one that signs itself, for an address or for an application.
func certificate(name string, public, private any, address net.Addr) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if tcp, ok := address.(*net.TCPAddr); ok {
		template.IPAddresses, template.DNSNames = []net.IP{tcp.IP}, []string{"localhost"}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
}

func block(kind string, bytes []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
}
