package store

import (
	"context"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// runRow is what planning needs to know of its run.
type runRow struct {
	Instance    int64  `db:"instance_id"`
	Full        bool   `db:"full_round"`
	SkipDeleted bool   `db:"skip_deleted"`
	TakenBack   bool   `db:"taken_back"`
	Label       string `db:"name_key"`
}

func (t bulkTx) about() (r runRow, err error) {
	err = t.get(&r, `SELECT r.instance_id, coalesce(r.full_round, true) AS full_round, r.skip_deleted, r.taken_back, p.name_key
		FROM sync_run r JOIN provider_instance pi ON pi.id = r.instance_id JOIN provider p ON p.id = pi.provider_id WHERE r.id = $1`, t.run)
	return r, err
}

const todoSQL = `
	DROP TABLE IF EXISTS todo_%[1]d;
	CREATE TABLE todo_%[1]d (n bigint NOT NULL, action text NOT NULL, seq bigint, place tid, kind text NOT NULL, key text COLLATE "C" NOT NULL,
		identity_id bigint, removal smallint NOT NULL, simple boolean NOT NULL) WITH (autovacuum_enabled = off)`

// fillTodoSQL compares the stage with the live identities of instance $1. A full round takes back what it did not tell;
// with $2 nothing is taken back. The first of those that would have one name is simple: it can be inserted as it is. Steps
// are in the order of the source, in which most indexes grow at their ends; place is where the stage holds the row.
func fillTodoSQL(full bool) string {
	join := `LEFT`
	if full {
		join = `FULL`
	}
	return `
	INSERT INTO todo_%[1]d (n, action, seq, place, kind, key, identity_id, removal, simple)
	WITH d AS MATERIALIZED (SELECT * FROM (
		SELECT s.seq, s.ctid AS place, coalesce(s.kind, i.kind) AS kind, coalesce(s.key, i.external_id) AS key, i.id, s.fqn_key,
			coalesce(s.removal, 3) AS removal, CASE
				WHEN i.id IS NULL THEN CASE WHEN s.removal = 0 AND s.scope AND s.problem IS NULL THEN 'CREATE' END
				WHEN s.seq IS NULL OR s.removal = 2 AND s.problem IS NULL THEN CASE WHEN NOT $2 THEN 'DELETE' END
				WHEN s.problem IS NOT NULL
					OR s.removal = 1 AND ($2 OR i.status <> 'ACTIVE' AND i.digest IS NULL)
					OR s.removal = 0 AND i.digest IS NOT DISTINCT FROM s.digest THEN NULL
				WHEN i.status = 'ACTIVE' AND (s.removal = 1 OR s.status = 'DISABLED') THEN 'DISABLE'
				WHEN i.status = 'DISABLED' AND s.status = 'ACTIVE' THEN 'ENABLE'
				WHEN s.removal = 0 AND i.name IS DISTINCT FROM s.name THEN 'RENAME'
				ELSE 'UPDATE' END AS action
		FROM stage_identity_%[1]d s ` + join + ` JOIN (
			SELECT id, kind, external_id, status, name, digest FROM identity WHERE instance_id = $1 AND status <> 'DELETED' AND external_id IS NOT NULL
		) AS i ON i.kind = s.kind AND i.external_id = s.key
	) AS compared WHERE action IS NOT NULL)
	SELECT row_number() OVER (ORDER BY d.nth, d.seq, d.kind, d.key), d.action, d.seq, d.place, d.kind, d.key, d.id, d.removal, d.nth = 1
	FROM (
		SELECT *, row_number() OVER (PARTITION BY fqn_key ORDER BY key) AS nth FROM d WHERE action = 'CREATE'
		UNION ALL
		SELECT *, 2 FROM d WHERE action <> 'CREATE'
	) AS d`
}

// againSQL asks for a full round next: where a deletion was left out, nobody will tell of it again; and who returns from
// a removal that a full round has looked over has links that no differential round tells.
const againSQL = `
	UPDATE sync_run SET again_full = true WHERE id = $4 AND (
		$3 AND (EXISTS (SELECT FROM stage_identity_%[1]d s WHERE s.removal > 0)
			OR $2 AND EXISTS (SELECT FROM identity i WHERE i.instance_id = $1 AND i.status <> 'DELETED' AND i.external_id IS NOT NULL
				AND NOT EXISTS (SELECT FROM stage_identity_%[1]d s WHERE s.kind = i.kind AND s.key = i.external_id)))
		OR NOT $2 AND EXISTS (SELECT FROM todo_%[1]d t JOIN identity i ON i.instance_id = $1 AND i.kind = t.kind AND i.external_id = t.key
			WHERE t.action = 'CREATE' AND i.status = 'DELETED')
		OR NOT $2 AND EXISTS (SELECT FROM todo_%[1]d t JOIN sync_unseen u ON u.instance_id = $1 AND u.kind = t.kind AND u.key = t.key
			WHERE t.action = 'CREATE')
		OR NOT $2 AND EXISTS (SELECT FROM todo_%[1]d t JOIN identity i ON i.id = t.identity_id JOIN provider_instance pi ON pi.id = $1
			WHERE t.removal = 0 AND i.digest IS NULL AND i.updated_at < pi.last_full_at))`

// goneLinksSQL counts the links of the instance that a plan ends: those that it removes, and those to and from identities
// that it deletes. Other instances lose links to these, too, which says nothing about how much of this one goes.
const goneLinksSQL = `SELECT count(*) FROM (
	SELECT kind, container_id, member_id FROM todo_link_%[1]d WHERE remove
	UNION
	SELECT l.kind, l.container_id, l.member_id FROM link l JOIN todo_%[1]d t ON t.action = 'DELETE' AND t.identity_id = l.container_id
	UNION
	SELECT l.kind, l.container_id, l.member_id FROM link l JOIN todo_%[1]d t ON t.action = 'DELETE' AND t.identity_id = l.member_id
) AS gone JOIN identity o ON o.id = CASE gone.kind WHEN 'member' THEN gone.container_id ELSE gone.member_id END WHERE o.instance_id = $1`

// aloneSQL looks at both ends of an index.
const aloneSQL = `SELECT coalesce(min(instance_id) = $1 AND max(instance_id) = $1, true) FROM identity WHERE status <> 'DELETED'`

// Plan implements [syncer.Apply].
func (s *Store) Plan(ctx context.Context, l syncer.Lease) (syncer.PlanSize, error) {
	size := syncer.PlanSize{Actions: map[syncer.Action]int{}}
	err := s.inRun(ctx, l, func(tx bulkTx) error {
		about, err := tx.about()
		if err != nil {
			return err
		}
		if _, err := tx.exec(todoSQL); err != nil {
			return err
		}
		steps, err := tx.exec(fillTodoSQL(about.Full), about.Instance, about.SkipDeleted)
		if err != nil {
			return err
		}
		if _, err := tx.exec(`ALTER TABLE todo_%[1]d ADD PRIMARY KEY (n)`); err != nil {
			return err
		}
		if err := tx.look(`todo_%[1]d`); err != nil {
			return err
		}
		if steps > 0 {
			if _, err := tx.exec(indexStage); err != nil {
				return err
			}
		}
		if _, err := tx.exec(`UPDATE sync_run SET phase = 'plan', plan_writes = (SELECT sync_writes FROM provider_instance WHERE id = $2) WHERE id = $1`,
			l.Run, about.Instance); err != nil {
			return err
		}
		if _, err := tx.exec(againSQL, about.Instance, about.Full, about.SkipDeleted, l.Run); err != nil {
			return err
		}
		if size.LinkSteps, err = tx.planLinks(about); err != nil {
			return err
		}
		var counts []struct {
			Action string `db:"action"`
			Count  int    `db:"count"`
			Simple int64  `db:"simple"`
		}
		if err := tx.all(&counts, `SELECT action, count(*) AS count, count(*) FILTER (WHERE simple) AS simple FROM todo_%[1]d GROUP BY action`); err != nil {
			return err
		}
		for _, c := range counts {
			size.Actions[syncer.Action(c.Action)] = c.Count
			size.Simple += c.Simple
		}
		if err := tx.get(&size.Alone, aloneSQL, about.Instance); err != nil {
			return err
		}
		if err := tx.get(&size.Unlinked, goneLinksSQL, about.Instance); err != nil {
			return err
		}
		if size.Actions[syncer.Delete]+size.Actions[syncer.Disable]+size.Actions[syncer.Rename]+size.Unlinked == 0 {
			return nil // nobody asks what this is a share of
		}
		if err := tx.get(&size.Identities, `SELECT count(*) FROM identity WHERE instance_id = $1 AND status <> 'DELETED'`, about.Instance); err != nil {
			return err
		}
		return tx.get(&size.Links, `SELECT count(*) FROM link l JOIN identity i ON i.id = CASE l.kind WHEN 'member' THEN l.container_id ELSE l.member_id END
			WHERE i.instance_id = $1`, about.Instance)
	})
	return size, err
}

// Steps implements [syncer.Apply]. Creations that were simple are not listed.
func (s *Store) Steps(ctx context.Context, l syncer.Lease, actions []syncer.Action, after int64, limit int) ([]syncer.Step, error) {
	names := make(pq.StringArray, len(actions))
	for i, action := range actions {
		names[i] = string(action)
	}
	return s.stepsOf(ctx, l, `WHERE t.n > $1 AND t.action = ANY($2) AND NOT (t.action = 'CREATE' AND t.simple) ORDER BY t.n LIMIT $3`, after, names, limit)
}

// AllSteps lists the steps of all actions, simple creations included, in an order that does not depend on the source's.
func (s *Store) AllSteps(ctx context.Context, l syncer.Lease, afterKind, afterKey string, limit int) ([]syncer.Step, error) {
	return s.stepsOf(ctx, l, `WHERE (t.kind, t.key) > ($1, $2) ORDER BY t.kind, t.key LIMIT $3`, afterKind, afterKey, limit)
}

func (s *Store) stepsOf(ctx context.Context, l syncer.Lease, which string, args ...any) ([]syncer.Step, error) {
	var rows []stagedRead
	err := s.inRun(ctx, l, func(tx bulkTx) error {
		return tx.all(&rows, `SELECT t.n, t.action, t.identity_id, t.kind, t.key, t.removal, coalesce(s.seq, 0) AS seq, coalesce(s.whole, false) AS whole,
				coalesce(s.scope, true) AS scope, coalesce(s.partial_links, false) AS partial_links, s.uid, s.name, s.fqn, s.display_name,
				s.description, s.email, s.status, s.status_reason, s.attributes, s.digest
			FROM todo_%[1]d t LEFT JOIN stage_identity_%[1]d s ON s.kind = t.kind AND s.key = t.key AND s.seq = t.seq
			`+which, args...)
	})
	out := make([]syncer.Step, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = syncer.Step{
			N: r.N, Action: syncer.Action(r.Action), Kind: directory.IdentityKind(r.Kind), Key: r.Key, Removal: connector.Removal(r.Removal), Record: r.record(),
		}
		if r.Identity != nil {
			out[i].ID = *r.Identity
		}
		if r.Digest != nil {
			out[i].Digest = *r.Digest
		}
	}
	return out, err
}

// createSQL inserts the simple identities of the steps after $1 up to $2 that meet a condition and whose names are no
// aliases: see insertSQL, which takes all others.
func createSQL(condition string) string {
	return `
WITH c AS MATERIALIZED (
	SELECT s.* FROM todo_%[1]d t JOIN stage_identity_%[1]d s ON s.ctid = t.place
	WHERE t.n > $1 AND t.n <= $2 AND t.simple AND t.action = 'CREATE'
		AND NOT EXISTS (SELECT FROM alias a WHERE a.fqn_key = s.fqn_key AND a.retired_at IS NULL)` + condition + `
	ORDER BY t.n
), named AS (
	INSERT INTO identity (uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key,
		description, email, email_key, status, status_reason, attributes, words, digest, synced_at)
	SELECT uid, kind, $3, key, name, name_key, fqn, fqn_key, fqn_key, display_name, display_key,
		description, email, email_key, status, status_reason, attributes::jsonb, array_to_tsvector(words), digest, now()
	FROM c RETURNING id
), logged AS (
	INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_CREATED', array_agg(id ORDER BY id)
	FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / 1000 AS part FROM named) AS parts GROUP BY part
), left_over AS (
	UPDATE todo_%[1]d t SET simple = false WHERE t.n > $1 AND t.n <= $2 AND t.action = 'CREATE' AND t.simple AND NOT EXISTS (
		SELECT FROM c WHERE c.seq = t.seq AND c.kind = t.kind AND c.key = t.key)
), ` + syncAudit("named", "created") + `
SELECT count(*) FROM named`
}

// Names are free nearly always: createAllSQL takes that for granted, which the indexes refuse where it is wrong. Then
// createFreeSQL looks for those that are.
var (
	createAllSQL  = createSQL(``)
	createFreeSQL = createSQL(`
		AND NOT EXISTS (SELECT FROM identity x WHERE x.fqn_key = s.fqn_key AND x.status <> 'DELETED')
		AND NOT EXISTS (SELECT FROM identity x WHERE x.instance_id = $3 AND x.kind = s.kind AND x.external_id = s.key AND x.status <> 'DELETED')
		AND NOT EXISTS (SELECT FROM identity x WHERE s.kind = 'USER' AND x.instance_id = $3 AND x.name_key = s.name_key
			AND x.kind = 'USER' AND x.status <> 'DELETED')`)
)

// takeAliasesSQL retires the aliases that the new names of the steps after $1 up to $2 take over: a rename that was under
// way has left them, unseen by the statement that waited for it.
const takeAliasesSQL = `
	WITH taken AS (
		SELECT i.id, i.fqn_key FROM todo_%[1]d t JOIN stage_identity_%[1]d s ON s.ctid = t.place
		JOIN identity i ON i.uid = s.uid
		WHERE t.n > $1 AND t.n <= $2 AND EXISTS (SELECT FROM alias a WHERE a.fqn_key = s.fqn_key AND a.retired_at IS NULL)
	), retired AS (
		UPDATE alias a SET retired_at = now(), retired_by = taken.id FROM taken WHERE a.fqn_key = taken.fqn_key AND a.retired_at IS NULL
		RETURNING a.identity_id
	)
	INSERT INTO change_log (kind, ids) SELECT 'ALIASES', array_agg(identity_id) FROM retired HAVING count(*) > 0`

// CreateSimple implements [syncer.Apply].
func (s *Store) CreateSimple(ctx context.Context, l syncer.Lease, after, upTo int64) error {
	err := s.inRun(ctx, l, func(tx bulkTx) error {
		about, err := tx.about()
		if err != nil {
			return err
		}
		created, err := tx.createAll(after, upTo, about.Instance)
		if err != nil {
			return err
		}
		if _, err = tx.exec(takeAliasesSQL, after, upTo); err != nil {
			return err
		}
		return tx.count("created", created, about.Instance)
	})
	if err == nil {
		s.askForHint()
	}
	return err
}

// createAll creates the simple identities of some steps, or those of them whose names are free, and counts them.
func (t bulkTx) createAll(after, upTo, instance int64) (created int, err error) {
	create := func(query string) func() error {
		return func() error { return t.get(&created, query, after, upTo, instance, t.run) }
	}
	err = t.unlessTaken(create(createAllSQL), create(createFreeSQL))
	return created, err
}

// count adds to one of the run's counts. It comes last in a transaction, as it keeps out others of the run.
func (t bulkTx) count(what string, n int, instance int64) error {
	_, err := t.exec(`WITH written AS (UPDATE provider_instance SET sync_writes = sync_writes + 1 WHERE id = $3)
		UPDATE sync_run SET `+what+` = `+what+` + $2, phase = 'apply' WHERE id = $1`, t.run, n, instance)
	return err
}

// Mark implements [syncer.Apply].
func (s *Store) Mark(ctx context.Context, l syncer.Lease, steps []syncer.Step) error {
	kinds, keys, digests := make(pq.StringArray, len(steps)), make(pq.StringArray, len(steps)), make([]*string, len(steps))
	for i, step := range steps {
		kinds[i], keys[i] = string(step.Kind), step.Key
		if step.Record != nil {
			digest := step.Digest.String()
			digests[i] = &digest
		}
	}
	return s.inRun(ctx, l, func(tx bulkTx) error {
		about, err := tx.about()
		if err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE identity i SET digest = m.digest, synced_at = now()
			FROM unnest($2::text[], $3::text[], $4::uuid[]) AS m (kind, key, digest)
			WHERE i.instance_id = $1 AND i.kind = m.kind AND i.external_id = m.key AND i.status <> 'DELETED'`,
			about.Instance, kinds, keys, pq.Array(digests)); err != nil {
			return err
		}
		_, err = tx.exec(`UPDATE provider_instance SET sync_writes = sync_writes + 1 WHERE id = $1`, about.Instance)
		return err
	})
}

// ForgetPlan implements [syncer.Apply].
func (s *Store) ForgetPlan(ctx context.Context, l syncer.Lease) error {
	return s.inRun(ctx, l, func(tx bulkTx) error {
		if _, err := tx.exec(`DELETE FROM sync_plan WHERE run_id = $1`, l.Run); err != nil {
			return err
		}
		_, err := tx.exec(`CREATE INDEX IF NOT EXISTS todo_key_%[1]d ON todo_%[1]d (kind, key)`) // for AllSteps, which comes next
		return err
	})
}

// KeepPlan implements [syncer.Apply].
func (s *Store) KeepPlan(ctx context.Context, l syncer.Lease, lines []syncer.PlannedChange) error {
	return s.inRun(ctx, l, func(tx bulkTx) error {
		return tx.copyIn("sync_plan", []string{"run_id", "n", "action", "fqn", "detail"}, len(lines), func(to *copyRow, i int) error {
			line := lines[i]
			to.int(l.Run)
			to.int(line.N)
			to.text(string(line.Action))
			to.text(line.FQN)
			to.optional(line.Detail)
			return nil
		})
	})
}
