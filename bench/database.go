package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/bench/dataset"
	"github.com/roster-gateway/roster/store"
)

// databases are the two databases of a run: Roster's, and a copy of it for the baselines, so that what one side writes
// makes no work for the other.
type databases struct {
	server      *sql.DB
	serverURL   string
	roster, raw string // names
}

// makeDatabases loads the data set.
func makeDatabases(ctx context.Context, serverURL string, data *dataset.Data) (*databases, error) {
	server, err := sql.Open("postgres", serverURL)
	if err != nil {
		return nil, err
	}
	suffix := strings.ToLower(rand.Text()[:10])
	d := &databases{server: server, serverURL: serverURL, roster: "roster_bench_" + suffix, raw: "roster_bench_raw_" + suffix}
	if err := d.fill(ctx, data); err != nil {
		d.drop(false)
		return nil, fmt.Errorf("the data set could not be loaded: %w", err)
	}
	return d, nil
}

func (d *databases) fill(ctx context.Context, data *dataset.Data) error {
	if _, err := d.server.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(d.roster)+` TEMPLATE template0`); err != nil {
		return err
	}
	if err := store.Migrate(ctx, d.url(d.roster)); err != nil {
		return err
	}
	db, err := sql.Open("postgres", d.url(d.roster))
	if err != nil {
		return err
	}
	err = data.Load(ctx, db)
	db.Close() // a database with connections cannot be copied
	if err != nil {
		return err
	}
	_, err = d.server.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(d.raw)+` TEMPLATE `+pq.QuoteIdentifier(d.roster))
	return err
}

// drop drops the databases, Roster's only unless it is kept.
func (d *databases) drop(keep bool) {
	list := []string{d.raw}
	if !keep {
		list = append(list, d.roster)
	}
	for _, name := range list {
		// A database that stays behind costs room, not truth.
		_, _ = d.server.Exec(`DROP DATABASE IF EXISTS ` + pq.QuoteIdentifier(name) + ` WITH (FORCE)`)
	}
	d.server.Close()
}

// url is the URL of one database of the server.
func (d *databases) url(name string) string {
	u, err := url.Parse(d.serverURL)
	if err != nil {
		return d.serverURL // unreachable: connecting to it has worked
	}
	u.Path = "/" + name
	return u.String()
}

// backends are the processes of the server that work for a database.
func (d *databases) backends(ctx context.Context, name string) []int {
	rows, err := d.server.QueryContext(ctx, `SELECT pid FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`, name)
	if err != nil {
		return nil
	}
	defer rows.Close()
	var pids []int
	for rows.Next() {
		var pid int
		if rows.Scan(&pid) == nil {
			pids = append(pids, pid)
		}
	}
	if rows.Err() != nil {
		return nil
	}
	return pids
}
