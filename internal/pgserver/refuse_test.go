package pgserver_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/internal/pgserver"
)

// assertRefused wants a start to fail soon, with one sentence that has all the parts.
func assertRefused(t *testing.T, cfg pgserver.Config, parts ...string) {
	t.Helper()
	begin := time.Now()
	server, err := pgserver.Start(t.Context(), cfg)
	if err == nil {
		stop(t, server)
		t.Fatal("it started")
	}
	t.Log(err)
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestSecondStarter(t *testing.T) {
	t.Parallel()
	account := testAccounts(t)[0]
	dir := account.dataDir(t)
	child := account.start(t, dir)
	pid := fmt.Sprintf("process %d:", child.cmd.Process.Pid)
	for range 10 { // while the first one creates its cluster, too
		time.Sleep(50 * time.Millisecond)
		if _, err := os.Stat(filepath.Join(dir, "postgres.lock")); err == nil {
			assertRefused(t, pgserver.Config{DataDir: dir}, "already in use by "+pid)
		}
	}
	child.await(t, "ready")
	assertRefused(t, pgserver.Config{DataDir: dir}, "already in use by "+pid)
	child.await(t, "wrote")
}

func TestOtherMajor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop(t, start(t, pgserver.Config{DataDir: dir}))
	cluster := filepath.Join(dir, "postgres")
	for content, parts := range map[string][]string{
		"99\n":  {"was made by Postgres 99", "are Postgres 1", "dump the data", "nothing was changed"},
		"9.6\n": {"not a Postgres cluster that can be used", `"9.6"`},
	} {
		if err := os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		before := fingerprint(t, cluster)
		assertRefused(t, pgserver.Config{DataDir: dir}, parts...)
		if diff := cmp.Diff(before, fingerprint(t, cluster)); diff != "" {
			t.Errorf("the cluster changed:\n%s", diff)
		}
	}
}

// fingerprint tells a changed file.
func fingerprint(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestNotACluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "postgres", "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	assertRefused(t, pgserver.Config{DataDir: dir}, "not empty and not a Postgres cluster")
}

func TestEmptyClusterFolderIsFilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "postgres"), 0o700); err != nil {
		t.Fatal(err)
	}
	stop(t, start(t, pgserver.Config{DataDir: dir}))
}

func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	assertRefused(t, pgserver.Config{DataDir: filepath.Join(file, "data")}, "cannot write", "not a directory", "ROSTER_DATA_DIR")
	assertRefused(t, pgserver.Config{}, "no data folder")

	accounts := testAccounts(t)
	account := accounts[len(accounts)-1]
	if account.credential == nil && os.Geteuid() == 0 {
		t.Skip("root can write to every folder, and there is no account nobody")
	}
	for name, mode := range map[string]os.FileMode{"no new folder": 0o555, "closed": 0o000} {
		t.Run(name, func(t *testing.T) {
			parent := filepath.Join(publicDir(t), "parent")
			if err := os.Mkdir(parent, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(parent, mode); err != nil {
				t.Fatal(err)
			}
			for _, dir := range []string{parent, filepath.Join(parent, "data")} {
				child := account.start(t, dir)
				if got := child.await(t, "error"); !strings.Contains(got, "permission denied") || !strings.Contains(got, "ROSTER_DATA_DIR") {
					t.Errorf("got %q", got)
				}
			}
		})
	}
}

// A postmaster.pid of a server that was killed may name a process id that another program has now.
func TestStaleProcessID(t *testing.T) {
	t.Parallel()
	for name, pid := range map[string]int{"gone": 1 << 22, "another program's": os.Getpid(), "garbage": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			stop(t, start(t, pgserver.Config{DataDir: dir}))
			cluster := filepath.Join(dir, "postgres")
			file := filepath.Join(cluster, "postmaster.pid")
			text := fmt.Sprintf("%d\n%s\n1\n5432\n%s\n\n0 0\nready\n", pid, cluster, cluster)
			if pid == 0 {
				text = "garbage\n"
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(file, int(ownerOf(t, cluster)), -1); err != nil {
				t.Fatal(err)
			}
			stop(t, start(t, pgserver.Config{DataDir: dir}))
		})
	}
}

// Somebody runs a server on the cluster by hand.
func TestServerStartedByHand(t *testing.T) {
	t.Parallel()
	accounts := testAccounts(t)
	account := accounts[len(accounts)-1] // by hand it cannot be root
	dir := account.dataDir(t)
	child := account.start(t, dir)
	child.await(t, "ready")
	child.kill()
	assertAllGone(t, dir)

	bin, err := pgserver.Find("")
	if err != nil {
		t.Fatal(err)
	}
	cluster := filepath.Join(dir, "postgres")
	byHand := exec.Command(filepath.Join(bin, "postgres"), "-D", cluster, "-k", cluster, "-c", "listen_addresses=")
	byHand.Dir = "/"
	byHand.SysProcAttr = &syscall.SysProcAttr{Credential: account.credential}
	if err := byHand.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = byHand.Process.Signal(syscall.SIGQUIT)
		_ = byHand.Wait()
	}()
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
		if err == nil && strings.Contains(string(text), "ready") {
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal("the server by hand did not start")
		}
	}
	assertRefused(t, pgserver.Config{DataDir: dir}, fmt.Sprintf("already in use by process %d:", byHand.Process.Pid))
}

func TestGivingUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, limit := range []time.Duration{time.Nanosecond, 100 * time.Millisecond, 300 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		server, err := pgserver.Start(ctx, pgserver.Config{DataDir: dir})
		cancel()
		if err == nil {
			stop(t, server)
			t.Fatal("it started")
		}
		t.Log(err)
		if left := postgresProcesses(t, dir); len(left) > 0 {
			t.Errorf("after %v there are %v", limit, left)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "postgres*", "*")); err != nil || len(left) > 0 {
			t.Errorf("after %v there are %v, %v", limit, left, err)
		}
	}
	stop(t, start(t, pgserver.Config{DataDir: dir}))
}
