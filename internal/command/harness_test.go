package command

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
)

// patience is how long a step of a child may take on a busy machine.
const patience = 60 * time.Second

// buildDir holds the program under test once it was built.
var buildDir string

// builtProgram builds the program, once; with the race detector if the tests have it.
var builtProgram = sync.OnceValues(func() (string, error) {
	var err error
	if buildDir, err = os.MkdirTemp("", "roster-e2e-"); err != nil {
		return "", err
	}
	file := filepath.Join(buildDir, "roster")
	args := []string{"build", "-o", file}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.Command("go", append(args, ".")...)
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // what is waited for here is other processes
	}
	code := m.Run()
	for _, k := range keepers.by {
		code = max(code, k.end())
	}
	watched.Close()
	if found := leaked.Load(); found != nil {
		fmt.Println("the traces show a secret:", *found)
		code = 1
	}
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// child is a running program.
type child struct {
	t              testing.TB
	cmd            *exec.Cmd
	stdout, stderr *output
	ended          chan struct{}
	base           string // where it serves
}

// output collects what a child writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// launch starts the program with nothing of our environment but the way to Postgres, and with the given settings.
func launch(t testing.TB, settings []string, args ...string) *child {
	t.Helper()
	file, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.Command(file, args...), stdout: &output{}, stderr: &output{}, ended: make(chan struct{})}
	c.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "ROSTER_LISTEN=127.0.0.1:0"}
	if bin := os.Getenv("ROSTER_POSTGRES_BIN"); bin != "" {
		c.cmd.Env = append(c.cmd.Env, "ROSTER_POSTGRES_BIN="+bin)
	}
	// It says as much as it can, all of which is looked at.
	c.cmd.Env = append(c.cmd.Env, "ROSTER_LOG_LEVEL=debug", "OTEL_EXPORTER_OTLP_ENDPOINT="+watched.URL)
	c.cmd.Env = append(c.cmd.Env, settings...)
	c.cmd.Stdout, c.cmd.Stderr = c.stdout, c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait() // the state tells
		close(c.ended)
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.ended
		canary.Look(t, "the log of "+args[0], c.stderr.String())
		if args[0] != "sim" { // simulators show what they draw
			canary.Look(t, "the output of "+args[0], firstToken.ReplaceAllString(c.stdout.String(), ""))
		}
		if t.Failed() {
			t.Logf("%v\nstdout:\n%s\nstderr:\n%s", args, c.stdout, c.stderr)
		}
	})
	return c
}

// firstToken is how a new Roster shows its first token, once.
var firstToken = regexp.MustCompile(`(?m)^rst_[\w-]{43}$`)

// watched takes the traces of all Rosters that have no collector of their own, and looks at them.
var watched = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if found := canary.Find(string(body)); len(found) > 0 {
		leaked.CompareAndSwap(nil, &found[0])
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}))

// leaked is the first secret that was in traces.
var leaked atomic.Pointer[string]

// serve launches "roster serve" and waits until it serves.
func serve(t testing.TB, settings ...string) *child {
	t.Helper()
	c := launch(t, settings, "serve")
	c.awaitServing()
	return c
}

// awaitServing waits for the log line that tells the address.
func (c *child) awaitServing() {
	c.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if address := c.logged("serving", "address"); address != "" {
			c.base = "http://" + address
			c.t.Cleanup(func() {
				_, metrics := c.get("/metrics", admin) // no answer where it serves no more, or knows this token not
				canary.Look(c.t, "the metrics", metrics)
			})
			return
		}
		select {
		case <-c.ended:
			c.t.Fatal("the program ended before it served")
		default:
		}
	}
	c.t.Fatal("the program does not serve")
}

// logged returns what the first record with a message says by a name; empty where there is none.
func (c *child) logged(message, name string) string {
	for line := range strings.Lines(c.stderr.String()) {
		var record map[string]any
		if json.Unmarshal([]byte(line), &record) == nil && record["msg"] == message {
			value, _ := record[name].(string)
			return value
		}
	}
	return ""
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit code, -1 for a signal.
func (c *child) exit(within time.Duration) int {
	c.t.Helper()
	select {
	case <-c.ended:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		c.t.Fatalf("the program has not ended after %s", within)
		return 0
	}
}

// get answers the status and the body of a GET, 0 where there is no answer.
func (c *child) get(path, token string) (int, string) {
	return c.do(http.MethodGet, path, token, "", nil)
}

// graphQL runs a query and fails the test unless it is answered without errors.
func (c *child) graphQL(token, query string) string {
	c.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		c.t.Fatal(err)
	}
	status, answer := c.do(http.MethodPost, "/graphql", token, "application/json", bytes.NewReader(body))
	if status != http.StatusOK || strings.Contains(answer, `"errors"`) {
		c.t.Fatalf("%s\nanswered %d %s", query, status, answer)
	}
	return answer
}

func (c *child) do(method, path, token, media string, body io.Reader) (int, string) {
	c.t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = io.ReadAll(body); err != nil {
			c.t.Fatal(err)
		}
	}
	status, answer, _ := c.request(method, path, token, media, string(text))
	return status, answer
}

// request answers the status, the body and the header of a request, 0 where there is no answer.
func (c *child) request(method, path, token, media, body string) (int, string, http.Header) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error(), nil
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	transport := canary.Transport(c.t, &http.Transport{DisableKeepAlives: true})
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error(), nil
	}
	return response.StatusCode, string(text), response.Header
}
