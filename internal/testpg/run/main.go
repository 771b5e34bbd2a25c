// Command run starts one throw-away Postgres server, runs a command with ROSTER_TEST_POSTGRES_URL set to it, and removes
// the server:
//
//	go run ./internal/testpg/run -- go test ./...
//
// Signals are passed to the command and its exit code is ours. If the variable is set already, that server is used and
// none is started.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/roster-gateway/roster/internal/pgserver"
	"github.com/roster-gateway/roster/internal/testpg"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: run -- command [argument...]")
		os.Exit(2)
	}
	code, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// run gives the command's exit code, as a shell does, or 1 with an error if there is none.
func run(args []string) (code int, err error) {
	signals := make(chan os.Signal, 4) // from the start on: a server is never left in the middle
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)

	env := os.Environ()
	if os.Getenv(testpg.ServerVariable) == "" {
		server, startErr := startServer()
		if startErr != nil {
			return 1, startErr
		}
		defer func() { err = errors.Join(err, server.Stop(context.Background())) }()
		env = append(env, testpg.ServerVariable+"="+server.URL("postgres"))
	}
	return runCommand(args, env, signals)
}

func startServer() (*pgserver.Server, error) {
	dir, err := os.MkdirTemp("", "roster-test-")
	if err != nil {
		return nil, err
	}
	return pgserver.Start(context.Background(), pgserver.Config{
		DataDir: dir, BinDir: os.Getenv("ROSTER_POSTGRES_BIN"), Ephemeral: true,
	})
}

// runCommand runs the command in a process group of its own, so that a Ctrl-C at the terminal reaches it once.
func runCommand(args, env []string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("cannot run %s: %w", args[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = syscall.Kill(-cmd.Process.Pid, sig.(syscall.Signal)) // ESRCH: it has just ended
		case err := <-ended:
			return exitCode(err)
		}
	}
}

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if err == nil || !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
