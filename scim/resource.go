package scim

import (
	"net/http"

	"github.com/roster-gateway/roster/directory"
)

// get answers GET on a resource (RFC 7644 section 3.4.1).
func (rq *request) get(c *collection, id string) (*answer, error) {
	p := rq.projection(c)
	found, err := rq.find(c, id, c.wantedBy(p))
	if err != nil {
		return nil, err
	}
	if err := rq.checkConditions(found.Record); err != nil {
		if err == errNotModified {
			return &answer{status: http.StatusNotModified, etag: etag(found.Record), shows: rq.address(c, found.UID.String())}, nil
		}
		return nil, err
	}
	return rq.one(c, http.StatusOK, found, p), nil
}

// one answers with one resource.
func (rq *request) one(c *collection, status int, r *directory.Resource, p *projection) *answer {
	a := answers.Get().(*answer)
	*a = answer{status: status, body: rq.show(a.body[:0], c, r, p), etag: etag(r.Record), shows: rq.address(c, r.UID.String())}
	return a
}

// written answers with a resource as it was written. Its links are read where there may be any of the wanted kinds.
func (rq *request) written(c *collection, status int, record *directory.Record, p *projection, links directory.LinkSet) (*answer, error) {
	if links != (directory.LinkSet{}) {
		found, err := rq.directory.Resource(rq.ctx(), rq.all(c), record.UID.String(), links)
		if err != nil {
			return nil, err
		}
		if found != nil { // else somebody has deleted it since
			return rq.one(c, status, found, p), nil
		}
	}
	return rq.one(c, status, &directory.Resource{Record: record}, p), nil
}
