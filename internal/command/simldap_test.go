package command

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/activedirectory"
)

// TestSimLDAP runs the command as a script does: what it prints and writes is all that a connector needs.
func TestSimLDAP(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, nil, []string{"sim", "ldap", "--users=30", "--groups=3", "--churn=600/min", "--start-tls"}, in, io.Discard)
		_ = in.Close()
		ended <- code
	}()
	values := map[string]string{}
	lines := bufio.NewScanner(out)
	for len(values) < 6 && lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), " = ")
		values[key] = value
	}
	file := values["caFile"]
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	values["tls.caCertificate"] = string(text)
	source, err := activedirectory.Type.Open(connector.Config{Values: values, AllowPrivate: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	people := 0
	err = source.Read(ctx, connector.From{}, func(_ context.Context, p connector.Page) error {
		people += len(p.Identities)
		return nil
	})
	if err != nil || people == 0 {
		t.Errorf("the domain holds %d users and groups (%v)", people, err)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("it ended with %d", code)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the certificate is still there: %v", err)
	}
}

func TestSimLDAPRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"--listen 0.0.0.0:0", "loopback"},
		{"--users=-1", "negative"},
		{"--ca-file /nowhere/at/all.pem", "--ca-file"},
	} {
		var errors strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		code := run(ctx, nil, append([]string{"sim", "ldap", "--groups=0"}, strings.Fields(c.args)...), io.Discard, &errors)
		cancel()
		if code == exitOK || !strings.Contains(errors.String(), c.want) {
			t.Errorf("%s: it ended with %d and %q, want %q", c.args, code, errors.String(), c.want)
		}
	}
}
