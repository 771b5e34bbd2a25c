package testpg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/internal/canary"
)

// password is that of every URL that tests get. Servers that trust who comes from here do not ask for it.
const password = canary.Mark + "-database-password"

// most is how large a table may be, in bytes, that is looked through.
const most = 8 << 20

// withPassword puts a password into a URL that has none.
func withPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // unreachable: connecting to it has worked
	}
	if _, has := u.User.Password(); !has {
		u.User = url.UserPassword(u.User.Username(), password)
	}
	return u.String()
}

// look fails the test where a row of a database shows a secret: the audit trail, runs, the provisioning log, all of it. A
// database that is gone, or that a test has made unusable, is passed over.
func look(t testing.TB, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatalf("testpg: %v", err)
	}
	defer db.Close()
	found, err := secretRows(ctx, db)
	var refused *pq.Error
	if err != nil && !(errors.As(err, &refused) && (refused.Code.Class() == "57" || refused.Code == "3D000")) {
		t.Errorf("testpg: the database could not be looked through: %v", err)
	}
	for _, row := range found {
		t.Errorf("the database shows a secret: %s", row)
	}
}

// secretRows finds a row with a secret of each table that has one.
func secretRows(ctx context.Context, db *sql.DB) ([]string, error) {
	db.SetMaxOpenConns(1)
	filled, err := texts(ctx, db, `SELECT relname FROM pg_class
		WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) BETWEEN 1 AND $1`, most)
	if err != nil || len(filled) == 0 {
		return nil, err
	}
	var parts []string
	for _, table := range filled {
		parts = append(parts, fmt.Sprintf(`(SELECT %s || ': ' || left(t::text, 500) FROM %s t WHERE t::text ~ $1 LIMIT 1)`,
			pq.QuoteLiteral(table), pq.QuoteIdentifier(table)))
	}
	return texts(ctx, db, strings.Join(parts, " UNION ALL "), canary.Pattern)
}

func texts(ctx context.Context, db *sql.DB, query string, args ...any) (out []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}
