package scim

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
)

// etag is the version of a resource as clients see it (RFC 7644 section 3.14). It covers what a client can write to
// the resource; what follows from other resources (a user's groups, the names of members) does not change it.
func etag(r *directory.Record) string { return `W/"` + strconv.FormatInt(r.Version, 10) + `"` }

// errNotModified answers a conditional GET of a version that the client has.
var errNotModified = &problem{status: http.StatusNotModified}

// checkConditions compares a resource's version with the request's If-Match and If-None-Match (RFC 9110 section
// 13.1). Tags are compared weakly, as all of them are weak.
func (rq *request) checkConditions(record *directory.Record) error {
	if lists := rq.r.Header.Values("If-Match"); len(lists) > 0 && !anyTag(lists, record.Version) {
		return stale()
	}
	if lists := rq.r.Header.Values("If-None-Match"); len(lists) > 0 && anyTag(lists, record.Version) {
		if rq.r.Method == http.MethodGet || rq.r.Method == http.MethodHead {
			return errNotModified
		}
		return stale()
	}
	return nil
}

// anyTag reports whether one of the tags in the lists stands for a version.
func anyTag(lists []string, version int64) bool {
	for _, tag := range strings.Split(strings.Join(lists, ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return true
		}
		if v, ok := filter.ParseVersion(tag); ok && v == version {
			return true
		}
	}
	return false
}

// ifVersion is the version that a write is tied to: the one that If-Match has let through, else 0 for any.
func (rq *request) ifVersion(record *directory.Record) int64 {
	for _, list := range rq.r.Header.Values("If-Match") {
		if strings.TrimSpace(list) != "*" {
			return record.Version
		}
	}
	return 0
}
