package store_test

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// planned is a database with rows enough that no plan reads them all without need.
func planned(t *testing.T, rows int) *sql.DB {
	t.Helper()
	db := openSQL(t, testpg.New(t))
	for _, statement := range []string{
		`INSERT INTO provider (name, name_key, type) VALUES ('HR', 'hr', 'SCIM')`,
		`INSERT INTO provider_instance (provider_id, name, name_key, url_token) SELECT id, '', '', 'x' FROM provider WHERE name_key = 'hr'`,
		`INSERT INTO identity (uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key,
				updated_at, attributes)
			SELECT gen_random_uuid(), CASE WHEN n % 10 = 0 THEN 'GROUP' ELSE 'USER' END, (SELECT max(id) FROM provider_instance),
				'e' || n, 'u' || n, 'u' || n, 'HR:u' || n, 'hr:u' || n, 'hr:u' || n, 'u' || n, 'u' || n,
				now() - n * interval '1 minute', format('{"emails":[{"type":"work","value":"U%s@x"},{"value":"u%s@y"}]}', n, n)::jsonb
			FROM generate_series(1, ` + strconv.Itoa(rows) + `) AS n`,
		`INSERT INTO link (container_id, kind, member_id)
			SELECT c.id, 'member', c.id + apart FROM identity c, generate_series(1, 9) AS apart WHERE c.kind = 'GROUP'`,
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
	db := planned(t, 20_000)
	one, many := uuid.NewString(), "{"+uuid.NewString()+","+uuid.NewString()+"}"
	audit := []any{"{actor}", "{token}", "{scim}", "{id}", "{action}", "{target}"}
	few := "{" + one + "}"
	for name, c := range map[string]struct {
		query string
		args  []any
	}{
		"look at the change log": {store.ChangesSQL, []any{"100:100:"}},
		"add one user": {store.InsertPlainSQL, append(audit[:6:6], few, "{USER}", "{2}", "{e}", "{n}", "{n}", "{HR:n}", "{hr:n}", "{n}", "{n}",
			"{d}", "{m}", "{m}", "{ACTIVE}", "{r}", `{"{}"}`, "{n}", `{"{}"}`)},
		"add users":      {store.InsertSQL, []any{"[]", "{}"}},
		"change users":   {store.UpdateSQL, []any{"[]", "{}"}},
		"add one member": {store.AddPlainSQL, append(audit[:6:6], few, few, "{2}", "{2}")},
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
func TestReadsUseIndexes(t *testing.T) {
	t.Parallel()
	db := planned(t, 100_000)
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
	where := func(q directory.ListQuery, p directory.Predicate) func(directory.LinkSet) (string, []any, error) {
		q.Where = p
		return func(l directory.LinkSet) (string, []any, error) { return store.ResourcesSQL(q, l) }
	}
	is := func(o directory.Operand, op directory.CompareOp, value any) directory.Predicate {
		return directory.Compare{Operand: o, Op: op, Value: value}
	}
	uid := is(directory.Operand{Column: directory.ColumnUID}, directory.Equal, uuid.NewString())
	email := is(directory.Operand{Path: []string{"value"}}, directory.Equal, "u7@X")
	work := is(directory.Operand{Path: []string{"type"}}, directory.Equal, "work")
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
		"emails.value eq":          {where(users, directory.Element{Path: []string{"emails"}, Where: email}), userLinks, "@> jsonb_build_array"},
		`emails[type eq "work"].value eq`: {
			where(users, directory.Element{Path: []string{"emails"}, Where: directory.And{work, email}}), userLinks, "@> jsonb_build_array",
		},
		"id eq and members eq": {where(groups, directory.And{uid, directory.Linked{Where: uid}}), directory.LinkSet{}, "(uid = "},
		"id eq and manager eq": {where(users, directory.And{uid, directory.Linked{Manager: true, Where: uid}}), directory.LinkSet{}, "(uid = "},
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
	checkLists(t, db)
}

// An unfiltered page reads its rows and no others. What has changed of late is found by an index too, by a plan for the
// very time that is asked for.
func checkLists(t *testing.T, db *sql.DB) {
	t.Helper()
	users := directory.ListQuery{
		Kinds: []directory.IdentityKind{directory.KindUser}, InstanceID: 2, Status: directory.AnyLive,
		Order: directory.Order{Field: directory.OrderID}, Limit: 100,
	}
	query, args, err := store.ResourcesSQL(users, directory.LinkSet{Groups: true, Manager: true})
	if err != nil {
		t.Fatal(err)
	}
	if plan := genericPlan(t, db, query, args); !strings.Contains(plan, "Limit") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort Key: i.id") {
		t.Errorf("an unfiltered page: %s", plan)
	}
	users.Where = directory.Compare{Operand: directory.Operand{Column: directory.ColumnUpdatedAt}, Op: directory.Greater, Value: time.Now().Add(-time.Hour)}
	if query, args, err = store.ResourcesSQL(users, directory.LinkSet{Groups: true, Manager: true}); err != nil {
		t.Fatal(err)
	}
	args[len(args)-2] = args[len(args)-2].(time.Time).Format(time.RFC3339Nano)
	if plan := planOf(t, db, "force_custom_plan", query, args); !strings.Contains(plan, "Index Cond: (updated_at > ") || strings.Contains(plan, "Seq Scan") {
		t.Errorf("meta.lastModified gt: %s", plan)
	}
}

// genericPlan is how Postgres runs a statement that it keeps prepared for any values.
func genericPlan(t *testing.T, db *sql.DB, query string, args []any) string {
	t.Helper()
	return planOf(t, db, "force_generic_plan", query, args)
}

func planOf(t *testing.T, db *sql.DB, mode, query string, args []any) string {
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
	for _, statement := range []string{`SET plan_cache_mode = ` + mode, `PREPARE planned AS ` + query} {
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
