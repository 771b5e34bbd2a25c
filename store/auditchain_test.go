package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/audit"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// trail is the audit trail of an empty database, to which events are added as whoever changes something does.
type trail struct {
	*testing.T
	*store.Store
	db  *sql.DB
	url string
}

func newTrail(t *testing.T) trail {
	t.Helper()
	address := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return trail{t, s, openSQL(t, address), address}
}

const eventSQL = `INSERT INTO audit (actor, door, action, target, detail)
	SELECT 'ana', 'graphql', 'role.create', 'n' || n, CASE WHEN n % 2 = 0 THEN '{"after": {"name": "ü"}}'::jsonb END FROM generate_series($1::int, $2::int) AS n`

func (t trail) events(from, to int) {
	t.Helper()
	t.exec(eventSQL, from, to)
}

func (t trail) exec(query string, args ...any) {
	t.Helper()
	if _, err := t.db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// asOwner runs statements as somebody who owns the database and has switched its triggers off.
func (t trail) asOwner(queries ...string) {
	t.Helper()
	tables := []string{"audit", "audit_seal", "audit_chain"}
	for _, table := range tables {
		t.exec(`ALTER TABLE ` + table + ` DISABLE TRIGGER USER`)
	}
	for _, query := range queries {
		t.exec(query)
	}
	for _, table := range tables {
		t.exec(`ALTER TABLE ` + table + ` ENABLE TRIGGER USER`)
	}
}

func (t trail) number(query string, args ...any) (n int) {
	t.Helper()
	if err := t.db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (t trail) sealAll() (sealed int) {
	t.Helper()
	for {
		n, more, err := t.SealAudit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if sealed += n; !more {
			return sealed
		}
	}
}

func (t trail) verify(noted *audit.Mark) (report audit.Report) {
	t.Helper()
	err := t.ReadAudit(t.Context(), func(r audit.Reader) (err error) {
		report, err = audit.Verify(t.Context(), r, noted)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// holds fails the test unless the chain holds and has so many seals, with so many events left.
func (t trail) holds(sealed int64, unsealed int) audit.Report {
	t.Helper()
	report := t.verify(nil)
	if report.Broken != nil || report.Sealed != sealed || report.Unsealed != unsealed {
		t.Fatalf("%d sealed and %d not, %+v; want %d and %d", report.Sealed, report.Unsealed, report.Broken, sealed, unsealed)
	}
	return report
}

func TestAuditSealsWhatHasCommittedInAFinalOrder(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	before := h.number(`SELECT count(*) FROM audit`) // what was there before the chain was
	h.events(1, 3)
	late, err := h.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec(eventSQL, 4, 5); err != nil {
		t.Fatal(err)
	}
	h.events(6, 7)
	if n := h.sealAll(); n != before+5 {
		t.Errorf("%d events were sealed beside a transaction that is open, want %d", n, before+5)
	}
	h.holds(int64(before)+5, 0)
	h.events(8, 8)
	if n := h.sealAll(); n != 1 {
		t.Errorf("%d events were sealed, want the one that is new", n)
	}
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	report := h.holds(int64(before)+6, 2)
	if n := h.sealAll(); n != 2 {
		t.Errorf("%d events were sealed after the late commit, want its 2", n)
	}
	h.holds(int64(before)+8, 0)
	var order []string
	rows, err := h.db.Query(`SELECT target FROM audit_seal s JOIN audit a ON a.id = s.audit_id WHERE seq > $1 ORDER BY seq`, before)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var target string
		if err := rows.Scan(&target); err != nil {
			t.Fatal(err)
		}
		order = append(order, target)
	}
	if diff := cmp.Diff([]string{"n1", "n2", "n3", "n6", "n7", "n8", "n4", "n5"}, order); diff != "" {
		t.Errorf("the chain's order (-want +got):\n%s", diff)
	}
	if again := h.verify(&report.Head); again.Broken != nil {
		t.Errorf("a head that was noted earlier is refused: %+v", again.Broken)
	}
}

// The chain is one over all replicas, whoever seals, and has every event once.
func TestAuditSealersTakeTurns(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	h.sealAll()
	const writers, each = 4, 100
	stop, sealers, errs := make(chan struct{}), sync.WaitGroup{}, make(chan error, 8)
	for range 3 {
		sealers.Go(func() {
			for {
				if _, _, err := h.SealAudit(context.WithoutCancel(t.Context())); err != nil {
					errs <- err
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for _, err := range at(writers, func(i int) error {
		for n := range each {
			tx, err := h.db.Begin()
			if err != nil {
				return err
			}
			if _, err := tx.Exec(eventSQL, n, n+n%3); err != nil {
				return err
			}
			if n%7 == 0 {
				err = tx.Rollback()
			} else {
				err = tx.Commit()
			}
			if err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	sealers.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	h.sealAll()
	h.holds(int64(h.number(`SELECT count(*) FROM audit`)), 0)
}

// In another life of the database the numbers of transactions mean nothing: what is not sealed is looked for.
func TestAuditSealsAfterARestore(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	h.events(1, 3)
	h.sealAll()
	h.exec(`UPDATE audit_chain SET seen = '4000000000000:4000000000000:'`) // of a database that was older in transactions
	h.events(4, 5)
	if n := h.sealAll(); n != 0 {
		t.Fatalf("%d events are sealed: this test shows nothing", n)
	}
	if err := h.RenewEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.sealAll(); n != 2 {
		t.Errorf("%d events were sealed, want 2", n)
	}
	h.events(6, 6)
	if n := h.sealAll(); n != 1 {
		t.Errorf("%d events were sealed after that, want 1", n)
	}
	h.holds(int64(h.number(`SELECT count(*) FROM audit`)), 0)
}

// More than is held in memory is sealed part by part.
func TestAuditSealsALongTail(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	h.sealAll()
	h.events(1, 4500)
	if n, more, err := h.SealAudit(t.Context()); err != nil || n != 4500 || more {
		t.Fatalf("%d of 4,500 events are sealed, %v", n, err)
	}
	h.exec(`UPDATE audit_chain SET seen = NULL`) // as of another life
	h.events(4501, 8500)
	if n, more, err := h.SealAudit(t.Context()); err != nil || n != 4000 || more {
		t.Fatalf("%d of 4,000 events are sealed, %v", n, err)
	}
	h.holds(int64(h.number(`SELECT count(*) FROM audit`)), 0)
}

func TestAuditVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	h.events(1, 10)
	h.sealAll()
	head := h.verify(nil).Head
	first := h.number(`SELECT min(s.seq) FROM audit_seal s JOIN audit a ON a.id = s.audit_id WHERE a.target = 'n1'`)
	id := func(n int) string {
		return fmt.Sprintf(`(SELECT audit_id FROM audit_seal WHERE seq = %d)`, first-1+n)
	}
	seq := func(n int) int64 { return int64(first - 1 + n) }
	h.exec(`CREATE SCHEMA kept`)
	for _, table := range []string{"audit", "audit_seal", "audit_chain"} {
		h.exec(`CREATE TABLE kept.` + table + ` AS TABLE ` + table)
	}
	for name, c := range map[string]struct {
		do    []string
		at    int64
		says  string
		noted bool
	}{
		"an actor is changed":  {[]string{`UPDATE audit SET actor = 'bob' WHERE id = ` + id(4)}, seq(4), "changed", false},
		"a time is changed":    {[]string{`UPDATE audit SET at = at - interval '1 microsecond' WHERE id = ` + id(4)}, seq(4), "changed", false},
		"a detail is changed":  {[]string{`UPDATE audit SET detail = detail - 'after' WHERE id = ` + id(4)}, seq(4), "changed", false},
		"a detail goes":        {[]string{`UPDATE audit SET detail = NULL WHERE id = ` + id(4)}, seq(4), "changed", false},
		"a text moves over":    {[]string{`UPDATE audit SET action = 'role.createn', target = '4' WHERE id = ` + id(4)}, seq(4), "changed", false},
		"an event is deleted":  {[]string{`DELETE FROM audit WHERE id = ` + id(5)}, seq(5), "missing", false},
		"it goes with a seal":  {[]string{`DELETE FROM audit WHERE id = ` + id(5), `DELETE FROM audit_seal WHERE seq = ` + fmt.Sprint(seq(5))}, seq(5), "missing", false},
		"the gap is closed up": {[]string{`DELETE FROM audit WHERE id = ` + id(5), `DELETE FROM audit_seal WHERE seq = ` + fmt.Sprint(seq(5)), fmt.Sprintf(`UPDATE audit_seal SET seq = -seq WHERE seq > %d`, seq(5)), `UPDATE audit_seal SET seq = -seq - 1 WHERE seq < 0`}, seq(5), "removed", false},
		"an event is inserted": {[]string{
			fmt.Sprintf(`UPDATE audit_seal SET seq = -seq WHERE seq >= %d`, seq(5)), `UPDATE audit_seal SET seq = 1 - seq WHERE seq < 0`,
			`INSERT INTO audit (id, actor, door, action) OVERRIDING SYSTEM VALUE VALUES (1000000, 'eve', 'graphql', 'role.create')`,
			fmt.Sprintf(`INSERT INTO audit_seal VALUES (%d, 1000000, sha256('x'))`, seq(5)),
			`UPDATE audit_chain SET head_seq = head_seq + 1`,
		}, seq(5), "inserted", false},
		"two events are swapped": {[]string{
			`CREATE TEMPORARY TABLE two AS SELECT seq, audit_id FROM audit_seal WHERE seq IN (` + fmt.Sprint(seq(6)) + `, ` + fmt.Sprint(seq(7)) + `)`,
			`UPDATE audit_seal s SET audit_id = -s.audit_id WHERE seq IN (SELECT seq FROM two)`,
			`UPDATE audit_seal s SET audit_id = two.audit_id FROM two WHERE s.audit_id < 0 AND s.seq <> two.seq`, `DROP TABLE two`,
		}, seq(6), "order", false},
		"the end is cut off":       {[]string{`DELETE FROM audit WHERE id IN (` + id(9) + `, ` + id(10) + `)`, fmt.Sprintf(`DELETE FROM audit_seal WHERE seq >= %d`, seq(9))}, seq(9), "cut off", false},
		"the beginning is cut off": {[]string{`DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_seal WHERE seq < 4)`, `DELETE FROM audit_seal WHERE seq < 4`}, 1, "missing", false},
		"the head is another":      {[]string{`UPDATE audit_chain SET head_hash = sha256('x')`}, seq(10), "another hash", false},
		"the end is cut off with its head, which was noted": {[]string{
			`DELETE FROM audit WHERE id IN (` + id(9) + `, ` + id(10) + `)`, fmt.Sprintf(`DELETE FROM audit_seal WHERE seq >= %d`, seq(9)),
			`UPDATE audit_chain SET head_seq = s.seq, head_hash = s.hash FROM audit_seal s WHERE s.seq = (SELECT max(seq) FROM audit_seal)`,
		}, seq(10), "cut off", true},
		"the whole chain is written anew, and its head was noted": {[]string{
			`UPDATE audit SET actor = 'bob' WHERE id = ` + id(4), `DELETE FROM audit_seal`,
			`UPDATE audit_chain SET head_seq = 0, head_hash = anchor_hash, seen = NULL`,
		}, seq(10), "written anew", true},
	} {
		h.asOwner(c.do...)
		noted := (*audit.Mark)(nil)
		if c.noted {
			noted = &head
			h.sealAll()
		}
		switch report := h.verify(noted); {
		case report.Broken == nil:
			t.Errorf("%s: nobody notices", name)
		case report.Broken.Seq != c.at || !strings.Contains(report.Broken.Problem, c.says):
			t.Errorf("%s: found at %d: %s; want it at %d", name, report.Broken.Seq, report.Broken.Problem, c.at)
		}
		h.asOwner(`TRUNCATE audit, audit_seal, audit_chain`, `INSERT INTO audit OVERRIDING SYSTEM VALUE SELECT * FROM kept.audit`,
			`INSERT INTO audit_seal SELECT * FROM kept.audit_seal`, `INSERT INTO audit_chain SELECT * FROM kept.audit_chain`)
		h.holds(int64(h.number(`SELECT count(*) FROM audit`)), 0)
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	h.events(1, 4)
	h.sealAll()
	h.events(5, 6)
	for _, query := range []string{
		`UPDATE audit SET actor = 'bob' WHERE target = 'n1'`,
		`UPDATE audit SET actor = 'bob' WHERE target = 'n5'`,
		`DELETE FROM audit WHERE target = 'n1'`,
		`DELETE FROM audit WHERE target = 'n5'`,
		`TRUNCATE audit`,
		`UPDATE audit_seal SET hash = sha256('x') WHERE seq = 1`,
		`DELETE FROM audit_seal WHERE seq = 1`,
		`TRUNCATE audit_seal`,
		`DELETE FROM audit_chain`,
		`TRUNCATE audit_chain`,
		`UPDATE audit_chain SET head_seq = head_seq - 1`,
		`UPDATE audit_chain SET head_hash = sha256('x')`,
		`UPDATE audit_chain SET head_seq = head_seq + 1`,
		`UPDATE audit_chain SET anchor_seq = 1`,
		`UPDATE audit_chain SET anchor_hash = sha256('x')`,
		`INSERT INTO audit_chain (only_row) VALUES (false)`,
	} {
		if _, err := h.db.Exec(query); err == nil || !strings.Contains(err.Error(), "audit") {
			t.Errorf("%s: %v", query, err)
		}
	}
	h.holds(int64(h.number(`SELECT count(*) FROM audit`))-2, 2)
}

func TestAuditRetentionLeavesAnAnchor(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	h.events(1, 6)
	h.sealAll()
	h.events(7, 8) // not sealed
	rows := h.number(`SELECT count(*) FROM audit`)
	prune := func(age time.Duration) int {
		t.Helper()
		n, err := h.PruneAudit(t.Context(), age)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := prune(time.Hour); n != 0 {
		t.Fatalf("%d events are deleted before their time", n)
	}
	head := h.verify(nil).Head
	// Four events of the chain are old, and one that comes after one which is not.
	h.asOwner(`UPDATE audit SET at = at - interval '2 hours' WHERE id IN (SELECT audit_id FROM audit_seal WHERE seq IN (1, 2, 3, 4, 6)) OR target = 'n7'`,
		`DELETE FROM audit_seal`, `UPDATE audit_chain SET head_seq = 0, head_hash = anchor_hash`)
	sealed := rows - 2
	h.asOwner(`DELETE FROM audit WHERE target IN ('n7', 'n8')`, `UPDATE audit_chain SET seen = NULL`)
	h.sealAll()
	h.events(7, 8)
	if n := prune(time.Hour); n != 4 {
		t.Errorf("%d events were deleted, want the 4 at the beginning", n)
	}
	report := h.holds(int64(sealed-4), 2)
	if report.Anchor.Seq != 4 || report.Anchor.Hash == (audit.Hash{}) || report.Head.Seq != head.Seq {
		t.Errorf("the chain reaches from %+v to %+v", report.Anchor, report.Head)
	}
	if n := prune(time.Hour); n != 0 {
		t.Errorf("%d events more are deleted", n)
	}
	if report := h.verify(&audit.Mark{Seq: 2}); report.Broken == nil || !strings.Contains(report.Broken.Problem, "retention") {
		t.Errorf("a seal that is deleted: %+v", report.Broken)
	}
	if n := prune(0); n != sealed-4 {
		t.Errorf("%d events were deleted, want all that are sealed", n)
	}
	h.holds(0, 2)
	h.sealAll()
	h.holds(2, 0)
	// What is missing is evidence: retention does not go past it.
	h.events(9, 11)
	h.sealAll()
	h.asOwner(`DELETE FROM audit WHERE target = 'n9'`)
	if n := prune(0); n != 2 {
		t.Errorf("%d events were deleted, want the 2 before the one that is missing", n)
	}
	if report := h.verify(nil); report.Broken == nil || !strings.Contains(report.Broken.Problem, "missing") {
		t.Errorf("the missing event is not found any more: %+v", report.Broken)
	}
}

// documented is the SQL of docs/audit.md, block by block.
func documented(t *testing.T) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(page), "```sql\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		blocks = append(blocks, block)
	}
	if len(blocks) != 2 {
		t.Fatalf("the page has %d blocks of SQL", len(blocks))
	}
	return blocks
}

func TestAuditChainCanBeRecomputedInSQL(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	h.events(1, 20)
	h.exec(`INSERT INTO audit (at, actor, token, door, request_id, action, target, detail) VALUES
		('1960-01-02 03:04:05.678901Z', 'Zoë', 'tok', 'scim', 'req', 'scim.user.create', E'tab\tü', '{"b": 1.50, "aa": [true, null, "\u0041\"x"]}')`)
	sealed := h.sealAll()
	misfits := `SELECT count(*) FROM (` + strings.TrimSuffix(strings.TrimSpace(documented(t)[0]), ";") + `) AS misfits`
	if n := h.number(misfits); n != 0 || sealed < 21 {
		t.Errorf("%d of %d seals cannot be recomputed", n, sealed)
	}
	h.holds(int64(sealed), 0)
	h.asOwner(`UPDATE audit SET actor = 'bob' WHERE target = 'n4'`)
	if n := h.number(misfits); n != 1 {
		t.Errorf("%d seals cannot be recomputed, want the one of the changed event", n)
	}
}

// Roster serves as a role that owns nothing, and nobody changes the trail by that role.
func TestAuditUnderARoleOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newTrail(t)
	if h.number(`SELECT (rolsuper OR rolcreaterole)::int FROM pg_roles WHERE rolname = current_user`) == 0 {
		t.Skip("the role of the tests may make no other one")
	}
	role := "roster_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	h.exec(`CREATE ROLE ` + role)
	t.Cleanup(func() { // after the database, which has its rights
		if _, err := h.db.ExecContext(context.Background(), `DROP OWNED BY `+role+`; DROP ROLE `+role); err != nil {
			t.Error(err)
		}
	})
	h.exec(regexp.MustCompile(`\broster\b`).ReplaceAllString(documented(t)[1], role))
	address, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("role", role)
	address.RawQuery = query.Encode()
	if err := store.Migrate(t.Context(), address.String()); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{URL: address.String()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := directory.New(s).CreateRole(t.Context(), "R", nil); err != nil {
		t.Fatal(err)
	}
	if n, _, err := s.SealAudit(t.Context()); err != nil || n == 0 {
		t.Fatalf("%d events are sealed, %v", n, err)
	}
	if n, err := s.PruneAudit(t.Context(), time.Hour); err != nil || n != 0 {
		t.Errorf("%d events are deleted, %v", n, err)
	}
	as := openSQL(t, address.String())
	for _, query := range []string{
		`UPDATE audit SET actor = 'bob'`, `DELETE FROM audit`, `TRUNCATE audit`, `UPDATE audit_seal SET hash = sha256('x')`, `DELETE FROM audit_seal`,
		`DELETE FROM audit_chain`, `ALTER TABLE audit DISABLE TRIGGER USER`, `DROP TABLE audit`, `SET session_replication_role = replica`,
		`CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'`,
	} {
		if _, err := as.Exec(query); err == nil {
			t.Errorf("%s is not refused", query)
		}
	}
	if n, err := s.PruneAudit(t.Context(), 0); err != nil || n == 0 {
		t.Errorf("%d events are deleted, %v", n, err)
	}
	h.holds(0, 0)
}
