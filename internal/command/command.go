// Package command is Roster's command line: its commands, and the life of a server from its start to its end.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/roster-gateway/roster/internal/config"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitSignIn = 3 // somebody has to sign in
)

// commandLine is every command with its flags. Most flags are settings, see [config.Settings].
type commandLine struct {
	Serve      serveCommand      `cmd:"" set:"log_level=info" help:"Serve GraphQL, SCIM and the explorer until a stop signal."`
	Demo       demoCommand       `cmd:"" set:"log_level=warn" help:"Serve, and fill Roster with a sample organization through SCIM."`
	Migrate    migrateCommand    `cmd:"" set:"log_level=info" help:"Bring the database's schema up to this version, and end."`
	Audit      auditCommand      `cmd:"" help:"Show that the audit trail was not changed."`
	Epoch      epochCommand      `cmd:"" help:"Begin a new life of the database after a restore."`
	Keyset     keysetCommand     `cmd:"" help:"Make a file of keys for secrets."`
	Secrets    secretsCommand    `cmd:"" help:"Give secrets a new key."`
	SCIM       scimCommand       `cmd:"" name:"scim" help:"Be a SCIM client: sign in, list users, push a directory."`
	Sim        simCommand        `cmd:"" help:"Simulate a source of identities, to try a synchronization without one."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
	Completion completionCommand `cmd:"" help:"Print the completion script of a shell."`
}

// program is what commands run with.
type program struct {
	ctx            context.Context // ends at the first stop signal
	wire           Wire
	stdout, stderr io.Writer
	model          *kong.Application
}

// Main runs the command line and returns the exit code. wire builds what a server serves.
func Main(wire Wire) int {
	config.ClearEmpty()
	ctx, stop := stopSignals()
	defer stop()
	return run(ctx, wire, os.Args[1:], os.Stdout, os.Stderr)
}

func run(ctx context.Context, wire Wire, args []string, stdout, stderr io.Writer) int {
	exited := -1
	parser, err := newParser(stdout, stderr, func(code int) { exited = code })
	if err != nil {
		fmt.Fprintln(stderr, "roster:", err) // a mistake in our own struct tags
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help has been answered
		return exited
	case err != nil:
		fmt.Fprintf(stderr, "roster: %s\nRun roster --help, or roster serve --help, to see what there is.\n", oneLine(err.Error()))
		return exitUsage
	}
	p := &program{ctx: ctx, wire: wire, stdout: stdout, stderr: stderr, model: parser.Model}
	if err := parsed.Run(p); err != nil {
		fmt.Fprintln(stderr, "roster:", sentence(err))
		if errors.As(err, new(*needsSignIn)) {
			return exitSignIn
		}
		return exitFailed
	}
	return exitOK
}

func newParser(stdout, stderr io.Writer, exit func(int)) (*kong.Kong, error) {
	return kong.New(&commandLine{},
		kong.Name("roster"),
		kong.Description("Roster is a GraphQL identity gateway: users, groups and roles come in by SCIM, answers about them go out by GraphQL."),
		kong.Vars{"log_level": "info"},
		kong.Writers(stdout, stderr),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.ValueFormatter(describe),
	)
}

// describe is a flag's text in --help: what it does, and its variable.
func describe(v *kong.Value) string {
	if len(v.Tag.Envs) == 0 {
		return v.Help
	}
	return fmt.Sprintf("%s [%s]", v.Help, v.Tag.Envs[0])
}

// stopSignals returns a context that ends at the first SIGTERM or SIGINT. The second one ends the process at once: the
// kernel then ends our Postgres, which is crash-safe.
func stopSignals() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	done := make(chan struct{})
	go func() {
		for seen := 1; ; seen++ {
			select {
			case <-signals:
			case <-done:
				return
			}
			if seen > 1 {
				fmt.Fprintln(os.Stderr, "roster: stopped at once by a second signal")
				os.Exit(exitFailed)
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
