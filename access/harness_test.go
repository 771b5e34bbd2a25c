package access_test

import (
	"sync"
	"testing"
	"time"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Millisecond)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newStore(t testing.TB) *store.Store {
	t.Helper()
	return openStore(t, testpg.New(t))
}

func openStore(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// create makes a token that must come about.
func create(t testing.TB, s *access.Service, in access.CreateTokenInput) (*access.Token, string) {
	t.Helper()
	token, secret, err := s.CreateToken(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return token, secret
}

var readToken = access.CreateTokenInput{Name: "reader", Scopes: []access.Scope{access.Read}}

// scimInstance adds a SCIM provider with one instance.
func scimInstance(t testing.TB, s *store.Store, provider string) (*directory.Directory, *directory.Instance) {
	t.Helper()
	d := directory.New(s)
	if _, err := d.AddProvider(t.Context(), provider, directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	i, err := d.AddInstance(t.Context(), provider, "", true)
	if err != nil {
		t.Fatal(err)
	}
	return d, i
}

func to[T any](value T) *T { return &value }
