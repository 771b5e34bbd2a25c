package store

import (
	"context"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/audit"
)

var _ audit.Store = (*Store)(nil)

// eventColumns are what a row of the trail holds, of the table a.
const eventColumns = `a.id, a.at, a.actor, a.token, a.door, a.request_id, a.action, a.target, a.detail::text AS detail`

type auditRow struct {
	ID        int64     `db:"id"`
	At        time.Time `db:"at"`
	Actor     string    `db:"actor"`
	Token     string    `db:"token"`
	Door      string    `db:"door"`
	RequestID string    `db:"request_id"`
	Action    string    `db:"action"`
	Target    string    `db:"target"`
	Detail    *string   `db:"detail"`
}

func (r *auditRow) event() *audit.Event {
	return &audit.Event{
		ID: r.ID, At: r.At, Actor: r.Actor, Token: r.Token, Door: r.Door, RequestID: r.RequestID, Action: r.Action, Target: r.Target, Detail: r.Detail,
	}
}

// AuditEvents implements [audit.Store].
func (s *Store) AuditEvents(ctx context.Context, f audit.Filter, after int64, limit int) ([]*audit.Event, error) {
	query, args := auditSQLFor(f, after, limit)
	var rows []struct {
		auditRow
		Hash []byte `db:"hash"`
	}
	err := s.all(ctx, &rows, query, args...)
	out := make([]*audit.Event, len(rows))
	for i := range rows {
		out[i] = rows[i].event()
		if len(rows[i].Hash) == len(audit.Hash{}) {
			hash := audit.Hash(rows[i].Hash)
			out[i].Hash = &hash
		}
	}
	return out, err
}

// auditSQLFor is the statement of a page, and its arguments. An event that retention has deleted has nothing after it.
func auditSQLFor(f audit.Filter, after int64, limit int) (string, []any) {
	c := &conditions{terms: []string{"true"}}
	for _, equal := range []struct {
		condition string
		value     *string
	}{
		{"a.actor = %s", f.Actor}, {"a.target = %s", f.Target}, {"a.request_id <> '' AND a.request_id = %s", f.RequestID},
	} {
		if equal.value != nil {
			c.add(equal.condition, *equal.value)
		}
	}
	switch {
	case len(f.Action) == 1: // the index has these in order
		c.add("a.action = %s", f.Action[0])
	case f.Action != nil:
		c.add("a.action = ANY(%s)", pq.StringArray(f.Action))
	}
	if f.Door != nil {
		doors(c, f.Door)
	}
	if f.Since != nil {
		c.add("a.at >= %s", *f.Since)
	}
	if f.Until != nil {
		c.add("a.at < %s", *f.Until)
	}
	if after != 0 {
		id := c.bind(after)
		c.terms = append(c.terms, "(a.at, a.id) < ((SELECT at FROM audit WHERE id = "+id+"), "+id+")")
	}
	return `SELECT ` + eventColumns + `, s.hash FROM audit a LEFT JOIN audit_seal s ON s.audit_id = a.id` + c.where() +
		` ORDER BY a.at DESC, a.id DESC LIMIT ` + c.bind(limit), c.args
}

// doors selects doors, which are words of their own in the statement: the index of those that are not SCIM is found by them.
func doors(c *conditions, wanted []audit.Door) {
	lower := func(d []audit.Door) (out []string) {
		for _, door := range d {
			out = append(out, strings.ToLower(string(door)))
		}
		return out
	}
	oneOf(c, "a.door", lower(wanted), lower(audit.Doors)...)
}
