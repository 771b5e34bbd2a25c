package raw

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/bench/dataset"
	"github.com/roster-gateway/roster/directory"
)

// statements are the prepared statements, one a request.
type statements struct {
	byUID, byName, user, link *sql.Stmt
	instance                  int64
}

const rowColumns = `SELECT uid, external_id, name, display_name, status, attributes, version, created_at, updated_at FROM identity `

func prepare(ctx context.Context, db *sql.DB) (*statements, error) {
	s := &statements{}
	if err := db.QueryRowContext(ctx, `SELECT max(instance_id) FROM identity`).Scan(&s.instance); err != nil {
		return nil, err
	}
	for into, query := range map[**sql.Stmt]string{
		&s.byUID:  rowColumns + `WHERE uid = $1 AND kind = 'USER' AND status <> 'DELETED'`,
		&s.byName: rowColumns + `WHERE instance_id = $1 AND name_key = $2 AND kind = 'USER' AND status <> 'DELETED'`,
		&s.user: `INSERT INTO identity (uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, plain_key, display_name,
			display_key, email, email_key, attributes, words) VALUES ($1, 'USER', $2, $3, $4, $5, $6, $7, $7, $8, $9, $4, $5, $10, array_to_tsvector($11::text[]))`,
		&s.link: `INSERT INTO link (container_id, kind, member_id) VALUES ($1, 'member', $2)`,
	} {
		statement, err := db.PrepareContext(ctx, query)
		if err != nil {
			return nil, err
		}
		*into = statement
	}
	return s, nil
}

// row is a user's row.
type row struct {
	uid, external, name, display, status string
	attributes                           []byte
	version                              int64
	created, updated                     time.Time
}

func (s *server) rowByUID(r *http.Request, b *scratch) (int, error) {
	return s.row(b, s.byUID.QueryRowContext(r.Context(), r.PathValue("uid")), false)
}

func (s *server) rowByName(r *http.Request, b *scratch) (int, error) {
	return s.row(b, s.byName.QueryRowContext(r.Context(), s.instance, directory.FoldKey(r.PathValue("name"))), true)
}

func (s *server) row(b *scratch, from *sql.Row, listed bool) (int, error) {
	var u row
	if err := from.Scan(&u.uid, &u.external, &u.name, &u.display, &u.status, &u.attributes, &u.version, &u.created, &u.updated); err != nil {
		return 0, err
	}
	if !listed {
		b.out = u.append(b.out)
		return http.StatusOK, nil
	}
	out := append(b.out, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[`...)
	out = u.append(out)
	b.out = append(out, `]}`...)
	return http.StatusOK, nil
}

// append appends the row as SCIM shows it; the attributes go through as they are stored.
func (u *row) append(out []byte) []byte {
	out = append(out, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"`...)
	out = append(out, u.uid...)
	out = append(out, `","externalId":`...)
	out = appendText(out, u.external)
	out = append(out, `,"userName":`...)
	out = appendText(out, u.name)
	out = append(out, `,"displayName":`...)
	out = appendText(out, u.display)
	out = append(out, `,"active":`...)
	out = strconv.AppendBool(out, u.status == "ACTIVE")
	if len(u.attributes) > 2 { // more than {}
		out = append(out, ',')
		out = append(out, u.attributes[1:len(u.attributes)-1]...)
	}
	out = append(out, `,"meta":{"resourceType":"User","created":"`...)
	out = u.created.AppendFormat(out, time.RFC3339)
	out = append(out, `","lastModified":"`...)
	out = u.updated.AppendFormat(out, time.RFC3339)
	out = append(out, `","location":"http://127.0.0.1/scim/v2/Users/`...)
	out = append(out, u.uid...)
	out = append(out, `","version":"W/\"`...)
	out = strconv.AppendInt(out, u.version, 10)
	return append(out, `\""}}`...)
}

// insertUser stores a user as the body gives it.
func (s *server) insertUser(r *http.Request, b *scratch) (int, error) {
	var in struct {
		UserName, ExternalID, DisplayName string
		Name, Emails                      json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return 0, err
	}
	now := time.Now()
	uid := uuid.Must(uuid.NewV7()).String()
	attributes := fmt.Appendf(nil, `{"name":%s,"emails":%s}`, in.Name, in.Emails)
	fqn := directory.PlainFQN(directory.KindUser, dataset.Label, "", in.UserName)
	words := pq.Array(directory.SearchWords(in.UserName + " " + in.DisplayName))
	_, err := s.user.ExecContext(r.Context(), uid, s.instance, in.ExternalID, in.UserName, directory.FoldKey(in.UserName),
		fqn, directory.FoldKey(fqn), in.DisplayName, directory.FoldKey(in.DisplayName), string(attributes), words)
	if err != nil {
		return 0, err
	}
	u := row{
		uid: uid, external: in.ExternalID, name: in.UserName, display: in.DisplayName, status: "ACTIVE",
		attributes: attributes, version: 1, created: now, updated: now,
	}
	b.out = u.append(b.out)
	return http.StatusCreated, nil
}

// insertLink stores a membership. The path holds both ids.
func (s *server) insertLink(r *http.Request, _ *scratch) (int, error) {
	_, err := s.link.ExecContext(r.Context(), r.PathValue("container"), r.PathValue("member"))
	return http.StatusNoContent, err
}
