package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/scim/schema"
)

const enterprise = schema.EnterpriseUserURN

func TestDefaultHasTheBuiltInSchemas(t *testing.T) {
	r := schema.Default()
	for _, urn := range []string{
		schema.UserURN, schema.GroupURN, schema.EnterpriseUserURN,
		"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
		"urn:ietf:params:scim:schemas:core:2.0:ResourceType",
		"urn:ietf:params:scim:schemas:core:2.0:Schema",
	} {
		s := r.Schema(strings.ToUpper(urn))
		if s == nil || s.ID != urn {
			t.Fatalf("no schema %s", urn)
		}
		if s.Name == "" || s.Description == "" {
			t.Errorf("%s has no name or no description", urn)
		}
		checkComplete(t, urn, s.Attributes)
	}
	if r.Schema("urn:none") != nil || r.ResourceType("none") != nil || r.ByEndpoint("none") != nil {
		t.Error("found what there is not")
	}
	if r.ByEndpoint("uSERS") != r.ResourceType("user") {
		t.Error("endpoints and resource types are found in any case")
	}
}

// RFC 7643 section 7: every attribute states its characteristics.
func checkComplete(t *testing.T, at string, attributes []*schema.Attribute) {
	t.Helper()
	for _, a := range attributes {
		if a.Type == "" || a.Mutability == "" || a.Returned == "" || a.Description == "" {
			t.Errorf("%s:%s lacks a characteristic", at, a.Name)
		}
		if a.Type == schema.Reference && len(a.ReferenceTypes) == 0 {
			t.Errorf("%s:%s is a reference to nothing", at, a.Name)
		}
		checkComplete(t, at+":"+a.Name, a.SubAttributes)
	}
}

func TestParseRefusesBrokenData(t *testing.T) {
	good := fstest.MapFS{}
	for name, text := range map[string]string{
		"common.json": `[{"name":"id","type":"string"}]`, "user.json": `{"id":"urn:u"}`, "group.json": `{"id":"urn:g"}`,
		"enterprise_user.json": `{"id":"urn:e"}`, "service_provider_config.json": `{"id":"urn:c"}`,
		"resource_type.json": `{"id":"urn:r"}`, "schema.json": `{"id":"urn:s"}`,
		"resource_types.json": `[{"id":"User","schema":"urn:u","schemaExtensions":[{"schema":"urn:e"}]}]`,
	} {
		good[name] = &fstest.MapFile{Data: []byte(text)}
	}
	if _, err := schema.Parse(good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"common.json":          `[{"name":"id","type":"string"},{"name":"ID","type":"string"}]`,
		"user.json":            `{"id":"urn:u","attributes":[{"name":"a","type":"complex"}]}`,
		"group.json":           `{"id":"urn:g","attributes":[{"name":"a","type":"string","subAttributes":[{"name":"b"}]}]}`,
		"schema.json":          `{`,
		"resource_types.json":  `[{"id":"User","schema":"urn:none"}]`,
		"enterprise_user.json": `{"id":"urn:other"}`,
	} {
		bad := fstest.MapFS{name: &fstest.MapFile{Data: []byte(text)}}
		for n, f := range good {
			if n != name {
				bad[n] = f
			}
		}
		if _, err := schema.Parse(bad); err == nil {
			t.Errorf("%s: %s was taken", name, text)
		}
	}
}

func TestResolveKey(t *testing.T) {
	user := schema.Default().ResourceType("User")
	for key, want := range map[string]string{
		"userName":                           "userName",
		"USERNAME":                           "userName",
		"externalid":                         "externalId",
		"name.GIVENNAME":                     "name.givenName",
		schema.UserURN + ":userName":         "userName",
		schema.UserURN + ":meta.created":     "meta.created",
		schema.UserURN + ":name.familyName":  "name.familyName",
		strings.ToUpper(enterprise):          enterprise,
		enterprise + ":department":           enterprise + " department",
		enterprise + ":Manager.value":        enterprise + " manager.value",
		enterprise + ".manager":              enterprise + " manager",
		"manager":                            enterprise + " manager",
		"department":                         enterprise + " department",
		"nonsense":                           "",
		"name.nonsense":                      "",
		"name.":                              "",
		"":                                   "",
		"urn:none:attr":                      "",
		enterprise + ":nonsense":             "",
		schema.GroupURN + ":displayName":     "",
		schema.EnterpriseUserURN + ":x.y.z.": "",
	} {
		ref, ok := user.ResolveKey(key)
		got := ""
		if ok {
			parts := []string{}
			if ref.Extension != nil {
				parts = append(parts, ref.Extension.ID)
			}
			if ref.Attr != nil {
				name := ref.Attr.Name
				if ref.Sub != nil {
					name += "." + ref.Sub.Name
				}
				parts = append(parts, name)
			}
			got = strings.Join(parts, " ")
		}
		if got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	out := map[string]any{}
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

func TestNormalize(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"names in the schema's spelling":       {`{"USERNAME":"a","Name":{"GIVENNAME":"b"}}`, `{"userName":"a","name":{"givenName":"b"}}`},
		"unknown attributes and schemas":       {`{"userName":"a","shoeSize":4,"urn:x:y":{"z":1},"name":{"nick":"n","givenName":"b"}}`, `{"userName":"a","name":{"givenName":"b"}}`},
		"read-only attributes":                 {`{"id":"1","meta":{"version":"x"},"groups":[{"value":"g"}],"schemas":["s"],"userName":"a"}`, `{"userName":"a"}`},
		"no password":                          {`{"userName":"a","password":"secret"}`, `{"userName":"a"}`},
		"nulls and empty lists":                {`{"userName":"a","title":null,"roles":[],"emails":[null],"name":{},"addresses":[{}]}`, `{"userName":"a"}`},
		"references that are empty":            {`{"userName":"a","profileUrl":"","photos":[{"value":"","type":"photo"}]}`, `{"userName":"a"}`},
		"booleans as text":                     {`{"active":"False","emails":[{"value":"x","primary":"True"}]}`, `{"active":false,"emails":[{"value":"x","primary":true}]}`},
		"a list of one for a single value":     {`{"title":["x"],"userName":[{"$ref":null,"value":"u"}]}`, `{"title":"x","userName":"u"}`},
		"a single value for a list":            {`{"emails":{"value":"x"},"roles":"r"}`, `{"emails":[{"value":"x"}],"roles":[{"value":"r"}]}`},
		"elements without a value":             {`{"emails":[{"type":"work","value":""},{"type":"home"},{"value":"x"}]}`, `{"emails":[{"value":"x"}]}`},
		"numbers as text":                      {`{"title":7,"` + enterprise + `":{"employeeNumber":701984}}`, `{"title":"7","` + enterprise + `":{"employeeNumber":"701984"}}`},
		"extension in any case":                {`{"` + strings.ToUpper(enterprise) + `":{"DEPARTMENT":"d"}}`, `{"` + enterprise + `":{"department":"d"}}`},
		"extension attribute with its URN":     {`{"` + enterprise + `:department":"d"}`, `{"` + enterprise + `":{"department":"d"}}`},
		"extension that is null or no object":  {`{"userName":"a","` + enterprise + `":null}`, `{"userName":"a"}`},
		"core attributes under the core URN":   {`{"` + schema.UserURN + `":{"title":"t"}}`, `{"title":"t"}`},
		"manager as text":                      {`{"` + enterprise + `":{"manager":"m"}}`, `{"` + enterprise + `":{"manager":{"value":"m"}}}`},
		"manager as object, displayName is ro": {`{"` + enterprise + `":{"manager":{"value":"m","displayName":"M"}}}`, `{"` + enterprise + `":{"manager":{"value":"m"}}}`},
		"manager as list of one":               {`{"` + enterprise + `":{"manager":[{"$ref":null,"value":"m"}]}}`, `{"` + enterprise + `":{"manager":{"value":"m"}}}`},
		"manager cleared":                      {`{"` + enterprise + `":{"manager":""}}`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := schema.Default().ResourceType("User").Normalize(decode(t, c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, c.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNormalizeRefuses(t *testing.T) {
	for in, attr := range map[string]string{
		`{"userName":{"x":"y"}}`:                     "userName",
		`{"userName":true}`:                          "userName",
		`{"userName":["a","b"]}`:                     "userName",
		`{"userName":"a","USERNAME":"b"}`:            "userName",
		`{"name":"x"}`:                               "name",
		`{"name":{"givenName":"a","GivenName":"b"}}`: "name",
		`{"name":{"givenName":{"a":1}}}`:             "name.givenName",
		`{"active":"maybe"}`:                         "active",
		`{"active":1}`:                               "active",
		`{"emails":[{"value":"a","primary":"no"}]}`:  "emails.primary",
		`{"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`: "emails",
	} {
		_, err := schema.Default().ResourceType("User").Normalize(decode(t, in))
		e := (*schema.Error)(nil)
		if !errors.As(err, &e) || e.Attr != attr {
			t.Errorf("%s: %v, want an error about %s", in, err, attr)
		}
	}
}

func TestNormalizeTypes(t *testing.T) {
	for _, c := range []struct {
		kind schema.Type
		in   any
		want any
		ok   bool
	}{
		{schema.Integer, json.Number("3"), json.Number("3"), true},
		{schema.Integer, "3", json.Number("3"), true},
		{schema.Integer, json.Number("3.5"), nil, false},
		{schema.Integer, true, nil, false},
		{schema.Decimal, json.Number("3.5"), json.Number("3.5"), true},
		{schema.Decimal, "x", nil, false},
		{schema.Decimal, "1e400", nil, false},
		{schema.Decimal, nil, nil, true},
		{schema.DateTime, "2024-03-01T08:00:00.5Z", "2024-03-01T08:00:00.5Z", true},
		{schema.DateTime, "yesterday", nil, false},
		{schema.DateTime, json.Number("5"), nil, false},
		{schema.Binary, "AAAA", "AAAA", true},
	} {
		a := &schema.Attribute{Name: "a", Type: c.kind}
		got, err := a.Normalize(c.in)
		if (err == nil) != c.ok || got != c.want {
			t.Errorf("%s %v: %v, %v", c.kind, c.in, got, err)
		}
	}
}

// What is normalized stays as it is when it is normalized again, whatever a client sends.
func TestNormalizeIsIdempotent(t *testing.T) {
	user := schema.Default().ResourceType("User")
	rapid.Check(t, func(t *rapid.T) {
		first, err := user.Normalize(anyObject(3).Draw(t, "body"))
		if err != nil {
			return
		}
		second, err := user.Normalize(first)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
	})
}

func anyObject(depth int) *rapid.Generator[map[string]any] {
	keys := rapid.SampledFrom([]string{
		"userName", "USERNAME", "name", "givenName", "emails", "value", "type", "primary", "active", "title", "manager",
		"roles", "addresses", "meta", "$ref", "id", "unknown", enterprise, enterprise + ":manager", schema.UserURN,
	})
	return rapid.MapOfN(keys, anyValue(depth), 0, 5)
}

func anyValue(depth int) *rapid.Generator[any] {
	simple := []*rapid.Generator[any]{
		rapid.Just(any(nil)), rapid.Just(any(true)), rapid.Just(any("False")), rapid.Just(any("")),
		rapid.Just(any("x")), rapid.Just(any(json.Number("1"))),
	}
	if depth == 0 {
		return rapid.OneOf(simple...)
	}
	return rapid.OneOf(append(simple,
		rapid.Map(anyObject(depth-1), func(o map[string]any) any { return o }),
		rapid.Map(rapid.SliceOfN(anyValue(depth-1), 0, 3), func(l []any) any { return l }))...)
}
