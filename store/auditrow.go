package store

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/roster-gateway/roster/directory"
)

// auditRows inserts the audit rows in the JSON array $1; null is none.
const auditRows = auditRowsOf + `detail` + fromAuditJSON

// memberAudit is auditRows with the links that a statement on members has made, see noteLinks.
const memberAudit = auditRowsOf + `coalesce(detail, '{}') || jsonb_build_object(CASE $6 WHEN 'MEMBER_ADDED' THEN 'added' ELSE 'removed' END,
	jsonb_build_object('count', (SELECT count(*) FROM changed), 'ids', (SELECT ids FROM named)))` + fromAuditJSON

const (
	auditRowsOf = `INSERT INTO audit (actor, token, door, request_id, action, target, detail)
	SELECT actor, token, door, request_id, action, target, `
	fromAuditJSON = ` FROM jsonb_to_recordset(coalesce($1::jsonb, '[]'))
		AS a (actor text, token text, door text, request_id text, action text, target text, detail jsonb)`
)

// syncAudit is the audit row of a part of run $4: how many rows a part of the statement has, under a name. The parts of a run name nobody: the
// first one of a large directory would write it twice.
func syncAudit(changed, name string) string {
	return `audited AS (
	INSERT INTO audit (actor, door, action, target, detail)
	SELECT 'synchronization', 'sync', 'sync.apply', r.uid::text, jsonb_build_object('` + name + `', (SELECT count(*) FROM ` + changed + `))
	FROM sync_run r WHERE r.id = $4 AND EXISTS (SELECT FROM ` + changed + `)
)`
}

func auditJSON(a directory.Audit) any {
	row := map[string]any{
		"actor": a.Actor.Name, "token": a.Actor.Token, "door": a.Actor.Door, "request_id": a.Actor.RequestID,
		"action": a.Action, "target": a.Target,
	}
	if detail := a.JSON(); detail != nil {
		row["detail"] = json.RawMessage(detail)
	}
	text, _ := json.Marshal([]any{row}) // strings and plain JSON only
	return string(text)
}

// auditDetail is the detail alone, as an argument.
func auditDetail(a *directory.Audit) *string {
	detail := a.JSON()
	if detail == nil {
		return nil
	}
	text := string(detail)
	return &text
}

const auditSQL = `WITH a AS (` + auditRows + `) SELECT pg_current_xact_id()::text`

func insertAudit(ctx context.Context, r runner, audit any, revision *directory.Revision) error {
	var xid string
	if err := r.get(ctx, &xid, auditSQL, audit); err != nil {
		return err
	}
	return setXID(revision, xid)
}

// withLinks adds to a batch's audit row which links the batch has made and removed.
func withLinks(b directory.Batch, done *directory.Committed) directory.Audit {
	a := b.Audit
	if len(b.Members)+len(b.Managers) == 0 {
		return a
	}
	a.Detail = maps.Clone(a.Detail)
	if a.Detail == nil {
		a.Detail = map[string]any{}
	}
	if done.Linked > 0 {
		a.Detail["added"] = directory.AuditIDs{Count: done.Linked, IDs: done.Added}
	}
	if done.Unlinked > 0 {
		a.Detail["removed"] = directory.AuditIDs{Count: done.Unlinked, IDs: done.Removed}
	}
	if len(done.Managers) > 0 {
		a.Detail["managers"] = done.Managers
	}
	return a
}
