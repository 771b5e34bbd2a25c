package directory

import (
	"slices"
	"strconv"
	"strings"
)

// visibility is what a snapshot of Postgres sees: every transaction before xmin, none from xmax on, and between them
// those that were not in progress (pg_snapshot, PostgreSQL manual, "Transaction ID and Snapshot Information").
type visibility struct {
	xmin, xmax uint64
	inProgress []uint64 // sorted
}

// parseVisibility reads xmin:xmax:xip,xip,...
func parseVisibility(snapshot string) (visibility, error) {
	bad := BadInput("revision", "This is no revision of this server. Send back a revision exactly as an answer gave it.")
	parts := strings.Split(snapshot, ":")
	if len(parts) != 3 {
		return visibility{}, bad
	}
	var v visibility
	var errs [2]error
	v.xmin, errs[0] = strconv.ParseUint(parts[0], 10, 64)
	v.xmax, errs[1] = strconv.ParseUint(parts[1], 10, 64)
	if errs[0] != nil || errs[1] != nil || v.xmin > v.xmax {
		return visibility{}, bad
	}
	if parts[2] == "" {
		return v, nil
	}
	for _, text := range strings.Split(parts[2], ",") {
		xid, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return visibility{}, bad
		}
		v.inProgress = append(v.inProgress, xid)
	}
	slices.Sort(v.inProgress)
	return v, nil
}

// visible reports whether a transaction that has ended is seen.
func (v *visibility) visible(xid uint64) bool {
	if xid < v.xmin {
		return true
	}
	if xid >= v.xmax {
		return false
	}
	_, open := slices.BinarySearch(v.inProgress, xid)
	return !open
}

// includes reports whether everything that another snapshot of the same database sees is seen here too.
func (v *visibility) includes(other visibility) bool {
	if other.xmax > v.xmax {
		return false
	}
	for _, xid := range v.inProgress {
		if other.visible(xid) {
			return false
		}
	}
	return true
}
