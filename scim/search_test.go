package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// .search takes what the address takes, in a body (RFC 7644 section 3.4.3).
func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, ben, eve := w.user("ana@x"), w.user("ben@x"), w.user("eve@x")
	group := w.group("G", ana)
	for body, want := range map[string][]string{
		`{}`:                                 {ana, ben, eve},
		`{"filter":"userName eq \"ANA@x\""}`: {ana},
		`{"startIndex":2,"count":1}`:         {ben},
		`{"startIndex":"2","COUNT":"1","filter":null,"nonsense":[{}]}`:                  {ben},
		`{"sortBy":"userName","sortOrder":"descending","count":2}`:                      {eve, ben},
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":1}`: {ana},
	} {
		same(t, body, want, w.post("/Users/.search", body, "Content-Type: application/json").ids())
		same(t, body, want, w.post("/Users/.search?filter=userName+eq+%22nobody%22", body).ids()) // the body is all that counts
	}
	for _, body := range []string{`{"attributes":["userName","name"]}`, `{"attributes":"userName,name"}`, `{"excludedAttributes":["meta","active","groups"]}`} {
		w.post("/Users/.search", body).has(map[string]any{
			"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User"}, "id": ana, "userName": "ana@x",
		}, "Resources", 0)
	}
	same(t, "groups", []string{group}, w.post("/Groups/.search", `{"filter":"members eq \"`+ana+`\""}`).ids())
	page := w.post("/Users/.search", `{"cursor":"","count":2}`).is(http.StatusOK)
	same(t, "the second page", []string{eve}, w.post("/Users/.search", map[string]any{"cursor": page.text("nextCursor"), "count": 2}).ids())
	w.post("/Users/.search", `{"filter":"nonsense eq 1"}`).fails(http.StatusBadRequest, "invalidFilter")
	w.post("/Users/.search", `{"filter":"title pr","Filter":"title pr"}`).fails(http.StatusBadRequest, "invalidValue")
	for _, body := range []string{`{"count":"x"}`, `{"count":1.5}`, `{"count":true}`, `{"filter":{}}`, `{"attributes":[1]}`} {
		w.post("/Users/.search", body).fails(http.StatusBadRequest, "invalidValue")
	}
	w.post("/Users/.search", `[]`).fails(http.StatusBadRequest, "invalidSyntax")
	w.post("/Users/.search", `{}`, "Content-Type: text/plain").fails(http.StatusUnsupportedMediaType, "")
}

// A query on the base address is on the resources of all types (RFC 7644 section 3.4.2.1), by GET and by .search.
func TestSearchOverAllTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	group := w.group("Boss")
	ana := w.user("ana@x")
	ben := w.post("/Users", `{"userName":"ben@x","displayName":"Boss","title":"T"}`).is(http.StatusCreated).text("id")
	team := w.group("Team", ana)
	w.instance("Other").user("other@x")
	all := []string{ana, ben, group, team}
	for text, want := range map[string][]string{
		`id pr`:                               all,
		`displayName eq "boss"`:               {ben, group},
		`userName eq "ana@x"`:                 {ana},
		`userName eq "ana@x" or members pr`:   {ana, team},
		`not (userName pr)`:                   {group, team},
		`title ne "T"`:                        {ana, group, team},
		`title eq null and members ne "x"`:    {ana, group, team},
		`emails[type eq "work"]`:              {},
		`meta.resourceType eq "Group"`:        {group, team},
		`meta[resourceType eq "User"]`:        {ana, ben},
		enterprise + `:department eq null`:    all,
		`active eq true and displayName pr`:   {ben},
		`userName gt "b" or displayName eq 7`: {ben},
	} {
		same(t, text, want, w.list("", text).ids())
		body, _ := json.Marshal(map[string]any{"filter": text})
		same(t, text, want, w.post("/.search", body).has(json.Number(fmt.Sprint(len(want))), "totalResults").ids())
	}
	for start := 1; start <= 5; start++ {
		for count := 0; count <= 4; count++ {
			want := all[min(start-1, 4):min(start-1+count, 4)]
			a := w.get(fmt.Sprintf("/?startIndex=%d&count=%d", start, count)).has(json.Number("4"), "totalResults")
			same(t, a.what, append([]string{}, want...), a.ids())
		}
	}
	same(t, "sorted inside their types", []string{ana, ben, team, group}, w.get("/?sortBy=displayName&sortOrder=descending").ids())
	same(t, "sorted where they can be", []string{ben, ana, group, team}, w.get("/?sortBy=userName&sortOrder=descending").ids())
	w.list("", `nonsense eq "x"`).fails(http.StatusBadRequest, "invalidFilter")
	w.list("", `active gt true`).fails(http.StatusBadRequest, "invalidFilter")
	w.get("/?sortBy=nonsense").fails(http.StatusBadRequest, "invalidValue")
	w.get("?attributes=displayName").has(map[string]any{
		"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "id": group, "displayName": "Boss",
	}, "Resources", 2)
	if got := w.post("", `{}`).fails(http.StatusMethodNotAllowed, "").header.Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow: %s", got)
	}
}

// The token of an instance stands for no user (RFC 7644 section 3.11).
func TestMe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		for _, path := range []string{"/Me", "/me"} {
			w.do(method, path, `{}`).fails(http.StatusNotImplemented, "")
		}
	}
	w.get("/Me/x").fails(http.StatusNotFound, "")
}
