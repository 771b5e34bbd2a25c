package command

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/faultproxy"
	"github.com/roster-gateway/roster/internal/testpg"
)

// TestSyncPage does what docs/sync.md says, block by block and in its order: it starts the simulators and Roster, pastes
// every GraphQL operation and every shell line, and compares the answers that are shown. A word in angle brackets stands
// for a value that an earlier answer, or a simulator, has told. Its SQL is run in a database of its own.
func TestSyncPage(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the page changes the simulated tenant by curl, which is not here")
	}
	page, err := os.ReadFile("../../docs/sync.md")
	if err != nil {
		t.Fatal(err)
	}
	r := &pageReader{t: t, told: map[string]string{
		"an hour ago": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
		"in an hour":  time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	}}
	source := r.database()
	blocks := blocksOf(string(page))
	done := map[string]int{}
	for i, b := range blocks {
		answer := ""
		if i+1 < len(blocks) && blocks[i+1].language == "json" {
			answer = blocks[i+1].text
		}
		done[b.language]++
		switch b.language {
		case "sh":
			r.shell(b, answer)
		case "graphql":
			r.ask(b, answer)
		case "sql":
			if _, err := source.ExecContext(t.Context(), b.text); err != nil {
				r.fatalf(b, "the database says %v", err)
			}
		}
	}
	if done["graphql"] < 20 || done["sh"] < 4 || done["json"] < 15 {
		t.Errorf("the page holds %v: it is not what this test reads", done)
	}
}

// database makes a database to read, and takes note of how it is reached over the network.
func (r *pageReader) database() *sql.DB {
	r.t.Helper()
	url := testpg.Empty(r.t)
	network, err := faultproxy.Start(url)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(network.Close)
	r.told["sql.connectionString"] = network.URL()
	db, err := sql.Open("postgres", url)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = db.Close() })
	return db
}

// block is a fenced block of a page.
type block struct {
	language, text string
	line           int
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

func blocksOf(page string) (out []block) {
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		out = append(out, block{language: page[at[2]:at[3]], text: page[at[4]:at[5]], line: 1 + strings.Count(page[:at[0]], "\n")})
	}
	return out
}

// pageReader is who reads a page and does what it says.
type pageReader struct {
	t      *testing.T
	roster *child
	// told are the values of the words in angle brackets.
	told map[string]string
	// variables are those of the shell.
	variables []string
}

func (r *pageReader) fatalf(b block, format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("docs/sync.md:%d: %s\n%s", b.line, fmt.Sprintf(format, args...), b.text)
}

// shell runs lines of a shell. Those that start Roster or a simulator go on in the background, as in a terminal of their own.
func (r *pageReader) shell(b block, answer string) {
	r.t.Helper()
	for line := range strings.Lines(b.text) {
		line = strings.TrimSpace(line)
		switch before, command, found := strings.Cut(line, "./roster "); {
		case line == "make build": // the program under test was built
		case found && command == "serve":
			r.roster = serve(r.t, append(strings.Fields(before), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_DATA_DIR="+filepath.Join(r.t.TempDir(), "data"))...)
		case found:
			r.simulate(b, strings.Fields(command))
		default:
			r.paste(b, line, answer)
		}
	}
}

// simulate starts a simulator, and takes note of what it prints.
func (r *pageReader) simulate(b block, args []string) {
	r.t.Helper()
	c := launch(r.t, []string{"TMPDIR=" + r.t.TempDir()}, args...)
	for deadline := time.Now().Add(patience); strings.Count(c.stdout.String(), "\n") < 6; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.fatalf(b, "the simulator does not print what it serves")
		}
	}
	for line := range strings.Lines(c.stdout.String()) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		r.told[key] = value
		switch key {
		case "caFile", "certificateFile":
			text, err := os.ReadFile(value)
			if err != nil {
				r.t.Fatal(err)
			}
			r.told["text of "+key] = string(text)
			if key == "caFile" {
				r.variables = append(r.variables, "CA="+value)
			}
		case "aad.graphEndpoint", "sp.authorityHost":
			r.variables = append(r.variables, "SIM="+value)
		}
	}
}

// paste runs one line to its end.
func (r *pageReader) paste(b block, line, answer string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", "-c", line)
	shell.Env = append([]string{"PATH=" + os.Getenv("PATH")}, r.variables...)
	out, err := shell.Output()
	if err != nil || bytes.Contains(out, []byte(`"error"`)) {
		r.fatalf(b, "%q ended with %v and answered %s", line, err, out)
	}
	if diff := r.compare(b, answer, out); answer != "" && diff != "" {
		r.fatalf(b, "%q answers (-shown +answered):\n%s", line, diff)
	}
}

var (
	word     = regexp.MustCompile(`<[^<>\n]+>`)
	mutation = regexp.MustCompile(`^\s*mutation\b`)
	followed = regexp.MustCompile(`^\s*subscription\b`)
)

// ask runs an operation as the explorer does. A question is asked again until the answer is the one that is shown, as a
// reader does who waits for a run.
func (r *pageReader) ask(b block, answer string) {
	r.t.Helper()
	query := word.ReplaceAllStringFunc(b.text, func(name string) string {
		value, ok := r.told[strings.Trim(name, "<>")]
		if !ok {
			r.fatalf(b, "nothing has told what %s is", name)
		}
		return value
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		var got []byte
		if followed.MatchString(query) {
			got = r.follow(b, query)
		} else {
			got = []byte(r.roster.graphQL(admin, query))
		}
		diff := r.compare(b, answer, r.dataOf(b, got))
		switch again := !mutation.MatchString(query) && !followed.MatchString(query); {
		case answer == "" && bytes.Contains(got, []byte(`"userErrors":[{`)):
			r.fatalf(b, "it was refused: %s", got)
		case answer == "" || diff == "":
			return
		case !again || time.Now().After(deadline):
			r.fatalf(b, "it answers (-shown +answered):\n%s\n%s", diff, got)
		}
	}
}

// dataOf is what an answer holds beside its envelope.
func (r *pageReader) dataOf(b block, answer []byte) []byte {
	r.t.Helper()
	var envelope struct {
		Data   json.RawMessage
		Errors json.RawMessage
	}
	if err := json.Unmarshal(answer, &envelope); err != nil || envelope.Errors != nil {
		r.fatalf(b, "it is answered %s", answer)
	}
	return envelope.Data
}

// follow reads a subscription to its end, and returns its last event.
func (r *pageReader) follow(b block, query string) (last []byte) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		r.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.roster.base+"/graphql", bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + admin, "Content-Type": "application/json", "Accept": "text/event-stream"} {
		request.Header.Set(name, value)
	}
	response, err := canary.Client(r.t).Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	event := ""
	lines := bufio.NewScanner(response.Body)
	for event != "complete" && lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			event = name
		} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && event == "next" {
			last = []byte(data)
		}
	}
	if event != "complete" || last == nil {
		r.fatalf(b, "the subscription broke off (%v) after %s", lines.Err(), last)
	}
	return last
}

// compare compares an answer with the one that is shown, in whose words in angle brackets anything fits. Where it is the
// same, it takes note of these.
func (r *pageReader) compare(b block, shown string, answered []byte) string {
	r.t.Helper()
	if shown == "" {
		return ""
	}
	var want, have any
	if err := json.Unmarshal([]byte(shown), &want); err != nil {
		r.fatalf(b, "the answer that is shown is no JSON: %v", err)
	}
	if err := json.Unmarshal(answered, &have); err != nil {
		r.fatalf(b, "the answer is no JSON: %s", answered)
	}
	told := map[string]string{}
	diff := cmp.Diff(fill(want, have, told), have)
	if diff == "" {
		maps.Copy(r.told, told)
	}
	return diff
}

// fill puts the texts of an answer where words in angle brackets are.
func fill(want, have any, told map[string]string) any {
	switch want := want.(type) {
	case string:
		if value, ok := have.(string); ok && word.FindString(want) == want && want != "" {
			told[strings.Trim(want, "<>")] = value
			return value
		}
	case map[string]any:
		have, _ := have.(map[string]any)
		for name, value := range want {
			want[name] = fill(value, have[name], told)
		}
	case []any:
		have, _ := have.([]any)
		for i := range min(len(want), len(have)) {
			want[i] = fill(want[i], have[i], told)
		}
	}
	return want
}
