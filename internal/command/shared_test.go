package command

import (
	"os"
	"sync"
	"testing"

	"github.com/roster-gateway/roster/internal/testpg"
)

// shared is one Roster for all tests that send what is refused, or read: they leave nothing behind. It ends with the
// package's tests.
func shared(t *testing.T) *child {
	t.Helper()
	sharedKeeper.mu.Lock()
	defer sharedKeeper.mu.Unlock()
	if sharedKeeper.child == nil {
		sharedKeeper.TB = t
		sharedKeeper.child = serve(sharedKeeper, "ROSTER_DATABASE_URL="+testpg.New(sharedKeeper), "ROSTER_ADMIN_TOKEN="+admin)
	}
	c := *sharedKeeper.child
	c.t = t
	return &c
}

var sharedKeeper = &keeper{}

// keeper stands in for a test, and keeps what is made for it until all tests have ended.
type keeper struct {
	testing.TB
	mu       sync.Mutex
	child    *child
	cleanups []func()
}

func (k *keeper) Cleanup(f func()) { k.cleanups = append(k.cleanups, f) }

func (k *keeper) TempDir() string {
	dir, err := os.MkdirTemp("", "roster-shared-")
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Failed and Logf are called when the test that came first has ended.
func (k *keeper) Failed() bool        { return false }
func (k *keeper) Logf(string, ...any) {}

func (k *keeper) end() {
	for i := len(k.cleanups) - 1; i >= 0; i-- {
		k.cleanups[i]()
	}
}
