package graph

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// delta answers one page of a round ("user: delta", "group: delta").
func (s *Server) delta(kind Kind) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		c, err := s.place(kind, r)
		if err != nil {
			return nil, err
		}
		out := row{"@odata.context": s.url + "/v1.0/$metadata#" + string(kind) + "s", "value": []row{}}
		if !c.Delta {
			if a := s.Adversary; c.Page > 0 && a.spend(func(a *Adversary) *int { return &a.Changes }, a.churn()) {
				s.Tenant.Mutate(rand.New(rand.NewPCG(uint64(a.pick(1<<30)), 3)), 1+a.pick(5))
			}
			out["value"] = s.Tenant.page(&c, s.PageSize, s.LinksPerPage, s.Adversary)
		}
		if c.Delta {
			out["@odata.deltaLink"] = s.link(c, "$deltatoken")
		} else {
			out["@odata.nextLink"] = s.link(c, "$skiptoken")
		}
		return out, nil
	}
}

func (a *Adversary) churn() float64 {
	if a == nil {
		return 0
	}
	return a.Churn
}

func (s *Server) link(c cursor, parameter string) string {
	return s.url + "/v1.0/" + string(c.Kind) + "s/delta?" + parameter + "=" + s.seal(c)
}

// place is where a request is in a round. A delta link begins the next one.
func (s *Server) place(kind Kind, r *http.Request) (cursor, error) {
	query := map[string]string{}
	for name, values := range r.URL.Query() {
		query[strings.ToLower(name)] = values[0]
	}
	skip, delta := query["$skiptoken"], query["$deltatoken"]
	switch {
	case skip != "":
		return s.resume(kind, skip, false)
	case delta != "" && !strings.EqualFold(delta, "latest"):
		return s.resume(kind, delta, true)
	}
	for name := range query {
		if !slices.Contains([]string{"$select", "$deltatoken", "$skiptoken"}, name) {
			return cursor{}, &failure{http.StatusBadRequest, "Request_UnsupportedQuery", "The query parameter '" + name + "' is not supported with delta.", ""}
		}
	}
	c := cursor{Kind: kind, Epoch: s.now(), Minimal: strings.Contains(r.Header.Get("Prefer"), "return=minimal")}
	var err error
	if c.Select, err = s.selection(kind, query["$select"]); err != nil {
		return cursor{}, err
	}
	if delta != "" { // from now on, without what is there
		c.Since, c.Delta = s.Tenant.Tick(), true
	}
	return c, nil
}

func (s *Server) now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// resume opens the token of a link.
func (s *Server) resume(kind Kind, token string, delta bool) (cursor, error) {
	c, err := s.unseal(token)
	switch {
	case errors.Is(err, errToken) || c.Kind != kind || c.Delta != delta:
		return cursor{}, badRequest("Badly formed token.")
	case err != nil: // the tenant that it knew is not this one
		return cursor{}, s.expired(c)
	}
	rate := .05
	if delta {
		rate = .2
	}
	if c.Epoch != s.now() || s.Adversary.spend(func(a *Adversary) *int { return &a.Expiries }, rate) {
		return cursor{}, s.expired(c)
	}
	c.Delta = false
	return c, nil
}

// expired says in one of the ways that are known that a link leads nowhere any more.
func (s *Server) expired(c cursor) error {
	gone := &failure{http.StatusGone, "syncStateNotFound", "The sync state is not found: begin anew.", s.url + "/v1.0/" + string(c.Kind) + "s/delta?$deltatoken="}
	if c.Select != nil {
		gone.freshBeginning += "&$select=" + url.QueryEscape(strings.Join(c.Select, ","))
	}
	if s.Adversary == nil {
		return gone
	}
	switch s.Adversary.pick(4) {
	case 0:
		return &failure{http.StatusBadRequest, "syncStateNotFound", "The sync state generation is not found.", ""}
	case 1:
		return &failure{http.StatusNotFound, "SyncStateNotFound", "The sync state generation is not found.", ""}
	case 2:
		if !c.Delta {
			return &failure{http.StatusBadRequest, "Directory_ExpiredPageToken", "The specified page token value has expired and can no longer be included in your request.", ""}
		}
	}
	return gone
}

// selection reads $select; nil where there is none.
func (s *Server) selection(kind Kind, text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	names := strings.Split(text, ",")
	for i, name := range names {
		names[i] = strings.TrimSpace(name)
		known := names[i] == "id" || names[i] == relation[kind] || position(kind, names[i]) >= 0
		if !known || slices.Contains(s.Refused, names[i]) {
			return nil, badRequest(fmt.Sprintf("Could not find a property named '%s' on type 'microsoft.graph.%s'.", names[i], kind))
		}
	}
	return names, nil
}

// Tick is the tenant's present tick.
func (t *Tenant) Tick() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tick
}
