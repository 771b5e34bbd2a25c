package command

import (
	"database/sql"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/testpg"
)

// password occurs in the settings of every failing start, and must not in what it says.
const password = "sesame-7f3a"

// TestStartFailures gives each start that cannot succeed its one sentence: within seconds, on at most three lines, with
// the way out and without secrets.
func TestStartFailures(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "no folder")
	oldData := filepath.Join(t.TempDir(), "data")
	writeFile(t, filepath.Join(oldData, "postgres", "PG_VERSION"), "11\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })

	for name, c := range map[string]struct {
		settings []string
		says     []string
	}{
		"port in use":      {[]string{"ROSTER_LISTEN=" + taken.Addr().String(), "ROSTER_DATABASE_URL=" + testpg.New(t)}, []string{taken.Addr().String(), "in use", "ROSTER_LISTEN"}},
		"no address":       {[]string{"ROSTER_LISTEN=8080"}, []string{"host:port"}},
		"foreign address":  {[]string{"ROSTER_LISTEN=192.0.2.1:80"}, []string{"cannot listen on 192.0.2.1:80", "ROSTER_LISTEN"}},
		"no server":        {[]string{databaseAt(closedPort(t))}, []string{"no database answers", "database URL"}},
		"silent server":    {[]string{databaseAt(fakePostgres(t, ""))}, []string{"no database answers", "database URL"}},
		"unknown host":     {[]string{databaseAt("roster.invalid:5432")}, []string{"no database answers", "database URL"}},
		"wrong password":   {[]string{databaseAt(fakePostgres(t, "28P01"))}, []string{`refuses the user "roster"`, "database URL"}},
		"full server":      {[]string{databaseAt(fakePostgres(t, "53300"))}, []string{"no connection left"}},
		"starting server":  {[]string{databaseAt(fakePostgres(t, "57P03"))}, []string{"refuses the connection"}},
		"no such database": {[]string{"ROSTER_DATABASE_URL=" + otherDatabase(t, testpg.Empty(t))}, []string{`no database "no_such_database"`, "create it"}},
		"newer schema":     {[]string{"ROSTER_DATABASE_URL=" + newerDatabase(t)}, []string{"schema version 9999", "newer"}},
		"no URL":           {[]string{"ROSTER_DATABASE_URL=host=db password=" + password}, []string{"no Postgres URL", "postgres://"}},
		"folder in a file": {[]string{"ROSTER_DATA_DIR=" + filepath.Join(file, "data")}, []string{"cannot write to the data folder", "ROSTER_DATA_DIR"}},
		"other Postgres":   {[]string{"ROSTER_DATA_DIR=" + oldData}, []string{"Postgres 11"}},
		"no binaries":      {[]string{"ROSTER_DATA_DIR=" + t.TempDir(), "ROSTER_POSTGRES_BIN=" + t.TempDir()}, []string{"no Postgres server was found", "install"}},
		"no token file":    {[]string{"ROSTER_ADMIN_TOKEN_FILE=" + file + ".missing"}, []string{"ROSTER_ADMIN_TOKEN_FILE", "no such file"}},
		"token twice":      {[]string{"ROSTER_ADMIN_TOKEN=" + password, "ROSTER_ADMIN_TOKEN_FILE=" + file}, []string{"both"}},
		"weak token":       {[]string{"ROSTER_ADMIN_TOKEN=x", "ROSTER_LISTEN=0.0.0.0:0"}, []string{"ROSTER_ADMIN_TOKEN", "guessed"}},
		"no issuers":       {[]string{"ROSTER_OIDC_ISSUERS=" + file + ".missing", "ROSTER_DATABASE_URL=" + testpg.New(t)}, []string{"ROSTER_OIDC_ISSUERS", "no such file"}},
		"bad issuers":      {[]string{"ROSTER_OIDC_ISSUERS=" + file, "ROSTER_DATABASE_URL=" + testpg.New(t)}, []string{"ROSTER_OIDC_ISSUERS", "JSON"}},
		"impossible token": {[]string{"ROSTER_ADMIN_TOKEN=" + password + " with space"}, []string{"ROSTER_ADMIN_TOKEN"}},
		"no keyset":        {[]string{"ROSTER_SECRETS_KEYSET=" + file + ".missing", "ROSTER_DATABASE_URL=" + testpg.New(t)}, []string{"roster keyset"}},
		"bad keyset":       {[]string{"ROSTER_SECRETS_KEYSET=" + file, "ROSTER_DATABASE_URL=" + testpg.New(t)}, []string{"no Tink keyset"}},
		"no time":          {[]string{"ROSTER_REQUEST_TIMEOUT=1ms"}, []string{"ROSTER_REQUEST_TIMEOUT", "100ms"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFailure(t, launch(t, c.settings, "serve"), exitFailed, c.says...)
		})
	}
	t.Run("unknown flag", func(t *testing.T) {
		t.Parallel()
		requireFailure(t, launch(t, nil, "serve", "--nope"), exitUsage, "--nope", "--help")
	})
	t.Run("no duration", func(t *testing.T) {
		t.Parallel()
		requireFailure(t, launch(t, []string{"ROSTER_REQUEST_TIMEOUT=soon"}, "serve"), exitUsage, "request-timeout")
	})
	t.Run("migrate", func(t *testing.T) {
		t.Parallel()
		requireFailure(t, launch(t, []string{databaseAt(closedPort(t))}, "migrate"), exitFailed, "no database answers")
	})
}

func TestFolderInUse(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	serve(t, "ROSTER_DATA_DIR="+dir)
	requireFailure(t, launch(t, []string{"ROSTER_DATA_DIR=" + dir}, "serve"), exitFailed, "already in use", "ROSTER_DATA_DIR")
}

func requireFailure(t *testing.T, c *child, code int, says ...string) {
	t.Helper()
	if got := c.exit(20 * time.Second); got != code {
		t.Errorf("it ended with %d, want %d", got, code)
	}
	text := c.stderr.String()
	if n := strings.Count(text, "\n"); n < 1 || n > 3 || !strings.HasPrefix(text, "roster: ") {
		t.Errorf("it says %d lines, want 1 to 3 that begin with roster:", n)
	}
	for _, part := range says {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q", part)
		}
	}
	if strings.Contains(text, password) || strings.Contains(text, "goroutine ") {
		t.Error("it tells a password, or a stack")
	}
	if c.stdout.String() != "" {
		t.Errorf("it printed %q", c.stdout)
	}
}

// databaseAt is the setting of a database at an address.
func databaseAt(address string) string {
	return "ROSTER_DATABASE_URL=postgres://roster:" + password + "@" + address + "/roster?sslmode=disable"
}

func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// fakePostgres refuses every connection with an error code, or says nothing at all.
func fakePostgres(t *testing.T, code string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			if code == "" {
				continue
			}
			head := make([]byte, 4)
			if _, err := io.ReadFull(conn, head); err != nil {
				continue
			}
			_, _ = io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(head))-4)
			fields := "SFATAL\x00C" + code + "\x00Mnot now\x00\x00"
			_, _ = conn.Write(append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(len(fields)+4)), fields...))
			conn.Close()
		}
	}()
	return listener.Addr().String()
}

// otherDatabase names a database that does not exist on the server of a URL.
func otherDatabase(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/no_such_database"
	return u.String()
}

// newerDatabase is a database that a later version has migrated.
func newerDatabase(t *testing.T) string {
	t.Helper()
	address := testpg.New(t)
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
		t.Fatal(err)
	}
	return address
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
