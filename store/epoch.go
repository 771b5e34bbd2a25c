package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// lookAgain is how long the store takes it for granted that the database is in the same life, while no connection had to
// be opened anew.
const lookAgain = 10 * time.Second

// seenLife is the life of the database as it was last looked at.
type seenLife struct {
	directory.Life
	at time.Time
}

// epochRow is the row of store_epoch beside what it would say if it were written now.
type epochRow struct {
	Epoch   uuid.UUID `db:"epoch"`
	Pruned  uint64    `db:"pruned_xid"`
	Started time.Time `db:"started"`
	// Moved says that the database is not the one that the row was written in, Blank that something is not noted yet.
	Moved bool `db:"moved"`
	Blank bool `db:"blank"`
}

// What is compared to tell a life of the database: the cluster, which another one may not tell us; the database and the
// table, which are made anew where a dump is restored; and the timeline, which a recovery to an earlier state and a
// fail-over begin (PostgreSQL manual, "Timelines"). On a server that takes no writes the timeline is not known.
const (
	systemSQL = `(SELECT system_identifier FROM pg_control_system())`
	hereSQL   = `, (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database_id,
	'store_epoch'::regclass::oid::bigint AS table_id,
	CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline`
)

func epochSQL(system string) string {
	return `SELECT e.epoch, e.pruned_xid::text AS pruned_xid, pg_postmaster_start_time() AS started,
	coalesce(e.system_id <> h.system_id, false) OR coalesce(e.database_id <> h.database_id, false)
		OR coalesce(e.table_id <> h.table_id, false) OR coalesce(e.timeline <> h.timeline, false) AS moved,
	(e.database_id IS NULL OR e.system_id IS NULL AND h.system_id IS NOT NULL) AND NOT pg_is_in_recovery() AS blank
FROM store_epoch e, (SELECT ` + system + ` AS system_id` + hereSQL + `) AS h`
}

func noteHereSQL(system string) string {
	return `UPDATE store_epoch e SET epoch = CASE WHEN $2 THEN gen_random_uuid() ELSE e.epoch END,
	system_id = coalesce(h.system_id, e.system_id), database_id = h.database_id, table_id = h.table_id, timeline = coalesce(h.timeline, e.timeline)
FROM (SELECT ` + system + ` AS system_id` + hereSQL + `) AS h WHERE e.epoch = $1`
}

// Life implements [directory.GraphStore].
func (s *Store) Life(ctx context.Context) (directory.Life, error) {
	seen, opened := s.life.Load(), s.connections.opened.Load()
	if seen != nil && seen.Opened == opened && time.Since(seen.at) < lookAgain {
		return seen.Life, nil
	}
	at := time.Now()
	row, err := s.readEpoch(ctx)
	if err == nil && (row.Moved || row.Blank) {
		row, err = s.moveIn(ctx, row)
	}
	if err != nil {
		return directory.Life{}, err
	}
	now := directory.Life{Epoch: row.Epoch, Started: row.Started, Pruned: row.Pruned, Opened: opened}
	s.life.Store(&seenLife{Life: now, at: at})
	return now, nil
}

// Opened implements [directory.GraphStore].
func (s *Store) Opened() int64 { return s.connections.opened.Load() }

// epoch is the epoch as it was last looked at.
func (s *Store) epoch() uuid.UUID { return s.life.Load().Epoch }

// withSystem runs a statement with the cluster's identity, or with null for it where the role may not know it.
func withSystem(run func(system string) error) error {
	err := run(systemSQL)
	if p := (*pq.Error)(nil); errors.As(err, &p) && (p.Code == "42501" || p.Code == "42883") { // insufficient_privilege, undefined_function
		return run(`NULL::bigint`)
	}
	return err
}

func (s *Store) readEpoch(ctx context.Context) (row epochRow, err error) {
	err = withSystem(func(system string) error { return s.reserved().get(ctx, &row, epochSQL(system)) })
	return row, err
}

// moveIn notes where the database is, and begins a new life of it where it has come from elsewhere. Of several who do so
// at once one succeeds.
func (s *Store) moveIn(ctx context.Context, row epochRow) (epochRow, error) {
	err := withSystem(func(system string) error {
		_, err := s.direct().exec(ctx, noteHereSQL(system), row.Epoch, row.Moved)
		return err
	})
	if err != nil {
		return row, err
	}
	return s.readEpoch(ctx)
}

// RenewEpoch begins a new life of the database: revisions and cursors of before are expired from now on. Running Rosters
// take that up within ten seconds.
func (s *Store) RenewEpoch(ctx context.Context) error {
	err := s.get(ctx, new(uuid.UUID), `UPDATE store_epoch SET epoch = gen_random_uuid() RETURNING epoch`)
	s.life.Store(&seenLife{Life: s.life.Load().Life}) // to be looked at
	if errors.Is(err, sql.ErrNoRows) {
		return errors.New("the database has no epoch")
	}
	return err
}

// keptSQL says whether all changes after snapshot $1 are kept: it sees all that were deleted, or it is of after the last
// time that some were.
const keptSQL = `SELECT pruned_xid < pg_snapshot_xmin($1::pg_snapshot) OR pruned_at < pg_snapshot_xmax($1::pg_snapshot) FROM store_epoch`

// refuseIncomplete refuses a place in the feed after which changes were deleted. It looks after the changes were read, so
// that none can be deleted in between.
func (s *Store) refuseIncomplete(ctx context.Context, at directory.FeedPosition) error {
	rest, kept := at.From, true
	if at.From != at.To { // in the middle of a batch
		rest = at.To
		if err := s.get(ctx, &kept, `SELECT pruned_seq < $1 FROM store_epoch`, at.Seq); err != nil {
			return err
		}
	}
	if kept && rest != "" { // without a snapshot it is the beginning, which is where the log begins
		if err := s.get(ctx, &kept, keptSQL, rest); err != nil {
			return err
		}
	}
	if !kept {
		return s.tooOld("cursor")
	}
	return nil
}

func (s *Store) expired(what string) error {
	return directory.Expired("This " + what + " is of an earlier life of the database. Read everything again and go on from there.")
}

func (s *Store) tooOld(what string) error {
	return directory.Expired("This " + what + " is older than the changes that are kept. Read everything again and go on from there.")
}
