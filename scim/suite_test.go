package scim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/scim/schema"
)

// The suite looks at the server as the public test suites do: from outside, by what /ResourceTypes and /Schemas say, with
// a value for each attribute that a client may write.
func TestSuite(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(*suite, tested){
		"discovery": suiteDiscovery, "whole": suiteWhole, "patch": suitePatch, "pathless patch": suitePathless, "entra patch": suiteEntraPatch,
		"filter": suiteFilter, "sort": suiteSort, "projection": suiteProjection, "search": suiteSearch, "paging": suitePaging, "bulk": suiteBulk,
		"versions": suiteVersions, "empty references": suiteEmpty, "errors": suiteErrors,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSuite(t)
			for _, r := range s.types() {
				t.Run(r.name, func(t *testing.T) {
					s.t, s.world.t, s.client.t = t, t, t
					check(s, r)
				})
			}
		})
	}
}

type suite struct {
	*world
	schemas map[string][]trait
	n       int // makes values differ
}

// tested is a resource type as discovery describes it.
type tested struct {
	name, endpoint, urn string
	places              []spot
}

// trait is an attribute as /Schemas describes it.
type trait struct {
	Name, Type, Mutability, Returned, Uniqueness string
	MultiValued, Required, CaseExact             bool
	CanonicalValues, ReferenceTypes              []string
	SubAttributes                                []trait
}

// spot is an attribute of a resource type; extension is the URN that it stands under, empty for the core schema.
type spot struct {
	trait
	extension string
}

func newSuite(t *testing.T) *suite {
	types, err := schema.Load(os.DirFS("../examples/scim-schemas"))
	if err != nil {
		t.Fatal(err)
	}
	return &suite{world: newWorldOf(t, types)}
}

func into[T any](t testing.TB, value any) (out T) {
	t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *suite) types() []tested {
	s.schemas = map[string][]trait{}
	for _, one := range into[[]struct {
		ID         string
		Attributes []trait
	}](s.t, s.get("/Schemas").is(http.StatusOK).at("Resources")) {
		s.schemas[one.ID] = one.Attributes
	}
	out := []tested{}
	for _, rt := range into[[]struct {
		Name, Endpoint, Schema string
		SchemaExtensions       []struct{ Schema string }
	}](s.t, s.get("/ResourceTypes").is(http.StatusOK).at("Resources")) {
		r := tested{name: rt.Name, endpoint: rt.Endpoint, urn: rt.Schema}
		r.add(s.schemas[rt.Schema], "")
		for _, extension := range rt.SchemaExtensions {
			r.add(s.schemas[extension.Schema], extension.Schema)
		}
		out = append(out, r)
	}
	return out
}

// add adds what a client may write of a schema. The common attributes but externalId are the server's.
func (r *tested) add(traits []trait, extension string) {
	for _, a := range traits {
		if a.Mutability != "readOnly" && a.Name != "id" && a.Name != "meta" && a.Name != "schemas" {
			r.places = append(r.places, spot{a, extension})
		}
	}
}

func (p spot) path() string {
	if p.extension == "" {
		return p.Name
	}
	return p.extension + ":" + p.Name
}

// of is the value at the spot in an answer.
func (p spot) of(a *answer) any {
	if p.extension == "" {
		return a.at(p.Name)
	}
	return a.at(p.extension, p.Name)
}

func (p spot) put(body map[string]any, value any) {
	if p.extension == "" {
		body[p.Name] = value
		return
	}
	inner, _ := body[p.extension].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
		body[p.extension] = inner
	}
	inner[p.Name] = value
}

// shown reports whether the attribute is in an answer that asks for nothing.
func (p spot) shown() bool {
	return p.Returned != "never" && p.Returned != "request" && p.Mutability != "writeOnly"
}

// value is a new value of an attribute's type; an element of its list where the attribute has many.
func (s *suite) value(a trait) any {
	s.n++
	switch {
	case len(a.CanonicalValues) > 0:
		return a.CanonicalValues[s.n%len(a.CanonicalValues)]
	case a.Type == "boolean":
		return a.Name == "primary" || s.n%2 == 0
	case a.Type == "integer":
		return json.Number(fmt.Sprint(s.n))
	case a.Type == "decimal":
		return json.Number(fmt.Sprintf("%d.25", s.n))
	case a.Type == "dateTime":
		return fmt.Sprintf("2024-03-01T08:%02d:%02dZ", s.n/60%60, s.n%60)
	case a.Type == "binary":
		return "aGVs" + fmt.Sprintf("%04d", s.n%10000)
	case a.Type == "reference" && len(a.ReferenceTypes) > 0 && a.ReferenceTypes[0] != "external" && a.ReferenceTypes[0] != "uri":
		return "../Users/" + s.someone()
	case a.Type == "reference":
		return fmt.Sprintf("https://example.com/%d", s.n)
	case a.Type == "complex":
		return s.complex(a)
	case a.Name == "locale", a.Name == "preferredLanguage":
		return []string{"en-US", "fr-FR", "de"}[s.n%3]
	case a.Name == "timezone":
		return []string{"Europe/Oslo", "Asia/Tokyo"}[s.n%2]
	}
	return fmt.Sprintf("%s %d ä", a.Name, s.n)
}

func (s *suite) complex(a trait) any {
	out := map[string]any{}
	for _, sub := range a.SubAttributes {
		if sub.Mutability == "readOnly" || sub.Name == "$ref" {
			continue
		}
		out[sub.Name] = s.value(sub)
		switch {
		case sub.Name == "value" && (a.Name == "members" || a.Name == "manager"):
			out[sub.Name] = s.someone()
		case sub.Name == "type" && a.Name == "members":
			out[sub.Name] = "User"
		case sub.Name == "value" && a.Name == "emails":
			out[sub.Name] = fmt.Sprintf("mail%d@example.com", s.n)
		}
	}
	return out
}

// someone is a user to point to.
func (s *suite) someone() string {
	s.n++
	return s.user(fmt.Sprint("someone ", s.n))
}

// filled is a value for the whole attribute.
func (s *suite) filled(a trait) any {
	if a.MultiValued {
		return []any{s.value(a)}
	}
	return s.value(a)
}

// example is a resource with every attribute that a client may write.
func (s *suite) example(r tested) map[string]any {
	schemas := []any{r.urn}
	s.n++
	body := map[string]any{"externalId": fmt.Sprint("ext ", s.n)}
	for _, p := range r.places {
		p.put(body, s.filled(p.trait))
		if p.extension != "" && len(schemas) < len(body) && !strings.Contains(fmt.Sprint(schemas), p.extension) {
			schemas = append(schemas, p.extension)
		}
	}
	body["schemas"] = schemas
	return body
}

func (s *suite) create(r tested) (string, map[string]any) {
	s.t.Helper()
	body := s.example(r)
	return r.endpoint + "/" + s.post(r.endpoint, body).is(http.StatusCreated).text("id"), body
}

// least is a value without what the server adds to a complex one, such as $ref and display.
func least(want, got any) any {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		out := map[string]any{}
		for name := range w {
			if value, ok := g[name]; ok {
				out[name] = least(w[name], value)
			}
		}
		return out
	case []any:
		g, _ := got.([]any)
		out := make([]any, len(g))
		for i := range g {
			if out[i] = g[i]; i < len(w) {
				out[i] = least(w[i], g[i])
			}
		}
		return out
	}
	return got
}

// holds checks that an answer has all of a body.
func (s *suite) holds(r tested, a *answer, body map[string]any) {
	s.t.Helper()
	for _, p := range r.places {
		want := p.of(&answer{body: body})
		if !p.shown() {
			want = nil
		}
		same(s.t, a.what+" "+p.path(), want, least(want, p.of(a)))
	}
}

func suiteDiscovery(s *suite, r tested) {
	for _, address := range []string{"/ResourceTypes/" + r.name, "/Schemas/" + r.urn} {
		one := s.get(address).is(http.StatusOK)
		same(s.t, "location", publicURL+s.prefix+address, one.text("meta", "location"))
		list := s.get(address[:strings.LastIndex(address, "/")]).is(http.StatusOK)
		found := false
		for _, each := range list.at("Resources").([]any) {
			found = found || each.(map[string]any)["id"] == one.at("id")
		}
		if !found {
			s.t.Errorf("%s is not listed", address)
		}
		s.post(address, map[string]any{}).fails(http.StatusMethodNotAllowed, "")
		s.get(address+"-none").fails(http.StatusNotFound, "")
	}
	s.get("/Schemas?filter="+escaped(`id eq "x"`)).fails(http.StatusForbidden, "")
}

// suiteWhole writes all attributes at once, by POST and PUT, and reads them back; a PUT of what was read changes nothing.
func suiteWhole(s *suite, r tested) {
	at, body := s.create(r)
	got := s.get(at).is(http.StatusOK)
	s.holds(r, got, body)
	same(s.t, "echo", got.body, s.put(at, got.body).is(http.StatusOK).body)
	other := s.example(r)
	for _, p := range r.places {
		if p.Mutability == "immutable" {
			p.put(other, p.of(got))
		}
	}
	s.holds(r, s.put(at, other).is(http.StatusOK), other)
	s.holds(r, s.get(at).is(http.StatusOK), other)
	s.delete(at).is(http.StatusNoContent)
	s.get(at).fails(http.StatusNotFound, "")
	s.post(r.endpoint, other).is(http.StatusCreated)
}

// suitePatch adds, replaces and removes each attribute, and each sub-attribute, by its path.
func suitePatch(s *suite, r tested) {
	for _, p := range r.places {
		if p.Mutability == "immutable" {
			continue
		}
		at, _ := s.create(r)
		paths := []string{p.path()}
		if p.extension == "" {
			paths = append(paths, r.urn+":"+p.Name, strings.ToUpper(p.Name))
		}
		for _, path := range paths {
			s.patchAt(at, path, p, p.Required)
		}
		if p.MultiValued {
			continue
		}
		if value, ok := p.of(s.get(at)).(map[string]any); ok && value["value"] != nil && value["$ref"] != nil {
			s.operate(at, "add", p.path(), map[string]any{"$ref": value["$ref"]})
			same(s.t, "add $ref to "+p.path(), any(value), p.of(s.get(at)))
		}
		for _, sub := range p.SubAttributes {
			if sub.Mutability != "readWrite" || sub.Name == "$ref" || p.Name == "manager" {
				continue
			}
			for _, op := range []string{"add", "replace"} {
				value := s.value(sub)
				s.operate(at, op, p.path()+"."+sub.Name, value)
				same(s.t, op+" "+p.path()+"."+sub.Name, value, p.of(s.get(at)).(map[string]any)[sub.Name])
			}
			s.operate(at, "remove", p.path()+"."+sub.Name, nil)
			object, _ := p.of(s.get(at)).(map[string]any)
			same(s.t, "remove "+p.path()+"."+sub.Name, nil, object[sub.Name])
		}
	}
}

func (s *suite) operate(at, op, path string, value any) {
	s.t.Helper()
	operation := map[string]any{"op": op, "value": value}
	if path != "" {
		operation["path"] = path
	}
	if value == nil {
		delete(operation, "value")
	}
	text, err := json.Marshal(operation)
	if err != nil {
		s.t.Fatal(err)
	}
	if a := s.patch(at, string(text)); a.status != http.StatusNoContent {
		s.t.Errorf("%s: %d %s", text, a.status, a.raw)
	}
}

func (s *suite) patchAt(at, path string, p spot, required bool) {
	s.t.Helper()
	if !required {
		s.operate(at, "remove", path, nil)
		if p.Name != "active" { // the directory has a state for each user
			same(s.t, "remove "+path, nil, p.of(s.get(at)))
		}
	}
	for _, op := range []string{"add", "replace"} {
		value := s.filled(p.trait)
		s.operate(at, op, path, value)
		got := p.of(s.get(at))
		if list, many := got.([]any); many && op == "add" {
			got = list[len(list)-1:]
		}
		if p.shown() {
			same(s.t, op+" "+path, value, least(value, got))
		}
	}
}

// suitePathless writes each attribute by an operation whose value names it.
func suitePathless(s *suite, r tested) {
	at, _ := s.create(r)
	for _, p := range r.places {
		if p.Mutability == "immutable" || !p.shown() {
			continue
		}
		value := s.filled(p.trait)
		nested := map[string]any{}
		p.put(nested, value)
		s.operate(at, "replace", "", nested)
		same(s.t, "nested "+p.path(), value, least(value, p.of(s.get(at))))
		value = s.filled(p.trait)
		s.operate(at, "Replace", "", map[string]any{p.path(): value})
		same(s.t, "key "+p.path(), value, least(value, p.of(s.get(at))))
		if p.extension != "" {
			value = s.filled(p.trait)
			s.operate(at, "Add", p.extension, map[string]any{p.Name: value})
			same(s.t, "extension "+p.path(), value, least(value, p.of(s.get(at))))
		}
	}
	for _, p := range r.places {
		if p.extension != "" {
			s.operate(at, "remove", p.extension, nil)
			same(s.t, "removed extension", nil, s.get(at).at(p.extension))
		}
	}
}

// suiteEntraPatch writes as Entra ID does: single values as lists, booleans as texts, elements by the type.
func suiteEntraPatch(s *suite, r tested) {
	at, _ := s.create(r)
	for _, p := range r.places {
		switch {
		case p.Mutability == "immutable" || !p.shown():
		case p.Type == "boolean":
			s.operate(at, "Replace", p.path(), "False")
			same(s.t, p.path(), any(false), p.of(s.get(at)))
			s.operate(at, "Add", p.path(), "True")
			same(s.t, p.path(), any(true), p.of(s.get(at)))
		case !p.MultiValued && p.Type == "string":
			value := s.value(p.trait)
			s.operate(at, "Add", p.path(), []any{map[string]any{"$ref": nil, "value": value}})
			same(s.t, p.path(), value, p.of(s.get(at)))
		case p.MultiValued && p.Type == "complex" && p.Name != "members":
			s.entraElement(at, p)
		}
	}
}

func (s *suite) entraElement(at string, p spot) {
	var kinds []string
	for _, sub := range p.SubAttributes {
		if sub.Name == "type" {
			kinds = sub.CanonicalValues
		}
	}
	s.operate(at, "Remove", p.path(), nil)
	for _, kind := range kinds {
		for _, sub := range p.SubAttributes {
			if sub.Name == "type" || sub.Name == "primary" || sub.Mutability != "readWrite" {
				continue
			}
			for _, op := range []string{"Add", "Replace"} {
				path := fmt.Sprintf("%s[type eq %q].%s", p.path(), kind, sub.Name)
				value := s.value(sub)
				s.operate(at, op, path, value)
				elements, _ := p.of(s.get(at)).([]any)
				found := 0
				for _, e := range elements {
					if o := e.(map[string]any); o["type"] == kind && o[sub.Name] == value {
						found++
					}
				}
				same(s.t, op+" "+path, 1, found)
			}
		}
		s.operate(at, "Remove", fmt.Sprintf("%s[type eq %q]", p.path(), kind), nil)
	}
	same(s.t, "all removed "+p.path(), nil, p.of(s.get(at)))
}

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
	if r.name != "Group" { // two groups of one name: see TestSecondGroupOfOneName
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
