package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// sortBy takes every attribute; values have their types, absent ones come last, or first when descending, and equal ones
// are in the order of creation, or the reverse.
func TestSort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.populate(t, 40)
	for _, c := range []struct {
		endpoint string
		rt       *schema.ResourceType
	}{{"/Users", schema.Default().ResourceType("User")}, {"/Groups", schema.Default().ResourceType("Group")}} {
		all := w.get(c.endpoint + "?count=1000").is(http.StatusOK).at("Resources").([]any)
		for _, on := range termsOf(c.rt, nil) {
			for _, desc := range []bool{false, true} {
				sorted := sortedIDs(c.rt, all, on.path, desc)
				path := c.endpoint + "?sortBy=" + escaped(on.path) + map[bool]string{true: "&sortOrder=Descending"}[desc]
				if sorted == nil {
					w.get(path).fails(http.StatusBadRequest, "invalidValue")
					continue
				}
				same(t, path, sorted, w.get(path).ids())
				same(t, path+" by cursors", sorted, w.pages(path+"&cursor=", 7))
			}
		}
	}
	for _, query := range []string{"?sortBy=nonsense", "?sortBy=urn:x:y", "?sortBy=password", "?sortBy=userName&sortOrder=up", "?sortBy=name", "?sortBy=name.x", "?sortBy=%22", "?sortBy=emails[type+eq+%22work%22]"} {
		w.get("/Users"+query).fails(http.StatusBadRequest, "invalidValue")
	}
	same(t, "without sortBy", w.get("/Users").ids(), w.get("/Users?sortBy=&sortOrder=descending").ids())
	same(t, "in any case", w.get("/Users?sortBy=userName").ids(), w.get("/Users?SORTBY="+schema.UserURN+":USERNAME&sortorder=ASCENDING").ids())
}

// sortedIDs sorts resources by what they show; nil is for attributes that nothing is sorted by.
func sortedIDs(rt *schema.ResourceType, resources []any, path string, desc bool) []string {
	ref, _ := rt.ResolveKey(path)
	leaf := ref.Leaf()
	sub := ref.Sub
	if leaf.Type == schema.Complex {
		if leaf = leaf.Sub("value"); leaf == nil {
			return nil
		}
		sub = leaf
	}
	if linked := ref.Attr.Name == "groups" || ref.Attr.Name == "members" || ref.Attr.Name == "manager"; linked && (sub.Name == "$ref" || sub.Name == "type") {
		return nil
	}
	type row struct {
		id    string
		value any
		at    int
	}
	rows := []row{}
	for i, r := range resources {
		resource := r.(map[string]any)
		rows = append(rows, row{resource["id"].(string), sortValue(schema.Container(resource, ref.Extension, false)[ref.Attr.Name], sub, leaf), i})
	}
	slices.SortFunc(rows, func(a, b row) int {
		order := 0
		switch {
		case a.value == nil && b.value != nil:
			order = 1
		case a.value != nil && b.value == nil:
			order = -1
		case a.value != nil:
			order = strings.Compare(fmt.Sprint(a.value), fmt.Sprint(b.value))
		}
		if order == 0 {
			order = a.at - b.at
		}
		if desc {
			return -order
		}
		return order
	})
	out := []string{}
	for _, r := range rows {
		out = append(out, r.id)
	}
	return out
}

// sortValue is the value of an attribute that counts, as a text.
func sortValue(value any, sub, leaf *schema.Attribute) any {
	if list, ok := value.([]any); ok {
		value = nil
		for _, element := range list {
			object, _ := element.(map[string]any)
			if sub == nil || object[sub.Name] == nil {
				continue
			}
			if value == nil || object["primary"] == true {
				value = element
			}
		}
		if sub == nil && len(list) > 0 && leaf.Name != "schemas" {
			value = list[0]
		}
	}
	if object, ok := value.(map[string]any); ok && sub != nil {
		value = object[sub.Name]
	}
	switch v := value.(type) {
	case string:
		if !leaf.CaseExact {
			v = directory.FoldKey(v)
		}
		if v == "" {
			return nil
		}
		return v
	case bool:
		return fmt.Sprint(v)
	}
	return value
}

// pages reads a list by its cursors, and checks that all pages but the last are full and tell the same length.
func (c *client) pages(path string, count int) []string {
	c.t.Helper()
	ids, cursor, total := []string{}, "", ""
	for range 100 {
		a := c.get(strings.Replace(path, "cursor=", "cursor="+cursor, 1) + fmt.Sprint("&count=", count)).is(http.StatusOK)
		page := a.ids()
		ids = append(ids, page...)
		n := fmt.Sprint(a.at("totalResults"))
		if total != "" && n != total {
			c.t.Errorf("%s: totalResults is %s after %s", path, n, total)
		}
		total = n
		a.has(nil, "startIndex").has(json.Number(fmt.Sprint(len(page))), "itemsPerPage")
		if cursor = a.text("nextCursor"); cursor == "" {
			return ids
		}
		if len(page) != count {
			c.t.Errorf("%s: a page of %d before the last", path, len(page))
		}
	}
	c.t.Fatal("the pages have no end")
	return nil
}

// Paging by cursor (RFC 9865): full pages, each resource once, bound to its list.
func TestCursors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.populate(t, 20)
	users, groups := w.get("/Users").ids(), w.get("/Groups").ids()
	for count := 1; count <= 26; count += 5 {
		same(t, "users", users, w.pages("/Users?cursor=", count))
		same(t, "all types", append(slices.Clone(users), groups...), w.pages("?cursor=", count))
		same(t, "some", w.list("/Users", `active eq true`).ids(), w.pages("/Users?filter=active+eq+true&cursor=", count))
	}
	first := w.get("/Users?cursor=&count=4").is(http.StatusOK).has(json.Number("20"), "totalResults")
	cursor := first.text("nextCursor")
	w.get("/Users?count=1").has(nil, "nextCursor")
	same(t, "another count", users[4:11], w.get("/Users?count=7&cursor="+cursor).ids())
	same(t, "again", users[4:11], w.get("/users?attributes=id&count=7&cursor="+cursor).ids())

	other := w.instance("Other")
	other.user("other@x")
	for what, path := range map[string]string{
		"a filter": "/Users?filter=active+eq+true", "an order": "/Users?sortBy=userName", "another type": "/Groups?", "all types": "?",
	} {
		if a := w.get(path+"&count=1&cursor="+cursor).fails(http.StatusBadRequest, "invalidCursor"); !strings.Contains(a.text("detail"), "cursor") {
			t.Errorf("%s: %s", what, a.raw)
		}
	}
	other.get("/Users?cursor="+cursor).fails(http.StatusBadRequest, "invalidCursor")
	changed := "A"
	if cursor[10] == 'A' {
		changed = "B"
	}
	for _, forged := range []string{"x", "AA", "%00", cursor[:len(cursor)-1], cursor + "A", strings.Repeat("A", 3000), cursor[:10] + changed + cursor[11:]} {
		if a := w.get("/Users?cursor=" + forged); a.status == http.StatusOK || a.body["scimType"] != "invalidCursor" && a.body["scimType"] != "expiredCursor" {
			t.Errorf("%s: %s", forged, a.raw)
		}
	}
	w.get("/Users?cursor=Ag"+cursor[2:]).fails(http.StatusBadRequest, "expiredCursor") // of another version
	for _, count := range []string{"0", "-1", "x", "1001", "1.5"} {
		w.get("/Users?cursor=&count="+count).fails(http.StatusBadRequest, "invalidCount")
	}
	w.get("/Users?cursor=&startIndex=1").fails(http.StatusBadRequest, "invalidValue")
}

// While resources come, change and go, every one that is there all the time is listed exactly once.
func TestCursorsAreStable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		kept, gone := []string{}, []string{}
		for i := range 6 {
			kept = append(kept, w.post("/Users", fmt.Sprintf(`{"userName":"%d.%d@x","title":"round%d","nickName":%q}`, round, i, round, rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "nick"))).is(http.StatusCreated).text("id"))
			gone = append(gone, w.post("/Users", fmt.Sprintf(`{"userName":"%d.%d@y","title":"round%d","nickName":"a"}`, round, i, round)).is(http.StatusCreated).text("id"))
		}
		path := "/Users?filter=" + escaped(fmt.Sprintf(`title eq "round%d"`, round)) + rapid.SampledFrom([]string{"", "&sortBy=nickName", "&sortBy=nickName&sortOrder=descending", "&sortBy=userName"}).Draw(rt, "order")
		listed, cursor := map[string]int{}, ""
		for page := range 20 {
			a := w.get(path + "&count=3&cursor=" + cursor)
			for _, id := range a.ids() {
				listed[id]++
			}
			if cursor = a.text("nextCursor"); cursor == "" {
				break
			}
			w.delete("/Users/" + gone[page%6])
			w.post("/Users", fmt.Sprintf(`{"userName":"%d.%d@z","title":"round%d","nickName":"a"}`, round, page, round)).is(http.StatusCreated)
		}
		for _, id := range kept {
			if listed[id] != 1 {
				rt.Fatalf("%s: %s is listed %d times", path, id, listed[id])
			}
		}
		for id, n := range listed {
			if n > 1 {
				rt.Fatalf("%s: %s is listed %d times", path, id, n)
			}
		}
	})
}
