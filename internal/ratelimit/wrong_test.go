package ratelimit

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/directory"
)

func from(peer string, forwarded ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = peer
	r.Header["Authorization"] = []string{"Bearer wrong"}
	r.Header["X-Forwarded-For"] = forwarded
	return r
}

func TestA14WrongTokensAreCountedByAddress(t *testing.T) {
	t.Parallel()
	w := NewWrongTokens(2, nil)
	now := epoch
	w.now = func() time.Time { return now }
	for range 2 {
		if err := w.Count(from("192.0.2.1:1000")); err != nil {
			t.Fatal(err)
		}
	}
	var over *directory.Error
	if err := w.Count(from("192.0.2.1:2000")); !errors.As(err, &over) || over.Code != directory.CodeRateLimited || over.RetryAfter != 30*time.Second || !strings.Contains(over.Message, "30 s") {
		t.Errorf("a third one: %v, after %s", err, over.RetryAfter)
	}
	if err := w.Count(from("192.0.2.2:1000")); err != nil {
		t.Errorf("another address: %v", err)
	}
	none := from("192.0.2.1:1000")
	none.Header.Del("Authorization")
	if err := w.Count(none); err != nil {
		t.Errorf("no token: %v", err)
	}
	if now = now.Add(30 * time.Second); w.Count(from("192.0.2.1:1000")) != nil {
		t.Error("refused after the time that it was told")
	}
	if w.Count(from("192.0.2.1:1000")) == nil {
		t.Error("a second one is taken after the time for one")
	}
	if err := (*WrongTokens)(nil).Count(from("192.0.2.1:1")); err != nil || NewWrongTokens(0, nil) != nil {
		t.Error("no limit is one")
	}
}

func TestA14AddressesBehindProxies(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		trusted   []netip.Prefix
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy is trusted":     {nil, "10.0.0.1:1", []string{"198.51.100.7"}, "10.0.0.1/32"},
		"a stranger says he is":   {trusted, "192.0.2.1:1", []string{"198.51.100.7"}, "192.0.2.1/32"},
		"a proxy":                 {trusted, "10.0.0.1:1", []string{"198.51.100.7"}, "198.51.100.7/32"},
		"a chain of them":         {trusted, "10.0.0.1:1", []string{"198.51.100.7, 10.0.0.2", "10.0.0.3"}, "198.51.100.7/32"},
		"what clients write":      {trusted, "10.0.0.1:1", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7/32"},
		"with a port":             {trusted, "10.0.0.1:1", []string{"198.51.100.7:4711"}, "198.51.100.7/32"},
		"nobody is named":         {trusted, "10.0.0.1:1", nil, "10.0.0.1/32"},
		"no address":              {trusted, "10.0.0.1:1", []string{"198.51.100.7, unknown"}, "10.0.0.1/32"},
		"proxies alone":           {trusted, "10.0.0.1:1", []string{"10.0.0.9"}, "10.0.0.9/32"},
		"IPv6":                    {nil, "[2001:db8:1:2:3::4]:1", nil, "2001:db8:1:2::/64"},
		"IPv6 behind a proxy":     {trusted, "[fd00::1]:1", []string{"[2001:db8:1:2:3::4]:9"}, "2001:db8:1:2::/64"},
		"IPv4 in IPv6":            {trusted, "[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.7"}, "198.51.100.7/32"},
		"IPv6 with a zone":        {nil, "[fe80::1%eth0]:1", nil, "fe80::/64"},
		"no network but a socket": {trusted, "@", []string{"198.51.100.7"}, "invalid Prefix"},
	} {
		if got := NewWrongTokens(1, c.trusted).network(from(c.peer, c.forwarded...)); got.String() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	b := NewBudgets(10, 0)
	now := epoch
	b.now = func() time.Time { return now }
	header := http.Header{}
	if err := b.Spend(header, "a", 60); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"RateLimit-Policy": `"cost";q=100;w=10`, "RateLimit": `"cost";r=40;t=6`, "Retry-After": ""} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	err := b.Spend(header, "a", 60)
	if !directory.HasCode(err, directory.CodeRateLimited) || header.Get("Retry-After") != "2" || header.Get("RateLimit") != `"cost";r=40;t=6` {
		t.Errorf("%v %v", err, header)
	}
	if err := b.Spend(nil, "b", 0); err != nil {
		t.Errorf("another token, without a header: %v", err)
	}
	if NewBudgets(0, 5) != nil {
		t.Error("no rate is a budget")
	}
}
