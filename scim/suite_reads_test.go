package scim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// suiteFilter finds one resource by each of its values.
func suiteFilter(s *suite, r tested) {
	at, _ := s.create(r)
	s.create(r)
	got := s.get(at)
	id := got.text("id")
	finds := func(filter string) {
		s.t.Helper()
		if list := s.list(r.endpoint, filter); list.status != http.StatusOK || !strings.Contains(fmt.Sprint(list.ids()), id) {
			s.t.Errorf("%s: %d %s", filter, list.status, list.raw)
		}
	}
	literal := func(value any) string {
		text, _ := json.Marshal(value)
		return string(text)
	}
	for _, p := range r.places {
		if !p.shown() {
			continue
		}
		finds(p.path() + " pr")
		value := p.of(got)
		if list, many := value.([]any); many {
			value = list[0]
		}
		fields, complex := value.(map[string]any)
		if !complex {
			finds(p.path() + " eq " + literal(value))
			finds("not (" + p.path() + " ne " + literal(value) + ")")
			continue
		}
		for _, sub := range p.SubAttributes {
			if field, ok := fields[sub.Name]; ok {
				finds(p.path() + "." + sub.Name + " eq " + literal(field))
				finds(p.path() + "[" + sub.Name + " eq " + literal(field) + "]")
				finds(p.path() + "." + sub.Name + " PR AND ID Eq " + literal(id))
			}
		}
	}
}

// suiteSort sorts by each attribute: one order is the other one backwards where all values differ.
func suiteSort(s *suite, r tested) {
	for range 3 {
		s.create(r)
	}
	for _, p := range r.places {
		if !p.shown() {
			continue
		}
		path := p.path()
		if p.Type == "complex" {
			path += "." + p.SubAttributes[0].Name
		}
		only := "&filter=" + escaped(`meta.resourceType eq "`+r.name+`" and externalId pr`) + "&sortBy=" + escaped(path)
		up, down := s.get(r.endpoint+"?sortOrder=ascending"+only).ids(), s.get(r.endpoint+"?sortOrder=descending"+only).ids()
		same(s.t, path, 3, len(up))
		if p.Type == "string" && len(p.CanonicalValues) == 0 && !strings.Contains("locale preferredLanguage timezone", p.Name) {
			slices.Reverse(down)
			same(s.t, path, up, down)
		}
	}
}

// suiteProjection asks for each attribute on every verb that answers with a resource.
func suiteProjection(s *suite, r tested) {
	at, _ := s.create(r)
	whole := s.get(at)
	body := maps.Clone(whole.body)
	for _, p := range r.places {
		if !p.shown() {
			continue
		}
		only, without := "?attributes="+escaped(p.path()), "?excludedAttributes="+escaped(p.path())
		for _, a := range []*answer{s.get(at + only), s.put(at+only, body), s.patch(at+only, `{"op":"replace","value":{}}`)} {
			a.is(http.StatusOK)
			same(s.t, a.what, p.of(whole), p.of(a))
			if a.at("meta") != nil || a.at("id") == nil {
				s.t.Errorf("%s: %s", a.what, a.raw)
			}
		}
		for _, a := range []*answer{s.get(at + without), s.put(at+without, body)} {
			want := any(nil)
			if p.Returned == "always" {
				want = p.of(whole)
			}
			same(s.t, a.what, want, p.of(a.is(http.StatusOK)))
		}
		s.projectSubs(at, p, p.of(whole))
		list := s.get(r.endpoint + only + "&filter=" + escaped(`id eq "`+whole.text("id")+`"`)).is(http.StatusOK)
		first, _ := list.at("Resources", 0).(map[string]any)
		same(s.t, list.what, p.of(whole), p.of(&answer{body: first}))
	}
	shown := s.post(r.endpoint+"?attributes=id", s.example(r)).is(http.StatusCreated)
	same(s.t, "create", nil, shown.at("meta"))
}

// projectSubs asks for each sub-attribute alone, and for all but it.
func (s *suite) projectSubs(at string, p spot, whole any) {
	for _, sub := range p.SubAttributes {
		element := func(value any) map[string]any {
			if list, _ := value.([]any); len(list) > 0 {
				value = list[0]
			}
			out, _ := value.(map[string]any)
			return out
		}
		full := element(whole)
		value, there := full[sub.Name]
		if !there || len(full) < 2 {
			continue
		}
		path := escaped(p.path() + "." + sub.Name)
		same(s.t, "only "+path, map[string]any{sub.Name: value}, element(p.of(s.get(at+"?attributes="+path).is(http.StatusOK))))
		rest := maps.Clone(full)
		delete(rest, sub.Name)
		same(s.t, "all but "+path, rest, element(p.of(s.get(at+"?excludedAttributes="+path).is(http.StatusOK))))
	}
}

func suiteSearch(s *suite, r tested) {
	at, _ := s.create(r)
	id := s.get(at).text("id")
	for _, address := range []string{r.endpoint + "/.search", "/.search"} {
		a := s.post(address, map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "attributes": []string{"id"},
			"filter": `id eq "` + id + `"`, "startIndex": 1, "count": 10, "sortBy": "id", "sortOrder": "descending",
		})
		same(s.t, address, []string{id}, a.ids())
		a.has(json.Number("1"), "totalResults").has([]any{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, "schemas")
		s.get(address).fails(http.StatusMethodNotAllowed, "")
	}
}

// suitePaging walks all resources by index and by cursor, and meets each once.
func suitePaging(s *suite, r tested) {
	for range 5 {
		s.create(r)
	}
	all := s.get(r.endpoint + "?count=200").ids()
	for _, sort := range []string{"", "&sortBy=meta.created", "&sortBy=id&sortOrder=descending"} {
		want := s.get(r.endpoint + "?count=200" + sort).ids()
		indexed, pages := []string{}, []string{}
		for start := 1; start <= len(all); start += 2 {
			indexed = append(indexed, s.get(fmt.Sprintf("%s?startIndex=%d&count=2%s", r.endpoint, start, sort)).ids()...)
		}
		for cursor, more := "", true; more; more = cursor != "" {
			a := s.get(r.endpoint + "?count=2&cursor=" + escaped(cursor) + sort)
			pages, cursor = append(pages, a.ids()...), a.text("nextCursor")
		}
		same(s.t, "by index"+sort, want, indexed)
		same(s.t, "by cursor"+sort, want, pages)
	}
	s.get(r.endpoint+"?cursor=none").fails(http.StatusBadRequest, "invalidCursor")
	for query, count := range map[string]int{"count=-5": 0, "count=0": 0, "startIndex=0&count=1": 1, "startIndex=-3&count=2": 2, "startIndex=1000": 0} {
		a := s.get(r.endpoint + "?" + query)
		same(s.t, query, count, len(a.ids()))
		same(s.t, query+" total", any(json.Number(fmt.Sprint(len(all)))), a.at("totalResults"))
	}
}

func suiteBulk(s *suite, r tested) {
	body, err := json.Marshal(s.example(r))
	if err != nil {
		s.t.Fatal(err)
	}
	made := s.bulk(create(r.endpoint, "b1", string(body))).is(http.StatusOK)
	same(s.t, "created", "201", made.text("Operations", 0, "status"))
	at := r.endpoint + strings.TrimPrefix(made.text("Operations", 0, "location"), publicURL+s.prefix+r.endpoint)
	got := s.get(at).is(http.StatusOK)
	same(s.t, "version", got.at("meta", "version"), made.at("Operations", 0, "version"))
	echo, err := json.Marshal(got.body)
	if err != nil {
		s.t.Fatal(err)
	}
	done := s.bulk(`{"method":"PUT","path":"` + at + `","data":` + string(echo) + `},{"method":"PATCH","path":"` + at + `","data":{"Operations":[{"op":"remove","path":"externalId"}]}},` +
		`{"method":"DELETE","path":"` + at + `"},{"method":"DELETE","path":"` + at + `"}`).is(http.StatusOK)
	for i, status := range []string{"200", "204", "204", "404"} {
		if got := done.text("Operations", i, "status"); got != status && (i != 1 || got != "200") {
			s.t.Errorf("operation %d: %s", i, done.raw)
		}
	}
}

func suiteVersions(s *suite, r tested) {
	at, _ := s.create(r)
	got := s.get(at)
	tag := got.header.Get("ETag")
	same(s.t, "version", any(tag), got.at("meta", "version"))
	s.get(at, "If-None-Match: "+tag).is(http.StatusNotModified)
	s.get(at, `If-None-Match: W/"none", `+tag).is(http.StatusNotModified)
	s.get(at, `If-None-Match: *`).is(http.StatusNotModified)
	s.put(at, got.body, `If-Match: W/"none"`).fails(http.StatusPreconditionFailed, "")
	s.put(at, got.body, `If-Match: W/"none", `+tag).is(http.StatusOK)
	s.patch(at, `{"op":"remove","path":"externalId"}`, `If-Match: W/"none"`).fails(http.StatusPreconditionFailed, "")
	s.delete(at, `If-Match: W/"none"`).fails(http.StatusPreconditionFailed, "")
	s.delete(at, `If-Match: *`).is(http.StatusNoContent)
}

// suiteEmpty sends references that are empty: no address is shown as an empty text, which typed clients cannot read.
func suiteEmpty(s *suite, r tested) {
	at, body := s.create(r)
	for _, p := range r.places {
		if p.Type != "reference" || p.Mutability == "immutable" {
			continue
		}
		s.operate(at, "replace", p.path(), "")
		same(s.t, "patched "+p.path(), nil, p.of(s.get(at)))
		p.put(body, "")
		same(s.t, "put "+p.path(), nil, p.of(s.put(at, body).is(http.StatusOK)))
	}
}

func suiteErrors(s *suite, r tested) {
	at, body := s.create(r)
	none := r.endpoint + "/2819c223-7f76-453a-919d-413861904646"
	for _, a := range []*answer{s.get(none), s.put(none, body), s.patch(none, `{"op":"remove","path":"externalId"}`), s.delete(none), s.get(r.endpoint + "/none/more")} {
		a.fails(http.StatusNotFound, "")
	}
	if r.name != "Group" { // two groups of one name: see TestI8SecondGroupOfOneName
		s.post(r.endpoint, body).fails(http.StatusConflict, "uniqueness")
	}
	for _, filter := range []string{"nothing eq", `"`, `id eq "x" and`, `(id pr`, `id xx "y"`} {
		s.list(r.endpoint, filter).fails(http.StatusBadRequest, "invalidFilter")
	}
	for _, p := range r.places {
		if !p.Required || p.extension != "" {
			continue
		}
		without := maps.Clone(body)
		delete(without, p.Name)
		delete(without, "externalId")
		s.post(r.endpoint, without).fails(http.StatusBadRequest, "invalidValue")
		s.put(at, without).fails(http.StatusBadRequest, "invalidValue")
	}
	before := s.get(at)
	for _, p := range r.places {
		for _, op := range []string{"add", "Replace"} {
			s.patch(at, `{"op":"`+op+`","path":"`+p.path()+`"}`).fails(http.StatusBadRequest, "invalidValue")
		}
	}
	same(s.t, "after failures", before.body, s.get(at).body)
	s.patch(at, `{"op":"replace","path":"meta.created","value":"2020-01-01T00:00:00Z"}`).fails(http.StatusBadRequest, "mutability")
}
