package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scimRun runs roster scim in a home of its own, and returns its exit code and what it wrote.
func scimRun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	code = run(t.Context(), nil, append([]string{"scim"}, args...), &out, &problems)
	return code, out.String(), problems.String()
}

// newHome makes a home without sign-ins.
func newHome(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
}

func TestWhoIsNotSignedInIsToldHow(t *testing.T) {
	newHome(t)
	code, _, stderr := scimRun(t, "users", "--url", "https://roster.example.com/tokens/x/")
	want := "roster: nobody is signed in for this Tenant URL. Sign in with: roster scim login --url https://roster.example.com/tokens/x --issuer URL --client-id ID --resource URL\n"
	if code != exitSignIn || stderr != want {
		t.Errorf("it ended with %d: %s", code, stderr)
	}
}

func TestSCIMCommandsSayWhatIsWrong(t *testing.T) {
	newHome(t)
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const url = "--url=https://roster.example.com/scim/v2"
	login := []string{"login", url, "--issuer=https://id.example.com", "--client-id=x"}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no url":             {[]string{"users"}, exitUsage, "--url"},
		"open url":           {[]string{"users", "--url=http://roster.example.com"}, exitFailed, "https://"},
		"query":              {[]string{"users", "--url=https://roster.example.com/?x"}, exitFailed, "question mark"},
		"no such file":       {[]string{"push", url, "--token-file", empty + "x", "x"}, exitFailed, "ROSTER_SCIM_TOKEN_FILE"},
		"empty token":        {[]string{"push", url, "--token-file", empty, "x"}, exitFailed, "holds no secret"},
		"no directory":       {[]string{"push", url, empty + "x"}, exitFailed, "cannot be read"},
		"connections":        {[]string{"push", url, empty, "--connections=0"}, exitFailed, "from 1 to 64"},
		"no resource":        {login, exitFailed, "--resource"},
		"service, no secret": {append(login, "--resource=https://a", "--client-credentials"), exitFailed, "ROSTER_SCIM_CLIENT_SECRET"},
	} {
		code, _, stderr := scimRun(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: it ended with %d: %s", name, code, stderr)
		}
	}
}

// fakeSCIM lists two users and refuses one of those that are to be made.
func fakeSCIM(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer canary" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch {
		case r.Method == http.MethodGet && r.URL.Path == "/scim/v2/Users":
			fmt.Fprint(w, `{"totalResults":2,"Resources":[
				{"id":"1","userName":"ada@x","displayName":"A\u001b[2Jda","active":true,"externalId":"7"},{"id":"2","userName":"bob@x","active":false}]}`)
		case r.Method == http.MethodGet:
			fmt.Fprint(w, `{"totalResults":0}`)
		default:
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body["userName"] == "taken" {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"detail":"It will not do.","scimType":"invalidValue"}`)
				return
			}
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"id":"3"}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/scim/v2/"
}

func TestUsersAreListed(t *testing.T) {
	newHome(t)
	t.Setenv("ROSTER_SCIM_TOKEN", "canary")
	t.Setenv("ROSTER_SCIM_URL", fakeSCIM(t))
	want := "" +
		"USERNAME  DISPLAY NAME  ACTIVE  EXTERNAL ID  ID\n" +
		"ada@x     A [2Jda       true    7            1\n" +
		"bob@x     -             false   -            2\n"
	if code, stdout, stderr := scimRun(t, "users"); code != 0 || cmp.Diff(want, stdout) != "" {
		t.Errorf("it ended with %d: %s (-want +got):\n%s", code, stderr, cmp.Diff(want, stdout))
	}
	code, stdout, _ := scimRun(t, "users", "--json")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || len(lines) != 2 || !json.Valid([]byte(lines[0])) || strings.Contains(stdout, "\x1b") {
		t.Errorf("it ended with %d: %s", code, stdout)
	}
}

func TestPushSumsUp(t *testing.T) {
	newHome(t)
	t.Setenv("ROSTER_SCIM_TOKEN", "canary")
	t.Setenv("ROSTER_SCIM_URL", fakeSCIM(t))
	file := filepath.Join(t.TempDir(), "directory.jsonl")
	push := func(text string) (int, string, string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return scimRun(t, "push", file)
	}
	if code, stdout, stderr := push(`{"userName":"ada@x"}` + "\n" + `{"userName":"cy@x"}`); code != 0 || stdout != "created 1, updated 0, unchanged 1, failed 0\n" || stderr != "" {
		t.Errorf("it ended with %d: %s%s", code, stdout, stderr)
	}
	code, stdout, stderr := push(`{"userName":"ada@x"}` + "\n\n" + `{"userName":"taken"}`)
	if code != exitFailed || stdout != "created 0, updated 0, unchanged 1, failed 1\n" ||
		stderr != "line 3: SCIM answered 400 invalidValue: It will not do.\nroster: 1 of 2 lines failed\n" {
		t.Errorf("it ended with %d: %s%s", code, stdout, stderr)
	}
	t.Setenv("ROSTER_SCIM_TOKEN", "other")
	if code, _, stderr := push(`{"userName":"ada@x"}`); code != exitFailed || strings.Contains(stderr, "canary") || !strings.Contains(stderr, "401") {
		t.Errorf("it ended with %d: %s", code, stderr)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	var out bytes.Buffer
	if code := run(stopped, nil, []string{"scim", "push", file}, &out, &out); code != exitFailed || !strings.Contains(out.String(), "roster: stopped\n") {
		t.Errorf("stopped, it ended with %d: %s", code, out.String())
	}
}
