package sqldb_test

import (
	"context"
	"database/sql"
	"log/slog"
	"maps"
	"net/url"
	"testing"

	_ "github.com/lib/pq"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sqldb"
	"github.com/roster-gateway/roster/internal/faultproxy"
	"github.com/roster-gateway/roster/internal/testpg"
)

// people is a small source.
const people = `
	CREATE TABLE people (id int PRIMARY KEY, login text, name text, mail text, active boolean, boss int, secret text DEFAULT 'canary-hash');
	CREATE TABLE teams (id uuid PRIMARY KEY, title text, about text);
	CREATE TABLE seats (team uuid, who text, kind text);
	INSERT INTO people VALUES (1, 'ana', 'Ana Abe', 'ana@example.com', true, NULL), (2, 'ben', NULL, NULL, false, 1), (3, 'cyd', 'Cyd', '', NULL, 1);
	INSERT INTO teams VALUES ('11111111-1111-1111-1111-111111111111', 'Sales', 'Who sells'), ('22222222-2222-2222-2222-222222222222', 'All', NULL);
	INSERT INTO seats VALUES ('11111111-1111-1111-1111-111111111111', '1', 'user'), ('22222222-2222-2222-2222-222222222222', '11111111-1111-1111-1111-111111111111', 'GROUP'),
		('22222222-2222-2222-2222-222222222222', '3', NULL), ('22222222-2222-2222-2222-222222222222', NULL, 'user')`

// queries are what reads it.
var queries = map[string]string{
	"sql.usersQuery":  "SELECT id, login AS UserName, name AS displayname, mail AS email, active AS enabled, boss AS manager, secret FROM people ORDER BY id;",
	"sql.groupsQuery": "SELECT id, title AS name, about AS description FROM teams ORDER BY id",
	"sql.linksQuery":  "SELECT team AS group_id, who AS member_id, kind AS member_type FROM seats ORDER BY team, who",
}

// world is a database, the network before it, and what is configured to read it.
type world struct {
	t      testing.TB
	db     *sql.DB
	proxy  *faultproxy.Proxy
	values map[string]string
}

// start makes a database by statements.
func start(t testing.TB, statements string) *world {
	t.Helper()
	at := testpg.Empty(t)
	db, err := sql.Open("postgres", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	proxy, err := faultproxy.Start(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	w := &world{t: t, db: db, proxy: proxy, values: maps.Clone(queries)}
	w.values["sql.driver"], w.values["sql.connectionString"] = "postgres", proxy.URL()
	w.do(statements)
	return w
}

// do changes the database.
func (w *world) do(statements string) {
	w.t.Helper()
	if _, err := w.db.ExecContext(w.t.Context(), statements); err != nil {
		w.t.Fatal(err)
	}
}

// count is a number that a query of the database gives.
func (w *world) count(query string) (n int) {
	w.t.Helper()
	if err := w.db.QueryRow(query).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// source opens the source, with other values.
func (w *world) source(values ...string) connector.Source {
	w.t.Helper()
	s, err := w.open(values...)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) open(values ...string) (connector.Source, error) {
	all := maps.Clone(w.values)
	for i := 0; i < len(values); i += 2 {
		all[values[i]] = values[i+1]
	}
	return sqldb.Type.Open(connector.Config{Values: all, AllowPrivate: true, Log: slog.New(slog.DiscardHandler)})
}

// read reads a round into one page.
func (w *world) read(s connector.Source, from connector.From) (all connector.Page, err error) {
	err = s.Read(w.t.Context(), from, func(_ context.Context, p connector.Page) error {
		if all.End != nil {
			w.t.Error("there is a page after the last one")
		}
		all.Identities = append(all.Identities, p.Identities...)
		all.Links = append(all.Links, p.Links...)
		all.Failures = append(all.Failures, p.Failures...)
		all.End = p.End
		return nil
	})
	return all, err
}

// checks are the steps of a check.
func (w *world) checks(s connector.Source) (out []connector.Check) {
	s.Check(w.t.Context(), func(c connector.Check) { out = append(out, c) })
	return out
}

func hostOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func userOf(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.User.String()
}
