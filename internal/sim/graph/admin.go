package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
)

// Admin describes the interface under /sim/ by which scripts change the tenant, one line a request.
const Admin = `GET    /sim/state                              the truth, as JSON
POST   /sim/mutate?n=10&seed=1                  n random changes
POST   /sim/delete?users=500&groups=10          delete the oldest softly
POST   /sim/settle                              the adversary changes nothing any more
POST   /sim/expire                              links of delta rounds lead nowhere any more
POST   /sim/revoke                              access tokens are refused
POST   /sim/users            (a JSON object)    create one; the same for groups
PATCH  /sim/users/{id}       (a JSON object)    update it; null clears
DELETE /sim/users/{id}                          delete it softly; a second time: for good
POST   /sim/users/{id}/restore                  restore it
PUT    /sim/users/{id}/manager/{id}             set a manager; DELETE /sim/users/{id}/manager clears
PUT    /sim/groups/{id}/members/{id}            add a member; DELETE removes`

func (s *Server) routeAdmin(mux *http.ServeMux) {
	t := s.Tenant
	route := func(pattern string, do func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
			out, err := do(r)
			administer(w, out, err)
		})
	}
	route("GET /sim/state", func(*http.Request) (any, error) { return t.State(), nil })
	route("POST /sim/mutate", s.mutate)
	route("POST /sim/delete", func(r *http.Request) (any, error) {
		users, err := number(r, "users", 0)
		groups, err2 := number(r, "groups", 0)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		return row{"users": t.DeleteMany(User, users), "groups": t.DeleteMany(Group, groups)}, nil
	})
	for path, do := range map[string]func(){"settle": s.Adversary.Settle, "expire": s.Expire, "revoke": s.Revoke} {
		route("POST /sim/"+path, func(*http.Request) (any, error) { do(); return row{}, nil })
	}
	for _, kind := range []Kind{User, Group} {
		s.routeObjects(route, "/sim/"+string(kind)+"s", kind)
	}
	route("PUT /sim/users/{id}/manager/{other}", pair(t.SetManager))
	route("DELETE /sim/users/{id}/manager", pair(t.SetManager))
	route("PUT /sim/groups/{id}/members/{other}", pair(t.AddMember))
	route("DELETE /sim/groups/{id}/members/{other}", pair(t.RemoveMember))
}

func (s *Server) routeObjects(route func(string, func(*http.Request) (any, error)), path string, kind Kind) {
	t := s.Tenant
	route("POST "+path, func(r *http.Request) (any, error) {
		values, err := values(r)
		if err != nil {
			return nil, err
		}
		id, err := t.Create(kind, values)
		return row{"id": id}, err
	})
	route("PATCH "+path+"/{id}", func(r *http.Request) (any, error) {
		values, err := values(r)
		if err != nil {
			return nil, err
		}
		return row{}, t.Update(r.PathValue("id"), values)
	})
	route("DELETE "+path+"/{id}", func(r *http.Request) (any, error) {
		if err := t.Delete(r.PathValue("id")); err == nil {
			return row{}, nil
		}
		return row{}, t.Purge(r.PathValue("id"))
	})
	route("POST "+path+"/{id}/restore", func(r *http.Request) (any, error) { return row{}, t.Restore(r.PathValue("id")) })
}

func pair(do func(id, other string) error) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) { return row{}, do(r.PathValue("id"), r.PathValue("other")) }
}

func (s *Server) mutate(r *http.Request) (any, error) {
	n, err := number(r, "n", 1)
	seed, err2 := number(r, "seed", rand.IntN(1<<30))
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	s.Tenant.Mutate(rand.New(rand.NewPCG(uint64(seed), 4)), n)
	return row{"n": n, "seed": seed}, nil
}

// number reads a parameter that is a number from 0 to a million.
func number(r *http.Request, name string, otherwise int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 1_000_000 && name != "seed" {
		return 0, fmt.Errorf("%w: %s is no number from 0 to 1000000", ErrInvalid, name)
	}
	return n, nil
}

func values(r *http.Request) (map[string]any, error) {
	var out map[string]any
	if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
		return nil, fmt.Errorf("%w: the body is no JSON object", ErrInvalid)
	}
	return out, nil
}

func administer(w http.ResponseWriter, out any, err error) {
	status := http.StatusOK
	switch {
	case err == nil:
	case errors.Is(err, ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, ErrConflict):
		status = http.StatusConflict
	default:
		status = http.StatusBadRequest
	}
	if err != nil {
		out = row{"error": err.Error()}
	}
	write(w, status, out)
}
