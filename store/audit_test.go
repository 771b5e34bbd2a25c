package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/audit"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// Whatever auditors ask for is found by an index in the order of the trail, also the page after one far back.
func TestAuditIsFoundByIndexes(t *testing.T) {
	t.Parallel()
	db := openSQL(t, testpg.New(t))
	for _, statement := range []string{
		`INSERT INTO audit (at, actor, door, request_id, action, target)
			SELECT now() - n * interval '1 minute', CASE WHEN n % 500 = 0 THEN 'root' ELSE 'push' END, CASE WHEN n % 100 = 0 THEN 'graphql' ELSE 'scim' END,
				'r' || n, CASE WHEN n % 100 = 0 THEN 'role.create' ELSE 'scim.user.patch' END, 't' || n % 5000
			FROM generate_series(1, 20000) AS n`,
		`INSERT INTO audit_seal (seq, audit_id, hash) SELECT id, id, sha256('x') FROM audit`,
		`ANALYZE`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	text := func(s string) *string { return &s }
	since, until := time.Now().Add(-200*time.Hour), time.Now().Add(-199*time.Hour)
	for name, c := range map[string]struct {
		filter audit.Filter
		index  string
	}{
		"all":          {audit.Filter{}, "audit_at"},
		"a time range": {audit.Filter{Since: &since, Until: &until}, "audit_at"},
		"an actor":     {audit.Filter{Actor: text("root")}, "audit_actor"},
		"an action":    {audit.Filter{Action: []string{"role.create"}}, "audit_action"},
		"a target":     {audit.Filter{Target: text("t7")}, "audit_target"},
		"a request":    {audit.Filter{RequestID: text("r7")}, "audit_request"},
		"a door":       {audit.Filter{Door: []audit.Door{audit.GraphQL}}, "audit_door"},
		"SCIM":         {audit.Filter{Door: []audit.Door{audit.SCIM}}, "audit_at"},
		"an actor and a door, in a time range": {
			audit.Filter{Actor: text("root"), Door: []audit.Door{audit.GraphQL, audit.System}, Since: &since, Until: &until}, "audit_",
		},
	} {
		for _, after := range []int64{0, 10_000} {
			query, args := store.AuditSQLFor(c.filter, after, 51)
			for i, arg := range args {
				if at, ok := arg.(time.Time); ok {
					args[i] = at.Format(time.RFC3339Nano)
				}
			}
			plan := planOf(t, db, "force_custom_plan", query, args)
			if !strings.Contains(plan, "using "+c.index) && !strings.Contains(plan, "on "+c.index) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s, after %d, does not use %s\n%s\n%s", name, after, c.index, query, plan)
			}
		}
	}
	if plan := planOf(t, db, "force_custom_plan", store.FreshAuditSQL, []any{"1000000:1000000:", 0, 2000}); strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "audit_xid") {
		t.Errorf("what is to be sealed: %s", plan)
	}
}
