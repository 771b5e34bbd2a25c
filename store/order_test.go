package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// withAttributes is a store of users that have the attributes and are called by their places, and a query for them all.
func withAttributes(t *testing.T, attributes ...string) (*store.Store, directory.ListQuery) {
	t.Helper()
	url := testpg.New(t)
	db := openSQL(t, url)
	for _, statement := range []string{
		`INSERT INTO provider (name, name_key, type) VALUES ('HR', 'hr', 'SCIM')`,
		`INSERT INTO provider_instance (provider_id, name, name_key, url_token) SELECT id, '', '', 'x' FROM provider WHERE name_key = 'hr'`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range attributes {
		if _, err := db.Exec(`INSERT INTO identity (uid, kind, instance_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key, attributes)
			SELECT gen_random_uuid(), 'USER', max(id), $1, $1, $1, $1, $1, $1, $1, $2 FROM provider_instance`, fmt.Sprint(i), text); err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, directory.ListQuery{Kinds: []directory.IdentityKind{directory.KindUser}, Status: directory.AnyLive, Limit: 100}
}

func names(t *testing.T, s *store.Store, q directory.ListQuery) string {
	t.Helper()
	found, err := s.Resources(t.Context(), q, directory.LinkSet{})
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, r := range found {
		out = append(out, r.Name)
	}
	return strings.Join(out, " ")
}

// Values are sorted by what they are, not by how they are written, and every place in the order can be gone on from.
func TestTypedOrders(t *testing.T) {
	t.Parallel()
	s, q := withAttributes(t,
		`{"n":10,"t":"2024-03-01T09:00:00+02:00","b":true,"l":[{"v":"b"},{"v":"a","primary":true}],"s":["z","a"]}`,
		`{"n":9,"t":"2024-03-01T08:00:00Z","b":false,"l":[{"v":"C"}],"s":["B"]}`,
		`{}`,
		`{"n":"10","t":"yesterday","b":"true","l":[],"s":[]}`,
		`{"n":-1.5e1,"t":"2024-03-01T07:00:00.5Z","b":null,"l":[{"x":1}],"s":""}`,
	)
	for _, c := range []struct {
		key  directory.SortKey
		want string
	}{
		{directory.SortKey{Operand: directory.Operand{Path: []string{"n"}}, Type: directory.SortNumber}, "4 1 0 2 3"},
		{directory.SortKey{Operand: directory.Operand{Path: []string{"t"}}, Type: directory.SortInstant}, "0 4 1 2 3"},
		{directory.SortKey{Operand: directory.Operand{Path: []string{"b"}}, Type: directory.SortBoolean}, "1 0 2 3 4"},
		{directory.SortKey{Operand: directory.Operand{Path: []string{"l"}}, Several: true, Sub: "v", Type: directory.SortText}, "0 1 2 3 4"},
		{directory.SortKey{Operand: directory.Operand{Path: []string{"l"}, CaseExact: true}, Several: true, Sub: "v", Type: directory.SortText}, "1 0 2 3 4"},
		{directory.SortKey{Operand: directory.Operand{Path: []string{"s"}}, Several: true, Type: directory.SortText}, "1 0 2 3 4"},
	} {
		want := strings.Fields(c.want)
		for _, desc := range []bool{false, true} {
			if desc {
				slices.Reverse(want)
			}
			q := q
			q.Order = directory.Order{By: &c.key, Desc: desc}
			if diff := cmp.Diff(strings.Join(want, " "), names(t, s, q)); diff != "" {
				t.Errorf("%v, descending %v: %s", c.key, desc, diff)
			}
			q.Limit = 1
			one, err := s.Resources(t.Context(), q, directory.LinkSet{})
			for i := 1; err == nil && len(one) == 1; i++ {
				at := one[0].Position()
				q.After, q.Limit = &at, 100
				if diff := cmp.Diff(strings.Join(want[i:], " "), names(t, s, q)); diff != "" {
					t.Errorf("%v, descending %v, after %d: %s", c.key, desc, i, diff)
				}
				q.Limit = 1
				one, err = s.Resources(t.Context(), q, directory.LinkSet{})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	q.Order = directory.Order{By: &directory.SortKey{Operand: directory.Operand{Path: []string{"n"}}, Type: directory.SortNumber}}
	q.After = &directory.Position{Key: "one"}
	if _, err := s.Resources(t.Context(), q, directory.LinkSet{}); !directory.HasCode(err, directory.CodeBadInput) {
		t.Errorf("a place that is none: %v", err)
	}
}

// Dates are compared as instants; what is none, or none that Postgres knows, compares with nothing and fails nothing.
func TestDatesAreInstants(t *testing.T) {
	t.Parallel()
	s, q := withAttributes(t,
		`{"t":"2024-03-01T09:00:00+02:00"}`, `{"t":"2024-03-01T07:00:00Z"}`, `{"t":"2024-03-01T07:00:00.001Z"}`, `{"t":"2024-03-01T07:00:00"}`,
		`{"t":"2024-03-01T00:00:00+23:59"}`, `{"t":"0000-01-01T00:00:00Z"}`, `{"t":"soon"}`, `{"t":7}`, `{}`, `{"t":["2024-03-02T00:00:00Z"]}`,
	)
	at := time.Date(2024, 3, 1, 7, 0, 0, 0, time.UTC)
	for op, want := range map[directory.CompareOp]string{
		directory.Equal: "0 1 3", directory.NotEqual: "2 4 5 6 7 8 9", directory.Greater: "2 9", directory.GreaterOrEqual: "0 1 2 3 9", directory.LessOrEqual: "0 1 3",
	} {
		q.Where = directory.Compare{Operand: directory.Operand{Path: []string{"t"}}, Op: op, Value: at}
		if diff := cmp.Diff(want, names(t, s, q)); diff != "" {
			t.Errorf("%s: %s", op, diff)
		}
	}
	q.Where = directory.Compare{Operand: directory.Operand{Path: []string{"t"}}, Op: directory.GreaterOrEqual, Value: json.Number("6.5")}
	if got := names(t, s, q); got != "7" {
		t.Errorf("numbers: %s", got)
	}
}
