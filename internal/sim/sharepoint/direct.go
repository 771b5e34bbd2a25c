package sharepoint

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
)

// direct answers whoever directs the simulation. It asks for no token.
func (s *Server) direct(w http.ResponseWriter, r *http.Request, path string) {
	number := func(name string) int {
		n, _ := strconv.Atoi(r.FormValue(name))
		return n
	}
	done := func(ok bool, result any) {
		if !ok {
			http.Error(w, "There is no such group, member or kind, or the title is taken.", http.StatusConflict)
			return
		}
		answer(w, http.StatusOK, result)
	}
	switch r.Method + " " + path {
	case "GET state":
		answer(w, http.StatusOK, s.Site.State())
	case "POST mutate":
		rng := s.rng
		if r.FormValue("seed") != "" {
			rng = rand.New(rand.NewPCG(uint64(number("seed")), 5))
		}
		s.Site.Mutate(rng, s.Directory, min(max(number("n"), 1), 100_000))
		done(true, map[string]any{})
	case "POST groups":
		id := s.Site.AddGroup(r.FormValue("title"), r.FormValue("description"))
		done(id > 0, map[string]any{"id": id})
	case "POST rename":
		done(s.Site.RenameGroup(number("group"), r.FormValue("title")), map[string]any{})
	case "POST delete":
		done(s.Site.RemoveGroup(number("group")), map[string]any{})
	case "POST members":
		kind, id := Kind(r.FormValue("kind")), 0
		if slices.Contains(Kinds, kind) {
			id = s.Site.AddMember(number("group"), kind, r.FormValue("object"))
		}
		done(id > 0, map[string]any{"id": id})
	case "POST remove":
		done(s.Site.RemoveMember(number("group"), number("member")), map[string]any{})
	default:
		http.NotFound(w, r)
	}
}
