package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
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
