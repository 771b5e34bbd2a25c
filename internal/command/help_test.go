package command

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

const configurationPage = "../../docs/configuration.md"

func TestHelpListsEverySetting(t *testing.T) {
	t.Parallel()
	variables := regexp.MustCompile(`ROSTER_[A-Z_]+`)
	source, err := os.ReadFile("../config/config.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, tag := range regexp.MustCompile(`env:"(ROSTER_[A-Z_]+)"`).FindAllStringSubmatch(string(source), -1) {
		want[tag[1]] = true
	}
	for _, command := range []string{"serve", "demo"} {
		text := strings.Join(strings.Fields(helpOf(t, command)), " ")
		for name := range want {
			if !strings.Contains(text, "["+name+"]") {
				t.Errorf("%s --help does not list %s", command, name)
			}
		}
		for _, name := range variables.FindAllString(text, -1) {
			if !want[name] {
				t.Errorf("%s --help lists %s, which is no setting", command, name)
			}
		}
	}
	if len(want) < 12 {
		t.Errorf("found only the settings %v", want)
	}
}

// TestHelpShowsNoSecret: --help answers with the settings' defaults, never with their values.
func TestQ8HelpShowsNoSecret(t *testing.T) {
	t.Setenv("ROSTER_ADMIN_TOKEN", "canary-1")
	t.Setenv("ROSTER_DATABASE_URL", "postgres://u:canary-2@db/roster")
	if text := helpOf(t, "serve"); strings.Contains(text, "canary") {
		t.Errorf("--help shows a secret:\n%s", text)
	}
}

func helpOf(t *testing.T, command string) string {
	t.Helper()
	var out bytes.Buffer
	if code := run(context.Background(), nil, []string{command, "--help"}, &out, &out); code != 0 {
		t.Fatalf("%s --help ended with %d", command, code)
	}
	return out.String()
}

func TestUsage(t *testing.T) {
	t.Parallel()
	var out, errors bytes.Buffer
	if code := run(context.Background(), nil, nil, &out, &errors); code != 0 || !strings.Contains(out.String(), "serve") {
		t.Errorf("without a command it ended with %d: %s", code, out.String())
	}
	out.Reset()
	if code := run(context.Background(), nil, []string{"version"}, &out, &errors); code != 0 || !strings.HasPrefix(out.String(), "roster ") {
		t.Errorf("version ended with %d: %s", code, out.String())
	}
}

// TestCompletion lets the shells that are here read their scripts.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var script bytes.Buffer
		if code := run(context.Background(), nil, []string{"completion", shell}, &script, os.Stderr); code != 0 {
			t.Fatalf("completion %s ended with %d", shell, code)
		}
		for _, word := range []string{"serve", "demo", "migrate", "listen", "log-level"} {
			if !strings.Contains(script.String(), word) {
				t.Errorf("%s: no %s", shell, word)
			}
		}
		if _, err := exec.LookPath(shell); err != nil {
			continue
		}
		check := exec.Command(shell, "-n")
		check.Stdin = &script
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v\n%s", shell, err, out)
		}
	}
}

// TestBashCompletes drives the script as bash does.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash here")
	}
	var script bytes.Buffer
	run(context.Background(), nil, []string{"completion", "bash"}, &script, os.Stderr)
	for _, c := range []struct{ words, want string }{
		{"roster ser", "serve"},
		{"roster serve --data-d", "--data-dir"},
		{"roster serve --log-level d", "debug"},
		{"roster completion z", "zsh"},
		{"roster scim pu", "push"},
		{"roster scim login --client-i", "--client-id"},
	} {
		words := strings.Fields(c.words)
		drive := fmt.Sprintf("%s\nCOMP_WORDS=(%s)\nCOMP_CWORD=%d\n_roster\necho \"${COMPREPLY[*]}\"\n", script.String(), c.words, len(words)-1)
		out, err := exec.Command("bash", "-c", drive).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
			t.Errorf("%q completes to %q (%v), want %q", c.words, got, err, c.want)
		}
	}
}

// TestConfigurationPage holds docs/configuration.md to the flags; -update writes it.
func TestConfigurationPage(t *testing.T) {
	t.Parallel()
	want := configuration(t)
	if *update {
		if err := os.WriteFile(configurationPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(configurationPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("run go test ./internal/command -run ConfigurationPage -update (-want +have):\n%s", diff)
	}
}

func configuration(t *testing.T) string {
	t.Helper()
	parser, err := newParser(&bytes.Buffer{}, &bytes.Buffer{}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	serve := parser.Model.Children[slices.IndexFunc(parser.Model.Children, func(n *kong.Node) bool { return n.Name == "serve" })]
	var page strings.Builder
	page.WriteString(`# Configuration

Every setting is a flag and an environment variable; a flag wins. An empty variable counts as not set. ` + "`roster serve --help`" + `
lists the same. ` + "`roster demo`" + ` takes the same settings (there the log level is warn by default), and ` + "`roster migrate`" + ` those of
the database and the log.

Secrets (the database URL and the admin token) are never printed or logged. Other users of a machine can read the flags
of its processes, so hand secrets over as variables, or as files (` + "`..._FILE`" + `): a mounted secret, say.
`)
	group := ""
	for _, flag := range serve.Flags {
		if flag.Group == nil || len(flag.Envs) == 0 {
			continue
		}
		if flag.Group.Title != group {
			group = flag.Group.Title
			fmt.Fprintf(&page, "\n## %s\n\n| variable | flag | default | meaning |\n|---|---|---|---|\n", group)
		}
		byDefault := ""
		if flag.HasDefault {
			byDefault = "`" + flag.Default + "`"
		}
		fmt.Fprintf(&page, "| `%s` | `--%s` | %s | %s |\n", flag.Envs[0], flag.Name, byDefault, flag.Help)
	}
	page.WriteString(`
## Traces

Roster records traces where a standard variable of OpenTelemetry names a collector, and otherwise nothing. They are sent by OTLP
over HTTP (` + "`http/protobuf`" + `, usually port 4318). The other variables of the OTLP exporter, the sampler and the resource count, too.

| variable | meaning |
|---|---|
| ` + "`OTEL_EXPORTER_OTLP_ENDPOINT`" + ` | the collector, such as http://127.0.0.1:4318 |
| ` + "`OTEL_EXPORTER_OTLP_HEADERS`" + ` | headers for it, such as an API key: name=value,name=value |
| ` + "`OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`" + ` | which traces are recorded, such as parentbased_traceidratio and 0.01. Default: all but those whose caller records none |
| ` + "`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`" + ` | what the collector calls this Roster. Default: roster |

Spans name routes, operations, fields, SQL texts with placeholders and hosts; no arguments, paths, tokens or people. A request has 200
at most. Roster goes on with the trace that a header ` + "`traceparent`" + ` names, and passes it on to the sources that it reads. The log
lines of a recorded request carry its ` + "`trace_id`" + `.

## What no setting changes

A TLS handshake and a request's headers have to be done within 5 s each. A connection may idle for 2 minutes, and a client
may take 30 s to accept each piece of an answer. TLS is 1.2 or 1.3, and HTTP/2 is spoken over it, with 100 requests at once on
a connection. A stop takes less than 10 s: requests that have not ended 6.5 s after the
signal are cut. Roster's own Postgres listens on no network.

## Memory

A replica takes about 190 MB for an organization of 100,000 people and 500,000 memberships: 15 MB for the graph, 80 MB for
everybody's record, and the rest for what is under way and for garbage, which is collected when it is four tenths of what is in use.
With ten times as many it takes about 750 MB: 150 MB for the graph, and as many records as ` + "`ROSTER_CACHE_SIZE`" + ` lets in. A replica
that has missed very many changes loads its graph anew and holds two of them for that time. The variables ` + "`GOMEMLIMIT`" + ` (such
as ` + "`400MiB`" + `) and ` + "`GOGC`" + ` work as in every Go program: in a container, set the former to nine tenths of its limit.

## Exit codes

0: stopped by a signal, or done. 1: the start failed, or Roster cannot go on; one line on standard error says why.
2: the command line was wrong. 3, of ` + "`roster scim`" + `: somebody has to sign in (again).
`)
	return page.String()
}
