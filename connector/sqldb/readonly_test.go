package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sqldb"
)

// writes are what a query might do instead of reading.
var writes = map[string]string{
	"an INSERT":            "INSERT INTO people (id) VALUES (99)",
	"an UPDATE":            "UPDATE people SET login = 'eve'",
	"a DELETE":             "DELETE FROM people",
	"a CTE that writes":    "WITH gone AS (DELETE FROM people RETURNING id) SELECT id, id AS username FROM gone",
	"SELECT INTO":          "SELECT * INTO stolen FROM people",
	"CREATE TABLE AS":      "CREATE TABLE stolen AS SELECT * FROM people",
	"a sequence":           "SELECT nextval('counter')",
	"a function":           "SELECT rename_all()",
	"a row lock":           "SELECT id, login AS username FROM people FOR UPDATE",
	"COPY from a program":  "COPY people FROM PROGRAM 'echo 99'",
	"COPY to the client":   "COPY people TO STDOUT",
	"a DO block":           "DO $$ BEGIN DELETE FROM people; END $$",
	"a call":               "CALL commit_and_write()",
	"two statements":       "SELECT id, login AS username FROM people; DELETE FROM people",
	"two, by a comment":    "SELECT 1 /* ; */ ; DELETE FROM people",
	"a large object":       "SELECT lo_create(4711)",
	"an end, and a write":  "COMMIT; DELETE FROM people",
	"TRUNCATE":             "TRUNCATE people",
	"EXPLAIN that does it": "EXPLAIN ANALYZE DELETE FROM people",
	"a message":            "NOTIFY people",
}

const traps = `;
	CREATE SEQUENCE counter;
	CREATE FUNCTION rename_all() RETURNS int LANGUAGE sql AS 'UPDATE people SET login = ''eve''; SELECT 1';
	CREATE PROCEDURE commit_and_write() LANGUAGE plpgsql AS 'BEGIN COMMIT; DELETE FROM people; COMMIT; END'`

// picture is all that a query might have changed.
func (w *world) picture() (n int) {
	return w.count(`SELECT count(*) * 1000 + count(*) FILTER (WHERE login IN ('ana', 'ben', 'cyd')) * 100 + (SELECT count(*) FROM pg_class WHERE relname = 'stolen') * 10
		+ (SELECT count(*) FROM pg_largeobject_metadata WHERE oid = 4711) + (SELECT is_called::int * 5 FROM counter) FROM people`)
}

func TestQ2NothingIsWritten(t *testing.T) {
	t.Parallel()
	w := start(t, people+traps)
	before := w.picture()
	for name, statement := range writes {
		if source, err := w.open("sql.usersQuery", statement); err == nil {
			_, err := w.read(source, connector.From{})
			if e := connector.AsError(err); e == nil || e.Code != connector.Misconfigured {
				t.Errorf("%s: the round ends with %v", name, err)
			}
		} else if connector.AsError(err) == nil {
			t.Errorf("%s: it is refused by %v", name, err)
		}
		if after := w.picture(); after != before {
			t.Fatalf("%s was done: %d is %d now", name, before, after)
		}
	}
}

// The database is a wall by itself: the same, with nobody looking at how the statements are written.
func TestQ2TheDatabaseRefusesByItself(t *testing.T) {
	t.Parallel()
	w := start(t, people+traps)
	before := w.picture()
	for name, statement := range writes {
		if name == "an end, and a write" || name == "a call" {
			continue // both are refused by how they are written alone
		}
		errs := sqldb.RunUnchecked(t.Context(), w.source(), statement)
		if errs[0] == nil && name != "a message" && name != "a large object" { // which are undone at the end
			t.Errorf("%s comes off", name)
		}
		if after := w.picture(); after != before {
			t.Fatalf("%s was done: %d is %d now", name, before, after)
		}
	}
	for name, statements := range map[string][]string{
		"write mode":             {"SET TRANSACTION READ WRITE", "DELETE FROM people"},
		"write mode by function": {"SELECT set_config('transaction_read_only', 'off', true)", "DELETE FROM people"},
		"write mode later":       {"SELECT set_config('default_transaction_read_only', 'off', false)", "DELETE FROM people"},
		"the transaction's end":  {"COMMIT", "DELETE FROM people"},
		"write after savepoint":  {"SAVEPOINT a", "SET TRANSACTION READ WRITE", "DELETE FROM people"},
	} {
		errs := sqldb.RunUnchecked(t.Context(), w.source(), statements...)
		if errs[len(errs)-1] == nil {
			t.Errorf("%s lets a write come off", name)
		}
		if after := w.picture(); after != before {
			t.Fatalf("%s was done: %d is %d now", name, before, after)
		}
	}
}

func TestQ2OneStatement(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ driver, text, want string }{
		{"postgres", "SELECT 1", ""},
		{"postgres", " ((SELECT 1) UNION (SELECT 2)) ; -- the end", ""},
		{"postgres", "with a as (select ';' || $$;$$ || E'\\';' || \"x;\" from t /* ; /* ; */ ; */) select * from a;", ""},
		{"postgres", "SELECT 'CORP\\' || login FROM t", ""},
		{"postgres", "SELECT $tag$ $$; $tag$", ""},
		{"postgres", "SELECT a#>>'{b}', c @> d FROM t WHERE e = 1.5e3 AND f > .5", ""},
		{"postgres", "SELECT 'größer ☃'", ""},
		{"postgres", "", "begins with SELECT or WITH"},
		{"postgres", "-- SELECT 1", "begins with SELECT or WITH"},
		{"postgres", "COMMIT", "begins with SELECT or WITH"},
		{"postgres", "ROLLBACK", "begins with SELECT or WITH"},
		{"postgres", "SELECT 1; SELECT 2", "more than one statement"},
		{"postgres", "SELECT E'\\\\'; DELETE FROM t; --'", "more than one statement"},
		{"postgres", "SELECT 1 /* /* */ ; */", ""},
		{"postgres", "SELECT größe FROM t", "outside of quotes"},
		{"postgres", "SELECT '", "a quote in it does not end"},
		{"postgres", "SELECT $a$ $b$", "a quote in it does not end"},
		{"postgres", "SELECT 1 /* /* */", "a comment in it does not end"},
		{"postgres", "SELECT 1 -- \r; DELETE FROM t", "U+000D"},
		{"postgres", "SELECT \x00", "U+0000"},
		{"postgres", "SELECT \u2028 1", "U+2028"},
		{"postgres", "SELECT '\xff'", "not UTF-8"},

		{"mysql", "SELECT `a;b`, \"c;d\", 'e''f', 'g\\\\' FROM t # ; comment", ""},
		{"mysql", "SELECT 1--2", ""},
		{"mysql", "SELECT a -- ; comment\nFROM t", ""},
		{"mysql", "SELECT a --\n; DELETE FROM t", "more than one statement"},
		{"mysql", "SELECT 1 /* /* */ ; DELETE FROM t", "more than one statement"},
		{"mysql", "SELECT 1 /*! ; DELETE FROM t */", "/*!"},
		{"mysql", "SELECT 1 /*M! ; DELETE FROM t */", "/*!"},
		{"mysql", "SELECT /*+ MAX_EXECUTION_TIME(1) */ 1", ""},
		{"mysql", "SELECT 'a\\' ; DELETE FROM t; -- '", "a backslash before a quote"},
		{"mysql", "SELECT \"a\\\" INTO OUTFILE '/tmp/x' -- \"", "a backslash before a quote"},
		{"mysql", "SELECT * FROM t INTO OUTFILE '/tmp/x'", "the word INTO"},
		{"mysql", "SELECT * FROM t FOR update", "the word UPDATE"},
		{"mysql", "SELECT 1INTO OUTFILE '/tmp/x'", "a number and a word"},

		{"sqlserver", "SELECT [a;b]]c], \"d\"\"e\", N'f''g' FROM [User] -- ;", ""},
		{"sqlserver", "SELECT 'CORP\\' + UserName FROM t", ""},
		{"sqlserver", "WITH a AS (SELECT 1 AS b) SELECT b FROM a ORDER BY b OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY", ""},
		{"sqlserver", "SELECT CASE WHEN a = 1 THEN 'x' ELSE 'y' END FROM t", ""},
		{"sqlserver", "SELECT 1 DELETE FROM t", "the word DELETE"},
		{"sqlserver", "SELECT 1 'x'DELETE FROM t", "the word DELETE"},
		{"sqlserver", "SELECT 1DELETE FROM t", "a number and a word"},
		{"sqlserver", "SELECT $1DELETE FROM t", "a number and a word"},
		{"sqlserver", "SELECT 1eDELETE FROM t", "a number and a word"},
		{"sqlserver", "SELECT 1.DELETE FROM t", "a number and a word"},
		{"sqlserver", "SELECT 0xDELETE FROM t", "a number and a word"},
		{"sqlserver", "SELECT €1DELETE FROM t", "outside of quotes"},
		{"sqlserver", "SELECT 1\u00a0DELETE FROM t", "outside of quotes"},
		{"sqlserver", "SELECT [a] exec xp_cmdshell 'dir'", "the word EXEC"},
		{"sqlserver", "SELECT * INTO t2 FROM t", "the word INTO"},
		{"sqlserver", "SELECT 1 WAITFOR DELAY '01:00'", "the word WAITFOR"},
		{"sqlserver", "SELECT 1 /* [ */ COMMIT /* ] */", "the word COMMIT"},
		{"sqlserver", "SELECT NEXT VALUE FOR s", "NEXT VALUE FOR"},
		{"sqlserver", "SELECT * FROM OPENROWSET('x', 'y', 'z')", "the word OPENROWSET"},
		{"sqlserver", "sp_who", "begins with SELECT or WITH"},
	} {
		err := sqldb.CheckStatement(c.driver, c.text)
		if c.want == "" && err != nil {
			t.Errorf("%s: %q is refused: %v", c.driver, c.text, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %q: %v does not say %q", c.driver, c.text, err, c.want)
		}
	}
}

func TestQ2QueriesEndInTime(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	for name, c := range map[string][]string{
		"a sleep":               {"SELECT id, pg_sleep(60) AS username FROM people"},
		"no end of rows":        {"WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n) SELECT id, id AS username FROM n"},
		"the time-out lifted":   {"SELECT set_config('statement_timeout', '0', false)", "SELECT pg_sleep(60)"},
		"a sleep in the middle": {"SELECT 1", "SELECT pg_sleep(60) FROM people"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			errs := sqldb.RunUnchecked(t.Context(), w.source("sql.timeout", "1"), c...)
			if err := errs[len(errs)-1]; err == nil || err.Error() != "The users query took more than 1 seconds, and was ended. Make it faster, or set sql.timeout to more. (sql.usersQuery)" {
				t.Errorf("it ends with %v", err)
			}
			if took := time.Since(begun); took > 15*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
	t.Cleanup(func() {
		if n := w.running(); n > 0 {
			t.Errorf("the server goes on with %d of them", n)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if errs := sqldb.RunUnchecked(ctx, w.source(), "SELECT pg_sleep(60)"); !errors.Is(errs[0], context.Canceled) {
		t.Errorf("a query whose run was stopped ends with %v", errs[0])
	}
}

// running counts what the server is busy with, once it has had time to end it.
func (w *world) running() (n int) {
	for range 100 {
		if n = w.count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"); n == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return n
}

func TestQ2WhatIsReadIsCapped(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	for name, c := range map[string]struct{ query, want string }{
		"a value":      {"SELECT 1 AS id, repeat('x', 2000000) AS username", "has a value of more than 1048576 bytes in the column username"},
		"one of many":  {"SELECT generate_series(1, 1000000000) AS id, repeat('x', 1048577) AS username", "has a value of more than 1048576 bytes"},
		"a row":        {"SELECT 1 AS id, 'a' AS username, repeat('x', 40000000) AS photo", "gives a row of more than 32 MiB"},
		"useless rows": {"SELECT NULL AS id, n AS username FROM generate_series(1, 2000) n", "More than 1000 rows cannot be taken over"},
	} {
		_, err := w.read(w.source("sql.usersQuery", c.query), connector.From{})
		if e := connector.AsError(err); e == nil || !strings.Contains(e.Message, c.want) || !strings.HasSuffix(e.Message, "(sql.usersQuery)") {
			t.Errorf("%s: it ends with %v, which does not say %q", name, err, c.want)
		}
	}
	// What nobody asks for may be large, but for a bound.
	if _, err := w.read(w.source("sql.usersQuery", "SELECT 1 AS id, 'a' AS username, repeat('x', 2000000) AS photo"), connector.From{}); err != nil {
		t.Error(err)
	}
}
