package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/roster-gateway/roster/syncer"
)

// Of what a round told of one link, and of the managers of one user, the last word counts.
const (
	// Where some were taken back, each has to stand by itself first.
	apartSQL = `WITH together AS (DELETE FROM stage_link_%[1]d WHERE cardinality(refs) > 1 RETURNING *)
		INSERT INTO stage_link_%[1]d (seq, kind, owner_kind, owner_key, target, ref_kind, by_name, refs, removed)
		SELECT s.seq + r.n - 1, s.kind, s.owner_kind, s.owner_key, s.target, s.ref_kind, s.by_name, ARRAY[r.ref], s.removed
		FROM together s CROSS JOIN LATERAL unnest(s.refs) WITH ORDINALITY AS r (ref, n)`
	lastWordSQL = `DELETE FROM stage_link_%[1]d a USING stage_link_%[1]d b WHERE b.seq > a.seq AND b.kind = a.kind AND b.owner_kind = a.owner_kind
		AND b.owner_key = a.owner_key AND b.target = a.target AND b.by_name = a.by_name AND b.refs = a.refs`
	lastManagerSQL = `DELETE FROM stage_link_%[1]d a USING stage_link_%[1]d b WHERE b.seq > a.seq AND a.kind = 'manager' AND b.kind = 'manager'
		AND b.owner_key = a.owner_key AND NOT a.removed AND NOT b.removed`
)

// target is where references lead to: a provider's label, or the run's own instance where it is empty, and one of the
// instances behind it, with what the FQNs of its identities begin with.
type target struct {
	Target   string `db:"target"`
	Instance int64  `db:"instance_id"`
	Prefix   string `db:"prefix"`
	ByName   bool   `db:"by_name"`
	Pending  bool   `db:"pending"`
}

// targetsSQL lists what the stage, and links that are pending, refer to.
const targetsSQL = `
	SELECT r.target, r.by_name, r.pending, pi.id AS instance_id,
		p.name_key || ':' || CASE pi.name_key WHEN '' THEN '' ELSE pi.name_key || '\' END AS prefix
	FROM (
		SELECT DISTINCT target, by_name, false AS pending FROM stage_link_%[1]d
		UNION ALL
		SELECT DISTINCT target, ref_key = '', true FROM pending_link WHERE instance_id = $1 OR target = $2
	) AS r JOIN provider_instance pi ON pi.deleted_at IS NULL JOIN provider p ON p.id = pi.provider_id AND p.deleted_at IS NULL
	WHERE CASE r.target WHEN '' THEN pi.id = $1 ELSE p.name_key = r.target END`

// These join the identity m that a reference r into a target's instance names: by its key, by its name, or by one that it
// had (rule R09), whose FQN begins with the target's prefix. A live name retires an equal alias, so that no name leads to two.
const (
	otherByKey   = `JOIN identity m ON m.instance_id = {instance} AND m.external_id = r.ref_key AND (r.ref_kind = '' OR m.kind = r.ref_kind) AND m.status <> 'DELETED'`
	otherByName  = `JOIN identity m ON m.instance_id = {instance} AND m.name_key = r.ref_name AND m.kind = CASE r.ref_kind WHEN '' THEN 'USER' ELSE r.ref_kind END AND m.status <> 'DELETED'`
	otherByAlias = `JOIN alias a ON a.fqn_key = {prefix} || r.ref_name AND a.retired_at IS NULL
		JOIN identity m ON m.id = a.identity_id AND m.instance_id = {instance} AND m.kind = CASE r.ref_kind WHEN '' THEN 'USER' ELSE r.ref_kind END
			AND m.status <> 'DELETED'`
)

// linkEnds are the container and the member of a link between its owner o and the other end m.
const linkEnds = `CASE r.kind WHEN 'member' THEN o.id ELSE m.id END AS container_id, CASE r.kind WHEN 'member' THEN m.id ELSE o.id END AS member_id`

// These resolve the references to a target, of the stage or of pending links, as far as both ends are there. Pending ones
// of the own instance count only where nothing else was told of them.
func wantOfStage(join string) string {
	return `SELECT r.seq, r.kind, r.removed, {instance} <> $1 AS is_foreign, ` + linkEnds + ` FROM ` + toldLinks + ` AS r
		JOIN identity o ON o.instance_id = $1 AND o.kind = r.owner_kind AND o.external_id = r.owner_key AND o.status <> 'DELETED'
		` + join + ` WHERE r.target = {target} AND r.by_name = {by name}`
}

func wantOfPending(join string) string {
	return `SELECT 0, r.kind, false, o.instance_id <> $1 OR {instance} <> $1, ` + linkEnds + ` FROM pending_link r
		JOIN identity o ON o.id = r.owner_id AND o.status <> 'DELETED'
		` + join + ` WHERE r.target = {target} AND (r.ref_key = '') = {by name} AND (r.instance_id <> $1 OR NOT $2 AND NOT EXISTS (
			SELECT FROM ` + toldLinks + ` AS n WHERE n.kind = r.kind AND n.owner_kind = o.kind AND n.owner_key = o.external_id
				AND (n.kind = 'manager' OR n.target = r.target AND n.ref_key = r.ref_key AND n.ref_name = r.ref_name)))`
}

// want resolves the references to all targets, into a table that is made of one query: such a one several processes of
// the database fill.
func (t bulkTx) want(about runRow, targets []target) error {
	parts := []string{`SELECT 0::bigint AS seq, 'member'::link_kind AS kind, false AS removed, false AS is_foreign, 0::bigint AS container_id, 0::bigint AS member_id
		WHERE $1::bigint IS NULL AND $2::boolean`} // the columns, and no row
	args := []any{about.Instance, about.Full}
	for _, to := range targets {
		joins, resolve := []string{otherByKey}, wantOfStage
		if to.ByName {
			joins = []string{otherByName, otherByAlias}
		}
		if to.Pending {
			resolve = wantOfPending
		}
		n := len(args)
		args = append(args, to.Instance, to.Prefix, to.Target, to.ByName)
		argument := strings.NewReplacer("{instance}", fmt.Sprintf("$%d", n+1), "{prefix}", fmt.Sprintf("$%d", n+2), "{target}", fmt.Sprintf("$%d", n+3), "{by name}", fmt.Sprintf("$%d", n+4))
		for _, join := range joins {
			parts = append(parts, argument.Replace(resolve(join)+` AND {prefix}::text IS NOT NULL`)) // every argument has a type, whether the join uses it or not
		}
	}
	_, err := t.exec(`CREATE TABLE want_%[1]d WITH (autovacuum_enabled = off) AS `+strings.Join(parts, ` UNION ALL `), args...)
	return err
}

// takenBackSQL finds the links that were taken back, notMadeSQL those that were told and are not there.
const (
	takenBackSQL = `SELECT true AS remove, false AS is_foreign, l.kind, l.container_id, l.member_id
		FROM want_%[1]d w JOIN link l ON l.container_id = w.container_id AND l.kind = w.kind AND l.member_id = w.member_id
		WHERE w.removed`
	notMadeSQL = `SELECT false AS remove, w.is_foreign, w.kind, w.container_id, w.member_id FROM want_%[1]d w
		WHERE NOT w.removed AND NOT EXISTS (
			SELECT FROM link l WHERE l.container_id = w.container_id AND l.kind = w.kind AND l.member_id = w.member_id)`
)

// differSQL compares the links of instance $1 with those that a full round told, at one go. What it did not tell goes, of
// all whose links it told whole. That takes links from who was removed softly, too, as nobody can tell whether they
// would still have them: see againSQL for who returns. Pending links may be ones of another instance, and be there.
const differSQL = `
	WITH own AS (
		SELECT l.kind, l.container_id, l.member_id, l.container_id AS owner_id FROM link l JOIN identity o ON o.id = l.container_id
		WHERE l.kind = 'member' AND o.instance_id = $1 AND o.status <> 'DELETED'
		UNION ALL
		SELECT l.kind, l.container_id, l.member_id, l.member_id FROM link l JOIN identity o ON o.id = l.member_id
		WHERE l.kind = 'manager' AND o.instance_id = $1 AND o.status <> 'DELETED'
	), d AS MATERIALIZED (
		SELECT own.owner_id, w.seq, w.is_foreign, coalesce(own.kind, w.kind) AS kind, coalesce(own.container_id, w.container_id) AS container_id,
			coalesce(own.member_id, w.member_id) AS member_id
		FROM own FULL JOIN (SELECT * FROM want_%[1]d WHERE NOT removed) AS w
			ON w.container_id = own.container_id AND w.kind = own.kind AND w.member_id = own.member_id
		WHERE own.owner_id IS NULL OR w.seq IS NULL
	)
	SELECT false AS remove, d.is_foreign, d.kind, d.container_id, d.member_id FROM d
	WHERE d.owner_id IS NULL AND (d.seq > 0 OR NOT EXISTS (
		SELECT FROM link l WHERE l.container_id = d.container_id AND l.kind = d.kind AND l.member_id = d.member_id))
	UNION ALL
	SELECT true, false, d.kind, d.container_id, d.member_id
	FROM d JOIN identity o ON o.id = d.owner_id JOIN stage_identity_%[1]d s ON s.kind = o.kind AND s.key = o.external_id
	WHERE s.removal = 0 AND NOT s.partial_links AND s.problem IS NULL AND (d.kind = 'member' OR NOT EXISTS (
		SELECT FROM want_%[1]d w WHERE NOT w.removed AND w.kind = 'manager' AND w.member_id = d.member_id))`

// planLinks compares the links whose ends are both there with those that are stored.
func (t bulkTx) planLinks(about runRow) (steps syncer.LinkSteps, err error) {
	if err := t.lookAgain(); err != nil {
		return steps, err
	}
	queries := []string{
		lastManagerSQL, `DROP TABLE IF EXISTS want_%[1]d, todo_link_%[1]d`,
	}
	if about.TakenBack {
		queries = append([]string{apartSQL, lastWordSQL}, queries...)
	}
	for _, query := range queries {
		if _, err := t.exec(query); err != nil {
			return steps, err
		}
	}
	var targets []target
	if err := t.all(&targets, targetsSQL, about.Instance, about.Label); err != nil {
		return steps, err
	}
	if err := t.want(about, targets); err != nil {
		return steps, err
	}
	difference, args := notMadeSQL, []any{}
	if about.Full {
		difference, args = differSQL, []any{about.Instance}
	}
	if about.TakenBack {
		difference += ` UNION ALL ` + takenBackSQL
	}
	if err := t.look(`want_%[1]d`); err != nil {
		return steps, err
	}
	if _, err := t.exec(`CREATE TABLE todo_link_%[1]d (n bigint NOT NULL, remove boolean NOT NULL, is_foreign boolean NOT NULL, kind link_kind NOT NULL,
		container_id bigint NOT NULL, member_id bigint NOT NULL) WITH (autovacuum_enabled = off)`); err != nil {
		return steps, err
	}
	if _, err := t.exec(`INSERT INTO todo_link_%[1]d SELECT row_number() OVER (ORDER BY remove, kind, container_id, member_id), *
		FROM (`+difference+`) AS d`, args...); err != nil {
		return steps, err
	}
	if _, err := t.exec(`ALTER TABLE todo_link_%[1]d ADD PRIMARY KEY (n)`); err != nil {
		return steps, err
	}
	if err := t.look(`todo_link_%[1]d`); err != nil {
		return steps, err
	}
	err = t.get(&steps, `SELECT count(*) FILTER (WHERE NOT remove) AS made, count(*) AS removed FROM todo_link_%[1]d`)
	return steps, err
}

// lookAgain has the database look at the tables that this run or an earlier one has filled, where that is more than it
// knew of: plans made for small tables take hours over large ones.
func (t bulkTx) lookAgain() error {
	for _, table := range []string{"identity", "link"} {
		var grown bool
		if err := t.get(&grown, `SELECT r.created + r.linked > greatest(c.reltuples, 1000) / 5
				OR pg_relation_size(c.oid) / current_setting('block_size')::int > 20 + 2 * greatest(c.relpages, 0)
			FROM sync_run r, pg_class c WHERE r.id = $1 AND c.oid = $2::regclass`, t.run, table); err != nil {
			return err
		}
		if !grown {
			continue
		}
		if _, err := t.exec(`ANALYZE ` + table); err != nil {
			return err
		}
	}
	return nil
}

// PlanLinks implements [syncer.Apply].
func (s *Store) PlanLinks(ctx context.Context, l syncer.Lease) (steps syncer.LinkSteps, err error) {
	err = s.inRun(ctx, l, func(tx bulkTx) error {
		about, err := tx.about()
		if err != nil {
			return err
		}
		steps, err = tx.planLinks(about)
		return err
	})
	return steps, err
}

// noteRelinked bumps the identities whose links in "changed" are, and logs them.
const noteRelinked = `bumped AS (
	UPDATE identity SET version = version + 1, updated_at = now()
	WHERE id = ANY (ARRAY(SELECT DISTINCT CASE kind WHEN 'member' THEN container_id ELSE member_id END FROM changed))
), logged AS (
	INSERT INTO change_log (kind, container_id, ids)
	SELECT $3, container_id, array_agg(member_id ORDER BY member_id)
	FROM (SELECT *, (row_number() OVER (PARTITION BY container_id ORDER BY member_id) - 1) / 1000 AS part FROM changed WHERE kind = 'member') AS parts
	GROUP BY container_id, part
), logged_managers AS (
	INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_UPDATED', array_agg(member_id ORDER BY member_id)
	FROM (SELECT *, (row_number() OVER (ORDER BY member_id) - 1) / 1000 AS part FROM changed WHERE kind = 'manager') AS parts GROUP BY part
)`

// next are the links of the steps after $1 up to $2, with their owners locked. Where an end is of another instance both
// are locked as by addMembersSQL; those of the own one are deleted by nobody but this run.
const next = `t AS MATERIALIZED (
	SELECT kind, container_id, member_id, is_foreign FROM todo_link_%[1]d WHERE n > $1 AND n <= $2 AND remove = $5
), owners AS MATERIALIZED (
	SELECT id FROM identity WHERE id = ANY (ARRAY(SELECT DISTINCT CASE kind WHEN 'member' THEN container_id ELSE member_id END FROM t))
		AND status <> 'DELETED' ORDER BY id FOR NO KEY UPDATE
), others AS MATERIALIZED (
	SELECT id FROM identity WHERE id = ANY (ARRAY(SELECT DISTINCT CASE kind WHEN 'member' THEN member_id ELSE container_id END FROM t WHERE is_foreign))
		AND status <> 'DELETED' ORDER BY id FOR KEY SHARE
), live AS (
	SELECT t.* FROM t JOIN owners ON owners.id = CASE t.kind WHEN 'member' THEN t.container_id ELSE t.member_id END
	WHERE NOT t.is_foreign OR CASE t.kind WHEN 'member' THEN t.member_id ELSE t.container_id END IN (SELECT id FROM others)
)`

// The plan lists links that are not there. makeAllLinksSQL takes that for granted, makeNewLinksSQL does not.
var (
	makeAllLinksSQL = makeLinksSQL(``)
	makeNewLinksSQL = makeLinksSQL(`ON CONFLICT DO NOTHING`)
)

func makeLinksSQL(conflict string) string {
	return `
WITH ` + next + `, members AS (
	INSERT INTO link (container_id, kind, member_id) SELECT container_id, kind, member_id FROM live WHERE kind = 'member'
	` + conflict + ` RETURNING kind, container_id, member_id
), managers AS (
	INSERT INTO link (container_id, kind, member_id) SELECT DISTINCT ON (member_id) container_id, kind, member_id FROM live WHERE kind = 'manager'
	ON CONFLICT (member_id) WHERE kind = 'manager' DO UPDATE SET container_id = excluded.container_id WHERE link.container_id <> excluded.container_id
	RETURNING kind, container_id, member_id
), changed AS (
	SELECT * FROM members UNION ALL SELECT * FROM managers
), ` + noteRelinked + `, ` + syncAudit("changed", "linked") + ` SELECT count(*) FROM changed`
}

var removeLinksSQL = `
WITH ` + next + `, changed AS (
	DELETE FROM link l USING live WHERE l.container_id = live.container_id AND l.kind = live.kind AND l.member_id = live.member_id
	RETURNING l.kind, l.container_id, l.member_id
), ` + noteRelinked + `, ` + syncAudit("changed", "unlinked") + ` SELECT count(*) FROM changed`

// Relink implements [syncer.Apply].
func (s *Store) Relink(ctx context.Context, l syncer.Lease, remove bool, after, upTo int64) error {
	err := s.inRun(ctx, l, func(tx bulkTx) error {
		about, err := tx.about()
		if err != nil {
			return err
		}
		var changed int
		write := func(query, kind string) func() error {
			return func() error { return tx.get(&changed, query, after, upTo, kind, l.Run, remove) }
		}
		if remove {
			if err := write(removeLinksSQL, "MEMBER_REMOVED")(); err != nil {
				return err
			}
			return tx.count("unlinked", changed, about.Instance)
		}
		if err := tx.unlessTaken(write(makeAllLinksSQL, "MEMBER_ADDED"), write(makeNewLinksSQL, "MEMBER_ADDED")); err != nil {
			return err
		}
		return tx.count("linked", changed, about.Instance)
	})
	if err == nil {
		s.askForHint()
	}
	return err
}

// unresolvedSQL keeps what was told of links whose other end is not there.
const unresolvedSQL = `
	INSERT INTO pending_link (owner_id, kind, instance_id, target, ref_kind, ref_key, ref_name)
	SELECT o.id, r.kind, $1, r.target, r.ref_kind, r.ref_key, r.ref_name
	FROM ` + toldLinks + ` AS r JOIN identity o ON o.instance_id = $1 AND o.kind = r.owner_kind AND o.external_id = r.owner_key AND o.status <> 'DELETED'
	WHERE NOT r.removed AND NOT EXISTS (SELECT FROM want_%[1]d w WHERE w.seq = r.seq)
	ON CONFLICT DO NOTHING`

// KeepPending implements [syncer.Apply]. It belongs after [Store.PlanLinks], when every identity is there that is coming.
func (s *Store) KeepPending(ctx context.Context, l syncer.Lease) error {
	return s.inRun(ctx, l, func(tx bulkTx) error {
		var any bool
		if err := tx.get(&any, `SELECT EXISTS (SELECT FROM pending_link)
			OR (SELECT coalesce(sum(cardinality(refs)), 0) FROM stage_link_%[1]d) > (SELECT count(*) FROM want_%[1]d WHERE seq > 0)`); err != nil || !any {
			return err
		}
		about, err := tx.about()
		if err != nil {
			return err
		}
		told := `SELECT FROM ` + toldLinks + ` AS n WHERE n.owner_kind = o.kind AND n.owner_key = o.external_id AND n.kind = p.kind`
		if about.Full { // what a full round told is told anew below
			told = `SELECT FROM stage_identity_%[1]d n WHERE n.kind = o.kind AND n.key = o.external_id AND n.removal = 0 AND NOT n.partial_links`
		} else {
			told += ` AND (p.kind = 'manager' OR n.removed AND n.target = p.target AND n.ref_key = p.ref_key AND n.ref_name = p.ref_name)`
		}
		if _, err := tx.exec(`DELETE FROM pending_link p USING identity o WHERE p.instance_id = $1 AND o.id = p.owner_id AND EXISTS (`+told+`)`, about.Instance); err != nil {
			return err
		}
		if _, err := tx.exec(unresolvedSQL, about.Instance); err != nil {
			return err
		}
		// What has come is linked by now; what has gone waits for nobody.
		_, err = tx.exec(`DELETE FROM pending_link p WHERE p.instance_id = $1 AND NOT EXISTS (SELECT FROM identity o WHERE o.id = p.owner_id AND o.status <> 'DELETED')
			OR (p.instance_id = $1 OR p.target = $2) AND EXISTS (
				SELECT FROM identity m JOIN provider_instance pi ON pi.id = m.instance_id JOIN provider pr ON pr.id = pi.provider_id
				JOIN link l ON l.kind = p.kind AND l.container_id = CASE p.kind WHEN 'member' THEN p.owner_id ELSE m.id END
					AND l.member_id = CASE p.kind WHEN 'member' THEN m.id ELSE p.owner_id END
				WHERE m.status <> 'DELETED' AND (p.target = '' AND m.instance_id = p.instance_id OR p.target <> '' AND pr.name_key = p.target)
					AND (p.ref_key <> '' AND m.external_id = p.ref_key OR p.ref_key = '' AND m.name_key = p.ref_name))`, about.Instance, about.Label)
		return err
	})
}

// plannedLinksSQL keeps the links that would be made and removed, those included whose ends are still to be created, by
// the FQNs of their ends.
const plannedLinksSQL = `
	WITH named AS (
		SELECT CASE WHEN d.remove THEN 'UNLINK' ELSE 'LINK' END AS action, c.fqn AS container, m.fqn AS member
		FROM todo_link_%[1]d d JOIN identity c ON c.id = d.container_id JOIN identity m ON m.id = d.member_id
		UNION
		SELECT 'LINK', CASE r.kind WHEN 'member' THEN o.fqn ELSE m.fqn END, CASE r.kind WHEN 'member' THEN m.fqn ELSE o.fqn END
		FROM ` + toldLinks + ` AS r JOIN stage_identity_%[1]d o ON o.kind = r.owner_kind AND o.key = r.owner_key
		JOIN stage_identity_%[1]d m ON m.key = r.ref_key AND (r.ref_kind = '' OR m.kind = r.ref_kind)
		WHERE r.target = '' AND NOT r.removed AND o.fqn IS NOT NULL AND m.fqn IS NOT NULL AND o.scope AND m.scope
			AND EXISTS (SELECT FROM todo_%[1]d t WHERE t.action = 'CREATE' AND (t.kind = o.kind AND t.key = o.key OR t.kind = m.kind AND t.key = m.key))
	)
	INSERT INTO sync_plan (run_id, n, action, fqn, detail)
	SELECT $1, $2 + row_number() OVER (ORDER BY action, container COLLATE "C", member COLLATE "C"), action, container, member FROM named`

// KeepPlannedLinks implements [syncer.Apply].
func (s *Store) KeepPlannedLinks(ctx context.Context, l syncer.Lease, after int64) error {
	return s.inRun(ctx, l, func(tx bulkTx) error {
		_, err := tx.exec(plannedLinksSQL, l.Run, after)
		return err
	})
}
