package store_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// planned is a database with rows enough that no plan reads them all without need.
func planned(t *testing.T) *sql.DB {
	t.Helper()
	db := openSQL(t, testpg.New(t))
	for _, statement := range []string{
		`INSERT INTO provider (name, name_key, type) VALUES ('HR', 'hr', 'SCIM')`,
		`INSERT INTO provider_instance (provider_id, name, name_key, url_token) SELECT id, '', '', 'x' FROM provider WHERE name_key = 'hr'`,
		`INSERT INTO identity (uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key)
			SELECT gen_random_uuid(), CASE WHEN n % 10 = 0 THEN 'GROUP' ELSE 'USER' END, (SELECT max(id) FROM provider_instance),
				'e' || n, 'u' || n, 'u' || n, 'HR:u' || n, 'hr:u' || n, 'hr:u' || n, 'u' || n, 'u' || n FROM generate_series(1, 20000) AS n`,
		`INSERT INTO link (container_id, kind, member_id)
			SELECT c.id, 'member', m.id FROM identity c JOIN identity m ON m.kind = 'USER' AND m.id BETWEEN c.id - 20 AND c.id + 20 WHERE c.kind = 'GROUP'`,
		`INSERT INTO alias (identity_id, fqn, fqn_key) SELECT id, 'HR:was ' || id, 'hr:was ' || id FROM identity`,
		`INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_UPDATED', ARRAY[id] FROM identity`,
		`ANALYZE`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// The statements of every write, and the look at the change log that follows it, read no table whole.
func TestWritesUseIndexes(t *testing.T) {
	t.Parallel()
	db := planned(t)
	one, many := uuid.NewString(), "{"+uuid.NewString()+","+uuid.NewString()+"}"
	audit := []any{"actor", "token", "scim", "id", "action", "target"}
	for name, c := range map[string]struct {
		query string
		args  []any
	}{
		"look at the change log": {store.ChangesSQL, []any{"100:100:"}},
		"add one user": {store.InsertOneSQL, append(audit[:6:6], one, "USER", 2, "e", "n", "n", "HR:n", "hr:n", "n", "n",
			"", "", "", "ACTIVE", "", "{}", "{n}")},
		"add one member": {store.AddOneSQL, append(audit[:6:6], one, one, 0, 2, 2)},
		"add members":    {store.AddMembersSQL, []any{"[]", one, 0, 2, many, "MEMBER_ADDED", 2}},
		"remove members": {store.RemoveMembersSQL, []any{"[]", one, 0, 2, many, "MEMBER_REMOVED"}},
	} {
		if plan := genericPlan(t, db, c.query, c.args); strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s: %s", name, plan)
		}
	}
}

// The reads that provisioning clients send all the time find their rows by an index, also by the plan that Postgres
// keeps for any value.
func TestPointReadsUseIndexes(t *testing.T) {
	t.Parallel()
	db := planned(t)
	users := directory.ListQuery{
		Kinds: []directory.IdentityKind{directory.KindUser}, InstanceID: 2, Status: directory.AnyLive,
		Order: directory.Order{Field: directory.OrderID}, Limit: 100,
	}
	groups := users
	groups.Kinds, groups.Status = []directory.IdentityKind{directory.KindGroup}, directory.OnlyActive
	eq := func(q directory.ListQuery, column directory.Column, value string, exact bool) func(directory.LinkSet) (string, []any, error) {
		q.Where = directory.Compare{Operand: directory.Operand{Column: column, CaseExact: exact}, Op: directory.Equal, Value: value}
		return func(l directory.LinkSet) (string, []any, error) { return store.ResourcesSQL(q, l) }
	}
	userLinks := directory.LinkSet{Groups: true, Manager: true}
	for name, c := range map[string]struct {
		sql   func(directory.LinkSet) (string, []any, error)
		links directory.LinkSet
		index string
	}{
		"a user by id": {func(l directory.LinkSet) (string, []any, error) { return store.ResourceSQL(users, uuid.New(), l) }, userLinks, "(uid = "},
		"a group by id": {func(l directory.LinkSet) (string, []any, error) {
			return store.ResourceSQL(groups, uuid.New(), l)
		}, directory.LinkSet{Members: true}, "(uid = "},
		"id eq":                    {eq(users, directory.ColumnUID, uuid.NewString(), true), userLinks, "(uid = "},
		"userName eq":              {eq(users, directory.ColumnName, "U7", false), userLinks, "name_key = "},
		"externalId eq":            {eq(users, directory.ColumnExternalID, "e7", true), userLinks, "external_id = "},
		"displayName eq":           {eq(users, directory.ColumnDisplayName, "u7", false), userLinks, "(display_key = "},
		"displayName eq of groups": {eq(groups, directory.ColumnName, "u10", false), directory.LinkSet{Members: true}, "name_key = "},
	} {
		query, args, err := c.sql(c.links)
		if err != nil {
			t.Fatal(err)
		}
		plan := genericPlan(t, db, query, args)
		if !strings.Contains(plan, "Index Cond: ") || !strings.Contains(plan, c.index) || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s does not use an index on %s\n%s\n%s", name, c.index, query, plan)
		}
	}
}

// genericPlan is how Postgres runs a statement that it keeps prepared for any values.
func genericPlan(t *testing.T, db *sql.DB, query string, args []any) string {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	literals := make([]string, len(args))
	for i, arg := range args {
		literals[i] = pq.QuoteLiteral(fmt.Sprint(arg))
	}
	for _, statement := range []string{`SET plan_cache_mode = force_generic_plan`, `PREPARE planned AS ` + query} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	defer conn.ExecContext(t.Context(), `DEALLOCATE planned`)
	rows, err := conn.QueryContext(t.Context(), `EXPLAIN EXECUTE planned (`+strings.Join(literals, ", ")+`)`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
