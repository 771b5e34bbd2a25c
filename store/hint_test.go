package store_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// A replica hears of the commits of others, and not of its own: it has taken those up already.
func TestHintsAreForOthers(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	heard := [2]chan struct{}{}
	directories := [2]*directory.Directory{}
	for i := range heard {
		s, err := store.Open(t.Context(), store.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		heard[i], directories[i] = make(chan struct{}, 1000), directory.New(s)
		s.Hints(t.Context(), slog.New(slog.DiscardHandler), func() { heard[i] <- struct{}{} })
	}
	commit := func() {
		if _, err := directories[0].CreateRole(t.Context(), uuid.NewString(), nil); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(10 * time.Second); len(heard[1]) == 0; time.Sleep(10 * time.Millisecond) {
		commit() // until the other one listens
		if time.Now().After(end) {
			t.Fatal("the other one never heard of a commit")
		}
	}
	for len(heard[1]) > 0 { // what is on its way still
		<-heard[1]
		time.Sleep(50 * time.Millisecond)
	}
	own := len(heard[0])
	commit()
	select {
	case <-heard[1]:
	case <-time.After(10 * time.Second):
		t.Fatal("the other one did not hear of the commit")
	}
	time.Sleep(50 * time.Millisecond)
	if n := len(heard[0]); n != own {
		t.Errorf("the one that committed heard of it itself")
	}
}
