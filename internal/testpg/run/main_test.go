package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/testpg"
)

func TestExitCodeIsTheCommands(t *testing.T) {
	t.Setenv(testpg.ServerVariable, "postgres://somewhere/else") // no server is started then
	for script, want := range map[string]int{
		"exit 0": 0,
		"exit 3": 3,
		`test "$ROSTER_TEST_POSTGRES_URL" = postgres://somewhere/else`: 0,
		"kill -KILL $$": 128 + 9,
	} {
		if got, err := run([]string{"sh", "-c", script}); got != want || err != nil {
			t.Errorf("%s: %d, %v", script, got, err)
		}
	}
	if got, err := run([]string{"/no/such/command"}); got != 1 || err == nil {
		t.Errorf("no command: %d, %v", got, err)
	}
}

func TestServerIsGoneAfterwards(t *testing.T) {
	t.Setenv(testpg.ServerVariable, "")
	file := filepath.Join(t.TempDir(), "url")
	if code, err := run([]string{"sh", "-c", `printf %s "$ROSTER_TEST_POSTGRES_URL" > "$0"`, file}); code != 0 || err != nil {
		t.Fatal(code, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	server, err := url.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	folder := server.Query().Get("host")
	if !strings.Contains(folder, "roster-") {
		t.Fatalf("the server was %s", server)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s: %v", folder, err)
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	t.Setenv(testpg.ServerVariable, "postgres://somewhere/else")
	started := filepath.Join(t.TempDir(), "started")
	go func() {
		for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(started); err == nil {
				break
			}
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // run has taken this signal over
	}()
	code, err := run([]string{"sh", "-c", `trap 'exit 7' TERM; touch "$0"; sleep 20 & wait`, started})
	if code != 7 || err != nil {
		t.Errorf("%d, %v", code, err)
	}
}
