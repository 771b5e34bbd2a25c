package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/directory/links"
)

// graphColumns are the columns of a graphRow, of a table named i; aliases are read beside them.
const graphColumns = `i.id, i.uid, i.kind, i.status, i.instance_id, i.version, i.fqn_key, coalesce(i.merged_into, 0) AS merged_into`

type graphRow struct {
	ID         int64          `db:"id"`
	UID        uuid.UUID      `db:"uid"`
	Kind       string         `db:"kind"`
	Status     string         `db:"status"`
	InstanceID int64          `db:"instance_id"`
	Version    int64          `db:"version"`
	FQNKey     string         `db:"fqn_key"`
	MergedInto int64          `db:"merged_into"`
	Aliases    pq.StringArray `db:"aliases"`
}

var graphKinds = map[string]links.Kind{"USER": links.User, "GROUP": links.Group, "ROLE": links.Role}

var graphStatuses = map[string]links.Status{"ACTIVE": links.Active, "DISABLED": links.Disabled, "DELETED": links.Deleted}

func (r *graphRow) node() links.Node {
	n := links.Node{
		Identity: links.Identity{
			ID: r.ID, UID: r.UID, Kind: graphKinds[r.Kind], Status: graphStatuses[r.Status],
			Instance: r.InstanceID, Version: r.Version, Name: links.KeyOf(r.FQNKey),
		},
		MergedInto: r.MergedInto,
	}
	for _, key := range r.Aliases {
		n.Aliases = append(n.Aliases, links.KeyOf(key))
	}
	return n
}

// loadTimeout bounds how long reading the whole graph may take.
const loadTimeout = 5 * time.Minute

// inSnapshot runs do in one read-only transaction that sees one snapshot, and returns that snapshot.
func (s *Store) inSnapshot(ctx context.Context, do func(tx *sqlx.Tx) error) (snapshot string, err error) {
	tx, err := s.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return "", mapError(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := tx.GetContext(ctx, &snapshot, `SELECT pg_current_snapshot()::text`); err != nil {
		return "", mapError(ctx, err)
	}
	return snapshot, mapError(ctx, do(tx))
}

// LoadGraph implements [directory.GraphStore].
func (s *Store) LoadGraph(ctx context.Context) (*links.Graph, directory.Revision, error) {
	var b *links.Builder
	snapshot, err := s.inSnapshot(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL statement_timeout = `+strconv.FormatInt(loadTimeout.Milliseconds(), 10)); err != nil {
			return err
		}
		var n int
		if err := tx.GetContext(ctx, &n, `SELECT greatest(reltuples, 0)::int FROM pg_class WHERE oid = 'identity'::regclass`); err != nil {
			return err
		}
		b = links.Build(n)
		if err := loadNodes(ctx, tx, b); err != nil {
			return err
		}
		return loadMembers(ctx, tx, b)
	})
	if err != nil {
		return nil, directory.Revision{}, err
	}
	return b.Graph(), directory.Revision{Epoch: s.epoch(), Snapshot: snapshot}, nil
}

func loadNodes(ctx context.Context, tx *sqlx.Tx, b *links.Builder) error {
	aliases := map[int64][]links.Key{}
	rows, err := tx.QueryContext(ctx, `SELECT identity_id, fqn_key FROM alias WHERE retired_at IS NULL ORDER BY id`)
	if err != nil {
		return err
	}
	if err := each(rows, func() error {
		var id int64
		var key string
		if err := rows.Scan(&id, &key); err != nil {
			return err
		}
		aliases[id] = append(aliases[id], links.KeyOf(key))
		return nil
	}); err != nil {
		return err
	}
	if rows, err = tx.QueryContext(ctx, `SELECT `+graphColumns+` FROM identity i ORDER BY i.id`); err != nil {
		return err
	}
	var r graphRow
	var uid, kind, status sql.RawBytes // read in place: nothing is kept of a row but its node
	return each(rows, func() error {
		if err := rows.Scan(&r.ID, &uid, &kind, &status, &r.InstanceID, &r.Version, &r.FQNKey, &r.MergedInto); err != nil {
			return err
		}
		if r.UID, err = uuid.ParseBytes(uid); err != nil {
			return err
		}
		n := r.node()
		n.Kind, n.Status, n.Aliases = graphKinds[string(kind)], graphStatuses[string(status)], aliases[r.ID]
		b.Node(n)
		return nil
	})
}

// loadMembers reads each container's members as one array: a row a link costs three times as much.
func loadMembers(ctx context.Context, tx *sqlx.Tx, b *links.Builder) error {
	rows, err := tx.QueryContext(ctx, `SELECT container_id, array_agg(member_id) FROM link WHERE kind = 'member' GROUP BY container_id`)
	if err != nil {
		return err
	}
	var members []int64
	return each(rows, func() error {
		var container int64
		var array sql.RawBytes
		if err := rows.Scan(&container, &array); err != nil {
			return err
		}
		if members, err = parseIDs(members[:0], array); err != nil {
			return err
		}
		b.Members(container, members)
		return nil
	})
}

func each(rows *sql.Rows, do func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := do(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// parseIDs reads a Postgres array of bigint, as {1,2,3}.
func parseIDs(out []int64, array []byte) ([]int64, error) {
	if len(array) < 2 || array[0] != '{' || array[len(array)-1] != '}' {
		return nil, fmt.Errorf("an array of ids reads %.20q", array)
	}
	n, digits := int64(0), false
	for _, c := range array[1:] {
		switch {
		case c >= '0' && c <= '9':
			n, digits = n*10+int64(c-'0'), true
		case digits && (c == ',' || c == '}'):
			out = append(out, n)
			n, digits = 0, false
		case c != '}':
			return nil, fmt.Errorf("an array of ids reads %.20q", array)
		}
	}
	return out, nil
}
