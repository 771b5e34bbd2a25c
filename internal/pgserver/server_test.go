package pgserver_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/internal/pgserver"
)

func TestDataStaysAcrossStarts(t *testing.T) {
	for name, folder := range map[string]string{
		"plain":            "data",
		"odd characters":   `it's "my" data %D = 1`,
		"comma":            "a,b",
		"too long":         strings.Repeat("long-", 20),
		"several new ones": "a/b/c",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := pgserver.Config{DataDir: filepath.Join(t.TempDir(), folder)}
			server := start(t, cfg)
			if err := server.EnsureDatabase(t.Context(), "roster"); err != nil {
				t.Fatal(err)
			}
			query(t, server.URL("roster"), `CREATE TABLE kept AS SELECT 7 AS n`)
			stop(t, server)

			server = start(t, cfg)
			if err := server.EnsureDatabase(t.Context(), "roster"); err != nil {
				t.Errorf("a second time: %v", err)
			}
			if got := query(t, server.URL("roster"), `SELECT n::text FROM kept`); got != "7" {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestServerIsPrivateAndDurable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	server := start(t, pgserver.Config{DataDir: dir})
	want := map[string]string{
		"listen_addresses": "", "unix_socket_permissions": "0700", "fsync": "on", "synchronous_commit": "on",
		"full_page_writes": "on", "data_checksums": "on", "shared_buffers": "128MB", "max_connections": "100",
		"deadlock_timeout": "100ms", "TimeZone": "UTC", "server_encoding": "UTF8", "password_encryption": "scram-sha-256",
	}
	got := map[string]string{}
	for name := range want {
		got[name] = query(t, server.URL("postgres"), `SHOW `+name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	for _, path := range []string{dir, filepath.Join(dir, "postgres"), filepath.Join(dir, "postgres", ".s.PGSQL.5432")} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o700 {
			t.Errorf("%s has mode %o", path, mode)
		}
	}
	if uid := ownerOf(t, filepath.Join(dir, "postgres")); uid == 0 {
		t.Error("root owns the cluster")
	}
}

func TestEphemeral(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := start(t, pgserver.Config{DataDir: dir, Ephemeral: true})
	for setting, want := range map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"} {
		if got := query(t, server.URL("postgres"), `SHOW `+setting); got != want {
			t.Errorf("%s is %s", setting, got)
		}
	}
	stop(t, server)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder after stop: %v", err)
	}
}

// A caller need not keep the Server: it serves as long as the process lives.
func TestServerIsNotCollected(t *testing.T) {
	t.Parallel()
	account := testAccounts(t)[0]
	for name, env := range map[string]string{"durable": "", "ephemeral": childEphemeral + "=1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := account.dataDir(t)
			child := account.start(t, dir, env, "GOGC=1") // the child forgets its Server and makes garbage
			child.await(t, "ready")
			for range 200 {
				child.await(t, "wrote")
			}
			assertRefused(t, pgserver.Config{DataDir: dir}, "already in use by process")
		})
	}
}

func TestEphemeralRefusesFolderInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	assertRefused(t, pgserver.Config{DataDir: dir, Ephemeral: true}, "is not empty")
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("fast although a client works", func(t *testing.T) {
		t.Parallel()
		server := start(t, pgserver.Config{DataDir: t.TempDir()})
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = tryQuery(server.URL("postgres"), `SELECT pg_sleep(60)`)
		}()
		time.Sleep(200 * time.Millisecond)
		begin := time.Now()
		stop(t, server)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		<-ended
		select {
		case <-server.Exited():
		default:
			t.Error("Exited is open")
		}
		if err := server.Stop(t.Context()); err != nil {
			t.Errorf("a second time: %v", err)
		}
	})
	t.Run("at once when there is no time", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		server := start(t, pgserver.Config{DataDir: dir})
		query(t, server.URL("postgres"), `CREATE TABLE kept AS SELECT 7 AS n`)
		none, cancel := context.WithCancel(t.Context())
		cancel()
		if err := server.Stop(none); err == nil || !strings.Contains(err.Error(), "did not stop in time") {
			t.Errorf("got %v", err)
		}
		assertAllGone(t, dir)
		server = start(t, pgserver.Config{DataDir: dir})
		if got := query(t, server.URL("postgres"), `SELECT n::text FROM kept`); got != "7" {
			t.Errorf("got %q", got)
		}
	})
}

// The server process is killed, not Roster: that shows, and the next start is not hindered by what it left.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := start(t, pgserver.Config{DataDir: dir})
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.Exited():
	case <-time.After(10 * time.Second):
		t.Fatal("Exited is open")
	}
	if err := server.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
	stop(t, start(t, pgserver.Config{DataDir: dir}))
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	server := start(t, pgserver.Config{
		DataDir: t.TempDir(),
		Log:     slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	url := server.URL("postgres")
	query(t, url, `CREATE TABLE mail (address text UNIQUE)`)
	query(t, url, `INSERT INTO mail VALUES ('hush@example.com')`)
	for _, statement := range []string{
		`INSERT INTO mail VALUES ('hush@example.com')`,
		`SELECT 'hush'::int`,
		`CREATE ROLE someone PASSWORD 'hush' nonsense`,
		`CREATE ROLE someone LOGIN PASSWORD 'hush'`,
		`DO $$ BEGIN RAISE WARNING 'hush'; END $$`,
	} {
		_ = tryQuery(url, statement)
	}
	stop(t, server)
	if text := log.String(); strings.Contains(text, "hush") {
		t.Errorf("the log tells:\n%s", text)
	} else if !strings.Contains(text, "ready to accept connections") {
		t.Errorf("the log misses the server's messages:\n%s", text)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start starts a server that is stopped when the test ends.
func start(t *testing.T, cfg pgserver.Config) *pgserver.Server {
	t.Helper()
	server, err := pgserver.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) }) // tests that mind have stopped it themselves
	return server
}

func stop(t *testing.T, server *pgserver.Server) {
	t.Helper()
	if err := server.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// query runs a statement and gives the first column of its first row, if it has one.
func query(t *testing.T, url, statement string) string {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(context.Background(), statement)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var first string
	if rows.Next() {
		if err := rows.Scan(&first); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return first
}

func tryQuery(url, statement string) error {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), statement)
	return err
}

func ownerOf(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal(fmt.Errorf("%s has no owner", path))
	}
	return stat.Uid
}
