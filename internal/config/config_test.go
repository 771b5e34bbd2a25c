package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// valid are settings as the flags' defaults make them.
func valid() Settings {
	s := Settings{}
	s.Listen, s.DrainGrace = "127.0.0.1:8080", time.Second
	s.DatabaseURL, s.DatabaseMaxConns = "postgres://u:p@db/roster", 20
	s.ChangeRetention, s.TombstoneRetention = 7*24*time.Hour, 30*24*time.Hour
	s.ProvisioningLogRetention, s.SyncRetention = 30*24*time.Hour, 90*24*time.Hour
	s.Limits = Limits{
		RequestTimeout: 10 * time.Second, MaxHeader: 32 << 10, GraphQLMaxBody: 1 << 20, SCIMMaxBody: 8 << 20,
		GraphQLMaxTokens: 2000, GraphQLMaxSelections: 1000, GraphQLMaxAliases: 200, GraphQLMaxDepth: 32, GraphQLMaxCost: 250_000,
		GraphQLQueryCache: 1000, MaxSubscriptions: 1000, MaxSubscriptionsPerToken: 200,
	}
	return s
}

func TestComplete(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Settings)
		says   string // empty: nothing is wrong
	}{
		"defaults":         {func(*Settings) {}, ""},
		"every address":    {func(s *Settings) { s.Listen = ":80" }, ""},
		"no port":          {func(s *Settings) { s.Listen = "localhost" }, "ROSTER_LISTEN"},
		"no scrape port":   {func(s *Settings) { s.ManagementListen = "localhost" }, "ROSTER_MANAGEMENT_LISTEN"},
		"certificate":      {func(s *Settings) { s.TLSCertFile, s.TLSKeyFile = "a", "b" }, ""},
		"no key":           {func(s *Settings) { s.TLSCertFile = "a" }, "TLS needs both"},
		"no certificate":   {func(s *Settings) { s.TLSKeyFile = "a" }, "TLS needs both"},
		"public path":      {func(s *Settings) { s.PublicURL = "https://example.com/roster/" }, ""},
		"public query":     {func(s *Settings) { s.PublicURL = "https://example.com/?a" }, "ROSTER_PUBLIC_URL"},
		"public password":  {func(s *Settings) { s.PublicURL = "https://u:p@example.com" }, "ROSTER_PUBLIC_URL"},
		"public host":      {func(s *Settings) { s.PublicURL = "example.com" }, "ROSTER_PUBLIC_URL"},
		"other database":   {func(s *Settings) { s.DatabaseURL = "mysql://db/roster" }, "postgres://"},
		"password escaped": {func(s *Settings) { s.DatabaseURL = "postgres://u:100%@db/roster" }, "percent-encoded"},
		"one connection":   {func(s *Settings) { s.DatabaseMaxConns = 1 }, "ROSTER_DATABASE_MAX_CONNS is 1"},
		"no retention":     {func(s *Settings) { s.ChangeRetention = time.Minute }, "ROSTER_CHANGE_RETENTION"},
		"short tombstones": {func(s *Settings) { s.TombstoneRetention = time.Hour }, "ROSTER_TOMBSTONE_RETENTION"},
		"no log":           {func(s *Settings) { s.ProvisioningLogRetention = time.Minute }, "ROSTER_PROVISIONING_LOG_RETENTION"},
		"two keysets":      {func(s *Settings) { s.SecretsKeyset, s.SecretsKeysetJSON = "file", "{}" }, "keep one"},
		"no history":       {func(s *Settings) { s.SyncRetention = 0 }, "ROSTER_SYNC_RETENTION"},
		"long retention":   {func(s *Settings) { s.TombstoneRetention = 1e6 * time.Hour }, "ROSTER_TOMBSTONE_RETENTION"},
		"long grace":       {func(s *Settings) { s.DrainGrace = 6 * time.Second }, "from 0s to 5s"},
		"short time":       {func(s *Settings) { s.RequestTimeout = 0 }, "ROSTER_REQUEST_TIMEOUT"},
		"huge body":        {func(s *Settings) { s.SCIMMaxBody = 1 << 40 }, "ROSTER_SCIM_MAX_BODY"},
		"long header":      {func(s *Settings) { s.MaxHeader = 2 << 20 }, "ROSTER_MAX_HEADER is 2097152: choose a value from 4096 to 1048576"},
		"no tokens":        {func(s *Settings) { s.GraphQLMaxTokens = 0 }, "ROSTER_GRAPHQL_MAX_TOKENS"},
		"shallow":          {func(s *Settings) { s.GraphQLMaxDepth = 3 }, "ROSTER_GRAPHQL_MAX_DEPTH"},
		"negative rate":    {func(s *Settings) { s.RateLimit = -1 }, "ROSTER_RATE_LIMIT"},
		"proxies":          {func(s *Settings) { s.TrustedProxies = []string{"10.0.0.0/8", "192.0.2.7", "fd00::/8", "::1"} }, ""},
		"no proxy":         {func(s *Settings) { s.TrustedProxies = []string{"10.0.0.0/8", "lb.example.com"} }, `ROSTER_TRUSTED_PROXIES holds "lb.example.com"`},
		"no aliases":       {func(s *Settings) { s.GraphQLMaxAliases = 0 }, "ROSTER_GRAPHQL_MAX_ALIASES"},
		"token with space": {func(s *Settings) { s.AdminToken = "a b" }, "ROSTER_ADMIN_TOKEN"},
		"issuer":           {func(s *Settings) { s.OIDCIssuer, s.OIDCAudience = "https://id.example.com/", "a" }, ""},
		"issuer here":      {func(s *Settings) { s.OIDCIssuer, s.OIDCAudience = "http://127.0.0.1:9", "a" }, ""},
		"open issuer":      {func(s *Settings) { s.OIDCIssuer, s.OIDCAudience = "http://id.example.com", "a" }, "https://"},
		"no address":       {func(s *Settings) { s.OIDCIssuer, s.OIDCAudience = "id.example.com", "a" }, "ROSTER_OIDC_ISSUER"},
		"no audience":      {func(s *Settings) { s.OIDCIssuer = "https://id.example.com" }, "ROSTER_OIDC_AUDIENCE"},
		"no issuer":        {func(s *Settings) { s.OIDCAudience = "a" }, "ROSTER_OIDC_ISSUER"},
		"two scopes": {func(s *Settings) {
			s.OIDCIssuer, s.OIDCAudience, s.OIDCSCIMScope = "https://id.example.com", "a", "x y"
		}, "ROSTER_OIDC_SCIM_SCOPE"},
		"token not ASCII": {func(s *Settings) { s.AdminToken = "gehäim-gehäim" }, "outside of ASCII"},
		"token too short": {func(s *Settings) { s.Listen, s.AdminToken = ":8080", "a" }, "ROSTER_ADMIN_TOKEN is 1 characters long"},
		"token just not":  {func(s *Settings) { s.Listen, s.AdminToken = "10.0.0.1:8080", "abcdefghijk" }, "at least 12"},
		"token just":      {func(s *Settings) { s.Listen, s.AdminToken = ":8080", "abcdefghijkl" }, ""},
		"token at home":   {func(s *Settings) { s.Listen, s.AdminToken = "127.0.0.1:8080", "a" }, ""},
	} {
		s := valid()
		c.change(&s)
		err := s.Complete()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestSCIMScopeFollowsTheAudience(t *testing.T) {
	t.Parallel()
	s := valid()
	s.OIDCIssuer, s.OIDCAudience = "https://id.example.com", "https://roster.example.com/"
	if err := s.Complete(); err != nil || s.OIDCSCIMScope != "https://roster.example.com/write" {
		t.Errorf("%q %v", s.OIDCSCIMScope, err)
	}
}

func TestDataDirIsOnlyForOurPostgres(t *testing.T) {
	t.Parallel()
	s := valid()
	if err := s.Complete(); err != nil || s.DataDir != "" {
		t.Errorf("with a URL: %q %v", s.DataDir, err)
	}
	s = valid()
	s.DatabaseURL = ""
	if err := s.Complete(); err != nil || !filepath.IsAbs(s.DataDir) {
		t.Errorf("without a URL: %q %v", s.DataDir, err)
	}
}

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	s := valid()
	s.DatabaseURL = ""
	s.DatabaseURLFile = write("url", "postgres://u:p@db/roster\n")
	s.AdminTokenFile = write("token", " canary-canary\r\n")
	if err := s.Complete(); err != nil || s.DatabaseURL.Reveal() != "postgres://u:p@db/roster" || s.AdminToken.Reveal() != "canary-canary" {
		t.Errorf("read %q and %q: %v", s.DatabaseURL.Reveal(), s.AdminToken.Reveal(), err)
	}
	for name, file := range map[string]string{
		"missing": filepath.Join(dir, "missing"), "empty": write("empty", "\n"), "huge": write("huge", strings.Repeat("x", maxSecretFile+1)), "folder": dir,
	} {
		s := valid()
		s.AdminTokenFile = file
		if err := s.Complete(); err == nil || !strings.Contains(err.Error(), "ROSTER_ADMIN_TOKEN_FILE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQ8SecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	s := valid()
	s.AdminToken, s.DatabaseURL = "canary", "postgres://u:canary@db/roster"
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("settings", "token", s.AdminToken, "all", s)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s.AdminToken, s.AdminToken), string(asJSON), log.String()} {
		if strings.Contains(text, "canary") {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}

func TestPublicURLAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ public, ip, want string }{
		{"", "127.0.0.1", "http://127.0.0.1:8080"},
		{"", "0.0.0.0", "http://localhost:8080"},
		{"", "::", "http://localhost:8080"},
		{"", "::1", "http://[::1]:8080"},
		{"https://example.com", "127.0.0.1", "https://example.com"},
	} {
		s := valid()
		s.PublicURL = c.public
		addr := &net.TCPAddr{IP: net.ParseIP(c.ip), Port: 8080}
		if got := s.PublicURLAt(addr); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
		s.TLSCertFile = "file"
		if got, want := s.PublicURLAt(addr), strings.Replace(c.want, "http:", "https:", 1); got != want {
			t.Errorf("%+v, with a certificate: %s", c, got)
		}
	}
}

func TestClearEmpty(t *testing.T) {
	t.Setenv("ROSTER_CANARY_EMPTY", "")
	t.Setenv("ROSTER_CANARY_FULL", "x")
	ClearEmpty()
	if _, set := os.LookupEnv("ROSTER_CANARY_EMPTY"); set || os.Getenv("ROSTER_CANARY_FULL") != "x" {
		t.Error("it clears other variables than the empty ones")
	}
}
