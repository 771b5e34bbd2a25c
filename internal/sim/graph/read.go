package graph

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// resource is an object as it is read by itself: every chosen property, null where it has no value.
func (o *object) resource(selected []string) row {
	out := row{"id": o.id}
	for i, p := range properties[o.kind] {
		if p.name == "deletedDateTime" && selected == nil {
			continue
		}
		if selected == nil || slices.Contains(selected, p.name) {
			out[p.name] = o.values[i].now
		}
	}
	return out
}

// alive finds an object by its id, or a user by its userPrincipalName. Call it with the tenant locked.
func (t *Tenant) alive(kind Kind, name string) *object {
	o := t.byID[name]
	if o == nil && kind == User {
		o = t.byUPN[strings.ToLower(name)]
	}
	if o == nil || o.kind != kind || o.life != alive {
		return nil
	}
	return o
}

func (s *Server) one(kind Kind) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		selected, err := s.selection(kind, r.URL.Query().Get("$select"))
		if err != nil {
			return nil, err
		}
		s.Tenant.mu.Lock()
		defer s.Tenant.mu.Unlock()
		o := s.Tenant.alive(kind, r.PathValue("id"))
		if o == nil {
			return nil, notFound(r.PathValue("id"))
		}
		out := o.resource(selected)
		out["@odata.context"] = s.url + "/v1.0/$metadata#" + string(kind) + "s/$entity"
		return out, nil
	}
}

func (s *Server) manager(r *http.Request) (any, error) {
	selected, err := s.selection(User, r.URL.Query().Get("$select"))
	if err != nil {
		return nil, err
	}
	s.Tenant.mu.Lock()
	defer s.Tenant.mu.Unlock()
	o := s.Tenant.alive(User, r.PathValue("id"))
	if o == nil {
		return nil, notFound(r.PathValue("id"))
	}
	for _, l := range o.links {
		if l.there() && l.to.life == alive {
			out := l.to.resource(selected)
			out["@odata.type"] = "#microsoft.graph.user"
			return out, nil
		}
	}
	return nil, notFound("manager")
}

// members reads the members of a group that are not deleted.
func (s *Server) members(r *http.Request) (any, error) {
	var selected []string
	if text := r.URL.Query().Get("$select"); text != "" {
		selected = strings.Split(text, ",")
	}
	s.Tenant.mu.Lock()
	defer s.Tenant.mu.Unlock()
	o := s.Tenant.alive(Group, r.PathValue("id"))
	if o == nil {
		return nil, notFound(r.PathValue("id"))
	}
	return s.collection(r, len(o.links), func(i int) row {
		l := o.links[i]
		if !l.there() || l.to.life != alive {
			return nil
		}
		out := l.to.resource(selected)
		out["@odata.type"] = "#microsoft.graph." + string(l.to.kind)
		return out
	})
}

// equality is the one form of $filter that is understood.
var equality = regexp.MustCompile(`^(\w+) eq '((?:[^']|'')*)'$`)

func (s *Server) list(kind Kind) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		selected, err := s.selection(kind, r.URL.Query().Get("$select"))
		if err != nil {
			return nil, err
		}
		property, want, err := filter(kind, r.URL.Query().Get("$filter"))
		if err != nil {
			return nil, err
		}
		s.Tenant.mu.Lock()
		defer s.Tenant.mu.Unlock()
		all := s.Tenant.all[kind]
		return s.collection(r, len(all), func(i int) row {
			o := all[i]
			if o.life != alive || property != "" && !strings.EqualFold(o.textOrID(property), want) {
				return nil
			}
			return o.resource(selected)
		})
	}
}

func filter(kind Kind, text string) (property, want string, err error) {
	if text == "" {
		return "", "", nil
	}
	parts := equality.FindStringSubmatch(text)
	if parts == nil || parts[1] != "id" && position(kind, parts[1]) < 0 {
		return "", "", &failure{http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported Query.", ""}
	}
	return parts[1], strings.ReplaceAll(parts[2], "''", "'"), nil
}

func (o *object) textOrID(name string) string {
	if name == "id" {
		return o.id
	}
	return o.text(name)
}

// collection answers one page of n things, those that are nil left out.
func (s *Server) collection(r *http.Request, n int, at func(int) row) (any, error) {
	query := r.URL.Query()
	top := s.PageSize
	if text := query.Get("$top"); text != "" {
		var err error
		if top, err = strconv.Atoi(text); err != nil || top < 1 || top > 999 {
			return nil, &failure{http.StatusBadRequest, "Request_UnsupportedQuery", "Invalid page size specified: '" + text + "'. Must be between 1 and 999 inclusive.", ""}
		}
	}
	from, err := strconv.Atoi("0" + query.Get("$skiptoken"))
	if err != nil {
		return nil, badRequest("Badly formed token.")
	}
	value, i := []row{}, from
	for ; i < n && len(value) < top; i++ {
		if one := at(i); one != nil {
			value = append(value, one)
		}
	}
	out := row{"value": value}
	if i < n {
		query.Set("$skiptoken", strconv.Itoa(i))
		out["@odata.nextLink"] = s.url + r.URL.Path + "?" + query.Encode()
	}
	return out, nil
}

func (s *Server) organization(*http.Request) (any, error) {
	return row{"value": []row{{
		"id": s.Tenant.ID, "displayName": "Contoso (simulated)",
		"verifiedDomains": []row{{"name": s.Tenant.Domain, "isDefault": true, "isInitial": true, "type": "Managed"}},
	}}}, nil
}
