package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// What clients ask for of resources that are no identities is found by an index too, by a plan for any value.
func TestCustomReadsUseIndexes(t *testing.T) {
	t.Parallel()
	db := openSQL(t, testpg.New(t))
	for _, statement := range []string{
		`INSERT INTO provider (name, name_key, type) VALUES ('HR', 'hr', 'SCIM')`,
		`INSERT INTO provider_instance (provider_id, name, name_key, url_token) SELECT id, '', '', 'x' FROM provider WHERE name_key = 'hr'`,
		`INSERT INTO resource (uid, type, instance_id, external_id, updated_at, attributes)
			SELECT gen_random_uuid(), 'Device' || n % 20, (SELECT max(id) FROM provider_instance), 'e' || n, now() - n * interval '1 minute',
				jsonb_build_object('serial', 'S' || n, 'urn:x:y', jsonb_build_object('text', 't' || n), 'parts', jsonb_build_array(jsonb_build_object('value', 'p' || n)))
			FROM generate_series(1, 50000) AS n`,
		`ANALYZE`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	devices := directory.ListQuery{ResourceType: "Device7", InstanceID: 2, Order: directory.Order{Field: directory.OrderID}, Limit: 100}
	where := func(p directory.Predicate) directory.ListQuery {
		q := devices
		q.Where = p
		return q
	}
	is := func(o directory.Operand, op directory.CompareOp, value any) directory.Predicate {
		return directory.Compare{Operand: o, Op: op, Value: value}
	}
	at := func(path ...string) directory.Operand { return directory.Operand{Path: path} }
	for name, c := range map[string]struct {
		query directory.ListQuery
		index string
	}{
		"id eq":               {where(is(directory.Operand{Column: directory.ColumnUID}, directory.Equal, uuid.NewString())), "(uid = "},
		"externalId eq":       {where(is(directory.Operand{Column: directory.ColumnExternalID, CaseExact: true}, directory.Equal, "e7")), "external_id = "},
		"serial eq":           {where(is(at("serial"), directory.Equal, "s7")), "@> (lower("},
		"of an extension":     {where(is(at("urn:x:y", "text"), directory.Equal, "T7")), "@> (lower("},
		"parts.value eq":      {where(directory.Element{Path: []string{"parts"}, Where: is(at("value"), directory.Equal, "p7")}), "@> (lower("},
		"parts[value eq] and": {where(directory.And{is(at("serial"), directory.Contains, "7"), directory.Element{Path: []string{"parts"}, Where: directory.And{is(at("type"), directory.Contains, "x"), is(at("value"), directory.Equal, "p7")}}}), "@> (lower("},
		"a page":              {devices, "(instance_id = "},
	} {
		query, args, err := store.ResourcesSQL(c.query, directory.LinkSet{})
		if err != nil {
			t.Fatal(err)
		}
		plan := genericPlan(t, db, query, args)
		if !strings.Contains(plan, "Index Cond: ") || !strings.Contains(plan, c.index) || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s does not use an index on %s\n%s\n%s", name, c.index, query, plan)
		}
	}
}
