package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/pgserver"
)

// maxRetention is ten years.
const maxRetention = 87600 * time.Hour

// Complete reads secrets from their files, fills in what depends on the machine, and refuses what cannot work. Its
// error is one sentence for the operator, without secrets.
func (s *Settings) Complete() error {
	if err := s.Database.Complete(); err != nil {
		return err
	}
	var err error
	if s.AdminToken, err = s.AdminToken.fromFile(s.AdminTokenFile, "ROSTER_ADMIN_TOKEN"); err != nil {
		return err
	}
	s.Secrets.Fill(s.Database)
	return cmp.Or(s.checkListening(), s.checkKeyset(), s.checkToken(), s.OIDC.complete(),
		between("ROSTER_DRAIN_GRACE", s.DrainGrace, 0, 5*time.Second), s.Limits.check())
}

func (l *Limits) check() error {
	return cmp.Or(
		between("ROSTER_REQUEST_TIMEOUT", l.RequestTimeout, 100*time.Millisecond, 5*time.Minute),
		between("ROSTER_MAX_HEADER", l.MaxHeader, 4<<10, 1<<20),
		between("ROSTER_GRAPHQL_MAX_BODY", l.GraphQLMaxBody, 1<<10, 16<<20),
		between("ROSTER_SCIM_MAX_BODY", l.SCIMMaxBody, 64<<10, 64<<20),
		between("ROSTER_GRAPHQL_MAX_TOKENS", l.GraphQLMaxTokens, 100, 20_000),
		between("ROSTER_GRAPHQL_MAX_SELECTIONS", l.GraphQLMaxSelections, 10, 10_000),
		between("ROSTER_GRAPHQL_MAX_ALIASES", l.GraphQLMaxAliases, 1, 10_000),
		between("ROSTER_GRAPHQL_MAX_DEPTH", l.GraphQLMaxDepth, 15, 100),
		between("ROSTER_GRAPHQL_MAX_COST", l.GraphQLMaxCost, 100, 100_000_000),
		between("ROSTER_GRAPHQL_QUERY_CACHE", l.GraphQLQueryCache, 1, 100_000),
		between("ROSTER_MAX_SUBSCRIPTIONS", l.MaxSubscriptions, 1, 100_000),
		between("ROSTER_MAX_SUBSCRIPTIONS_PER_TOKEN", l.MaxSubscriptionsPerToken, 1, 100_000),
		between("ROSTER_RATE_LIMIT", l.RateLimit, 0, 10_000_000),
		between("ROSTER_RATE_BURST", l.RateBurst, 0, 100_000_000),
		between("ROSTER_MAX_WRONG_TOKENS", l.MaxWrongTokens, 0, 1_000_000),
		l.checkProxies())
}

func (l *Limits) checkProxies() error {
	_, err := l.ProxyNetworks()
	return err
}

// ProxyNetworks are the networks of the trusted proxies; an address is a network of its own.
func (l *Limits) ProxyNetworks() ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, 0, len(l.TrustedProxies))
	for _, text := range l.TrustedProxies {
		network, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			address, err := netip.ParseAddr(strings.TrimSpace(text))
			if err != nil {
				return nil, fmt.Errorf("ROSTER_TRUSTED_PROXIES holds %q, which is no network: write it as 10.0.0.0/8, or as an address", text)
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// Fill fills in the keyset file of Roster's own data folder.
func (s *Secrets) Fill(d Database) {
	if s.SecretsKeyset == "" && s.SecretsKeysetJSON == "" && d.DatabaseURL == "" {
		s.SecretsKeyset = filepath.Join(d.DataDir, "secrets-keyset.json")
	}
}

func (s *Secrets) checkKeyset() error {
	if s.SecretsKeyset != "" && s.SecretsKeysetJSON != "" {
		return errors.New("both ROSTER_SECRETS_KEYSET and ROSTER_SECRETS_KEYSET_JSON are set: keep one of them")
	}
	return nil
}

// Complete is [Settings.Complete] for commands that need nothing but the database.
func (d *Database) Complete() error {
	var err error
	if d.DatabaseURL, err = d.DatabaseURL.fromFile(d.DatabaseURLFile, "ROSTER_DATABASE_URL"); err != nil {
		return err
	}
	if err := d.checkURL(); err != nil {
		return err
	}
	if d.DatabaseURL == "" && d.DataDir == "" {
		if d.DataDir, err = pgserver.DefaultDataDir(); err != nil {
			return err
		}
	}
	return cmp.Or(between("ROSTER_DATABASE_MAX_CONNS", d.DatabaseMaxConns, 2, 1000),
		between("ROSTER_CHANGE_RETENTION", d.ChangeRetention, time.Hour, maxRetention),
		between("ROSTER_TOMBSTONE_RETENTION", d.TombstoneRetention, d.ChangeRetention, maxRetention), // changes name who was deleted
		between("ROSTER_PROVISIONING_LOG_RETENTION", d.ProvisioningLogRetention, time.Hour, maxRetention),
		between("ROSTER_SYNC_RETENTION", d.SyncRetention, time.Hour, maxRetention), d.checkAuditRetention())
}

// checkAuditRetention takes 0 for ever.
func (d *Database) checkAuditRetention() error {
	if d.AuditRetention == 0 {
		return nil
	}
	return between("ROSTER_AUDIT_RETENTION", d.AuditRetention, 24*time.Hour, maxRetention)
}

// checkURL accepts the URL form only, and keeps the parser's error, which quotes the URL, to itself.
func (d *Database) checkURL() error {
	if d.DatabaseURL == "" {
		return nil
	}
	u, err := url.Parse(d.DatabaseURL.Reveal())
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("ROSTER_DATABASE_URL is no Postgres URL: write it as postgres://user:password@host:port/name, with special characters of the password percent-encoded")
	}
	return nil
}

func (s *Settings) checkListening() error {
	if err := checkAddress("ROSTER_LISTEN", s.Listen, "8080"); err != nil {
		return err
	}
	if s.ManagementListen != "" {
		if err := checkAddress("ROSTER_MANAGEMENT_LISTEN", s.ManagementListen, "9090"); err != nil {
			return err
		}
	}
	if (s.TLSCertFile == "") != (s.TLSKeyFile == "") {
		return errors.New("only one of ROSTER_TLS_CERT_FILE and ROSTER_TLS_KEY_FILE is set: TLS needs both")
	}
	if s.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(s.PublicURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("ROSTER_PUBLIC_URL is no web address: write it as https://roster.example.com")
	}
	s.PublicURL = strings.TrimRight(s.PublicURL, "/")
	return nil
}

func checkAddress(variable, address, port string) error {
	if _, given, err := net.SplitHostPort(address); err != nil || given == "" {
		return fmt.Errorf("%s is %q: write it as host:port, such as 127.0.0.1:%s, or :%s for every address of this machine", variable, address, port, port)
	}
	return nil
}

// minAdminToken is how long an admin token is at least, in bytes, where others than this machine can try to guess it.
const minAdminToken = 12

// checkToken refuses a token that no Authorization header could carry, and one that is soon guessed by those who can reach it.
func (s *Settings) checkToken() error {
	for _, r := range s.AdminToken.Reveal() {
		if r <= ' ' || r > '~' {
			return errors.New("ROSTER_ADMIN_TOKEN holds a space or a character outside of ASCII, so no client could send it: choose letters and digits, such as the output of: openssl rand -hex 32")
		}
	}
	host, _, _ := net.SplitHostPort(s.Listen) // which is checked elsewhere
	if n := len(s.AdminToken); n > 0 && n < minAdminToken && !outbound.IsLoopback(host) {
		return fmt.Errorf("ROSTER_ADMIN_TOKEN is %d characters long and would soon be guessed at %s: choose at least %d, such as the output of: openssl rand -hex 32", n, s.Listen, minAdminToken)
	}
	return nil
}

// complete fills in the scope, and refuses an issuer that nobody could trust.
func (o *OIDC) complete() error {
	if o.OIDCIssuer == "" {
		if o.OIDCAudience != "" || o.OIDCSCIMScope != "" || o.OIDCCAFile != "" {
			return errors.New("ROSTER_OIDC_ISSUER is not set, and the other ROSTER_OIDC_ settings need it")
		}
		return nil
	}
	if err := outbound.CheckURL(o.OIDCIssuer); err != nil {
		return fmt.Errorf("ROSTER_OIDC_ISSUER does not do: %w", err)
	}
	if o.OIDCAudience == "" {
		return errors.New("ROSTER_OIDC_AUDIENCE is not set: without it, tokens that the issuer made for others would be taken")
	}
	if o.OIDCSCIMScope == "" {
		o.OIDCSCIMScope = strings.TrimRight(o.OIDCAudience, "/") + "/write"
	}
	if strings.ContainsAny(o.OIDCSCIMScope, " \t") {
		return errors.New("ROSTER_OIDC_SCIM_SCOPE holds a space: name one scope")
	}
	return nil
}

// PublicURLAt is the public URL when Roster listens on addr.
func (s *Settings) PublicURLAt(addr net.Addr) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	scheme := "http://"
	if s.TLSCertFile != "" {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return scheme + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + net.JoinHostPort(host, port)
}

func between[T int | int64 | time.Duration](variable string, value, low, high T) error {
	if value < low || value > high {
		return fmt.Errorf("%s is %v: choose a value from %v to %v", variable, value, low, high)
	}
	return nil
}

func unreadable(variable, file string, err error) error {
	reason := err
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		reason = pathErr.Err
	}
	return fmt.Errorf("cannot read the file %s, which %s_FILE names: %w", file, variable, reason)
}

// ClearEmpty removes empty ROSTER_ variables from the environment: an empty variable counts as not set.
func ClearEmpty() {
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); value == "" && strings.HasPrefix(name, "ROSTER_") {
			os.Unsetenv(name)
		}
	}
}
