package schema_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/scim/schema"
)

// thing is a resource type of these attributes.
func thing(t *testing.T, attributes string) *schema.ResourceType {
	t.Helper()
	r, err := schema.Load(folder(map[string]string{
		"a.json": `[{"name":"Thing","endpoint":"/Things","schema":"urn:example:Thing","schemaExtensions":[{"schema":"urn:example:More","required":true}]},
			{"id":"urn:example:Thing","attributes":[` + attributes + `]},{"id":"urn:example:More","attributes":[{"name":"extra"}]}]`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	return r.ResourceType("Thing")
}

// What is required and only written must be given, and is not kept.
func TestReadRequires(t *testing.T) {
	t.Parallel()
	rt := thing(t, `{"name":"pin","mutability":"writeOnly","required":true},{"name":"tags","multiValued":true,"required":true}`)
	const more = `,"urn:example:More":{"extra":"x"}`
	for body, missing := range map[string]string{
		`{"pin":"1","tags":["a"]` + more + `}`: "", `{"tags":["a"]` + more + `}`: "pin", `{"pin":null,"tags":["a"]` + more + `}`: "pin",
		`{"pin":"1","tags":[]` + more + `}`: "tags", `{"pin":"1","tags":["a"]}`: "urn:example:More",
	} {
		resource, err := rt.Read(decode(t, body))
		if missing == "" {
			want := decode(t, `{"tags":["a"],"urn:example:More":{"extra":"x"}}`)
			if diff := cmp.Diff(want, resource); err != nil || diff != "" {
				t.Errorf("%s: %v %s", body, err, diff)
			}
			continue
		}
		if e := (*schema.Error)(nil); !errors.As(err, &e) || e.Attr != missing {
			t.Errorf("%s: %v, want %s", body, err, missing)
		}
	}
}

// Values of attributes from files are held against their types (RFC 7643 section 2.3).
func TestReadValues(t *testing.T) {
	t.Parallel()
	rt := thing(t, `{"name":"n","type":"decimal"},{"name":"i","type":"integer"},{"name":"b","type":"binary"},{"name":"at","type":"dateTime"},
		{"name":"page","type":"reference","referenceTypes":["external"]},{"name":"to","type":"reference","referenceTypes":["external","User"]}`)
	const wrong = ""
	for body, want := range map[string]string{
		`{"n":1e3}`: `1000`, `{"n":1.50}`: `1.50`, `{"n":-0.0}`: `0.0`, `{"n":12.5e-3}`: `0.0125`, `{"n":"1E2"}`: `100`, `{"n":1.25e1}`: `12.5`, `{"n":1e-999999999}`: wrong, `{"n":"NaN"}`: wrong,
		`{"i":-0}`: `0`, `{"i":"7"}`: `7`, `{"i":"+7"}`: `7`, `{"i":1.0}`: wrong, `{"i":99999999999999999999}`: wrong,
		`{"b":"aGk="}`: `"aGk="`, `{"b":"aGk"}`: `"aGk"`, `{"b":"-_8"}`: `"-_8"`, `{"b":"aGk=="}`: wrong, `{"b":"a"}`: wrong, `{"b":"aGl="}`: wrong, `{"b":"a\nGk="}`: wrong,
		`{"at":"2024-03-01T08:00:00.5+02:00"}`: `"2024-03-01T08:00:00.5+02:00"`, `{"at":"2024-03-01"}`: wrong, `{"at":"2024-03-01T08:00:00,5Z"}`: wrong, `{"at":""}`: wrong,
		`{"page":"urn:example:x"}`: `"urn:example:x"`, `{"page":"../Users/1"}`: wrong, `{"page":"https://example.com/a b"}`: wrong, `{"to":"../Users/1"}`: `"../Users/1"`, `{"to":"2819c223"}`: `"2819c223"`,
	} {
		object := decode(t, body)
		object["urn:example:More"] = map[string]any{"extra": "x"}
		resource, err := rt.Read(object)
		delete(resource, "urn:example:More")
		if want == wrong {
			if err == nil {
				t.Errorf("%s was taken as %v", body, resource)
			}
			continue
		}
		for _, value := range resource {
			if got, _ := json.Marshal(value); err != nil || string(got) != want {
				t.Errorf("%s: %s %v, want %s", body, got, err, want)
			}
		}
		if len(resource) != 1 {
			t.Errorf("%s: %v %v", body, resource, err)
		}
	}
}
