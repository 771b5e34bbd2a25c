package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// chunk bounds the rows that one statement writes; maxBatch the rows that one transaction does.
const (
	chunk    = 1000
	maxBatch = 5000
)

// Commit implements [directory.Store]. A batch of one statement runs as that statement alone; any other in a
// transaction, whose last statement writes the audit row: by then it is known which links were made.
func (s *Store) Commit(ctx context.Context, b directory.Batch) (directory.Committed, error) {
	if n := len(b.Inserts) + len(b.Updates) + len(b.Tombstones); n > maxBatch {
		return directory.Committed{}, fmt.Errorf("a batch of %d identities is more than the %d that one transaction takes", n, maxBatch)
	}
	var out directory.Committed
	write := func(r runner) error {
		out = directory.Committed{}
		return writeBatch(ctx, r, b, &out)
	}
	done, err := s.commitHot(ctx, b, &out)
	switch {
	case done || err != nil:
	case isOneStatement(b):
		err = retry(ctx, func() error { return write(s.direct()) })
	default:
		err = s.inTransaction(ctx, write)
	}
	for _, u := range b.Unique {
		err = s.nameTaken(ctx, err, b.Within, string(u.Kind), u.UID.String(), u.Values)
	}
	if err != nil {
		return directory.Committed{}, err
	}
	out.Revision = s.noteCommit(ctx, out.Revision.XID)
	return out, nil
}

// isOneStatement reports whether the batch takes one statement that does all or nothing: a new identity without links, or
// one change of members that only adds or only removes.
func isOneStatement(b directory.Batch) bool {
	if len(b.Updates)+len(b.Tombstones)+len(b.Managers)+len(b.Unique) > 0 || b.RefuseUnknown || b.Fence != nil {
		return false
	}
	if len(b.Members) == 0 {
		return len(b.Inserts) == 1
	}
	m := b.Members[0]
	return len(b.Inserts) == 0 && len(b.Members) == 1 && !m.Replace && (len(m.Add) == 0) != (len(m.Remove) == 0) &&
		len(m.Add) <= chunk && len(m.Remove) <= chunk
}

func writeBatch(ctx context.Context, r runner, b directory.Batch, out *directory.Committed) error {
	if err := holdFence(ctx, r, b); err != nil {
		return err
	}
	audit := any(nil)
	if isOneStatement(b) {
		audit = auditJSON(b.Audit)
	}
	if err := writeTombstones(ctx, r, b.Tombstones); err != nil {
		return err
	}
	if err := writeUpdates(ctx, r, b.Updates, out); err != nil {
		return err
	}
	if err := writeInserts(ctx, r, b.Inserts, audit, out); err != nil {
		return err
	}
	if err := writeUnique(ctx, r, b); err != nil {
		return err
	}
	for _, m := range b.Members {
		if err := writeMembers(ctx, r, b, m, audit, out); err != nil {
			return err
		}
	}
	if err := writeManagers(ctx, r, b, out); err != nil {
		return err
	}
	if len(b.Members)+len(b.Managers) > 0 {
		if err := reread(ctx, r, out.Inserted, out.Updated); err != nil {
			return err
		}
	}
	if b.RefuseUnknown && len(out.Unknown) > 0 {
		return directory.BadInput("members", "%s is no member that this container can have: there is no such identity here.", out.Unknown[0])
	}
	if audit != nil {
		return nil
	}
	return insertAudit(ctx, r, auditJSON(withLinks(b, out)), &out.Revision)
}

const byIDsSQL = `SELECT ` + recordColumns + ` FROM identity i WHERE i.id = ANY($1)`

// reread replaces rows by what they are now: links written after them raise their versions.
func reread(ctx context.Context, r runner, lists ...[]*directory.Record) error {
	var ids pq.Int64Array
	for _, list := range lists {
		for _, record := range list {
			ids = append(ids, record.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := find(ctx, r, byIDsSQL, ids)
	if err != nil {
		return err
	}
	for _, list := range lists {
		copy(list, align(recordIDs(list), found, func(r *directory.Record) int64 { return r.ID }))
	}
	return nil
}

func recordIDs(list []*directory.Record) []int64 {
	ids := make([]int64, len(list))
	for i, record := range list {
		ids[i] = record.ID
	}
	return ids
}

func setXID(revision *directory.Revision, text string) error {
	xid, err := strconv.ParseUint(text, 10, 64)
	revision.XID = xid
	return err
}
