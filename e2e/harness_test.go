//go:build e2e

// Package e2e runs Roster as it is installed, beside peers that others have made.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
)

// patience is how long a step may take on a busy machine.
const patience = 60 * time.Second

const adminToken = canary.Mark + "-admin-token"

// program is the built roster.
var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "roster-e2e-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "roster")
	if out, err := exec.Command("go", "build", "-o", file, "..").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// start runs a program until the test ends.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// buffer collects what a program writes.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// provider is a running oidc-provider.
type provider struct {
	t      *testing.T
	issuer string
	in     io.Writer
	out    *bufio.Reader
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	if _, err := os.Stat("oidc/node_modules/oidc-provider"); err != nil {
		t.Fatal("the provider is not installed: run make e2e, or npm ci in e2e/oidc")
	}
	cmd := exec.Command("node", "provider.js")
	cmd.Dir = "oidc"
	problems := &buffer{}
	cmd.Stderr = problems
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("provider:\n%s", problems)
		}
	})
	p := &provider{t: t, in: in, out: bufio.NewReader(out)}
	p.issuer = p.line()
	return p
}

func (p *provider) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatal("the provider has ended: ", err)
	}
	return strings.TrimSpace(line)
}

// tell has the provider do something, see provider.js.
func (p *provider) tell(format string, args ...any) {
	p.t.Helper()
	fmt.Fprintf(p.in, format+"\n", args...)
	if got := p.line(); got != "done" {
		p.t.Fatalf("the provider answered %q", got)
	}
}

// gateway is a running roster.
type gateway struct {
	t    *testing.T
	base string
	log  *buffer
}

func startRoster(t *testing.T, settings ...string) *gateway {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, log: &buffer{}}
	cmd := exec.Command(file, "serve")
	cmd.Env = append(environment(t.TempDir()), "ROSTER_LISTEN=127.0.0.1:0", "ROSTER_LOG_FORMAT=json", "ROSTER_ADMIN_TOKEN="+adminToken, "ROSTER_DATABASE_URL="+testpg.New(t))
	cmd.Env = append(cmd.Env, settings...)
	cmd.Stderr = g.log
	start(t, cmd)
	t.Cleanup(func() { canary.Look(t, "the log", g.log.String()) })
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for line := range strings.Lines(g.log.String()) {
			var record struct{ Msg, Address string }
			if json.Unmarshal([]byte(line), &record) == nil && record.Msg == "serving" {
				g.base = "http://" + record.Address
				return g
			}
		}
	}
	t.Fatalf("roster does not serve:\n%s", g.log)
	return nil
}

// graphQL runs an operation and returns its data.
func (g *gateway) graphQL(query string) map[string]any {
	g.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		g.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.base+"/graphql", bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+adminToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := canary.Client(g.t).Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	var out struct {
		Data   map[string]any
		Errors []any
	}
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil || len(out.Errors) > 0 {
		g.t.Fatalf("%s: %v %v", query, err, out.Errors)
	}
	return out.Data
}

// tenantURL adds a provider with one instance and returns its Tenant URL.
func (g *gateway) tenantURL(name string) string {
	g.t.Helper()
	data := g.graphQL(fmt.Sprintf(`mutation { addProvider(input: {name: %q, type: SCIM}) { userErrors { message } }
		addProviderInstance(input: {provider: %q}) { instance { scimUrl } } }`, name, name))
	return data["addProviderInstance"].(map[string]any)["instance"].(map[string]any)["scimUrl"].(string)
}

// environment is what programs get of ours.
func environment(home string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
}

// user is somebody who runs roster scim, with a home of their own.
type user struct {
	t    *testing.T
	home string
	env  []string
}

func newUser(t *testing.T, env ...string) *user {
	t.Helper()
	return &user{t: t, home: t.TempDir(), env: env}
}

func (u *user) command(ctx context.Context, args ...string) *exec.Cmd {
	u.t.Helper()
	file, err := program()
	if err != nil {
		u.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, file, append([]string{"scim"}, args...)...)
	cmd.Env = append(environment(u.home), u.env...)
	return cmd
}

// run runs roster scim, and returns its exit code and what it wrote.
func (u *user) run(args ...string) (code int, stdout, stderr string) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	cmd := u.command(ctx, args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	_ = cmd.Run() // the code tells
	return cmd.ProcessState.ExitCode(), out.String(), problems.String()
}

// is runs roster scim and fails the test unless it ends with a code and says something.
func (u *user) is(code int, says string, args ...string) (stdout string) {
	u.t.Helper()
	got, stdout, stderr := u.run(args...)
	if got != code || !strings.Contains(stdout+stderr, says) {
		u.t.Fatalf("roster scim %s ended with %d, want %d and %q\n%s%s", strings.Join(args, " "), got, code, says, stdout, stderr)
	}
	return stdout
}

// login signs in, with a browser that approves.
func (u *user) login(args ...string) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	cmd := u.command(ctx, append([]string{"login", "--no-browser", "--client-id", "roster-cli"}, args...)...)
	problems := &buffer{}
	cmd.Stderr = problems
	out, err := cmd.StdoutPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address := strings.TrimSpace(lines.Text()); strings.HasPrefix(address, "http") {
			approve(u.t, address)
		}
	}
	if err := cmd.Wait(); err != nil {
		u.t.Fatalf("login: %v\n%s", err, problems)
	}
}

// tokens is what the user's file of tokens holds, nil where there is none.
func (u *user) tokens() map[string]any {
	u.t.Helper()
	files, err := filepath.Glob(filepath.Join(u.home, ".config", "roster", "scim", "*.json"))
	if err != nil || len(files) > 1 {
		u.t.Fatal(files, err)
	}
	if len(files) == 0 {
		return nil
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		u.t.Fatalf("the tokens have the mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		u.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		u.t.Fatal(err)
	}
	return out
}

var (
	formAction = regexp.MustCompile(`<form[^>]*action="([^"]*)"`)
	formHidden = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)
)

// approve is the browser, and who sits in front of it: it signs in and says yes to everything.
func approve(t *testing.T, address string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: patience}
	response, err := client.Get(address)
	for range 5 {
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if response.Request.URL.Path == "/callback" {
			if response.StatusCode != http.StatusOK {
				t.Errorf("the browser ends at %d: %s", response.StatusCode, page)
			}
			return
		}
		action := formAction.FindSubmatch(page)
		if action == nil {
			t.Fatalf("the provider answered %d without a form:\n%s", response.StatusCode, page)
		}
		form := url.Values{"login": {"ada"}, "password": {"any"}}
		for _, hidden := range formHidden.FindAllSubmatch(page, -1) {
			form.Set(string(hidden[1]), html.UnescapeString(string(hidden[2])))
		}
		to, err := response.Request.URL.Parse(html.UnescapeString(string(action[1])))
		if err != nil {
			t.Fatal(err)
		}
		response, err = client.PostForm(to.String(), form)
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the provider asks for ever")
}
