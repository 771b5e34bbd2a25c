package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// What a run reads is kept aside in tables of its own, which are dropped with a look at nothing when it ends. They have
// no index while they are filled.
const stageTables = dropTables + `;
	CREATE TABLE stage_identity_%[1]d (
		seq bigint NOT NULL, kind text NOT NULL, key text COLLATE "C" NOT NULL, removal smallint NOT NULL,
		whole boolean NOT NULL, scope boolean NOT NULL, partial_links boolean NOT NULL, patch text,
		uid uuid, name text, name_key text COLLATE "C", fqn text, fqn_key text COLLATE "C", display_name text,
		display_key text COLLATE "C", description text, email text, email_key text COLLATE "C", status text, status_reason text,
		attributes text, words text[], digest uuid, problem text, problem_text text
	) WITH (autovacuum_enabled = off);
	CREATE TABLE stage_link_%[1]d (
		seq bigint NOT NULL, kind link_kind NOT NULL, owner_kind text NOT NULL, owner_key text COLLATE "C" NOT NULL,
		target text COLLATE "C" NOT NULL, ref_kind text NOT NULL, by_name boolean NOT NULL, refs text[] COLLATE "C" NOT NULL,
		removed boolean NOT NULL
	) WITH (autovacuum_enabled = off)`

// A row of stage_link holds links that were told one after the other and differ in nothing but their other ends: refs are
// these ends' keys, or names, and seq is the number of the first. toldLinks are the links one by one.
const toldLinks = `(
	SELECT s.seq + r.n - 1 AS seq, s.kind, s.owner_kind, s.owner_key, s.target, s.ref_kind, s.by_name, s.removed,
		CASE WHEN s.by_name THEN '' ELSE r.ref END AS ref_key, CASE WHEN s.by_name THEN r.ref ELSE '' END AS ref_name
	FROM stage_link_%[1]d s CROSS JOIN LATERAL unnest(s.refs) WITH ORDINALITY AS r (ref, n))`

// indexStage makes ready for looking up single rows, which a round that changes nothing never does.
const indexStage = `CREATE INDEX IF NOT EXISTS stage_identity_key_%[1]d ON stage_identity_%[1]d (kind, key, seq)`

const dropTables = `DROP TABLE IF EXISTS stage_identity_%[1]d, stage_link_%[1]d, todo_%[1]d, want_%[1]d, todo_link_%[1]d`

var (
	stageRecordColumns = strings.Fields(`uid name name_key fqn fqn_key display_name display_key description email email_key status status_reason
		attributes words digest`)
	stageIdentityColumns = slices.Concat(strings.Fields(`seq kind key removal whole scope partial_links patch`), stageRecordColumns,
		strings.Fields(`problem problem_text`))
)

var stageLinkColumns = strings.Fields(`seq kind owner_kind owner_key target ref_kind by_name refs removed`)

// BeginRound implements [syncer.Stage].
func (s *Store) BeginRound(ctx context.Context, l syncer.Lease, full bool, state []byte) error {
	return s.inRun(ctx, l, func(tx bulkTx) error {
		if _, err := tx.exec(stageTables); err != nil {
			return err
		}
		if _, err := tx.exec(`DELETE FROM sync_failure WHERE run_id = $1`, l.Run); err != nil {
			return err
		}
		_, err := tx.exec(`UPDATE sync_run SET phase = 'read', full_round = $2, mode = CASE WHEN $2 THEN 'FULL' ELSE 'DELTA' END, from_state = $3, resume = NULL, end_state = NULL,
			taken_back = false, again_full = false, pages = 0, identity_count = 0, link_count = 0, skipped = 0, failed = 0
			WHERE id = $1`, l.Run, full, state)
		return err
	})
}

// StageMore implements [syncer.Stage].
func (s *Store) StageMore(ctx context.Context, l syncer.Lease, p syncer.StagedPage) error {
	return s.inRun(ctx, l, func(tx bulkTx) error {
		if err := tx.stage(p.Identities, p.Links); err != nil {
			return err
		}
		if err := tx.fail(p.Failures); err != nil {
			return err
		}
		takenBack := false
		for _, link := range p.Links {
			takenBack = takenBack || link.Removed
		}
		var end []byte
		phase := "read"
		if p.End != nil {
			phase = "plan"
			if end = p.End.State; end == nil {
				end = []byte{}
			}
		}
		_, err := tx.exec(`UPDATE sync_run SET phase = $2, resume = $3, end_state = $4, pages = pages + $8, taken_back = taken_back OR $5,
			identity_count = identity_count + $6, link_count = link_count + $7 WHERE id = $1`,
			l.Run, phase, p.Resume, end, takenBack, len(p.Identities), len(p.Links), p.Pages)
		return err
	})
}

// EndReading implements [syncer.Stage].
func (s *Store) EndReading(ctx context.Context, l syncer.Lease) error {
	return s.inRun(ctx, l, func(tx bulkTx) error {
		return tx.look(`stage_identity_%[1]d (kind, key, removal, scope, partial_links, problem, digest, fqn_key), stage_link_%[1]d`)
	})
}

// stage copies rows into the run's tables.
func (t bulkTx) stage(rows []syncer.Staged, links []syncer.StagedLink) error {
	if err := t.copyIn("stage_identity_%[1]d", stageIdentityColumns, len(rows), func(to *copyRow, i int) error { return stageRow(to, &rows[i]) }); err != nil {
		return err
	}
	ends := linkRows(links)
	return t.copyIn("stage_link_%[1]d", stageLinkColumns, len(ends), func(to *copyRow, i int) error {
		begin := 0
		if i > 0 {
			begin = ends[i-1]
		}
		stageLinks(to, links[begin:ends[i]])
		return nil
	})
}

// linkRowBytes is how much the other ends in one row come to at the most: the database would keep longer ones elsewhere.
const linkRowBytes = 1600

// linkRows says after which link each row of stage_link ends.
func linkRows(links []syncer.StagedLink) (ends []int) {
	size := 0
	for i := range links {
		l := &links[i]
		if size += len(l.Other.Key) + len(l.Other.Name) + 4; i > 0 && (size > linkRowBytes || !follows(l, &links[i-1])) {
			ends, size = append(ends, i), 0
		}
	}
	if len(links) > 0 {
		ends = append(ends, len(links))
	}
	return ends
}

// follows reports whether a link has room in the row of the one before it. A manager has a row of its own.
func follows(l, before *syncer.StagedLink) bool {
	return l.Type == connector.Member && before.Type == connector.Member && l.Seq == before.Seq+1 &&
		l.OwnerKind == before.OwnerKind && l.OwnerKey == before.OwnerKey && l.Removed == before.Removed &&
		l.Other.Provider == before.Other.Provider && l.Other.Kind == before.Other.Kind && (l.Other.Key == "") == (before.Other.Key == "")
}

func stageLinks(to *copyRow, links []syncer.StagedLink) {
	l := &links[0]
	byName, target := l.Other.Key == "", ""
	if l.Other.Provider != "" {
		target = directory.FoldKey(l.Other.Provider)
	}
	to.int(l.Seq)
	to.text(string(l.Type))
	to.text(string(l.OwnerKind))
	to.text(l.OwnerKey)
	to.text(target)
	to.text(string(l.Other.Kind))
	to.bool(byName)
	to.array(len(links), func(i int) string {
		if byName {
			return directory.FoldKey(links[i].Other.Name)
		}
		return links[i].Other.Key
	})
	to.bool(l.Removed)
}

func stageRow(to *copyRow, s *syncer.Staged) error {
	to.int(s.Seq)
	to.text(string(s.Kind))
	to.text(s.Key)
	to.int(int64(s.Removal))
	to.bool(s.Whole)
	to.bool(s.Scope)
	to.bool(s.PartialLinks)
	if s.Patch == nil {
		to.null()
	} else {
		patch, err := json.Marshal(s.Patch)
		if err != nil {
			return err
		}
		to.text(string(patch))
	}
	if s.Record == nil {
		for range stageRecordColumns {
			to.null()
		}
	} else {
		r := identityRow(0, *s.Record, []string{s.Record.FQN})
		for _, text := range []string{r.UID.String(), r.Name, r.NameKey, r.FQNs[0], r.FQNKeys[0], r.DisplayName, r.DisplayKey} {
			to.text(text)
		}
		to.optional(r.Description)
		to.optional(r.Email)
		to.optional(r.EmailKey)
		to.text(r.Status)
		to.optional(r.Reason)
		to.text(string(r.Attributes))
		to.array(len(r.Words), func(i int) string { return r.Words[i] })
		to.text(s.Digest.String())
	}
	if s.Problem == nil {
		to.null()
		to.null()
	} else {
		to.text(string(s.Problem.Code))
		to.text(s.Problem.Message)
	}
	return nil
}

// stagedRead is a row of the stage as it is read back.
type stagedRead struct {
	Seq          int64      `db:"seq"`
	N            int64      `db:"n"`
	Action       string     `db:"action"`
	Identity     *int64     `db:"identity_id"`
	Kind         string     `db:"kind"`
	Key          string     `db:"key"`
	Removal      int        `db:"removal"`
	Whole        bool       `db:"whole"`
	Scope        bool       `db:"scope"`
	PartialLinks bool       `db:"partial_links"`
	Patch        *string    `db:"patch"`
	UID          *uuid.UUID `db:"uid"`
	Name         *string    `db:"name"`
	FQN          *string    `db:"fqn"`
	DisplayName  *string    `db:"display_name"`
	Description  *string    `db:"description"`
	Email        *string    `db:"email"`
	Status       *string    `db:"status"`
	Reason       *string    `db:"status_reason"`
	Attributes   *string    `db:"attributes"`
	Digest       *uuid.UUID `db:"digest"`
	Problem      *string    `db:"problem"`
	ProblemText  *string    `db:"problem_text"`
}

const stagedColumns = `s.seq, s.kind, s.key, s.removal, s.whole, s.scope, s.partial_links, s.patch, s.uid, s.name, s.fqn, s.display_name,
	s.description, s.email, s.status, s.status_reason, s.attributes, s.digest, s.problem, s.problem_text`

func (r *stagedRead) record() *directory.Record {
	if r.UID == nil {
		return nil
	}
	return &directory.Record{
		UID: *r.UID, Kind: directory.IdentityKind(r.Kind), ExternalID: &r.Key, Name: *r.Name, FQN: *r.FQN, DisplayName: *r.DisplayName,
		Description: r.Description, Email: r.Email, Status: directory.IdentityStatus(*r.Status), StatusReason: r.Reason,
		Attrs: directory.AttributesOf(*r.Attributes),
	}
}

func (r *stagedRead) staged() (syncer.Staged, error) {
	out := syncer.Staged{
		Seq: r.Seq, Kind: directory.IdentityKind(r.Kind), Key: r.Key, Removal: connector.Removal(r.Removal), Whole: r.Whole, Scope: r.Scope,
		PartialLinks: r.PartialLinks, Record: r.record(),
	}
	if r.Digest != nil {
		out.Digest = *r.Digest
	}
	if r.Problem != nil {
		out.Problem = &syncer.Failure{ExternalID: r.Key, Code: directory.SyncFailureCode(*r.Problem), Message: *r.ProblemText}
	}
	if r.Patch != nil {
		decoder := json.NewDecoder(strings.NewReader(*r.Patch))
		decoder.UseNumber()
		return out, decoder.Decode(&out.Patch)
	}
	return out, nil
}

// Refused implements [syncer.Stage]. It lists the same for rounds that begin at the same state, so that their plans are the same.
func (s *Store) Refused(ctx context.Context, l syncer.Lease, limit int) (refused []syncer.IdentityRef, err error) {
	err = s.inRun(ctx, l, func(tx bulkTx) error {
		return tx.all(&refused, `SELECT f.kind, f.key FROM sync_run r JOIN sync_refused f ON f.instance_id = r.instance_id
			WHERE r.id = $1 AND EXISTS (SELECT FROM stage_identity_%[1]d)
				AND NOT EXISTS (SELECT FROM stage_identity_%[1]d s WHERE s.kind = f.kind AND s.key = f.key)
			ORDER BY md5(f.key || coalesce(encode(r.from_state, 'hex'), '')) LIMIT $2`, l.Run, limit)
	})
	return refused, err
}

// Unsettled implements [syncer.Stage].
func (s *Store) Unsettled(ctx context.Context, l syncer.Lease, afterKind, afterKey string, limit int) ([]syncer.Staged, error) {
	var rows []stagedRead
	err := s.inRun(ctx, l, func(tx bulkTx) error {
		return tx.all(&rows, `SELECT `+stagedColumns+` FROM stage_identity_%[1]d s JOIN (
				SELECT kind, key FROM stage_identity_%[1]d WHERE (kind, key) > ($1, $2)
				GROUP BY kind, key HAVING count(*) > 1 OR NOT bool_and(whole) ORDER BY kind, key LIMIT $3
			) AS u USING (kind, key) ORDER BY kind, key, seq`, afterKind, afterKey, limit)
	})
	if err != nil {
		return nil, err
	}
	out := make([]syncer.Staged, len(rows))
	for i := range rows {
		if out[i], err = rows[i].staged(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Settle implements [syncer.Stage].
func (s *Store) Settle(ctx context.Context, l syncer.Lease, rows []syncer.Staged, links []syncer.StagedLink) error {
	kinds, keys := make(pq.StringArray, len(rows)), make(pq.StringArray, len(rows))
	kept := make([]syncer.Staged, 0, len(rows))
	for i, row := range rows {
		kinds[i], keys[i] = string(row.Kind), row.Key
		if row.Whole {
			kept = append(kept, row)
		}
	}
	return s.inRun(ctx, l, func(tx bulkTx) error {
		if _, err := tx.exec(indexStage); err != nil {
			return err
		}
		if _, err := tx.exec(`DELETE FROM stage_identity_%[1]d s USING unnest($1::text[], $2::text[]) AS u (kind, key)
			WHERE s.kind = u.kind AND s.key = u.key`, kinds, keys); err != nil {
			return err
		}
		return tx.stage(kept, links)
	})
}

// NoteFailures implements [syncer.Apply].
func (s *Store) NoteFailures(ctx context.Context, l syncer.Lease, failures []syncer.Failure) error {
	return s.inRun(ctx, l, func(tx bulkTx) error { return tx.fail(failures) })
}

// fail lists failures and counts them: what nobody of Roster's stands for was skipped.
func (t bulkTx) fail(failures []syncer.Failure) error {
	if len(failures) == 0 {
		return nil
	}
	var ids, codes, messages pq.StringArray
	fqns := make([]*string, 0, len(failures))
	for _, f := range failures {
		ids, codes, messages, fqns = append(ids, f.ExternalID), append(codes, string(f.Code)), append(messages, f.Message), append(fqns, f.FQN)
	}
	_, err := t.exec(`WITH `+noteFailures+`SELECT $1::bigint, id, fqn, code, message
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS f (id, fqn, code, message)`+countFailures, t.run, ids, pq.Array(fqns), codes, messages)
	return err
}

// noteFailures lists the failures that a query finds, and countFailures counts those that were not listed yet.
const (
	noteFailures  = `noted AS (INSERT INTO sync_failure (run_id, external_id, fqn, code, message) `
	countFailures = ` ON CONFLICT DO NOTHING RETURNING code)
		UPDATE sync_run SET skipped = skipped + (SELECT count(*) FROM noted WHERE code = 'UNMAPPED_PRINCIPAL'),
			failed = failed + (SELECT count(*) FROM noted WHERE code <> 'UNMAPPED_PRINCIPAL') WHERE id = $1`
)

// Drop implements [syncer.Apply].
func (s *Store) Drop(ctx context.Context, run int64) error {
	db, err := s.bulk()
	if err != nil {
		return err
	}
	t := bulkTx{run: run}
	_, err = db.ExecContext(ctx, t.text(dropTables))
	return mapError(ctx, err)
}
