package command

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/roster-gateway/roster/internal/testpg"
)

// shared is one Roster with the given settings, for all tests that send what is refused, or read: they leave nothing
// behind that another would see. It ends with the package's tests.
func shared(t *testing.T, settings ...string) *child {
	t.Helper()
	key := strings.Join(settings, " ")
	keepers.Lock()
	k := keepers.by[key]
	if k == nil {
		k = &keeper{}
		keepers.by[key] = k
	}
	keepers.Unlock()
	k.start.Do(func() {
		k.TB = t
		k.child = serve(k, append([]string{"ROSTER_DATABASE_URL=" + testpg.New(k), "ROSTER_ADMIN_TOKEN=" + admin}, settings...)...)
	})
	if k.child == nil {
		t.Fatal("the shared server did not start")
	}
	c := *k.child
	c.t = t
	return &c
}

var keepers = struct {
	sync.Mutex
	by map[string]*keeper
}{by: map[string]*keeper{}}

// keeper stands in for a test, and keeps what is made for it until all tests have ended.
type keeper struct {
	testing.TB
	start    sync.Once
	child    *child
	cleanups []func()
	failed   atomic.Bool
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

// Failed, Logf, Helper and Errorf are called when the test that came first has ended.
func (k *keeper) Failed() bool        { return k.failed.Load() }
func (k *keeper) Logf(string, ...any) {}
func (k *keeper) Helper()             {}

func (k *keeper) Errorf(format string, args ...any) {
	k.failed.Store(true)
	fmt.Printf("a shared server: "+format+"\n", args...)
}

// end returns the exit code that the tests should have for what is shared.
func (k *keeper) end() int {
	for i := len(k.cleanups) - 1; i >= 0; i-- {
		k.cleanups[i]()
	}
	if k.Failed() {
		return 1
	}
	return 0
}
