package syncer_test

import (
	"testing"

	"github.com/roster-gateway/roster/syncer"
)

// A run leaves an audit row for each of its parts, with counts, and one at its end. One whose parts cannot leave theirs writes
// nothing.
func TestR27RunsFailWithoutTheirAuditRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	tenant := w.tenants["AAD"]
	tenant.user("1", "ana")
	tenant.user("2", "bob")
	tenant.group("3", "Team", "1", "2")
	db := w.rig.SQL()
	exec := func(query string) {
		t.Helper()
		_, err := db.Exec(query)
		w.must(err)
	}
	count := func(query string, args ...any) (n int) {
		t.Helper()
		w.must(db.QueryRow(query, args...).Scan(&n))
		return n
	}
	exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.action = 'sync.apply' THEN RAISE EXCEPTION 'no space left'; END IF; RETURN NEW;
		END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()`)
	w.synced("AAD", syncer.StartOptions{}, syncer.Failed)
	if n := count(`SELECT count(*) FROM identity WHERE status <> 'DELETED'`) + count(`SELECT count(*) FROM link`); n != 0 {
		t.Errorf("%d rows were written without their audit rows", n)
	}
	exec(`DROP TRIGGER refuse ON audit`)
	run := w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	sum := func(what string) int {
		return count(`SELECT coalesce(sum((detail->>$2)::int), 0) FROM audit
			WHERE action = 'sync.apply' AND door = 'sync' AND actor = 'synchronization' AND target = $1`, run.UID, what)
	}
	if created, linked := sum("created"), sum("linked"); created != 3 || linked != 2 {
		t.Errorf("the audit rows tell of %d identities and %d links, want 3 and 2", created, linked)
	}
	tenant.remove("2", false)
	tenant.user("1", "anna")
	run = w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	if updated, deleted := sum("updated"), sum("deleted"); updated != 1 || deleted != 1 {
		t.Errorf("the audit rows tell of %d updates and %d deletions, want 1 each", updated, deleted)
	}
	if n := count(`SELECT count(*) FROM audit WHERE action = 'sync.run' AND target = $1`, run.UID); n != 1 {
		t.Errorf("%d audit rows tell of the run's end", n)
	}
}
