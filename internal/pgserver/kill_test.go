package pgserver_test

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/pgserver"
)

// A Roster that is killed at any moment, also in the middle of initdb, leaves no process; the next start works and has
// every committed row.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	for _, account := range testAccounts(t) {
		t.Run(account.name, func(t *testing.T) {
			dir := account.dataDir(t)
			committed := 0
			for round := range 6 {
				if round < 3 {
					// Again from nothing, to be killed while initdb runs, which takes about half a second.
					if err := os.RemoveAll(dir); err != nil {
						t.Fatal(err)
					}
					committed = 0
				}
				after := time.Duration(rand.Int64N(int64(900 * time.Millisecond)))
				child := account.start(t, dir)
				if round%2 == 1 && round > 3 {
					child.await(t, "wrote") // the other rounds are killed while they start, replaying the log
				}
				time.Sleep(after)
				child.kill()
				assertAllGone(t, dir)
				committed = max(committed, child.lastWrote(t))
				t.Logf("killed after %v with %d rows", after, committed)
			}
			child := account.start(t, dir)
			url := child.await(t, "ready")
			child.await(t, "wrote")
			if left, err := filepath.Glob(filepath.Join(dir, "postgres.new-*")); err != nil || len(left) > 0 {
				t.Errorf("unfinished clusters stay: %v, %v", left, err)
			}
			if got := count(t, url); got < committed {
				t.Errorf("%d rows are left of %d", got, committed)
			}
		})
	}
}

// An ephemeral server's folder goes with the process, too.
func TestKilledEphemeralLeavesNoFolder(t *testing.T) {
	t.Parallel()
	for _, account := range testAccounts(t) {
		for name, wait := range map[string]string{"while it starts": "", "while it serves": "ready"} {
			t.Run(account.name+"/"+name, func(t *testing.T) {
				dir := account.dataDir(t)
				child := account.start(t, dir, childEphemeral+"=1")
				if wait != "" {
					child.await(t, wait)
				} else {
					time.Sleep(time.Duration(rand.Int64N(int64(500 * time.Millisecond))))
				}
				child.kill()
				assertAllGone(t, dir)
				awaitGone(t, dir)
			})
		}
	}
}

// longName makes a path too long for a unix socket.
const longName = "a-rather-long-name-of-a-data-folder-that-no-unix-socket-path-can-hold-because-of-its-limit"

// The socket folder outside of a data folder whose path is too long is removed after a kill: with the folder of an
// ephemeral server, else at the next start.
func TestKilledEphemeralWithSocketElsewhere(t *testing.T) {
	t.Parallel()
	account := testAccounts(t)[0]
	dir := filepath.Join(t.TempDir(), longName)
	child := account.start(t, dir, childEphemeral+"=1")
	child.await(t, "ready")
	note, err := os.ReadFile(filepath.Join(dir, "socket-dir"))
	if err != nil {
		t.Fatal(err)
	}
	child.kill()
	awaitGone(t, dir)
	awaitGone(t, string(note))
}

func TestKilledWithSocketElsewhere(t *testing.T) {
	t.Parallel()
	account := testAccounts(t)[0]
	dir := filepath.Join(t.TempDir(), longName)
	child := account.start(t, dir)
	child.await(t, "ready")
	note, err := os.ReadFile(filepath.Join(dir, "socket-dir"))
	if err != nil {
		t.Fatal(err)
	}
	child.kill()
	server := start(t, pgserver.Config{DataDir: dir})
	if _, err := os.Stat(string(note)); !os.IsNotExist(err) {
		t.Errorf("the killed server's socket folder %s: %v", note, err)
	}
	second, err := os.ReadFile(filepath.Join(dir, "socket-dir"))
	if err != nil {
		t.Fatal(err)
	}
	stop(t, server)
	if _, err := os.Stat(string(second)); !os.IsNotExist(err) {
		t.Errorf("the stopped server's socket folder %s: %v", second, err)
	}
}

// A start right after the kill waits for the server that is still ending.
func TestStartRightAfterKill(t *testing.T) {
	t.Parallel()
	for _, account := range testAccounts(t) {
		t.Run(account.name, func(t *testing.T) {
			dir := account.dataDir(t)
			for range 4 {
				child := account.start(t, dir)
				child.await(t, "wrote")
				child.kill()
			}
		})
	}
}

// awaitGone waits for the guard to remove the folder.
func awaitGone(t *testing.T, dir string) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			return
		}
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("%s is still there", dir)
		}
	}
}

func count(t *testing.T, url string) int {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRowContext(context.Background(), `SELECT count(*) FROM wrote`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
