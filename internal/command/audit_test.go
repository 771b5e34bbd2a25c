package command

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/audit"
	"github.com/roster-gateway/roster/internal/testpg"
)

// TestAuditVerify shows the chain of a running Roster, which seals what it does within seconds, and then one that somebody
// has tampered with.
func TestAuditVerify(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	database := "ROSTER_DATABASE_URL=" + url
	c := serve(t, database, "ROSTER_ADMIN_TOKEN="+admin)
	for _, name := range []string{"A", "B", "C"} {
		c.graphQL(admin, `mutation { createRole(input: {name: "`+name+`"}) { userErrors { message } } }`)
	}
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const unsealed = `SELECT count(*) FROM audit WHERE id NOT IN (SELECT audit_id FROM audit_seal)`
	for begun, left := time.Now(), 1; left > 0; time.Sleep(20 * time.Millisecond) {
		if err := db.QueryRow(unsealed).Scan(&left); err != nil || time.Since(begun) > 5*time.Second+patience/6 {
			t.Fatalf("%d events are not sealed after %s: %v", left, time.Since(begun), err)
		}
	}
	verify := launch(t, []string{database}, "audit", "verify", "--json")
	if code := verify.exit(patience); code != exitOK {
		t.Fatalf("verify ends with %d", code)
	}
	var report struct {
		Sealed int
		Head   struct {
			Seq  int64
			Hash string
		}
	}
	if err := json.Unmarshal([]byte(verify.stdout.String()), &report); err != nil || report.Sealed < 3 || report.Head.Seq < 3 {
		t.Errorf("%s: %v", verify.stdout, err)
	}
	if _, err := db.Exec(`ALTER TABLE audit DISABLE TRIGGER USER; UPDATE audit SET actor = 'eve' WHERE id = 2`); err != nil {
		t.Fatal(err)
	}
	verify = launch(t, []string{database}, "audit", "verify", "--noted", fmt.Sprintf("%d:%s", report.Head.Seq, report.Head.Hash))
	if code := verify.exit(patience); code != exitFailed || !strings.Contains(verify.stderr.String(), "tampered with at number 2 (event 2): the event does not fit its seal") {
		t.Errorf("verify ends with %d and %q", code, verify.stderr)
	}
}

func TestNotedMark(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("0f", 32)
	if mark, err := parseMark("7:" + digits); err != nil || mark.Seq != 7 || mark.Hash.String() != digits {
		t.Errorf("%+v, %v", mark, err)
	}
	for _, text := range []string{"7", "7:", "7:0f", ":" + digits, "-1:" + digits, "7:" + digits + "0f", "7:" + strings.Repeat("xy", 32)} {
		if mark, err := parseMark(text); err == nil {
			t.Errorf("%q is read as %+v", text, mark)
		}
	}
}

func TestPrintReport(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report audit.Report
		want   []string
	}{
		"empty":    {audit.Report{}, []string{"Sealed:   no events", "Unsealed: no events", "The chain holds."}},
		"a tail":   {audit.Report{Sealed: 4, Head: audit.Mark{Seq: 4}, Unsealed: 2, UnsealedFor: 1500 * time.Millisecond}, []string{"4 events, numbers 1 to 4", "2 events, the oldest for 2s"}},
		"anchored": {audit.Report{Sealed: 4, Anchor: audit.Mark{Seq: 10}, Head: audit.Mark{Seq: 14}}, []string{"numbers 11 to 14", "Anchor:   10:0000"}},
	} {
		var out strings.Builder
		if err := printReport(&out, c.report); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %q lacks %q", name, &out, want)
			}
		}
	}
}
