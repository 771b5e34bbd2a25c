package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/audit"
)

var _ audit.Sealer = (*Store)(nil)

// How much one transaction seals: rows that are held in memory, how often so many, and ids that one statement looks at.
const (
	sealBatch  = 2000
	sealRounds = 25
	sealWindow = 50_000
)

// chainRow is the row of audit_chain. Known says that the snapshot Seen is of this life of the database.
type chainRow struct {
	AnchorSeq  int64     `db:"anchor_seq"`
	AnchorHash []byte    `db:"anchor_hash"`
	HeadSeq    int64     `db:"head_seq"`
	HeadHash   []byte    `db:"head_hash"`
	Seen       string    `db:"seen"`
	Known      bool      `db:"known"`
	Epoch      uuid.UUID `db:"epoch"`
	Now        string    `db:"now"`
}

func (r *chainRow) chain() (audit.Chain, error) {
	if len(r.AnchorHash) != len(audit.Hash{}) || len(r.HeadHash) != len(audit.Hash{}) {
		return audit.Chain{}, errors.New("the ends of the audit trail's chain are no hashes")
	}
	return audit.Chain{
		Anchor: audit.Mark{Seq: r.AnchorSeq, Hash: audit.Hash(r.AnchorHash)}, Head: audit.Mark{Seq: r.HeadSeq, Hash: audit.Hash(r.HeadHash)},
	}, nil
}

const chainSQL = `SELECT c.anchor_seq, c.anchor_hash, c.head_seq, c.head_hash, coalesce(c.seen::text, '') AS seen,
	c.seen IS NOT NULL AND c.epoch IS NOT DISTINCT FROM e.epoch AS known, e.epoch, pg_current_snapshot()::text AS now
	FROM audit_chain c, store_epoch e`

// freshRows are the ids after $2 of rows that snapshot $1 does not see. Reading them by their transactions, those that were
// still to come and those that were under way, finds a row that commits late, and is held up by nobody who is late.
const freshRows = `fresh AS MATERIALIZED (
	SELECT id FROM audit WHERE xid >= pg_snapshot_xmax($1::pg_snapshot) AND id > $2
	UNION ALL
	SELECT id FROM audit WHERE xid = ANY(ARRAY(SELECT pg_snapshot_xip($1::pg_snapshot))) AND id > $2
)`

// notSealed holds for rows of the table a that are not in the chain.
const notSealed = `NOT EXISTS (SELECT FROM audit_seal s WHERE s.audit_id = a.id)`

const (
	// The OFFSETs keep the planner, which cannot know how few rows there are, from joining whole tables.
	freshSQL = `WITH ` + freshRows + `, next AS (
		SELECT id FROM fresh WHERE NOT EXISTS (SELECT FROM audit_seal s WHERE s.audit_id = fresh.id OFFSET 0) ORDER BY id LIMIT $3
	) SELECT ` + eventColumns + ` FROM next CROSS JOIN LATERAL (SELECT * FROM audit WHERE audit.id = next.id OFFSET 0) AS a ORDER BY a.id`
	anySQL = `WITH ` + freshRows + ` SELECT EXISTS (
		SELECT FROM fresh WHERE NOT EXISTS (SELECT FROM audit_seal s WHERE s.audit_id = fresh.id OFFSET 0))`
	// windowSQL is where the next ids after $1 end, and leftSQL which of these are not sealed: how rows are found when nothing is
	// known of them.
	windowSQL = `SELECT coalesce(max(id), 0) FROM (SELECT id FROM audit WHERE id > $1 ORDER BY id LIMIT $2) AS next`
	leftSQL   = `SELECT ` + eventColumns + ` FROM audit a WHERE a.id > $1 AND a.id <= $2 AND ` + notSealed + ` ORDER BY a.id LIMIT $3`

	sealSQL = `INSERT INTO audit_seal (seq, audit_id, hash) SELECT $1 + s.n, s.id, s.hash
		FROM unnest($2::bigint[], $3::bytea[]) WITH ORDINALITY AS s (id, hash, n)`
	headSQL = `UPDATE audit_chain SET head_seq = $1, head_hash = $2,
		seen = CASE WHEN $5 THEN $3::pg_snapshot ELSE seen END, epoch = CASE WHEN $5 THEN $4::uuid ELSE epoch END`
)

// SealAudit implements [audit.Sealer]. The chain is in the order in which rows are sealed, which is final: a row that
// commits later than another one of a higher id comes after it.
func (s *Store) SealAudit(ctx context.Context) (sealed int, more bool, err error) {
	var chain chainRow
	if err := s.get(ctx, &chain, chainSQL); err != nil {
		return 0, false, err
	}
	if chain.Known {
		var any bool
		// Planned for the very snapshot: one that was kept from when the trail was short would read all of it.
		if err := (session{s: s, unprepared: true}).get(ctx, &any, anySQL, chain.Seen, 0); err != nil || !any {
			return 0, false, err
		}
	}
	err = s.inTransaction(ctx, func(tx runner) error {
		sealed, more = 0, false
		// The snapshot is taken before any row is read: what it sees is read, or sealed already.
		err := tx.get(ctx, &chain, chainSQL+` FOR UPDATE OF c SKIP LOCKED`)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another replica's turn
		}
		if err != nil {
			return err
		}
		sealed, more, err = seal(ctx, tx, &chain)
		return err
	})
	return sealed, more, err
}

// seal adds to the chain what is not sealed, until there is nothing left or it was enough for one transaction.
func seal(ctx context.Context, tx runner, row *chainRow) (sealed int, more bool, err error) {
	chain, err := row.chain()
	if err != nil {
		return 0, false, err
	}
	head, next, done := chain.Head, unsealedRows(row), false
	for range sealRounds {
		var rows []auditRow
		if rows, done, err = next(ctx, tx); err != nil {
			return 0, false, err
		}
		ids, hashes := make(pq.Int64Array, len(rows)), make(pq.ByteaArray, len(rows))
		first := head.Seq
		for i := range rows {
			head = audit.Mark{Seq: head.Seq + 1, Hash: rows[i].event().Seal(head.Hash)}
			ids[i], hashes[i] = rows[i].ID, bytes.Clone(head.Hash[:])
		}
		if len(rows) > 0 {
			if _, err := tx.exec(ctx, sealSQL, first, ids, hashes); err != nil {
				return 0, false, err
			}
			sealed += len(rows)
		}
		if done {
			break
		}
	}
	if sealed == 0 && row.Known {
		return 0, false, nil
	}
	_, err = tx.exec(ctx, headSQL, head.Seq, head.Hash[:], row.Now, row.Epoch, done)
	return sealed, !done, err
}

// unsealedRows reads rows that are not sealed, part by part, and says which part is the last.
func unsealedRows(row *chainRow) func(context.Context, runner) ([]auditRow, bool, error) {
	after := int64(0)
	if row.Known {
		return func(ctx context.Context, tx runner) (rows []auditRow, last bool, err error) {
			err = tx.all(ctx, &rows, freshSQL, row.Seen, after, sealBatch)
			if len(rows) < sealBatch {
				return rows, true, err
			}
			after = rows[len(rows)-1].ID
			return rows, false, err
		}
	}
	return func(ctx context.Context, tx runner) (rows []auditRow, last bool, err error) {
		for len(rows) == 0 {
			var upTo int64
			if err := tx.get(ctx, &upTo, windowSQL, after, sealWindow); err != nil || upTo == 0 {
				return nil, true, err
			}
			if err := tx.all(ctx, &rows, leftSQL, after, upTo, sealBatch); err != nil {
				return nil, false, err
			}
			if after = upTo; len(rows) == sealBatch {
				after = rows[len(rows)-1].ID
			}
		}
		return rows, false, nil
	}
}

// pruneAuditSQL finds the seals that may go: the oldest of the chain, up to the first whose row is not older than $1
// seconds. A row that is missing is evidence, and ends them too.
const pruneAuditSQL = `
WITH chain AS MATERIALIZED (
	SELECT anchor_seq FROM audit_chain FOR UPDATE
), oldest AS MATERIALIZED (
	SELECT s.seq, s.hash, coalesce(a.at < now() - make_interval(secs => $1), false) AS old
	FROM chain, audit_seal s LEFT JOIN audit a ON a.id = s.audit_id
	WHERE s.seq > chain.anchor_seq AND s.seq <= chain.anchor_seq + $2
)
SELECT seq, hash FROM oldest WHERE seq < coalesce((SELECT min(seq) FROM oldest WHERE NOT old), 9223372036854775807) ORDER BY seq DESC LIMIT 1`

// PruneAudit implements [directory.Housekeeper].
func (s *Store) PruneAudit(ctx context.Context, age time.Duration) (deleted int, err error) {
	err = s.inTurn(ctx, func(tx runner) error {
		var anchor struct {
			Seq  int64  `db:"seq"`
			Hash []byte `db:"hash"`
		}
		err := tx.get(ctx, &anchor, pruneAuditSQL, age.Seconds(), pruneBatch)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `UPDATE audit_chain SET anchor_seq = $1, anchor_hash = $2`, anchor.Seq, anchor.Hash); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_seal WHERE seq <= $1)`, anchor.Seq)
		if err != nil {
			return err
		}
		deleted = int(n)
		_, err = tx.exec(ctx, `DELETE FROM audit_seal WHERE seq <= $1`, anchor.Seq)
		return err
	})
	return deleted, err
}

// ReadAudit lets do read one state of the trail, however long that takes.
func (s *Store) ReadAudit(ctx context.Context, do func(audit.Reader) error) error {
	tx, err := s.db.BeginTxx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return mapError(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return do(auditReader{session{s: s, tx: tx}})
}

// auditReader is an [audit.Reader].
type auditReader struct{ tx session }

var _ audit.Reader = auditReader{}

func (r auditReader) AuditChain(ctx context.Context) (audit.Chain, error) {
	var row chainRow
	err := r.tx.get(ctx, &row, chainSQL)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Chain{}, errors.New("the record of the audit trail's chain is missing")
	}
	if err != nil {
		return audit.Chain{}, err
	}
	return row.chain()
}

const sealedSQL = `SELECT s.seq, s.hash, s.audit_id, a.id IS NOT NULL AS there, coalesce(a.id, 0) AS id, coalesce(a.at, 'epoch') AS at,
	coalesce(a.actor, '') AS actor, coalesce(a.token, '') AS token, coalesce(a.door, '') AS door, coalesce(a.request_id, '') AS request_id,
	coalesce(a.action, '') AS action, coalesce(a.target, '') AS target, a.detail::text AS detail
	FROM audit_seal s LEFT JOIN audit a ON a.id = s.audit_id WHERE s.seq > $1 ORDER BY s.seq LIMIT $2`

func (r auditReader) SealedEvents(ctx context.Context, after int64, limit int) ([]audit.SealedEvent, error) {
	var rows []struct {
		Seq     int64  `db:"seq"`
		Hash    []byte `db:"hash"`
		AuditID int64  `db:"audit_id"`
		There   bool   `db:"there"`
		auditRow
	}
	err := r.tx.all(ctx, &rows, sealedSQL, after, limit)
	out := make([]audit.SealedEvent, len(rows))
	for i := range rows {
		out[i] = audit.SealedEvent{Mark: audit.Mark{Seq: rows[i].Seq}, ID: rows[i].AuditID}
		copy(out[i].Hash[:], rows[i].Hash)
		if rows[i].There {
			out[i].Event = rows[i].event()
		}
	}
	return out, err
}

func (r auditReader) Unsealed(ctx context.Context) (int, time.Time, error) {
	var row struct {
		Count  int       `db:"count"`
		Oldest time.Time `db:"oldest"`
	}
	err := r.tx.get(ctx, &row, `SELECT count(*) AS count, coalesce(min(a.at), now()) AS oldest FROM audit a WHERE `+notSealed)
	return row.Count, row.Oldest, err
}
