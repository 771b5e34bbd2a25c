package sharepoint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MaxUsers is how many users SharePoint tells of one group in one answer, without a word about the others.
const MaxUsers = 5000

// BigGroups is what a site does about groups of more than [MaxUsers].
type BigGroups int

// What is done about big groups. Which of it a site does is documented nowhere.
const (
	// Reach answers about users beyond the first ones where a filter asks for them.
	Reach BigGroups = iota
	// Link leads on with odata.nextLink.
	Link
	// Cut knows the first ones only, whatever is asked.
	Cut
	// Ignore takes no notice of filters.
	Ignore
	// Refuse takes no filters.
	Refuse
)

var (
	userProperties  = []string{"Id", "Title", "LoginName", "Email", "PrincipalType"}
	groupProperties = []string{"Id", "Title", "LoginName", "Description", "PrincipalType", "Users", "Users/Id", "Users/Title", "Users/LoginName", "Users/Email", "Users/PrincipalType"}
	getByID         = regexp.MustCompile(`^web/sitegroups/getbyid\((\d{1,9})\)(/users)?$`)
)

// rest answers one request of the REST service; see "Users, groups, and roles REST API reference".
func (s *Server) rest(w http.ResponseWriter, r *http.Request, path string) {
	switch found := getByID.FindStringSubmatch(path); {
	case path == "site":
		s.one(w, r, row{"Id": s.Site.State().ID}, []string{"Id"})
	case path == "web":
		s.one(w, r, row{"Id": s.Site.State().ID, "Title": "Simulated site"}, []string{"Id", "Title"})
	case path == "web/sitegroups":
		s.collection(w, r, s.groupRows(), groupProperties)
	case path == "web/siteusers":
		s.collection(w, r, s.siteUsers(), userProperties)
	case found != nil:
		id, _ := strconv.Atoi(found[1])
		rows := s.groupRows()
		at := slices.IndexFunc(rows, func(g row) bool { return g.id() == id })
		switch {
		case at < 0:
			refuse(w, http.StatusNotFound, "-2146232832, Microsoft.SharePoint.SPException", "Group cannot be found.")
		case found[2] == "":
			s.one(w, r, rows[at], groupProperties)
		default:
			s.users(w, r, rows[at]["Users"].([]row))
		}
	default:
		refuse(w, http.StatusNotFound, "-1, Microsoft.SharePoint.Client.ResourceNotFoundException", "Cannot find resource for the request "+path+".")
	}
}

func (s *Server) one(w http.ResponseWriter, r *http.Request, it row, properties []string) {
	q, err := parseQuery(r.URL.Query(), properties)
	if err != nil {
		badQuery(w, err)
		return
	}
	answer(w, http.StatusOK, q.shape(capped(it)))
}

// capped leaves out the users of a group beyond the first ones.
func capped(g row) row {
	if users, ok := g["Users"].([]row); ok && len(users) > MaxUsers {
		g["Users"] = users[:MaxUsers]
	}
	return g
}

func (s *Server) collection(w http.ResponseWriter, r *http.Request, rows []row, properties []string) {
	q, err := parseQuery(r.URL.Query(), properties)
	if err != nil {
		badQuery(w, err)
		return
	}
	rows = q.run(rows)
	for i := range rows {
		capped(rows[i])
	}
	s.page(w, r, q, rows, len(rows))
}

// users answers about the users of one group.
func (s *Server) users(w http.ResponseWriter, r *http.Request, rows []row) {
	q, err := parseQuery(r.URL.Query(), userProperties)
	if err == nil && s.BigGroups == Refuse && q.filter != nil {
		err = errors.New("the query is not valid")
	}
	if err != nil {
		badQuery(w, err)
		return
	}
	switch s.BigGroups {
	case Cut:
		rows = rows[:min(len(rows), MaxUsers)]
	case Link:
		q.top = 0
	case Ignore:
		q.filter, q.top = nil, 0
	}
	rows = q.run(rows)
	if s.BigGroups != Link {
		rows = rows[:min(len(rows), MaxUsers)]
	}
	s.page(w, r, q, rows, MaxUsers)
}

// page answers with the rows that a link of before leads to, and leads on to those that are too many.
func (s *Server) page(w http.ResponseWriter, r *http.Request, q query, rows []row, size int) {
	if q.byID && q.after > 0 {
		rows = slices.DeleteFunc(rows, func(r row) bool { return r.id() <= q.after })
	}
	if a := s.Adversary; q.byID && len(rows) > 2 && a != nil && a.draw(a.Splits) {
		size = min(size, 2+a.rng.IntN(len(rows)-2))
	}
	out := map[string]any{}
	if len(rows) > size {
		after := rows[size-1].id()
		if s.Adversary != nil && s.Adversary.draw(s.Adversary.Repeats) {
			after = rows[size-2].id()
		}
		next := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path}
		values := r.URL.Query()
		values.Set("$skiptoken", fmt.Sprintf("Paged=TRUE&p_ID=%d", after))
		next.RawQuery = strings.ReplaceAll(values.Encode(), "+", "%20")
		out["odata.nextLink"], rows = next.String(), rows[:size]
	}
	out["value"] = q.each(rows)
	answer(w, http.StatusOK, out)
}

// groupRows are the site groups with all of their users.
func (s *Server) groupRows() []row {
	out := []row{}
	for _, g := range s.Site.State().Groups {
		out = append(out, row{"Id": g.ID, "Title": g.Title, "LoginName": g.Title, "Description": g.Description, "PrincipalType": typeSiteGroup, "Users": userRows(g.Members)})
	}
	return out
}

func (s *Server) siteUsers() []row {
	s.Site.mu.Lock()
	defer s.Site.mu.Unlock()
	var all []Principal
	for _, p := range s.Site.principals {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Principal) int { return cmp.Compare(a.ID, b.ID) })
	rows := userRows(all)
	return rows[:min(len(rows), MaxUsers)]
}

func userRows(principals []Principal) []row {
	out := make([]row, 0, len(principals))
	for _, p := range principals {
		out = append(out, row{"Id": p.ID, "Title": p.Title, "LoginName": p.LoginName(), "Email": p.Email, "PrincipalType": p.Type()})
	}
	return out
}

func badQuery(w http.ResponseWriter, err error) {
	refuse(w, http.StatusBadRequest, "-1, Microsoft.SharePoint.Client.InvalidClientQueryException", err.Error())
}

// refuse answers with an error in the form of OData 3.
func refuse(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]any{"odata.error": map[string]any{"code": code, "message": map[string]any{"lang": "en-US", "value": text}}})
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json;odata=nometadata;streaming=true;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
