package sharepoint

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
)

// Admin describes the interface under /sim/ by which scripts change the site, one line a request.
const Admin = `GET    /sim/state                                     the truth, as JSON
POST   /sim/mutate?n=10&seed=1                        n random changes
POST   /sim/settle                                    the adversary changes nothing any more
POST   /sim/groups?title=Owners&description=...       create a site group
PATCH  /sim/groups/{id}?title=Others                  rename it
DELETE /sim/groups/{id}                               delete it
POST   /sim/groups/{id}/members?kind=user&object=...  add a member: a user by name, a securityGroup or groupMembers by GUID ...
DELETE /sim/groups/{id}/members/{id}                  remove one`

// admin is the handler of /sim/. It asks for no token.
func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern string, do func(number func(string) int, r *http.Request) (result any, ok bool)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			number := func(name string) int {
				text := r.PathValue(name)
				if text == "" {
					text = r.FormValue(name)
				}
				n, _ := strconv.Atoi(text)
				return n
			}
			if result, ok := do(number, r); ok {
				answer(w, http.StatusOK, result)
			} else {
				answer(w, http.StatusConflict, row{"error": "There is no such group, member or kind, or the title is empty or taken."})
			}
		})
	}
	route("GET /sim/state", func(func(string) int, *http.Request) (any, bool) { return s.Site.State(), true })
	route("POST /sim/mutate", func(number func(string) int, r *http.Request) (any, bool) {
		rng := s.rng
		if r.FormValue("seed") != "" {
			rng = rand.New(rand.NewPCG(uint64(number("seed")), 5))
		}
		s.Site.Mutate(rng, s.Directory, min(max(number("n"), 1), 100_000))
		return row{}, true
	})
	route("POST /sim/settle", func(func(string) int, *http.Request) (any, bool) {
		s.settle()
		return row{}, true
	})
	route("POST /sim/groups", func(_ func(string) int, r *http.Request) (any, bool) {
		id := s.Site.AddGroup(r.FormValue("title"), r.FormValue("description"))
		return row{"id": id}, id > 0
	})
	route("PATCH /sim/groups/{id}", func(number func(string) int, r *http.Request) (any, bool) {
		return row{}, s.Site.RenameGroup(number("id"), r.FormValue("title"))
	})
	route("DELETE /sim/groups/{id}", func(number func(string) int, _ *http.Request) (any, bool) {
		return row{}, s.Site.RemoveGroup(number("id"))
	})
	route("POST /sim/groups/{id}/members", func(number func(string) int, r *http.Request) (any, bool) {
		kind, id := Kind(r.FormValue("kind")), 0
		if slices.Contains(Kinds, kind) {
			id = s.Site.AddMember(number("id"), kind, r.FormValue("object"))
		}
		return row{"id": id}, id > 0
	})
	route("DELETE /sim/groups/{id}/members/{member}", func(number func(string) int, _ *http.Request) (any, bool) {
		return row{}, s.Site.RemoveMember(number("id"), number("member"))
	})
	return mux
}
