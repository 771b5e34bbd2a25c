package patch_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

const enterprise = schema.EnterpriseUserURN

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

func resourceType(name string) *schema.ResourceType { return schema.Default().ResourceType(name) }

func apply(resource, operations string, t testing.TB) (map[string]any, error) {
	t.Helper()
	ops, err := patch.Parse(decode(t, `{"Operations":[`+operations+`]}`), resourceType("User"))
	if err != nil {
		return nil, err
	}
	return patch.Apply(decode(t, resource), ops)
}

func TestApply(t *testing.T) {
	const work, home = `{"type":"work","value":"w"}`, `{"type":"home","value":"h"}`
	for name, c := range map[string]struct{ before, ops, after string }{
		"op in any case":                        {`{}`, `{"op":"Add","path":"title","value":"x"},{"OP":"REPLACE","Path":"nickName","Value":"y"}`, `{"title":"x","nickName":"y"}`},
		"booleans as text":                      {`{"active":true}`, `{"op":"Replace","path":"active","value":"False"}`, `{"active":false}`},
		"booleans as text with add":             {`{}`, `{"op":"Add","path":"active","value":"True"}`, `{"active":true}`},
		"single value as a list of one":         {`{}`, `{"op":"Add","path":"userName","value":[{"$ref":null,"value":"X"}]}`, `{"userName":"X"}`},
		"name in any case":                      {`{}`, `{"op":"add","path":"NAME.givenname","value":"x"}`, `{"name":{"givenName":"x"}}`},
		"core URN in the path":                  {`{}`, `{"op":"add","path":"` + schema.UserURN + `:name.familyName","value":"x"}`, `{"name":{"familyName":"x"}}`},
		"enterprise URN in the path":            {`{}`, `{"op":"add","path":"` + enterprise + `:department","value":"d"}`, `{"` + enterprise + `":{"department":"d"}}`},
		"extension attribute without URN":       {`{}`, `{"op":"add","path":"department","value":"d"}`, `{"` + enterprise + `":{"department":"d"}}`},
		"no path, dotted keys":                  {`{"name":{"givenName":"a","familyName":"b"}}`, `{"op":"replace","value":{"name.givenName":"x","displayName":"d"}}`, `{"name":{"givenName":"x","familyName":"b"},"displayName":"d"}`},
		"no path, URN keys":                     {`{}`, `{"op":"add","value":{"` + enterprise + `:costCenter":"7","` + schema.UserURN + `:title":"t"}}`, `{"title":"t","` + enterprise + `":{"costCenter":"7"}}`},
		"no path, nested extension":             {`{"` + enterprise + `":{"division":"v"}}`, `{"op":"replace","value":{"` + enterprise + `":{"department":"d"}}}`, `{"` + enterprise + `":{"division":"v","department":"d"}}`},
		"no path, value path key":               {`{"emails":[` + work + `]}`, `{"op":"replace","value":{"emails[type eq \"work\"].value":"n"}}`, `{"emails":[{"type":"work","value":"n"}]}`},
		"no path, core schema object":           {`{}`, `{"op":"add","value":{"` + schema.UserURN + `":{"title":"t"}}}`, `{"title":"t"}`},
		"empty path":                            {`{}`, `{"op":"add","path":"","value":{"title":"t"}}`, `{"title":"t"}`},
		"no path, a list of one object":         {`{}`, `{"op":"add","value":[{"title":"t"}]}`, `{"title":"t"}`},
		"no path, read-only and unknown":        {`{"title":"t"}`, `{"op":"replace","value":{"id":"1","meta":{},"groups":[],"shoe":4,"urn:x:y:z":{},"not a path!":1,"nickName":"n"}}`, `{"title":"t","nickName":"n"}`},
		"unknown path":                          {`{"title":"t"}`, `{"op":"add","path":"shoeSize","value":4},{"op":"remove","path":"urn:x:y:z"},{"op":"add","path":"emails[type eq \"work\"].nonsense","value":"x"}`, `{"title":"t"}`},
		"password is not kept":                  {`{"title":"t"}`, `{"op":"replace","path":"password","value":"p"},{"op":"replace","value":{"password":"p"}}`, `{"title":"t"}`},
		"schemas follow from the rest":          {`{"title":"t"}`, `{"op":"add","path":"schemas","value":["urn:x"]}`, `{"title":"t"}`},
		"remove":                                {`{"title":"t","nickName":"n"}`, `{"op":"remove","path":"title"}`, `{"nickName":"n"}`},
		"remove what is not there":              {`{"title":"t"}`, `{"op":"remove","path":"nickName"},{"op":"remove","path":"department"},{"op":"remove","path":"name.givenName"},{"op":"remove","path":"emails[type eq \"work\"]"}`, `{"title":"t"}`},
		"replace by null":                       {`{"title":"t","nickName":"n"}`, `{"op":"replace","path":"title","value":null}`, `{"nickName":"n"}`},
		"the last sub-attribute":                {`{"name":{"givenName":"a"}}`, `{"op":"remove","path":"name.givenName"}`, `{}`},
		"complex: others stay":                  {`{"name":{"givenName":"a","familyName":"b"}}`, `{"op":"replace","path":"name","value":{"familyName":"c"}}`, `{"name":{"givenName":"a","familyName":"c"}}`},
		"complex: null sub-attribute":           {`{"name":{"givenName":"a","familyName":"b"}}`, `{"op":"replace","path":"name","value":{"familyName":null}}`, `{"name":{"givenName":"a"}}`},
		"parts beside a value in a list of one": {`{"` + enterprise + `":{"manager":{"value":"m"}}}`, `{"op":"replace","path":"manager","value":[{"$ref":"../Users/m"}]}`, `{"` + enterprise + `":{"manager":{"value":"m","$ref":"../Users/m"}}}`},
		"an empty list takes a value away":      {`{"` + enterprise + `":{"manager":{"value":"m"}}}`, `{"op":"replace","path":"manager","value":[]}`, `{}`},
		"parts beside a value leave it":         {`{"` + enterprise + `":{"manager":{"value":"m"}}}`, `{"op":"add","path":"manager","value":{"$ref":"../Users/m"}},{"op":"replace","value":{"` + enterprise + `":{"manager":{"displayName":"M"}}}}`, `{"` + enterprise + `":{"manager":{"value":"m","$ref":"../Users/m"}}}`},
		"a whole extension goes":                {`{"title":"t","` + enterprise + `":{"department":"d","manager":{"value":"m"}}}`, `{"op":"remove","path":"` + enterprise + `"}`, `{"title":"t"}`},
		"a whole extension, empty":              {`{"title":"t"}`, `{"op":"add","path":"` + enterprise + `","value":null}`, `{"title":"t"}`},
		"add to a list":                         {`{"emails":[` + work + `]}`, `{"op":"add","path":"emails","value":[` + home + `]}`, `{"emails":[` + work + `,` + home + `]}`},
		"add what is there":                     {`{"emails":[` + work + `]}`, `{"op":"add","path":"emails","value":[{"value":"W"},{"value":"w","type":"work","display":"D"}]}`, `{"emails":[{"type":"work","value":"w","display":"D"}]}`},
		"add the same value twice":              {`{}`, `{"op":"add","path":"roles","value":["a","a",{"value":"a","type":"x"},{"value":"a","type":"y"}]}`, `{"roles":[{"value":"a"},{"value":"a","type":"x"},{"value":"a","type":"y"}]}`},
		"add nothing to a list":                 {`{"roles":[{"value":"a"}]}`, `{"op":"add","path":"roles","value":[]}`, `{"roles":[{"value":"a"}]}`},
		"replace a list":                        {`{"emails":[` + work + `,` + home + `]}`, `{"op":"replace","path":"emails","value":{"value":"n"}}`, `{"emails":[{"value":"n"}]}`},
		"replace a list by nothing":             {`{"emails":[` + work + `]}`, `{"op":"replace","path":"emails","value":[]}`, `{}`},
		"remove listed values only":             {`{"roles":[{"value":"a"},{"value":"b","type":"x"},{"value":"c"}]}`, `{"op":"Remove","path":"roles","value":[{"value":"A"},{"value":"b"}]}`, `{"roles":[{"value":"c"}]}`},
		"remove elements by filter":             {`{"emails":[` + work + `,` + home + `]}`, `{"op":"remove","path":"emails[type eq \"work\" and value ew \"w\"]"}`, `{"emails":[` + home + `]}`},
		"remove a value by filter":              {`{"emails":[` + work + `,` + home + `]}`, `{"op":"remove","path":"emails[type eq \"work\"].value"}`, `{"emails":[` + home + `]}`},
		"remove what an address has":            {`{"addresses":[{"type":"work","country":"NO"}]}`, `{"op":"remove","path":"addresses[type eq \"work\"].country"}`, `{}`},
		"replace a value by filter":             {`{"emails":[` + work + `,` + home + `]}`, `{"op":"replace","path":"emails[type eq \"home\"].value","value":"n"}`, `{"emails":[` + work + `,{"type":"home","value":"n"}]}`},
		"clear a value by filter":               {`{"emails":[` + work + `]}`, `{"op":"replace","path":"emails[type eq \"work\"].value","value":""}`, `{}`},
		"clear what is not there":               {`{"title":"t"}`, `{"op":"replace","path":"emails[type eq \"odd\"].value","value":null}`, `{"title":"t"}`},
		"an element that is not there is made":  {`{}`, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}`, `{"emails":[{"type":"work","value":"x"}]}`},
		"several operations on one new element": {
			`{}`, `{"op":"Add","path":"addresses[type eq \"work\"].streetAddress","value":"s"},{"op":"Add","path":"addresses[type eq \"work\"].country","value":"NO"}`,
			`{"addresses":[{"type":"work","streetAddress":"s","country":"NO"}]}`,
		},
		"a new primary element":        {`{}`, `{"op":"Add","path":"roles[primary eq \"True\"].value","value":"r"}`, `{"roles":[{"primary":true,"value":"r"}]}`},
		"a new element of two terms":   {`{"emails":[{"type":"home","value":"h","primary":true}]}`, `{"op":"add","path":"emails[type eq \"work\" and primary eq true].value","value":"x"}`, `{"emails":[{"type":"home","value":"h","primary":false},{"type":"work","primary":true,"value":"x"}]}`},
		"replace a selected element":   {`{"emails":[{"type":"work","value":"w","display":"d"}]}`, `{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"n"}}`, `{"emails":[{"type":"work","value":"n"}]}`},
		"complete a selected element":  {`{"emails":[{"type":"work","value":"w","display":"d"}]}`, `{"op":"add","path":"emails[type eq \"work\"]","value":{"value":"n"}}`, `{"emails":[{"type":"work","value":"n","display":"d"}]}`},
		"make a selected element":      {`{}`, `{"op":"add","path":"emails[type eq \"other\"]","value":"n"}`, `{"emails":[{"type":"other","value":"n"}]}`},
		"replace an element by null":   {`{"emails":[` + work + `,` + home + `]}`, `{"op":"replace","path":"emails[type eq \"work\"]","value":null}`, `{"emails":[` + home + `]}`},
		"primary stays unique: add":    {`{"emails":[{"value":"a","primary":true}]}`, `{"op":"add","path":"emails","value":[{"value":"b","primary":true}]}`, `{"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}`},
		"primary stays unique: select": {`{"emails":[{"value":"a","primary":true},{"value":"b"}]}`, `{"op":"replace","path":"emails[value eq \"b\"].primary","value":"True"}`, `{"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}`},
		"every element":                {`{"emails":[` + work + `,` + home + `]}`, `{"op":"replace","path":"emails.display","value":"d"}`, `{"emails":[{"type":"work","value":"w","display":"d"},{"type":"home","value":"h","display":"d"}]}`},
		"every element, none there":    {`{}`, `{"op":"add","path":"emails.value","value":"x"}`, `{"emails":[{"value":"x"}]}`},
		"manager as text":              {`{}`, `{"op":"Add","path":"manager","value":"m"}`, `{"` + enterprise + `":{"manager":{"value":"m"}}}`},
		"manager as object":            {`{}`, `{"op":"Add","path":"` + enterprise + `:manager","value":{"$ref":"r","value":"m"}}`, `{"` + enterprise + `":{"manager":{"value":"m","$ref":"r"}}}`},
		"manager as a list of one":     {`{}`, `{"op":"Add","path":"` + enterprise + `:manager","value":[{"$ref":null,"value":"m"}]}`, `{"` + enterprise + `":{"manager":{"value":"m"}}}`},
		"manager by its value":         {`{"` + enterprise + `":{"manager":{"value":"m"}}}`, `{"op":"Replace","path":"` + enterprise + `:manager.value","value":"n"}`, `{"` + enterprise + `":{"manager":{"value":"n"}}}`},
		"manager nested":               {`{}`, `{"op":"Add","value":{"` + enterprise + `":{"manager":"m"}}}`, `{"` + enterprise + `":{"manager":{"value":"m"}}}`},
		"manager cleared by text":      {`{"` + enterprise + `":{"manager":{"value":"m"}}}`, `{"op":"Add","path":"` + enterprise + `:manager","value":""}`, `{}`},
		"manager cleared by value":     {`{"` + enterprise + `":{"manager":{"value":"m"}}}`, `{"op":"Replace","path":"manager","value":{"value":""}}`, `{}`},
		"manager.value cleared":        {`{"` + enterprise + `":{"manager":{"value":"m","$ref":"r"}}}`, `{"op":"Replace","path":"manager.value","value":""}`, `{}`},
		"manager removed":              {`{"` + enterprise + `":{"manager":{"value":"m"}}}`, `{"op":"Remove","path":"` + enterprise + `:manager"}`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := apply(c.before, c.ops, t)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, c.after), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	for ops, want := range map[string]string{
		`4`:                                                                                                patch.InvalidSyntax,
		`{"path":"title","value":"x"}`:                                                                     patch.InvalidSyntax,
		`{"op":"move","path":"title"}`:                                                                     patch.InvalidSyntax,
		`{"op":"add","path":4,"value":"x"}`:                                                                patch.InvalidPath,
		`{"op":"add","path":"a b","value":"x"}`:                                                            patch.InvalidPath,
		`{"op":"add","path":"emails[type","value":"x"}`:                                                    patch.InvalidPath,
		`{"op":"add","path":"title[value eq \"x\"]","value":"x"}`:                                          patch.InvalidPath,
		`{"op":"add","path":"emails[nonsense eq \"x\"]","value":"x"}`:                                      patch.InvalidFilter,
		`{"op":"add","path":"emails[primary gt true]","value":"x"}`:                                        patch.InvalidFilter,
		`{"op":"remove"}`:                                                                                  patch.NoTarget,
		`{"op":"remove","value":{"title":"x"}}`:                                                            patch.NoTarget,
		`{"op":"add","value":"x"}`:                                                                         patch.InvalidValue,
		`{"op":"add"}`:                                                                                     patch.InvalidValue,
		`{"op":"add","path":"id","value":"x"}`:                                                             patch.Mutability,
		`{"op":"add","path":"meta","value":{}}`:                                                            patch.Mutability,
		`{"op":"remove","path":"meta.version"}`:                                                            patch.Mutability,
		`{"op":"add","path":"groups","value":[]}`:                                                          patch.Mutability,
		`{"op":"remove","path":"groups[value eq \"x\"]"}`:                                                  patch.Mutability,
		`{"op":"add","path":"manager.displayName","value":"x"}`:                                            patch.Mutability,
		`{"op":"add","path":"title"}`:                                                                      patch.InvalidValue,
		`{"op":"Replace","path":"emails"}`:                                                                 patch.InvalidValue,
		`{"op":"replace","path":"active","value":"maybe"}`:                                                 patch.InvalidValue,
		`{"op":"replace","path":"title","value":["a","b"]}`:                                                patch.InvalidValue,
		`{"op":"replace","path":"name","value":"x"}`:                                                       patch.InvalidValue,
		`{"op":"replace","path":"emails[type eq \"odd\"].value","value":"x"}`:                              patch.NoTarget,
		`{"op":"replace","path":"emails[value eq \"x\"].display","value":"x"}`:                             patch.NoTarget,
		`{"op":"replace","path":"emails[type ne \"x\"].value","value":"x"}`:                                patch.NoTarget,
		`{"op":"replace","path":"emails[not (type eq \"work\")].value","value":"x"}`:                       patch.NoTarget,
		`{"op":"replace","path":"roles[type eq \"work\"].value","value":"x"}`:                              patch.NoTarget,
		`{"op":"add","path":"emails[type eq \"odd\"]","value":{"value":"x"}}`:                              patch.NoTarget,
		`{"op":"add","path":"emails[type eq \"work\"]","value":["a","b"]}`:                                 patch.InvalidValue,
		`{"op":"add","path":"emails.display","value":"x"}`:                                                 patch.NoTarget,
		`{"op":"add","path":"emails","value":[{"value":"a","primary":true},{"value":"b","primary":true}]}`: patch.InvalidValue,
		`{"op":"add","path":"emails","value":["a","b"]},{"op":"add","path":"emails.primary","value":true}`: patch.InvalidValue,
	} {
		_, err := apply(`{"title":"t"}`, ops, t)
		if e := (*patch.Error)(nil); !errors.As(err, &e) || e.Type != want {
			t.Errorf("%s: %v, want %s", ops, err, want)
		}
	}
	for _, body := range []string{`{}`, `{"Operations":{}}`, `{"Operations":[]}`} {
		_, err := patch.Parse(decode(t, body), resourceType("User"))
		if e := (*patch.Error)(nil); !errors.As(err, &e) || e.Type != patch.InvalidSyntax {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestApplyLimits(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`{"op":"add","path":"title","value":"x"},`, patch.MaxOperations+1), ",")
	if _, err := apply(`{}`, many, t); err == nil {
		t.Error("more than MaxOperations were taken")
	}
	values := []string{}
	for i := range patch.MaxElements + 1 {
		values = append(values, `"`+strings.Repeat("x", i+1)+`"`)
	}
	if _, err := apply(`{}`, `{"op":"add","path":"roles","value":[`+strings.Join(values, ",")+`]}`, t); err == nil {
		t.Error("more than MaxElements were taken")
	}
}

// A request is applied whole or not at all, and never alters the resource that it is applied to.
func TestApplyLeavesTheResourceAlone(t *testing.T) {
	const before = `{"title":"t","emails":[{"type":"work","value":"w","primary":true}],"` + enterprise + `":{"department":"d"}}`
	resource := decode(t, before)
	ops, err := patch.Parse(decode(t, `{"Operations":[
		{"op":"remove","path":"department"},{"op":"add","path":"emails","value":{"value":"x","primary":true}},
		{"op":"replace","path":"emails[type eq \"work\"].value","value":"n"}]}`), resourceType("User"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := patch.Apply(resource, ops)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(decode(t, before), resource); diff != "" {
		t.Error(diff)
	}
	second, err := patch.Apply(resource, ops)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second time: %s", diff)
	}
}

// Whatever is sent, what comes out fits the schema and has one primary value at most.
func TestApplyLaws(t *testing.T) {
	user := resourceType("User")
	paths := rapid.SampledFrom([]string{
		"title", "name", "name.givenName", "emails", "emails.value", "emails.primary", `emails[type eq "work"]`, `emails[type eq "work"].value`,
		`emails[primary eq true].value`, `emails[value eq "a"]`, `emails[type eq "home"].primary`, "active", "manager", "manager.value",
		enterprise, enterprise + ":department", "roles", `addresses[type eq "work"].country`, "unknown",
	})
	values := rapid.SampledFrom([]string{
		`null`, `""`, `"a"`, `"True"`, `[]`, `["a","b"]`, `{"value":"a","type":"work","primary":true}`,
		`[{"value":"b","type":"home"},{"value":"a"}]`, `{"givenName":"g"}`, `{"department":"d","manager":{"value":"m"}}`, `[{"$ref":null,"value":"a"}]`,
	})
	rapid.Check(t, func(rt *rapid.T) {
		resource := map[string]any{}
		for range rapid.IntRange(1, 8).Draw(rt, "operations") {
			kind := rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(rt, "op")
			path, _ := json.Marshal(paths.Draw(rt, "path"))
			body := `{"Operations":[{"op":"` + kind + `","path":` + string(path) + `,"value":` + values.Draw(rt, "value") + `}]}`
			ops, err := patch.Parse(decode(t, body), user)
			if err != nil {
				continue
			}
			before := encode(resource)
			after, err := patch.Apply(resource, ops)
			if err != nil {
				continue
			}
			if _, err := user.Normalize(after); err != nil {
				rt.Fatalf("%s: %v", body, err)
			}
			if diff := cmp.Diff(before, encode(resource)); diff != "" {
				rt.Fatalf("%s altered the resource: %s", body, diff)
			}
			primaries := 0
			for _, e := range list(after["emails"]) {
				if e["primary"] == true {
					primaries++
				}
			}
			if primaries > 1 {
				rt.Fatalf("%s: %d primary values in %v", body, primaries, after)
			}
			resource = after
		}
	})
}

func encode(resource map[string]any) string {
	text, err := json.Marshal(resource)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func list(value any) []map[string]any {
	out := []map[string]any{}
	values, _ := value.([]any)
	for _, v := range values {
		out = append(out, v.(map[string]any))
	}
	return out
}

func jsonObject(text string) bool {
	out := map[string]any{}
	return json.Unmarshal([]byte(text), &out) == nil
}

// checkError fails unless an error has a SCIM type.
func checkError(t *testing.T, err error) {
	t.Helper()
	if e := (*patch.Error)(nil); !errors.As(err, &e) || e.Type == "" || e.Msg == "" {
		t.Fatalf("%v is of type %T", err, err)
	}
}
