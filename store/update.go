package store

import (
	"context"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// updateSQL writes the new state of identities that are still at the version they were planned from. A row without
// candidate FQNs keeps its names.
const updateSQL = `
WITH audited AS (` + auditRows + `), ` + identityRows + `, named AS (
	UPDATE identity i SET
		external_id = p.external_id, name = p.name, name_key = p.name_key,
		fqn = coalesce(p.fqns[p.n], i.fqn), fqn_key = coalesce(p.fqn_keys[p.n], i.fqn_key),
		plain_key = coalesce(p.fqn_keys[1], i.plain_key),
		display_name = p.display_name, display_key = p.display_key, description = p.description,
		email = p.email, email_key = p.email_key, status = p.status, status_reason = p.status_reason,
		merged_into = CASE WHEN p.n IS NULL THEN i.merged_into ELSE p.holder END,
		named_at = CASE WHEN p.n IS NULL THEN i.named_at ELSE now() END,
		attributes = p.attributes, words = array_to_tsvector(p.words), version = i.version + 1, updated_at = now()
	FROM (
		SELECT r.*, pick.n, holder.id AS holder FROM r ` + mergeHolder + ` ` + pickFQN + `
		UNION ALL
		SELECT r.*, NULL, NULL FROM r WHERE cardinality(r.fqn_keys) = 0
	) AS p
	WHERE i.id = p.id AND i.version = p.version AND i.status <> 'DELETED'
	RETURNING i.*
), ` + retireAliases + `, logged AS (
	INSERT INTO change_log (kind, ids)
	SELECT k.kind, array_agg(named.id ORDER BY named.id) FROM named JOIN r USING (uid) CROSS JOIN LATERAL unnest(r.kinds) AS k (kind)
	GROUP BY k.kind
)
SELECT pg_current_xact_id()::text AS xid, ` + recordColumns + ` FROM named i JOIN r USING (uid) ORDER BY r.ord`

// aliasSQL keeps former names resolving to identities that have another one now. A name that another identity of the
// same batch took is retired at once: it is listed as a conflict.
const aliasSQL = `
	INSERT INTO alias (identity_id, fqn, fqn_key, retired_at, retired_by)
	SELECT a.id, a.fqn, a.fqn_key, CASE WHEN x.id IS NOT NULL THEN now() END, x.id
	FROM unnest($1::bigint[], $2::text[], $3::text[]) AS a (id, fqn, fqn_key)
	LEFT JOIN identity x ON x.fqn_key = a.fqn_key AND x.status <> 'DELETED'
	WHERE x.id IS DISTINCT FROM a.id
	ON CONFLICT (fqn_key) WHERE retired_at IS NULL
	DO UPDATE SET identity_id = excluded.identity_id, fqn = excluded.fqn, created_at = now()`

// freeNamesSQL takes renamed identities out of each other's way, so that names can be swapped in one batch.
const freeNamesSQL = `UPDATE identity SET name_key = chr(1) || uid, fqn_key = chr(1) || uid WHERE id = ANY($1) AND status <> 'DELETED'`

func writeUpdates(ctx context.Context, r runner, updates []directory.Update, out *directory.Committed) error {
	if err := freeNames(ctx, r, updates); err != nil {
		return err
	}
	for _, wave := range updateWaves(updates) {
		rows := make([]identityJSON, len(wave))
		for i, u := range wave {
			rows[i] = identityRow(i, u.Record, u.FQNs)
			rows[i].Merge, rows[i].Kinds = u.MergeWithHolder, u.Kinds
		}
		updated, err := writeIdentities(ctx, r, updateSQL, nil, rows, &out.Revision)
		if err != nil {
			return err
		}
		if len(updated) != len(wave) {
			return directory.Clash(directory.ReasonStale, "", "Somebody else changed this identity in the meantime. Read it again and repeat the change.")
		}
		out.Updated = append(out.Updated, updated...)
	}
	if err := unmerge(ctx, r, updates); err != nil {
		return err
	}
	return writeAliases(ctx, r, updates)
}

// unmergeSQL frees the groups that were merged into groups whose name is another one now.
const unmergeSQL = `
	WITH freed AS (
		UPDATE identity SET merged_into = NULL, version = version + 1, updated_at = now()
		WHERE merged_into = ANY($1) RETURNING id
	)
	INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_UPDATED', array_agg(id) FROM freed HAVING count(*) > 0`

func unmerge(ctx context.Context, r runner, updates []directory.Update) error {
	var renamed pq.Int64Array
	for _, u := range updates {
		if u.MergeWithHolder {
			renamed = append(renamed, u.Record.ID)
		}
	}
	if len(renamed) == 0 {
		return nil
	}
	_, err := r.exec(ctx, unmergeSQL, renamed)
	return err
}

func freeNames(ctx context.Context, r runner, updates []directory.Update) error {
	var renamed pq.Int64Array
	for _, u := range updates {
		if len(u.FQNs) > 0 {
			renamed = append(renamed, u.Record.ID)
		}
	}
	if len(renamed) < 2 {
		return nil
	}
	_, err := r.exec(ctx, freeNamesSQL, renamed)
	return err
}

// updateWaves cuts updates as waves does inserts.
func updateWaves(updates []directory.Update) [][]directory.Update {
	var out [][]directory.Update
	seen := map[string]bool{}
	for _, u := range updates {
		key := u.Record.UID.String()
		if len(u.FQNs) > 0 {
			key = directory.FoldKey(u.FQNs[0])
		}
		if last := len(out) - 1; last < 0 || seen[key] || len(out[last]) == chunk {
			out = append(out, nil)
			clear(seen)
		}
		seen[key] = true
		out[len(out)-1] = append(out[len(out)-1], u)
	}
	return out
}

func writeAliases(ctx context.Context, r runner, updates []directory.Update) error {
	var ids pq.Int64Array
	var fqns, keys pq.StringArray
	for _, u := range updates {
		if u.Alias != "" {
			ids, fqns, keys = append(ids, u.Record.ID), append(fqns, u.Alias), append(keys, directory.FoldKey(u.Alias))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := r.exec(ctx, aliasSQL, ids, fqns, keys)
	return err
}
