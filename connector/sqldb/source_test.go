package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sqldb"
	"github.com/roster-gateway/roster/directory"
)

const (
	sales = "11111111-1111-1111-1111-111111111111"
	all   = "22222222-2222-2222-2222-222222222222"
)

func user(key string, attributes map[string]any) connector.Identity {
	return connector.Identity{Kind: directory.KindUser, Key: key, Attributes: attributes}
}

func group(key string, attributes map[string]any) connector.Identity {
	return connector.Identity{Kind: directory.KindGroup, Key: key, Attributes: attributes}
}

func member(of string, kind directory.IdentityKind, key string) connector.Link {
	return connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: of, Other: connector.Ref{Kind: kind, Key: key}}
}

func manager(of, key string) connector.Link {
	return connector.Link{Type: connector.Manager, OwnerKind: directory.KindUser, OwnerKey: of, Other: connector.Ref{Kind: directory.KindUser, Key: key}}
}

var (
	ana = user("1", map[string]any{
		"userName": "ana", "displayName": "Ana Abe", "active": true, "emails": []any{map[string]any{"value": "ana@example.com", "type": "work", "primary": true}},
	})
	ben = user("2", map[string]any{"userName": "ben", "active": false})
	cyd = user("3", map[string]any{"userName": "cyd", "displayName": "Cyd"})
)

func TestReadsUsersGroupsAndLinks(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	got, err := w.read(w.source(), connector.From{})
	if err != nil {
		t.Fatal(err)
	}
	want := connector.Page{
		Identities: []connector.Identity{
			ana, ben, cyd, group(sales, map[string]any{"displayName": "Sales", "description": "Who sells"}), group(all, map[string]any{"displayName": "All"}),
		},
		Links: []connector.Link{
			manager("2", "1"), manager("3", "1"),
			member(sales, directory.KindUser, "1"), member(all, directory.KindGroup, sales), member(all, directory.KindUser, "3"),
		},
		End: &connector.End{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARoundSeesOneMoment(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	// The first query to begin is slow; meanwhile everything goes.
	w.values["sql.usersQuery"] = "SELECT id, login AS username, pg_sleep(0.15)::text FROM people ORDER BY id"
	changed := make(chan error, 1)
	source := w.source()
	go func() {
		for w.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(0.15)%' AND pid <> pg_backend_pid()") == 0 {
		}
		_, err := w.db.Exec("DELETE FROM seats; DELETE FROM teams; DELETE FROM people")
		changed <- err
	}()
	got, err := w.read(source, connector.From{})
	if err != nil || <-changed != nil {
		t.Fatal(err)
	}
	if len(got.Identities) != 5 || len(got.Links) != 3 {
		t.Errorf("the round saw %d identities and %d links, not those of its beginning", len(got.Identities), len(got.Links))
	}
}

func TestASourceWithoutUsersIsAMistake(t *testing.T) {
	t.Parallel()
	w := start(t, people+"; DELETE FROM people")
	_, err := w.read(w.source(), connector.From{})
	if e := connector.AsError(err); e == nil || !strings.Contains(e.Message, "The users query gives no row.") {
		t.Errorf("it ends with %v", err)
	}
}

func TestTheWatermarkSavesRounds(t *testing.T) {
	t.Parallel()
	w := start(t, people+"; CREATE TABLE mark (n int); INSERT INTO mark VALUES (7)")
	watermark := []string{"sql.watermarkQuery", "SELECT max(n) FROM mark"}
	first, err := w.read(w.source(watermark...), connector.From{})
	if err != nil || first.End.State == nil {
		t.Fatalf("the first round ends with %v and the state %s", err, first.End.State)
	}
	again, err := w.read(w.source(watermark...), connector.From{State: first.End.State})
	if diff := cmp.Diff(connector.Page{End: first.End}, again); err != nil || diff != "" {
		t.Errorf("nothing has changed, and there is %v (-want +got):\n%s", err, diff)
	}
	expired := func(what string, s connector.Source, from connector.From) {
		t.Helper()
		if _, err := w.read(s, from); connector.AsError(err) == nil || connector.AsError(err).Code != connector.StateExpired {
			t.Errorf("%s: it ends with %v", what, err)
		}
	}
	expired("another query", w.source(append(watermark, "sql.groupsQuery", "SELECT id, title AS name FROM teams")...), connector.From{State: first.End.State})
	expired("no watermark any more", w.source(), connector.From{State: first.End.State})
	expired("a round that was broken off", w.source(watermark...), connector.From{State: first.End.State, Resume: []byte("x")})
	w.do("UPDATE mark SET n = 8")
	expired("another watermark", w.source(watermark...), connector.From{State: first.End.State})
	w.do("DELETE FROM mark")
	if whole, err := w.read(w.source(watermark...), connector.From{}); err != nil || whole.End.State != nil || len(whole.Identities) != 5 {
		t.Errorf("without a watermark there is %v, with %d identities and the state %s", err, len(whole.Identities), whole.End.State)
	}
}

func TestLooksUpOne(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	s := w.source()
	for name, c := range map[string]struct {
		kind      directory.IdentityKind
		key, name string
		want      *connector.Page
	}{
		"by key":         {directory.KindUser, "2", "", &connector.Page{Identities: []connector.Identity{ben}, Links: []connector.Link{manager("2", "1")}}},
		"by name":        {directory.KindUser, "", "ANA", &connector.Page{Identities: []connector.Identity{ana}}},
		"group by key":   {directory.KindGroup, all, "", &connector.Page{Identities: []connector.Identity{group(all, map[string]any{"displayName": "All"})}, Links: []connector.Link{member(all, directory.KindGroup, sales), member(all, directory.KindUser, "3")}}},
		"group by name":  {directory.KindGroup, "", "sales", &connector.Page{Identities: []connector.Identity{group(sales, map[string]any{"displayName": "Sales", "description": "Who sells"})}, Links: []connector.Link{member(sales, directory.KindUser, "1")}}},
		"unknown":        {directory.KindUser, "9", "", nil},
		"a group's key":  {directory.KindUser, sales, "", nil},
		"an empty name":  {directory.KindUser, "", "", nil},
		"not an integer": {directory.KindUser, "1' OR '1'='1", "", nil},
	} {
		got, err := s.Lookup(t.Context(), c.kind, c.key, c.name)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestQueriesAreLookedAtBeforeAnyIsRead(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	w.values["sql.linksQuery"] = "SELECT team AS group_id, no_such_column AS member_id FROM seats"
	source, err := sqldb.WithPages(1, 1000).Open(connector.Config{Values: w.values, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	err = source.Read(t.Context(), connector.From{}, func(context.Context, connector.Page) error {
		t.Error("a page is told of a round that cannot come to its end")
		return nil
	})
	if e := connector.AsError(err); e == nil || !strings.Contains(e.Message, `The database does not take the links query. It says: column "no_such_column" does not exist. (sql.linksQuery)`) {
		t.Error(err)
	}
}

func TestQ2RowsAreCounted(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	for most, want := range map[int]string{2: "The users query has more than 2 rows", 3: "The links query has more than 3 rows", 4: ""} {
		source, err := sqldb.WithPages(1000, most).Open(connector.Config{Values: w.values, AllowPrivate: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = w.read(source, connector.From{}); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("of at most %d rows: %v", most, err)
		}
	}
}

func TestChecksStepByStep(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	got := w.checks(w.source("sql.groupsQuery", "SELECT id, title FROM teams", "sql.linksQuery", "SELECT nothing FROM nowhere"))
	for i := range got {
		got[i].Detail = strings.ReplaceAll(got[i].Detail, strings.TrimPrefix(hostOf(t, w.proxy.URL()), "127.0.0.1"), ":5432")
	}
	want := []connector.Check{
		{Name: "name resolution", OK: true, Detail: "127.0.0.1 has an address."},
		{Name: "connection", OK: true, Detail: "127.0.0.1:5432 answers."},
		{Name: "sign-in", OK: true, Detail: "The database lets the account in."},
		{Name: "users query", OK: true, Detail: "It has the columns that are needed, and rows."},
		{Name: "groups query", Detail: "The groups query gives no column name, which is needed; it gives id, title. Name it by AS name. (sql.groupsQuery)"},
		{Name: "links query", Detail: `The database does not take the links query. It says: relation "nowhere" does not exist. (sql.linksQuery)`},
		{Name: "sample", OK: true, Detail: `The first user is "ana" with the id "1".`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestThePresetReadsK2sTables(t *testing.T) {
	t.Parallel()
	w := start(t, `CREATE SCHEMA "CustomUM";
		CREATE TABLE "CustomUM"."User" ("UserID" int, "UserName" text, "UserPassword" text, "PasswordHash" text, "UserDescription" text, "UserEmail" text, "ManagerID" int, "DisplayName" text);
		CREATE TABLE "CustomUM"."Group" ("GroupID" int, "GroupName" text, "GroupDescription" text);
		CREATE TABLE "CustomUM"."UserGroup" ("GroupID" int, "UserID" int);
		INSERT INTO "CustomUM"."User" VALUES (1, 'ana', 'canary-password', 'canary-hash', 'Buys things', 'ana@example.com', NULL, 'Ana Abe'), (2, 'ben', 'canary-password', 'canary-hash', NULL, NULL, 1, NULL);
		INSERT INTO "CustomUM"."Group" VALUES (1, 'Buyers', 'Who buys'), (2, 'Empty', NULL);
		INSERT INTO "CustomUM"."UserGroup" VALUES (1, 1), (1, 2)`)
	got, err := w.read(w.source("sql.preset", "k2sqlum", "sql.usersQuery", "", "sql.groupsQuery", "", "sql.linksQuery", ""), connector.From{})
	if err != nil {
		t.Fatal(err)
	}
	want := connector.Page{
		Identities: []connector.Identity{
			user("1", map[string]any{"userName": "ana", "displayName": "Ana Abe", "description": "Buys things", "emails": []any{map[string]any{"value": "ana@example.com", "type": "work", "primary": true}}}),
			user("2", map[string]any{"userName": "ben"}),
			group("1", map[string]any{"displayName": "Buyers", "description": "Who buys"}), group("2", map[string]any{"displayName": "Empty"}),
		},
		Links: []connector.Link{manager("2", "1"), member("1", directory.KindUser, "1"), member("1", directory.KindUser, "2")},
		End:   &connector.End{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestR16WhatCannotBeTakenOverIsListed(t *testing.T) {
	t.Parallel()
	w := start(t, people+`;
		ALTER TABLE people ALTER active TYPE text; UPDATE people SET active = 'perhaps' WHERE id = 1;
		INSERT INTO seats VALUES ('11111111-1111-1111-1111-111111111111', '2', 'robot')`)
	got, err := w.read(w.source("sql.usersQuery", "SELECT nullif(id, 2) AS id, login AS username, active AS enabled FROM people ORDER BY people.id"), connector.From{})
	if err != nil {
		t.Fatal(err)
	}
	want := []connector.Failure{
		{Key: "1", Code: directory.InvalidValue, Message: `The users query says "perhaps" in the column enabled of "ana", where true or false is expected (or 1, 0, yes, no). It counts as disabled until that is put right.`},
		{Key: "ben", Code: directory.MissingRequired, Message: "Row 2 of the users query has no id, without which it cannot be taken over. Give it one there."},
		{Key: "2", Code: directory.InvalidValue, Message: `The links query says "robot" in the column member_type of a member of the group with the id "11111111-1111-1111-1111-111111111111", where user or group is expected. It is not linked.`},
	}
	if diff := cmp.Diff(want, got.Failures); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(got.Identities) != 4 || got.Identities[0].Attributes["active"] != false || len(got.Links) != 3 {
		t.Errorf("the others are %+v and %+v", got.Identities, got.Links)
	}
}

func TestAnErrorOfTheStageComesBackAsItIs(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	source, err := sqldb.WithPages(2, 1000).Open(connector.Config{Values: w.values, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	for page := range 4 { // in the middle of each query, and at the end
		lost, n := errors.New("the lease is lost"), 0
		err := source.Read(t.Context(), connector.From{}, func(context.Context, connector.Page) error {
			if n++; n > page {
				return lost
			}
			return nil
		})
		if err != lost || n != page+1 {
			t.Errorf("page %d: the round ends with %v after %d pages", page, err, n)
		}
	}
}
