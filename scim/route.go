package scim

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
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
	if token == nil && !versioned || len(segments) == 0 {
		return nil, notFound()
	}
	rq.base, rq.shape = rq.cfg.PublicURL+prefix, shape
	return segments, nil
}

// authorize lets SCIM tokens of live instances in (rule R22). A token in the address names the instance and must be
// the principal's own: an unknown one and one of another instance are answered alike.
func (rq *request) authorize(inURL *string) error {
	p := rq.principal
	if !p.Has(access.SCIM) || p.Instance == nil {
		return &directory.Error{Code: directory.CodeForbidden, Message: "This token is not for SCIM."}
	}
	if inURL != nil && (*inURL == "" || subtle.ConstantTimeCompare([]byte(*inURL), []byte(p.Instance.URLToken)) != 1) {
		return notFound()
	}
	if !p.Instance.Live() {
		return &directory.Error{Code: directory.CodeForbidden, Message: "This provider instance is disabled."}
	}
	rq.instance = p.Instance
	return nil
}

// endpoint serves one method of an address.
type endpoint func() (*answer, error)

// route hands the request to the endpoint that the segments name, in any case.
func (rq *request) route(segments []string) (*answer, error) {
	name := strings.ToLower(segments[0])
	switch name {
	case "serviceproviderconfig", "schemas", "resourcetypes":
		rq.setRoute("/"+name, len(segments) > 1)
		return rq.discovery(name, segments[1:])
	case "me", "bulk", ".search":
		rq.setRoute("/"+name, false)
		return nil, notImplemented()
	}
	rt := rq.registry.ByEndpoint(name)
	if rt == nil {
		return nil, notFound()
	}
	rq.setRoute(rt.Endpoint, len(segments) > 1)
	c := rq.collections[rt.ID]
	switch len(segments) {
	case 1:
		return rq.method(map[string]endpoint{
			http.MethodGet:  func() (*answer, error) { return rq.list(c) },
			http.MethodPost: func() (*answer, error) { return rq.create(c) },
		})
	case 2:
		if strings.EqualFold(segments[1], ".search") {
			return nil, notImplemented()
		}
		id := segments[1]
		return rq.method(map[string]endpoint{
			http.MethodGet:    func() (*answer, error) { return rq.get(c, id) },
			http.MethodPut:    func() (*answer, error) { return rq.replace(c, id) },
			http.MethodPatch:  func() (*answer, error) { return rq.patch(c, id) },
			http.MethodDelete: func() (*answer, error) { return rq.delete(c, id) },
		})
	}
	return nil, notFound()
}

// setRoute names the address for the log and the metrics, by nothing that a client chose.
func (rq *request) setRoute(endpoint string, one bool) {
	if one {
		endpoint += "/{id}"
	}
	telemetry.SetRoute(rq.ctx(), rq.shape+endpoint)
}

// method picks the endpoint of the request's method; HEAD is GET, whose body the server leaves out.
func (rq *request) method(endpoints map[string]endpoint) (*answer, error) {
	method := rq.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if serve, ok := endpoints[method]; ok {
		return serve()
	}
	allowed := []string{}
	for m := range endpoints {
		allowed = append(allowed, m)
		if m == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	return nil, &problem{
		status: http.StatusMethodNotAllowed, detail: "This address does not take the method.",
		header: map[string]string{"Allow": strings.Join(allowed, ", ")},
	}
}
