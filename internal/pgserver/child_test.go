package pgserver_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"go.uber.org/goleak"

	"github.com/roster-gateway/roster/internal/pgserver"
)

// The test binary is also the program that tests kill: with childDir set it runs a server on that folder.
const (
	childDir       = "ROSTER_TEST_CHILD_DIR"
	childEphemeral = "ROSTER_TEST_CHILD_EPHEMERAL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := runChild(dir, os.Getenv(childEphemeral) != ""); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	goleak.VerifyTestMain(m)
}

// runChild serves until it is killed. It prints "ready URL" and then "wrote N" after each committed row N, while another
// connection computes without a pause: such a backend does not notice by itself that its server has gone.
func runChild(dir string, ephemeral bool) error {
	ctx := context.Background()
	server, err := pgserver.Start(ctx, pgserver.Config{DataDir: dir, Ephemeral: ephemeral})
	if err != nil {
		return err
	}
	url := server.URL("postgres")
	fmt.Println("ready", url)
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS wrote (n int)`); err != nil {
		return err
	}
	go func() { _, _ = db.ExecContext(ctx, `SELECT count(*) FROM generate_series(1, 1e15::bigint)`) }()
	for {
		var n int
		err := db.QueryRowContext(ctx, `INSERT INTO wrote SELECT coalesce(max(n), 0) + 1 FROM wrote RETURNING n`).Scan(&n)
		if err != nil {
			return err
		}
		fmt.Println("wrote", n)
	}
}

// testAccount is an account that a test's child runs as.
type testAccount struct {
	name       string
	credential *syscall.Credential // nil: our own
	binary     string
}

// testAccounts are our own account and, when we are root, an ordinary one too.
func testAccounts(t *testing.T) []testAccount {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	list := []testAccount{{name: "ourselves", binary: self}}
	if os.Geteuid() != 0 {
		return list
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Logf("only as root: %v", err)
		return list
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	// The binary is where only we can reach it.
	binary := filepath.Join(publicDir(t), "child.test")
	copyFile(t, self, binary)
	return append(list, testAccount{
		name: "nobody", binary: binary,
		credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)},
	})
}

// dataDir is a new folder's path that the account can create.
func (a testAccount) dataDir(t *testing.T) string {
	t.Helper()
	if a.credential == nil {
		return filepath.Join(t.TempDir(), "data")
	}
	parent := publicDir(t)
	if err := os.Chown(parent, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(parent, "data")
}

// publicDir is a temporary folder that every account can pass.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "roster-public-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// runningChild is a started child and what it printed.
type runningChild struct {
	cmd   *exec.Cmd
	lines chan string
}

func (a testAccount) start(t *testing.T, dir string, env ...string) *runningChild {
	t.Helper()
	cmd := exec.Command(a.binary)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), append(env, childDir+"="+dir)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &runningChild{cmd: cmd, lines: make(chan string, 1<<20)}
	go func() {
		defer close(c.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			c.lines <- scanner.Text()
		}
	}()
	t.Cleanup(c.kill)
	return c
}

// await gives the rest of the next line that begins with the word.
func (c *runningChild) await(t *testing.T, word string) string {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				t.Fatalf("the child ended before it said %q", word)
			}
			if got, rest, _ := strings.Cut(line, " "); got == word {
				return rest
			} else if got == "error" {
				t.Fatalf("the child failed: %s", rest)
			}
		case <-limit:
			t.Fatalf("the child did not say %q", word)
		}
	}
}

// kill sends SIGKILL. It can be called again.
func (c *runningChild) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// lastWrote is the last row that the killed child saw committed, 0 if none.
func (c *runningChild) lastWrote(t *testing.T) int {
	t.Helper()
	last := 0
	for line := range c.lines {
		if n, ok := strings.CutPrefix(line, "wrote "); ok {
			var err error
			if last, err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
		} else if rest, ok := strings.CutPrefix(line, "error "); ok {
			t.Fatalf("the child failed: %s", rest)
		}
	}
	return last
}

// postgresProcesses lists the processes of the data folder: those that have inherited its lock.
func postgresProcesses(t *testing.T, dir string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == filepath.Join(dir, "postgres.lock") {
			process := filepath.Dir(filepath.Dir(link))
			name, _ := os.ReadFile(filepath.Join(process, "comm"))
			found = append(found, filepath.Base(process)+" "+strings.TrimSpace(string(name)))
		}
	}
	return found
}

// assertAllGone fails if a process of the data folder is left two seconds from now.
func assertAllGone(t *testing.T, dir string) {
	t.Helper()
	begin := time.Now()
	for {
		left := postgresProcesses(t, dir)
		if len(left) == 0 {
			t.Logf("all gone after %v", time.Since(begin))
			return
		}
		if time.Since(begin) > 2*time.Second {
			t.Fatalf("still running after %v: %v", time.Since(begin), left)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
