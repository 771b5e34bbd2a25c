package scim_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The fuzz targets of this file send what they make to a real server with its database: whatever comes, the answer is one
// of SCIM's and no fault of ours, and the server goes on. In texts USER and GROUP stand for the ids of resources.

// fuzzed is a world with a user in a group.
func fuzzed(f *testing.F) (w *world, names *strings.Replacer) {
	w = newWorld(f)
	user := w.post("/Users", `{"userName":"ana@x","externalId":"a","emails":[{"value":"ana@x","type":"work","primary":true}],"name":{"givenName":"Ana"}}`).is(http.StatusCreated).text("id")
	return w, strings.NewReplacer("USER", user, "GROUP", w.group("G", user))
}

// answers checks an answer to what was made up.
func (w *world) answers(t *testing.T, method, path, body string) {
	c := *w.client
	c.t = t
	sent := any(body)
	if method == http.MethodGet {
		sent = nil
	}
	if a := c.do(method, path, sent); a.status < 200 || a.status >= 500 {
		t.Fatalf("%s %s %q: %d %s", method, path, body, a.status, a.raw)
	}
}

func FuzzFilter(f *testing.F) {
	w, names := fuzzed(f)
	for _, seed := range []string{
		`userName eq "ana@x"`, `emails[type eq "work" and not (value co "@")].value sw "a"`, `id eq "USER" and groups.value eq "GROUP"`,
		`meta.lastModified gt "2024-03-01T08:00:00+02:00" or active eq True`, `name.givenName pr and title ne null`, `members[value eq "USER"]`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "USER"`, `schemas eq "x" or meta.version eq "W/\"1\""`, `displayName lt "\ud83d\ude00"`,
	} {
		f.Add(seed, "name.familyName")
	}
	f.Fuzz(func(t *testing.T, filter, sortBy string) {
		query := url.Values{"filter": {names.Replace(filter)}, "sortBy": {sortBy}, "count": {"3"}}.Encode()
		for _, endpoint := range []string{"/Users", "/Groups", ""} {
			w.answers(t, http.MethodGet, endpoint+"?"+query, "")
		}
	})
}

func FuzzPatch(f *testing.F) {
	w, names := fuzzed(f)
	for _, seed := range []string{
		`{"Operations":[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"b@x"}]}`,
		`{"Operations":[{"op":"add","value":{"name.givenName":"A","active":"False","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":"USER"}}}]}`,
		`{"Operations":[{"op":"Remove","path":"members","value":[{"value":"USER"}]},{"op":"add","path":"members","value":"USER"}]}`,
		`{"Operations":[{"op":"remove","path":"members[value eq \"USER\"]"},{"op":"replace","path":"displayName","value":"H"}]}`,
		`{"Operations":[{"op":"replace","value":{"members":[],"displayName":"I","id":"GROUP"}}]}`,
		`{"Operations":[{"op":"add","path":"addresses[type eq \"home\"]","value":{"country":"NO"}},{"op":"remove","path":"addresses"}]}`,
	} {
		f.Add(names.Replace(seed))
	}
	user, group := names.Replace("/Users/USER"), names.Replace("/Groups/GROUP")
	f.Fuzz(func(t *testing.T, body string) {
		w.answers(t, http.MethodPatch, user, names.Replace(body))
		w.answers(t, http.MethodPatch, group, names.Replace(body))
		w.answers(t, http.MethodGet, user, "")
		w.answers(t, http.MethodGet, group, "")
	})
}

func FuzzBulk(f *testing.F) {
	w, names := fuzzed(f)
	for _, seed := range []string{
		`{"failOnErrors":1,"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"b"}},{"method":"POST","path":"/Groups","data":{"displayName":"H","members":[{"value":"bulkId:a"}]}}]}`,
		`{"Operations":[{"method":"POST","path":"/Groups","bulkId":"a","data":{"displayName":"A","members":[{"value":"bulkId:b"}]}},{"method":"POST","path":"/Groups","bulkId":"b","data":{"displayName":"B","members":[{"value":"bulkId:a"}]}}]}`,
		`{"Operations":[{"method":"PATCH","path":"/Groups/GROUP","version":"W/\"1\"","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"USER"}]}]}}]}`,
		`{"Operations":[{"method":"PUT","path":"/Users/USER","data":{"userName":"ana@x","manager":"bulkId:x"}},{"method":"DELETE","path":"/Users/bulkId:y"}]}`,
	} {
		f.Add(names.Replace(seed))
	}
	f.Fuzz(func(t *testing.T, body string) {
		w.answers(t, http.MethodPost, "/Bulk", names.Replace(body))
	})
}
