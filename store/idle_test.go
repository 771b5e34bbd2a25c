package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// Connections that idle longer than the deadline of those who used them are closed in peace.
func TestIdleConnectionsAreClosedInPeace(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), store.Config{URL: testpg.New(t), MaxConns: 2, Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
