package scim

import (
	"net/http"

	"github.com/roster-gateway/roster/directory"
)

// get answers GET on a resource (RFC 7644 section 3.4.1).
func (rq *request) get(c *collection, id string) (*answer, error) {
	record, err := rq.lookup(c, id)
	if err != nil {
		return nil, err
	}
	if err := rq.checkConditions(record); err != nil {
		if err == errNotModified {
			return &answer{status: http.StatusNotModified, etag: etag(record)}, nil
		}
		return nil, err
	}
	p := rq.projection(c)
	return rq.one(c, http.StatusOK, record, p, c.wantedBy(p))
}

// one answers with one resource, whose links of the wanted kinds are read.
func (rq *request) one(c *collection, status int, record *directory.Record, p *projection, want wanted) (*answer, error) {
	read, err := rq.readLinks([]*directory.Record{record}, want)
	if err != nil {
		return nil, err
	}
	return &answer{status: status, body: rq.show(c, record, read[0], p), etag: etag(record)}, nil
}

// delete answers DELETE (RFC 7644 section 3.6). The resource and its links are gone for good.
func (rq *request) delete(c *collection, id string) (*answer, error) {
	record, err := rq.lookup(c, id)
	if err != nil {
		return nil, err
	}
	if err := rq.checkConditions(record); err != nil {
		return nil, err
	}
	_, err = rq.directory.Apply(rq.ctx(), directory.Changes{
		Instance: rq.instance,
		Delete:   []directory.Delete{{UID: record.UID, IfVersion: rq.ifVersion(record), Reason: "deleted by the provisioning client"}},
		Action:   c.action("delete"),
	})
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusNoContent}, nil
}

// action is the name of a change in the audit trail.
func (c *collection) action(verb string) string {
	if c.kind == directory.KindGroup {
		return "scim.group." + verb
	}
	return "scim.user." + verb
}
