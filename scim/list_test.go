package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/scim/schema"
)

// Paging: stable order; startIndex < 1 means 1; count 0 gives only totalResults; negative is 0.
func TestPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := make([]string, 5)
	for i := range ids {
		ids[i] = w.user(fmt.Sprintf("u%d@x", 9-i)) // the order is that of creation, not of names
	}
	for query, want := range map[string]struct {
		ids   []string
		start string
	}{
		"":                             {ids, "1"},
		"?startIndex=1&count=2":        {ids[:2], "1"},
		"?startIndex=3&count=2":        {ids[2:4], "3"},
		"?startIndex=5&count=2":        {ids[4:], "5"},
		"?startIndex=6&count=2":        {nil, "6"},
		"?startIndex=900&count=2":      {nil, "900"},
		"?startIndex=0&count=1":        {ids[:1], "1"},
		"?startIndex=-7&count=1":       {ids[:1], "1"},
		"?count=0":                     {nil, "1"},
		"?count=-3":                    {nil, "1"},
		"?count=0&startIndex=3":        {nil, "3"},
		"?count=2147483648":            {ids, "1"},
		"?STARTINDEX=2&Count=1":        {ids[1:2], "2"},
		"?count=&startIndex=":          {ids, "1"},
		"?unknown=1&count=1&&":         {ids[:1], "1"},
		"?filter=userName+pr&count=1":  {ids[:1], "1"},
		"?sortBy=userName&count=1&%zz": {ids[4:], "1"}, // what is not encoded properly is no parameter
	} {
		a := w.get("/Users" + query)
		same(t, query, append([]string{}, want.ids...), a.ids())
		a.has(json.Number("5"), "totalResults").has(json.Number(want.start), "startIndex").has(json.Number(fmt.Sprint(len(want.ids))), "itemsPerPage")
	}
	for _, query := range []string{"?count=x", "?startIndex=1.5", "?count=99999999999999999999", "?count=1&count=2"} {
		w.get("/Users"+query).fails(http.StatusBadRequest, "invalidValue")
	}
	w.get("/Users?count=0&filter=userName+eq+%22u9@x%22").has(json.Number("1"), "totalResults").has([]any{}, "Resources")
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 103 {
		w.group(fmt.Sprint("g", i))
	}
	same(t, "the default page", 100, len(w.get("/Groups").has(json.Number("103"), "totalResults").ids()))
	same(t, "the largest page", 103, len(w.get("/Groups?count=5000").ids()))
}

// attributes and excludedAttributes choose what is shown; id and schemas always are.
func TestProjection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.post("/Users", full).is(http.StatusCreated).text("id")
	group := w.group("G", id)
	keys := func(a *answer) []string {
		out := []string{}
		for _, key := range []string{"schemas", "id", "meta", "userName", "name", "emails", "groups", "active", enterprise} {
			if a.at(key) != nil {
				out = append(out, key)
			}
		}
		return out
	}
	for query, want := range map[string]string{
		"?attributes=userName":                              "schemas id userName",
		"?attributes=USERNAME,meta":                         "schemas id meta userName",
		"?attributes=" + schema.UserURN + ":userName":       "schemas id userName",
		"?attributes=name.givenName,emails.value":           "schemas id name emails",
		"?attributes=" + enterprise:                         "schemas id " + enterprise,
		"?attributes=" + schema.UserURN:                     "schemas id userName name emails groups active",
		"?excludedAttributes=" + schema.UserURN:             "schemas id meta " + enterprise,
		"?attributes=" + enterprise + ":department":         "schemas id " + enterprise,
		"?attributes=nonsense":                              "schemas id",
		"?attributes=groups.value":                          "schemas id groups",
		"?attributes=password":                              "schemas id",
		"?attributes=":                                      "schemas id meta userName name emails groups active " + enterprise,
		"?excludedAttributes=groups,meta,nonsense":          "schemas id userName name emails active " + enterprise,
		"?excludedAttributes=id,schemas":                    "schemas id meta userName name emails groups active " + enterprise,
		"?excludedAttributes=" + enterprise + ",groups":     "schemas id meta userName name emails active",
		"?attributes=userName,name&excludedAttributes=name": "schemas id userName",
	} {
		same(t, query, strings.Fields(want), keys(w.get("/Users/"+id+query).is(http.StatusOK)))
	}
	w.get("/Users/"+id+"?attributes=name.givenName,emails.value").has(map[string]any{"givenName": "Barbara"}, "name").
		has([]any{map[string]any{"value": "babs@jensen.org"}, map[string]any{"value": "bjensen@example.com"}}, "emails")
	w.get("/Users/"+id+"?excludedAttributes=name.formatted,emails.type").has(nil, "name", "formatted").has("Barbara", "name", "givenName").has(nil, "emails", 0, "type")
	w.get("/Users/"+id+"?attributes="+enterprise+":department").has(map[string]any{"department": "Tour Operations"}, enterprise)
	w.get("/Users?attributes=userName").has("bjensen@example.com", "Resources", 0, "userName").has(nil, "Resources", 0, "active")
	w.get("/Groups/"+group+"?attributes=members.value").has([]any{map[string]any{"value": id}}, "members")
	w.post("/Users?attributes=userName", `{"userName":"x","title":"t"}`).is(http.StatusCreated).has("x", "userName").has(nil, "title")
	w.put("/Users/"+id+"?attributes=userName", full).is(http.StatusOK).has(nil, "title").has("bjensen@example.com", "userName")
}

// S2: a malformed or unsupported filter is 400, never all rows and never a silent empty list.
func TestS2BadFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ana@x")
	for _, text := range []string{
		``, ` `, `userName`, `userName eq`, `userName eq "x`, `nonsense eq "x"`, `active gt true`, `userName xx "y"`, `groups.nonsense pr`, `password pr`,
		`userName eq "x" or`, `meta.location co "x"`, `emails[type eq "work"`, "userName eq \"\x00\"", "userName eq \"\xff\"", `userName eq "\ud800"`,
		strings.Repeat("(", 33) + "userName pr" + strings.Repeat(")", 33), strings.Repeat("userName pr and ", 8000) + "userName pr", strings.Repeat("x", 16<<10),
	} {
		w.list("/Users", text).fails(http.StatusBadRequest, "invalidFilter")
	}
	w.get("/Users?filter=userName+eq+%2").fails(http.StatusBadRequest, "invalidValue")
	w.get("/Users?filter=userName+pr&filter=userName+pr").fails(http.StatusBadRequest, "invalidValue")
	w.get("/Users?filter=userName+eq+%22a;b%22").is(http.StatusOK).has([]any{}, "Resources") // a semicolon does not lose the filter
	w.get("/Users?Filter=userName+eq+%22nobody%22").is(http.StatusOK).has([]any{}, "Resources")
}

// S1: a hostile filter costs little.
func TestS1HostileFiltersAreRefusedFast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, text := range map[string]string{
		"16 KB": strings.Repeat("x", 16<<10), "8,000 and": strings.Repeat("a pr and ", 8000) + "a pr", "depth 33": strings.Repeat("(", 33) + "a pr" + strings.Repeat(")", 33),
	} {
		best := time.Hour
		for try := 0; best > 10*time.Millisecond && try < 100; try++ { // a busy machine holds any one of them up
			start := time.Now()
			w.list("/Users", text).is(http.StatusBadRequest)
			best = min(best, time.Since(start))
		}
		if best > 10*time.Millisecond {
			t.Errorf("%s took %v", name, best)
		}
	}
}

// S4: injection strings and the metacharacters of LIKE and of JSON paths are literal.
func TestS4FiltersAreLiteral(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.post("/Users", map[string]any{"userName": "ana@x", "title": `100% _ \ " ' $ [*] -- ;`}).is(http.StatusCreated).text("id")
	w.user("other@x")
	for _, value := range []string{`%`, `_`, `\\`, `\"`, `'`, `$`, `[*]`, `--`, `;`, `100%`} {
		same(t, value, []string{ana}, w.list("/Users", `title co "`+value+`"`).ids())
	}
	for _, value := range []string{`a%`, `___@_`, `' OR '1'='1`, `x'; DROP TABLE identity; --`, `\\'`, `$1`, `{{`} {
		same(t, value, []string{}, w.list("/Users", `userName eq "`+value+`" or userName sw "`+value+`" or userName ew "`+value+`" or userName co "`+value+`"`).ids())
	}
}
