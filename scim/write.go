package scim

import (
	"net/http"
	"slices"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

// create answers POST on an endpoint (RFC 7644 section 3.3).
func (rq *request) create(c *collection) (*answer, error) {
	body, err := rq.object()
	if err != nil {
		return nil, err
	}
	resource, err := c.rt.Read(body)
	if err != nil {
		return nil, err
	}
	record, links, err := c.keeper.create(rq, resource)
	if err != nil {
		return nil, err
	}
	p := rq.afterWrite(c, func() []schema.Ref { return c.rt.Places(resource) })
	want := c.wantedBy(p)
	want = directory.LinkSet{Members: want.Members && links.Members, Manager: want.Manager && links.Manager}
	out, err := rq.written(c, http.StatusCreated, record, p, want)
	if err == nil {
		out.location = out.shows
	}
	return out, err
}

// replace answers PUT (RFC 7644 section 3.5.1). The attributes that the body does not have are gone, as far as what
// keeps the resource does not say otherwise.
func (rq *request) replace(c *collection, id string) (*answer, error) {
	body, err := rq.object()
	if err != nil {
		return nil, err
	}
	resource, err := c.rt.Read(body)
	if err != nil {
		return nil, err
	}
	record, err := c.keeper.replace(rq, id, resource, body)
	if err != nil {
		return nil, err
	}
	p := rq.afterWrite(c, func() []schema.Ref { return c.rt.Places(resource) })
	return rq.written(c, http.StatusOK, record, p, c.wantedBy(p))
}

// patch answers PATCH (RFC 7644 section 3.5.2), with the resource only where attributes of it are asked for.
func (rq *request) patch(c *collection, id string) (*answer, error) {
	body, err := rq.object()
	if err != nil {
		return nil, err
	}
	ops, err := patch.Parse(body, c.rt)
	if err != nil {
		return nil, err
	}
	record, err := c.keeper.patch(rq, id, ops)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return &answer{status: http.StatusNoContent}, nil
	}
	if !rq.wantsBody() {
		return &answer{status: http.StatusNoContent, etag: etag(record)}, nil
	}
	p := rq.afterWrite(c, func() []schema.Ref { return patch.Places(ops) })
	return rq.written(c, http.StatusOK, record, p, c.wantedBy(p))
}

// delete answers DELETE (RFC 7644 section 3.6). The resource and its links are gone for good.
func (rq *request) delete(c *collection, id string) (*answer, error) {
	found, err := rq.find(c, id, directory.LinkSet{})
	if err != nil {
		return nil, err
	}
	if err := rq.checkConditions(found.Record); err != nil {
		return nil, err
	}
	if err := c.keeper.delete(rq, found.Record); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusNoContent}, nil
}

// change alters a resource as it is now, if the request's conditions hold, and again where that was stale.
func (rq *request) change(k keeper, id string, links directory.LinkSet, do func(found *directory.Resource) (*directory.Record, error)) (record *directory.Record, err error) {
	err = rq.retry(func() error {
		found, err := rq.find(k, id, links)
		if err != nil {
			return err
		}
		if err := rq.checkConditions(found.Record); err != nil {
			return err
		}
		record, err = do(found)
		return err
	})
	return record, err
}

// conditional reports whether the request depends on the resource's version.
func (rq *request) conditional() bool {
	return len(rq.r.Header.Values("If-Match"))+len(rq.r.Header.Values("If-None-Match")) > 0
}

// wantsBody reports whether a PATCH is to be answered with the resource.
func (rq *request) wantsBody() bool {
	return rq.chosen() || slices.Contains(rq.r.Header.Values("Prefer"), "return=representation")
}
