package dataset

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// identityColumns are the columns of an identity that are not left to their defaults.
var identityColumns = []string{
	"id", "uid", "kind", "instance_id", "external_id", "name", "name_key", "fqn", "fqn_key", "plain_key", "display_name",
	"display_key", "email", "email_key", "attributes", "words", "created_at", "updated_at", "named_at",
}

// Load stores the data set in a migrated database that holds nobody yet, as pushes through SCIM would have left it, but
// for the change log: whoever follows that begins with what is there.
func (d *Data) Load(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	instance, err := addInstance(ctx, tx)
	if err != nil {
		return err
	}
	rebuild, err := dropIndexes(ctx, tx, "identity", "link")
	if err != nil {
		return err
	}
	if err := copyRows(ctx, tx, "identity", identityColumns, func(add func(...any) error) error {
		return d.identities(instance, add)
	}); err != nil {
		return err
	}
	if err := copyRows(ctx, tx, "link", []string{"container_id", "kind", "member_id"}, d.links); err != nil {
		return err
	}
	for _, statement := range append(rebuild, `SELECT setval(pg_get_serial_sequence('identity', 'id'), (SELECT max(id) FROM identity))`) {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM (ANALYZE) identity, link`)
	return err
}

// addInstance makes the provider of the data set and its instance.
func addInstance(ctx context.Context, tx *sql.Tx) (id int64, err error) {
	err = tx.QueryRowContext(ctx, `WITH p AS (INSERT INTO provider (name, name_key, type) VALUES ($1, $2, $3) RETURNING id)
		INSERT INTO provider_instance (provider_id, name, name_key, url_token) SELECT id, '', '', $4 FROM p RETURNING id`,
		Label, directory.FoldKey(Label), string(directory.TypeSCIM), uuid.NewString()).Scan(&id)
	return id, err
}

// dropIndexes drops the indexes of tables that no constraint needs, and returns what makes them again: building an index
// over all rows is several times as fast as keeping it up row by row.
func dropIndexes(ctx context.Context, tx *sql.Tx, tables ...string) (rebuild []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i
		WHERE i.indrelid = ANY ($1::text[]::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
		ORDER BY i.indexrelid`, pq.Array(tables))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			return nil, err
		}
		names, rebuild = append(names, name), append(rebuild, definition)
	}
	if err := rows.Err(); err != nil || len(names) == 0 {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `DROP INDEX `+strings.Join(names, ", "))
	return rebuild, err
}

// copyRows copies what each adds into a table.
func copyRows(ctx context.Context, tx *sql.Tx, table string, columns []string, each func(add func(...any) error) error) error {
	statement, err := tx.PrepareContext(ctx, fmt.Sprintf(`COPY %s (%s) FROM STDIN`, table, strings.Join(columns, ", ")))
	if err != nil {
		return err
	}
	defer statement.Close()
	if err := each(func(row ...any) error {
		_, err := statement.ExecContext(ctx, row...)
		return err
	}); err != nil {
		return fmt.Errorf("copying into %s: %w", table, err)
	}
	if _, err := statement.ExecContext(ctx); err != nil { // the end of the copy
		return fmt.Errorf("copying into %s: %w", table, err)
	}
	return nil
}

func (d *Data) identities(instance int64, add func(...any) error) error {
	for i := range d.Users {
		u := &d.Users[i]
		attributes, err := u.attributes()
		if err != nil {
			return err
		}
		fqn, name := u.FQN(), directory.FoldKey(u.UserName)
		err = add(
			u.ID, u.UID.String(), "USER", instance, u.ExternalID(), u.UserName, name, fqn, directory.FoldKey(fqn), directory.FoldKey(fqn),
			u.Display, directory.FoldKey(u.Display), u.UserName, name, attributes, words(u.UserName+" "+u.Display), u.Created, u.Created, u.Created,
		)
		if err != nil {
			return err
		}
	}
	for i := range d.Groups {
		g := &d.Groups[i]
		fqn, name := g.FQN(), directory.FoldKey(g.Name)
		err := add(
			g.ID, g.UID.String(), "GROUP", instance, g.ExternalID(), g.Name, name, fqn, directory.FoldKey(fqn), directory.FoldKey(fqn),
			g.Name, name, nil, nil, "{}", words(g.Name), g.Created, g.Created, g.Created,
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *Data) links(add func(...any) error) error {
	for i := range d.Groups {
		g := &d.Groups[i]
		for _, u := range g.Users {
			if err := add(g.ID, "member", d.Users[u].ID); err != nil {
				return err
			}
		}
		for _, child := range g.Groups {
			if err := add(g.ID, "member", d.Groups[child].ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// attributes are the user's further attributes under their SCIM names.
func (u *User) attributes() (string, error) {
	text, err := json.Marshal(map[string]any{
		"name":     map[string]any{"givenName": u.Given, "familyName": u.Family, "formatted": u.Display},
		"emails":   []any{map[string]any{"value": u.UserName, "type": "work", "primary": true}},
		"title":    u.Title,
		"userType": "Employee",
	})
	return string(text), err
}

// words are the text of a tsvector of the words to search for, without places.
func words(text string) string {
	list := directory.SearchWords(text)
	slices.Sort(list)
	return "'" + strings.Join(slices.Compact(list), "' '") + "'"
}

// CopyAside copies everybody into a table with the columns of identity, and the memberships, by the external ids of both
// ends, into one with the columns container_key and member_key.
func (d *Data) CopyAside(ctx context.Context, tx *sql.Tx, identities, links string) error {
	if err := copyRows(ctx, tx, identities, identityColumns, func(add func(...any) error) error { return d.identities(0, add) }); err != nil {
		return err
	}
	return copyRows(ctx, tx, links, []string{"container_key", "member_key"}, func(add func(...any) error) error {
		for i := range d.Groups {
			g := &d.Groups[i]
			for _, u := range g.Users {
				if err := add(g.ExternalID(), d.Users[u].ExternalID()); err != nil {
					return err
				}
			}
			for _, child := range g.Groups {
				if err := add(g.ExternalID(), d.Groups[child].ExternalID()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
