// Package outbound makes the requests that Roster itself sends to others: bounded in time and in size, over TLS unless
// the other side is on this machine, and never where a redirect leads.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/roster-gateway/roster/internal/tracing"
)

// Config bounds what a client does.
type Config struct {
	// CAFile holds certificates in PEM form that are trusted beside the system's; empty for none.
	CAFile string
	// CA is the same as text.
	CA string
	// PublicOnly refuses addresses that are not of the public internet; see [GuardedDialer].
	PublicOnly bool
	// Direct takes no proxy of the environment. So does PublicOnly: behind a proxy no address could be looked at.
	Direct bool
	// Timeout is what one request may take, its answer included.
	Timeout time.Duration
	// MaxAnswer is the largest answer that is read, in bytes; reading more of it fails with [ErrTooLarge].
	MaxAnswer int64
	// Connections is how many requests may be under way to one host and keep their connection; 0 is 2.
	Connections int
}

// ErrTooLarge says that an answer is larger than what is read of one.
var ErrTooLarge = errors.New("the answer is too large")

// NewClient returns a client within the bounds. Its error is one sentence about the CA certificates.
func NewClient(cfg Config) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = max(cfg.Connections, 2)
	transport.MaxResponseHeaderBytes = 64 << 10
	if cfg.PublicOnly {
		transport.DialContext = cfg.Dialer().DialContext
	}
	if cfg.PublicOnly || cfg.Direct {
		transport.Proxy = nil
	}
	var err error
	if transport.TLSClientConfig, err = cfg.TLS(); err != nil {
		return nil, err
	}
	return &http.Client{
		Transport: bounded{next: tracing.Transport(transport), max: cfg.MaxAnswer},
		Timeout:   cfg.Timeout,
		// Whoever asks decides about every address itself.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// Dialer makes connections within the bounds, for what is not HTTP.
func (cfg Config) Dialer() *net.Dialer {
	if cfg.PublicOnly {
		return GuardedDialer()
	}
	return plainDialer()
}

// TLS is how connections within the bounds are secured. Its error is one sentence about the CA certificates.
func (cfg Config) TLS() (*tls.Config, error) {
	roots, err := withCAs(cfg)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil
}

// withCAs is what is trusted; nil for the system's alone.
func withCAs(cfg Config) (*x509.CertPool, error) {
	if cfg.CAFile == "" && cfg.CA == "" {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if cfg.CAFile != "" {
		text, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read the file of CA certificates: %w", err)
		}
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("the file %s holds no CA certificate in PEM form", cfg.CAFile)
		}
	}
	if cfg.CA != "" && !roots.AppendCertsFromPEM([]byte(cfg.CA)) {
		return nil, errors.New("the CA certificates are not in PEM form")
	}
	return roots, nil
}

// CheckURL accepts the address of another service: https, or http where the other side is this machine.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("it is no web address such as https://id.example.com")
	case u.Scheme == "https", u.Scheme == "http" && IsLoopback(u.Hostname()):
		return nil
	}
	return errors.New("it has to begin with https://; http:// is for addresses of this machine only")
}

// IsLoopback reports whether a host is this machine, by its address or as localhost.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// bounded cuts answers that are too large.
type bounded struct {
	next http.RoundTripper
	max  int64
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil && b.max > 0 {
		response.Body = &limited{ReadCloser: response.Body, left: b.max}
	}
	return response, err
}

type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// Get asks for an address and returns the body of its answer, which has to have the status 200.
func Get(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered with the status %d", response.StatusCode)
	}
	return io.ReadAll(response.Body)
}
