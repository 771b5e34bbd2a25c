package command

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/outbound"
)

// TestSimGraph runs the command as a script does: it reads the lines, signs in to nothing, and asks for the truth.
func TestSimGraph(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, nil, []string{"sim", "graph", "--users", "3", "--groups", "1", "--churn", "600/min", "--adversary"}, in, io.Discard)
		_ = in.Close()
		ended <- code
	}()
	values := map[string]string{}
	lines := bufio.NewScanner(out)
	for len(values) < 6 && lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), " = ")
		values[key] = value
	}
	for _, key := range []string{"aad.tenantDomain", "aad.clientId", "aad.clientSecret", "aad.authorityHost", "aad.graphEndpoint"} {
		if values[key] == "" {
			t.Errorf("it printed no %s", key)
		}
	}
	file := values["caFile"]
	client, err := outbound.NewClient(outbound.Config{CAFile: file, Timeout: time.Minute, MaxAnswer: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, values["aad.graphEndpoint"]+"/sim/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if _ = answer.Body.Close(); err != nil || !strings.Contains(string(body), "userPrincipalName") {
		t.Errorf("the state is %.200s (%v)", body, err)
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("it ended with %d", code)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the certificate is still there: %v", err)
	}
}

func TestSimGraphRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"--listen 0.0.0.0:0", "loopback"},
		{"--users=-1", "negative"},
		{"--churn often", "no rate"},
		{"--ca-file /nowhere/at/all.pem", "--ca-file"},
	} {
		var errors strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		code := run(ctx, nil, append([]string{"sim", "graph", "--groups=0"}, strings.Fields(c.args)...), io.Discard, &errors)
		cancel()
		if code == exitOK || !strings.Contains(errors.String(), c.want) {
			t.Errorf("%s: it ended with %d and %q, want %q", c.args, code, errors.String(), c.want)
		}
	}
}
