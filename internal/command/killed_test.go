package command

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/internal/testpg"
)

// killedRun is a synchronization of a simulated tenant, by a Roster that may be killed.
type killedRun struct {
	*testing.T
	settings []string
	db       *sql.DB
}

// tenantOf starts a simulator and returns the mutations that lead an instance to it.
func tenantOf(t *testing.T, users, groups int) (mutations []string) {
	t.Helper()
	c := launch(t, []string{"TMPDIR=" + t.TempDir()}, "sim", "graph", "--seed", "7", "--users", fmt.Sprint(users), "--groups", fmt.Sprint(groups))
	for deadline := time.Now().Add(patience); strings.Count(c.stdout.String(), "\n") < 6; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the simulator does not print what it serves")
		}
	}
	mutations = []string{
		`mutation { addProvider(input: {name: "AAD", type: AzureAD}) { userErrors { message } } }`,
		`mutation { addProviderInstance(input: {provider: "AAD"}) { userErrors { message } } }`,
	}
	for line := range strings.Lines(c.stdout.String()) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		if key == "caFile" {
			text, err := os.ReadFile(value)
			if err != nil {
				t.Fatal(err)
			}
			key, value = "tls.caCertificate", string(text)
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		mutations = append(mutations, `mutation { setRuntimeConfig(input: {provider: "AAD", key: "`+key+`", value: `+string(quoted)+`}) { userErrors { message } } }`)
	}
	return mutations
}

// newKilledRun sets an instance up in a database of its own, and returns the Roster that did so.
func newKilledRun(t *testing.T, keyset string, mutations []string) (*killedRun, *child) {
	t.Helper()
	url := testpg.New(t)
	r := &killedRun{T: t, db: beside(t, url), settings: []string{
		"ROSTER_DATABASE_URL=" + url, "ROSTER_ADMIN_TOKEN=" + admin, "ROSTER_SECRETS_KEYSET=" + keyset, "ROSTER_ALLOW_PRIVATE_SOURCES=true",
	}}
	c := serve(t, r.settings...)
	for _, mutation := range mutations {
		if answer := c.graphQL(admin, mutation); !strings.Contains(answer, `"userErrors":[]`) {
			t.Fatalf("%s\nis answered %s", mutation, answer)
		}
	}
	return r, c
}

func (r *killedRun) start(c *child) {
	r.Helper()
	if answer := c.graphQL(admin, `mutation { startSync(input: {provider: "AAD"}) { userErrors { message } } }`); !strings.Contains(answer, `"userErrors":[]`) {
		r.Fatalf("the run does not start: %s", answer)
	}
}

// await waits for the end of the run and returns how long it took.
func (r *killedRun) await() time.Duration {
	r.Helper()
	begun := time.Now()
	for status := ""; status != "COMPLETE"; time.Sleep(5 * time.Millisecond) {
		if err := r.db.QueryRowContext(r.Context(), `SELECT status FROM sync_run`).Scan(&status); err != nil {
			r.Fatal(err)
		}
		if status == "FAILED" || status == "PARTIAL" || time.Since(begun) > patience {
			r.Fatalf("after %s the run is %s", time.Since(begun), status)
		}
	}
	return time.Since(begun)
}

// picture is what the directory holds, by the names of the source.
func (r *killedRun) picture() (lines []string) {
	r.Helper()
	rows, err := r.db.QueryContext(r.Context(), `
		SELECT concat_ws(' ', kind, external_id, fqn, display_name, status) FROM identity
		UNION ALL SELECT concat_ws(' ', l.kind, c.external_id, m.external_id)
			FROM link l JOIN identity c ON c.id = l.container_id JOIN identity m ON m.id = l.member_id
		UNION ALL SELECT 'aside ' || relname FROM pg_class WHERE relname LIKE 'stage%'
		ORDER BY 1`)
	if err != nil {
		r.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			r.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		r.Fatal(err)
	}
	return lines
}

// TestSafetyR12KilledAtAnyMomentOfARun kills the process of a run by SIGKILL, after more and more of the time that a run
// takes, and starts it again: what the directory holds in the end is what it holds after a run that nobody killed.
// (TestSafetyR12AKilledRunEndsAsAnUninterruptedOne, of package syncer, kills at each transaction.)
func TestSafetyR12KilledAtAnyMomentOfARun(t *testing.T) {
	t.Parallel()
	users, points := 120, 1
	if *thorough {
		users, points = 1000, 20
	}
	mutations := tenantOf(t, users, users/10)
	keyset := filepath.Join(t.TempDir(), "keys.json")
	if code := launch(t, nil, "keyset", keyset).exit(patience); code != 0 {
		t.Fatalf("keyset ended with %d", code)
	}
	r, c := newKilledRun(t, keyset, mutations)
	r.start(c)
	whole := r.await()
	want := r.picture()
	if len(want) < users {
		t.Fatalf("the directory holds only %d lines", len(want))
	}
	for point := range points {
		after := whole * time.Duration(point+1) / time.Duration(points+1)
		t.Run(after.String(), func(t *testing.T) {
			r, c := newKilledRun(t, keyset, mutations)
			r.start(c)
			time.Sleep(after)
			c.signal(syscall.SIGKILL)
			c.exit(patience)
			t.Logf("killed with %d lines in the directory", len(r.picture()))
			mustExec(t, r.db, `UPDATE sync_lease SET until = now()`) // or the next one waits until it has run out
			serve(t, r.settings...)
			r.await()
			if diff := cmp.Diff(want, r.picture()); diff != "" {
				t.Errorf("after a kill at %s of %s (-uninterrupted +killed):\n%s", after, whole, diff)
			}
		})
	}
}
