package scim

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
)

// enter takes the address apart, checks that the principal may use it, and returns the segments after the base:
// /scim/v2/..., /tokens/{token}/scim/v2/... or the short /tokens/{token}/... .
func (rq *request) enter() ([]string, error) {
	path := strings.TrimSuffix(strings.TrimPrefix(rq.r.URL.Path, "/"), "/")
	segments := strings.Split(path, "/")
	prefix, shape, token := "", "", (*string)(nil)
	if segments[0] == "tokens" && len(segments) > 1 {
		token = &segments[1]
		prefix, shape = "/tokens/"+url.PathEscape(*token), "/tokens/{token}"
		segments = segments[2:]
	}
	versioned := len(segments) >= 2 && segments[0] == "scim" && segments[1] == "v2"
	if versioned {
		prefix, shape = prefix+"/scim/v2", shape+"/scim/v2"
		segments = segments[2:]
	}
	if err := rq.authorize(token); err != nil {
		return nil, err
	}
	if token == nil && !versioned {
		return nil, notFound()
	}
	rq.base, rq.shape = rq.cfg.PublicURL+prefix, shape
	return segments, nil
}

// authorize lets SCIM tokens of live instances in (rule R22). A token in the address names the instance and must be
// the principal's own: an unknown one and one of another instance are answered alike.
func (rq *request) authorize(inURL *string) error {
	p := rq.principal
	instance := p.Instance
	if p.Issuer != "" && inURL != nil { // an issuer's token is of no instance: the address alone names it
		var err error
		if instance, err = rq.auth.InstanceAt(rq.ctx(), *inURL); err != nil {
			return err
		}
		if instance == nil {
			return notFound()
		}
	}
	if err := p.Check(access.DoorSCIM); err != nil {
		return err
	}
	if instance == nil {
		return &directory.Error{Code: directory.CodeForbidden, Message: "This token is not for this address: one of an OpenID issuer is for /tokens/{token} only."}
	}
	if inURL != nil && (*inURL == "" || subtle.ConstantTimeCompare([]byte(*inURL), []byte(instance.URLToken)) != 1) {
		return notFound()
	}
	if !instance.Live() {
		return &directory.Error{Code: directory.CodeForbidden, Message: "This provider instance is disabled."}
	}
	rq.instance = instance
	return nil
}

// route hands the request to the endpoint that the segments name, in any case. None is the base address.
func (rq *request) route(segments []string) (*answer, error) {
	if len(segments) == 0 {
		rq.setRoute("", false)
		return rq.root()
	}
	name := strings.ToLower(segments[0])
	switch name {
	case "serviceproviderconfig", "schemas", "resourcetypes":
		rq.setRoute("/"+name, len(segments) > 1)
		return rq.discovery(name, segments[1:])
	case "me", "bulk", searchName:
		rq.setRoute("/"+name, len(segments) > 1)
		return rq.special(name, segments[1:])
	}
	rt := rq.registry.ByEndpoint(name)
	if rt == nil {
		return nil, notFound()
	}
	rq.listed = rt.Endpoint
	rq.note.about(rt.Name, segments[len(segments)-1])
	c := rq.collections[rt.ID]
	switch {
	case len(segments) == 1:
		rq.setRoute(rt.Endpoint, false)
		return rq.onAll(c)
	case len(segments) == 2 && strings.EqualFold(segments[1], searchName):
		rq.setRoute(rt.Endpoint+"/"+searchName, false)
		return rq.search(c)
	case len(segments) == 2:
		rq.setRoute(rt.Endpoint, true)
		return rq.onOne(c, segments[1])
	}
	return nil, notFound()
}

// searchName is the last part of the address of a search by POST.
const searchName = ".search"

// special serves the endpoints that are of no resource type.
func (rq *request) special(name string, rest []string) (*answer, error) {
	switch {
	case len(rest) > 0:
		return nil, notFound()
	case name == "me":
		return rq.me()
	case name == "bulk":
		return rq.bulk()
	}
	return rq.search(rq.everyType()...)
}

// onAll serves the address of all resources of a type. HEAD is GET, whose body the server leaves out.
func (rq *request) onAll(c *collection) (*answer, error) {
	switch rq.r.Method {
	case http.MethodGet, http.MethodHead:
		return rq.list(c)
	case http.MethodPost:
		return rq.create(c)
	}
	return nil, notAllowed("GET, HEAD, POST")
}

// onOne serves the address of one resource.
func (rq *request) onOne(c *collection, id string) (*answer, error) {
	switch rq.r.Method {
	case http.MethodGet, http.MethodHead:
		return rq.get(c, id)
	case http.MethodPut:
		return rq.replace(c, id)
	case http.MethodPatch:
		return rq.patch(c, id)
	case http.MethodDelete:
		return rq.delete(c, id)
	}
	return nil, notAllowed("DELETE, GET, HEAD, PATCH, PUT")
}

// setRoute names the address for the log and the metrics, by nothing that a client chose.
func (rq *request) setRoute(endpoint string, one bool) {
	if one {
		endpoint += "/{id}"
	}
	telemetry.SetRoute(rq.ctx(), rq.shape+endpoint)
}

// notAllowed answers a method that an address does not take; allowed are those that it does.
func notAllowed(allowed string) error {
	return &problem{
		status: http.StatusMethodNotAllowed, detail: "This address does not take the method.",
		header: map[string]string{"Allow": allowed},
	}
}
