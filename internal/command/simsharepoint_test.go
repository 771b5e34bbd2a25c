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
	"github.com/roster-gateway/roster/connector/sharepoint"
)

// TestSimSharePoint runs the command as a script does: what it prints and writes is all that a connector needs.
func TestSimSharePoint(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, nil, []string{"sim", "sharepoint", "--users=30", "--groups=3", "--site-groups=4", "--churn=600/min"}, in, io.Discard)
		_ = in.Close()
		ended <- code
	}()
	values := map[string]string{}
	lines := bufio.NewScanner(out)
	for len(values) < 6 && lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), " = ")
		values[key] = value
	}
	files := []string{values["caFile"], values["certificateFile"]}
	for i, key := range []string{"tls.caCertificate", "sp.certificate"} {
		text, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		values[key] = string(text)
	}
	source, err := sharepoint.Type.Open(connector.Config{Values: values, AllowPrivate: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	people := 0
	err = source.Read(ctx, connector.From{}, func(_ context.Context, p connector.Page) error {
		for _, l := range p.Links {
			if strings.HasSuffix(l.Other.Name, "@contoso.example") {
				people++
			}
		}
		return nil
	})
	if err != nil || people == 0 {
		t.Errorf("the site holds %d people of the tenant (%v)", people, err)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("it ended with %d", code)
	}
	for _, file := range files {
		if _, err := os.Stat(file); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", file, err)
		}
	}
}

func TestSimSharePointRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"--listen 0.0.0.0:0", "loopback"},
		{"--members=-1", "negative"},
		{"--ca-file /nowhere/at/all.pem", "--ca-file"},
		{"--certificate-file /nowhere/at/all.pem", "--certificate-file"},
	} {
		var errors strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		code := run(ctx, nil, append([]string{"sim", "sharepoint", "--groups=0"}, strings.Fields(c.args)...), io.Discard, &errors)
		cancel()
		if code == exitOK || !strings.Contains(errors.String(), c.want) {
			t.Errorf("%s: it ended with %d and %q, want %q", c.args, code, errors.String(), c.want)
		}
	}
}
