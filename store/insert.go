package store

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// identityJSON is an identity as the writing statements take it, a JSON object a row.
type identityJSON struct {
	Ord         int                    `json:"ord"`
	ID          int64                  `json:"id,omitempty"`
	UID         uuid.UUID              `json:"uid"`
	Kind        directory.IdentityKind `json:"kind"`
	InstanceID  int64                  `json:"instance_id"`
	ExternalID  *string                `json:"external_id"`
	Name        string                 `json:"name"`
	NameKey     string                 `json:"name_key"`
	FQNs        []string               `json:"fqns"`
	FQNKeys     []string               `json:"fqn_keys"`
	DisplayName string                 `json:"display_name"`
	DisplayKey  string                 `json:"display_key"`
	Description *string                `json:"description"`
	Email       *string                `json:"email"`
	EmailKey    *string                `json:"email_key"`
	Status      string                 `json:"status"`
	Reason      *string                `json:"status_reason"`
	Attributes  json.RawMessage        `json:"attributes"`
	Words       []string               `json:"words"`
	Merge       bool                   `json:"merge"`
	Version     int64                  `json:"version"`
	Alias       string                 `json:"alias,omitempty"`
	Kinds       []directory.ChangeKind `json:"kinds,omitempty"`
}

// identityRows reads the rows of an argument back. They come as an array, because Postgres knows how many an array holds;
// for the rows of one JSON text it would expect a hundred, and read tables whole to join one with them.
const identityRows = `r AS (
	SELECT r.* FROM unnest($2::jsonb[]) AS row (fields), jsonb_to_record(row.fields) AS r (
		ord int, id bigint, uid uuid, kind text, instance_id bigint, external_id text, name text, name_key text,
		fqns text[], fqn_keys text[], display_name text, display_key text, description text, email text, email_key text,
		status text, status_reason text, attributes jsonb, words text[], merge boolean, version bigint, alias text,
		kinds text[])
)`

// maxWords bounds the indexed words of one identity.
const maxWords = 64

func identityRow(ord int, r directory.Record, fqns []string) identityJSON {
	row := identityJSON{
		Ord: ord, ID: r.ID, UID: r.UID, Kind: r.Kind, InstanceID: r.InstanceID, ExternalID: r.ExternalID,
		Name: r.Name, NameKey: directory.FoldKey(r.Name), FQNs: fqns, FQNKeys: make([]string, len(fqns)),
		DisplayName: r.DisplayName, DisplayKey: directory.FoldKey(r.DisplayName), Description: r.Description,
		Email: r.Email, Status: string(r.Status), Reason: r.StatusReason, Attributes: json.RawMessage(r.Attrs.JSON()), Version: r.Version,
		Words: searchWords(r),
	}
	for i, fqn := range fqns {
		row.FQNKeys[i] = directory.FoldKey(fqn)
	}
	if r.Email != nil {
		key := directory.FoldKey(*r.Email)
		row.EmailKey = &key
	}
	return row
}

// searchWords are the distinct words of name, displayName and email.
func searchWords(r directory.Record) []string {
	text := r.Name + " " + r.DisplayName
	if r.Email != nil {
		text += " " + *r.Email
	}
	seen, out := map[string]bool{}, []string{}
	for _, w := range directory.SearchWords(text) {
		if !seen[w] && len(out) < maxWords {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

// pickFQN is the number of the first candidate FQN of row r that no live identity but r itself holds.
const pickFQN = `CROSS JOIN LATERAL (
	SELECT n FROM unnest(r.fqn_keys) WITH ORDINALITY AS f (key, n)
	WHERE NOT EXISTS (SELECT FROM identity x WHERE x.fqn_key = f.key AND x.status <> 'DELETED' AND x.uid <> r.uid)
	ORDER BY n LIMIT 1
) AS pick`

// mergeHolder is the group that row r is merged into (policy MERGE): the survivor that holds the plain FQN.
const mergeHolder = `LEFT JOIN identity holder ON r.merge AND holder.fqn_key = r.fqn_keys[1] AND holder.status <> 'DELETED'
	AND holder.kind = r.kind AND holder.instance_id = r.instance_id AND holder.uid <> r.uid`

// retireAliases ends the aliases that new live names in "named" take over, and notes whose they were; an alias of the
// identity itself just goes.
const retireAliases = `retired AS (
	UPDATE alias a SET retired_at = now(), retired_by = named.id FROM named
	WHERE a.fqn_key = named.fqn_key AND a.retired_at IS NULL
	RETURNING a.identity_id
), noted AS (
	INSERT INTO change_log (kind, ids) SELECT 'ALIASES', array_agg(identity_id) FROM retired HAVING count(*) > 0
)`

const insertSQL = `
WITH ` + identityRows + `, named AS (
	INSERT INTO identity AS i (uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key,
		description, email, email_key, status, status_reason, merged_into, attributes, words)
	SELECT r.uid, r.kind, r.instance_id, r.external_id, r.name, r.name_key, r.fqns[pick.n], r.fqn_keys[pick.n], r.fqn_keys[1],
		r.display_name, r.display_key, r.description, r.email, r.email_key, r.status, r.status_reason, holder.id, r.attributes,
		array_to_tsvector(r.words)
	FROM r ` + mergeHolder + ` ` + pickFQN + `
	ORDER BY r.ord
	RETURNING i.*
), audited AS (` + auditRows + ` WHERE EXISTS (SELECT FROM named)), ` + retireAliases + `, logged AS (
	INSERT INTO change_log (kind, ids) SELECT 'IDENTITY_CREATED', array_agg(id ORDER BY id) FROM named HAVING count(*) > 0
)
SELECT pg_current_xact_id()::text AS xid, ` + recordColumns + ` FROM named i JOIN r USING (uid) ORDER BY r.ord`

// writeInserts adds identities, one statement a wave.
func writeInserts(ctx context.Context, r runner, inserts []directory.Insert, audit any, out *directory.Committed) error {
	for _, wave := range waves(inserts) {
		rows := make([]identityJSON, len(wave))
		for i, in := range wave {
			rows[i] = identityRow(i, in.Record, in.FQNs)
			rows[i].Merge = in.MergeWithHolder
		}
		inserted, err := writeIdentities(ctx, r, insertSQL, audit, rows, &out.Revision)
		if err != nil {
			return err
		}
		if len(inserted) != len(wave) {
			return directory.Clash(directory.ReasonUniqueness, "name", "Every fully qualified name that this identity could have is taken. Choose another name.")
		}
		out.Inserted = append(out.Inserted, inserted...)
	}
	return nil
}

// waves cuts a batch so that no statement holds two identities of one plain FQN: the second has to see the first.
func waves(inserts []directory.Insert) [][]directory.Insert {
	var out [][]directory.Insert
	seen := map[string]bool{}
	for _, in := range inserts {
		key := directory.FoldKey(in.FQNs[0])
		if last := len(out) - 1; last < 0 || seen[key] || len(out[last]) == chunk {
			out = append(out, nil)
			clear(seen)
		}
		seen[key] = true
		out[len(out)-1] = append(out[len(out)-1], in)
	}
	return out
}

// writeIdentities runs insertSQL or updateSQL and returns the rows as they are now.
func writeIdentities(ctx context.Context, r runner, query string, audit any, rows []identityJSON, revision *directory.Revision) ([]*directory.Record, error) {
	texts := make(pq.StringArray, len(rows))
	for i := range rows {
		text, err := json.Marshal(rows[i])
		if err != nil {
			return nil, err
		}
		texts[i] = string(text)
	}
	var written []struct {
		XID string `db:"xid"`
		recordRow
	}
	if err := r.all(ctx, &written, query, audit, texts); err != nil {
		return nil, err
	}
	out := make([]*directory.Record, len(written))
	for i := range written {
		var err error
		if out[i], err = written[i].record(); err != nil {
			return nil, err
		}
		if err := setXID(revision, written[i].XID); err != nil {
			return nil, err
		}
	}
	return out, nil
}
