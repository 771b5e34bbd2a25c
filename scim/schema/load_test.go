package schema_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/roster-gateway/roster/scim/schema"
)

func folder(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

const (
	goodType   = `{"name":"Device","endpoint":"/Devices","schema":"urn:example:2.0:Device"}`
	goodSchema = `{"id":"urn:example:2.0:Device","attributes":[{"name":"serial"}]}`
)

func TestLoad(t *testing.T) {
	t.Parallel()
	builtIn := len(schema.Default().Schemas)
	for name, files := range map[string]map[string]string{
		"one a file":     {"type.json": goodType, "schema.json": goodSchema, "README.md": "no JSON", "notes.txt": "{"},
		"a list":         {"all.json": "\xef\xbb\xbf[" + goodSchema + "," + goodType + "]"},
		"a ListResponse": {"all.json": `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":2,"Resources":[` + goodType + "," + goodSchema + "]}"},
	} {
		r, err := schema.Load(folder(files))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rt := r.ByEndpoint("devices")
		if rt == nil || rt.ID != "Device" || rt.Core == nil || rt.Core.Name != "Device" || len(r.Schemas) != builtIn+1 {
			t.Errorf("%s: %+v", name, rt)
		}
		if a := rt.Core.Attribute("serial"); a.Type != schema.String || a.Mutability != schema.ReadWrite || a.Returned != schema.ByDefault || a.Uniqueness != schema.UniqueNowhere {
			t.Errorf("%s: defaults are not written out: %+v", name, a)
		}
	}
	if len(schema.Default().Schemas) != builtIn || schema.Default().ByEndpoint("devices") != nil {
		t.Error("loading changes the built-in registry")
	}
}

func TestLoadExtendsBuiltInTypes(t *testing.T) {
	t.Parallel()
	const badge = `{"id":"urn:example:1.0","attributes":[{"name":"badge","mutability":"writeOnly"}]}`
	r, err := schema.Load(folder(map[string]string{
		"a.json": badge, "b.json": `{"id":"user","schemaExtensions":[{"schema":"URN:example:1.0","required":true}]}`,
		"c.json": `{"name":"Group","endpoint":"/Groups","schema":"urn:ietf:params:scim:schemas:core:2.0:Group","schemaExtensions":[{"schema":"urn:example:1.0"}]}`,
		"d.json": `{"id":"User","schemaExtensions":[{"schema":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","required":true}]}`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	user, group := r.ResourceType("User"), r.ResourceType("Group")
	if len(user.Extensions) != 2 || !user.SchemaExtensions[0].Required || !user.SchemaExtensions[1].Required || len(group.Extensions) != 1 {
		t.Errorf("%+v %+v", user.SchemaExtensions, group.SchemaExtensions)
	}
	if a := user.Extensions[1].Attribute("badge"); a.Returned != schema.Never {
		t.Errorf("what is only written is returned: %+v", a)
	}
	if len(schema.Default().ResourceType("User").Extensions) != 1 {
		t.Error("the built-in type was changed")
	}
}

// Every bad file gets one line that says where it is wrong and what to do.
func TestLoadRefusesBadFiles(t *testing.T) {
	t.Parallel()
	attribute := func(text string) map[string]string {
		return map[string]string{"t.json": goodType, "s.json": `{"id":"urn:example:2.0:Device","attributes":[` + text + `]}`}
	}
	with := func(text string) map[string]string {
		return map[string]string{"t.json": goodType, "s.json": goodSchema, "x.json": text}
	}
	for says, files := range map[string]map[string]string{
		"the folder has no file whose name ends in .json":                                                                    {"a.txt": ""},
		"x.json: line 2: this is no JSON:":                                                                                   with("{\n\"a\":}"),
		"x.json: line 1: this is no JSON:":                                                                                   with(""),
		"x.json: this is neither a Schema, which has attributes, nor a ResourceType":                                         with("{}"),
		"x.json: definition 2: an object, or a list of objects, belongs where there is a number":                             {"x.json": "[" + goodSchema + ",1]"},
		`s.json: unknown field "mutabilty"; remove it or spell it as RFC 7643 does`:                                          attribute(`{"name":"a","mutabilty":"readOnly"}`),
		"s.json: required cannot be a string":                                                                                attribute(`{"name":"a","required":"yes"}`),
		"s.json: urn:example:2.0:Device: an attribute is null":                                                               attribute(`null`),
		"s.json: urn:example:2.0:Device: the schema has no attributes":                                                       attribute(``),
		`x.json: id is "Device"; give the schema a URN such as`:                                                              with(`{"id":"Device","attributes":[{"name":"a"}]}`),
		"x.json: urn:EXAMPLE:2.0:device: there is a schema of this id already":                                               with(`{"id":"urn:EXAMPLE:2.0:device","attributes":[{"name":"a"}]}`),
		"x.json: urn:ietf:params:scim:schemas:core:2.0:User: there is a schema of this id already":                           with(`{"id":"urn:ietf:params:scim:schemas:core:2.0:User","attributes":[{"name":"a"}]}`),
		"x.json: urn:example:Unused: no resource type uses this schema; name it in":                                          with(`{"id":"urn:example:Unused","attributes":[{"name":"a"}]}`),
		"s.json: urn:example:2.0:Device:1a: this is no name of an attribute; begin with a letter":                            attribute(`{"name":"1a"}`),
		"s.json: urn:example:2.0:Device:: this is no name of an attribute":                                                   attribute(`{"type":"string"}`),
		"s.json: urn:example:2.0:Device:$ref: this is no name":                                                               attribute(`{"name":"$ref"}`),
		"s.json: urn:example:2.0:Device:ID: every resource has this attribute already; choose another name":                  attribute(`{"name":"ID"}`),
		"s.json: urn:example:2.0:Device:A: the name is empty or used twice, also in another case":                            attribute(`{"name":"a"},{"name":"A"}`),
		`s.json: urn:example:2.0:Device:a: type is "strng"; choose one of string, boolean,`:                                  attribute(`{"name":"a","type":"strng"}`),
		`s.json: urn:example:2.0:Device:a: mutability is "never"; choose one of readOnly,`:                                   attribute(`{"name":"a","mutability":"never"}`),
		`s.json: urn:example:2.0:Device:a: returned is "no"; choose one of always,`:                                          attribute(`{"name":"a","returned":"no"}`),
		`s.json: urn:example:2.0:Device:a: uniqueness is "yes"; choose one of none, server, global`:                          attribute(`{"name":"a","uniqueness":"yes"}`),
		"s.json: urn:example:2.0:Device:a: a complex attribute, and no other, has subAttributes":                             attribute(`{"name":"a","type":"complex"}`),
		"s.json: urn:example:2.0:Device:b: a complex attribute, and no other, has subAttributes":                             attribute(`{"name":"b","subAttributes":[{"name":"c"}]}`),
		"s.json: urn:example:2.0:Device:a.b: a sub-attribute cannot have sub-attributes of its own":                          attribute(`{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"complex","subAttributes":[{"name":"c"}]}]}`),
		"s.json: urn:example:2.0:Device:a: a sub-attribute is null":                                                          attribute(`{"name":"a","type":"complex","subAttributes":[null]}`),
		`s.json: urn:example:2.0:Device:a.b: type is "text"`:                                                                 attribute(`{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"text"}]}`),
		"s.json: urn:example:2.0:Device:a.value: the value of an attribute cannot be what is never returned":                 attribute(`{"name":"a","type":"complex","subAttributes":[{"name":"value","returned":"never"}]}`),
		"s.json: urn:example:2.0:Device:a: a complex attribute cannot be unique as a whole":                                  attribute(`{"name":"a","type":"complex","uniqueness":"server","subAttributes":[{"name":"b"}]}`),
		"s.json: urn:example:2.0:Device:a: a complex attribute has no canonicalValues":                                       attribute(`{"name":"a","type":"complex","canonicalValues":["x"],"subAttributes":[{"name":"b"}]}`),
		"s.json: urn:example:2.0:Device:a: a canonical value or reference type is empty":                                     attribute(`{"name":"a","canonicalValues":[""]}`),
		"s.json: urn:example:2.0:Device:a: a reference, and no other attribute, has referenceTypes":                          attribute(`{"name":"a","type":"reference"}`),
		"s.json: urn:example:2.0:Device:b: a reference, and no other attribute, has referenceTypes":                          attribute(`{"name":"b","referenceTypes":["uri"]}`),
		`s.json: urn:example:2.0:Device:a: referenceTypes has "Usr"; choose external, uri or the id of a resource type`:      attribute(`{"name":"a","type":"reference","referenceTypes":["User","Usr"]}`),
		"s.json: urn:example:2.0:Device:a: nobody could set it":                                                              attribute(`{"name":"a","required":true,"mutability":"readOnly"}`),
		"s.json: urn:example:2.0:Device:a: what is writeOnly is never returned":                                              attribute(`{"name":"a","mutability":"writeOnly","returned":"always"}`),
		"s.json: urn:example:2.0:Device:a: what is never returned is not kept":                                               attribute(`{"name":"a","mutability":"writeOnly","uniqueness":"server"}`),
		"s.json: urn:example:2.0:Device:b: what is never returned is not kept":                                               attribute(`{"name":"b","mutability":"immutable","returned":"never"}`),
		"x.json: resource type Me: this name is SCIM's own; choose another one":                                              with(`{"name":"Me","endpoint":"/Mine","schema":"urn:example:2.0:Device"}`),
		"x.json: resource type Phone: the endpoint /bulk is built in; choose another one":                                    with(`{"name":"Phone","endpoint":"/bulk","schema":"urn:example:2.0:Device"}`),
		"x.json: resource type Tablet: the endpoint /USERS is built in":                                                      with(`{"name":"Tablet","endpoint":"/USERS","schema":"urn:example:2.0:Device"}`),
		`x.json: resource type Phone: endpoint is "Phones"; it must be a slash and one word, such as /Devices`:               with(`{"name":"Phone","endpoint":"Phones","schema":"urn:example:2.0:Device"}`),
		"x.json: resource type Two Words: id and name must be words such as Device":                                          with(`{"name":"Two Words","endpoint":"/X","schema":"urn:example:2.0:Device"}`),
		"x.json: resource type Phone: the resource type Device has this id, name or endpoint already":                        with(`{"name":"Phone","endpoint":"/devices","schema":"urn:example:2.0:Device"}`),
		"x.json: resource type Phone: there is no schema \"urn:example:None\"; add its file to the folder or correct":        with(`{"name":"Phone","endpoint":"/Phones","schema":"urn:example:None"}`),
		"x.json: resource type Lamp: there is no schema \"urn:example:None\"":                                                with(`{"name":"Lamp","endpoint":"/Lamps","schema":"urn:example:2.0:Device","schemaExtensions":[{"schema":"urn:example:None"}]}`),
		"x.json: resource type Phone: the schema urn:ietf:params:scim:schemas:core:2.0:User is built in":                     with(`{"name":"Phone","endpoint":"/Phones","schema":"urn:ietf:params:scim:schemas:core:2.0:User"}`),
		"x.json: resource type Phone: the schema urn:ietf:params:scim:schemas:core:2.0:Group is built in and no extension":   with(`{"name":"Phone","endpoint":"/Phones","schema":"urn:example:2.0:Device","schemaExtensions":[{"schema":"urn:ietf:params:scim:schemas:core:2.0:Group"}]}`),
		"x.json: resource type Phone: the schema URN:example:2.0:Device is used twice":                                       with(`{"name":"Phone","endpoint":"/Phones","schema":"urn:example:2.0:Device","schemaExtensions":[{"schema":"URN:example:2.0:Device"}]}`),
		"x.json: resource type User: the built-in resource type has the endpoint /Users and the schema":                      with(`{"id":"User","endpoint":"/People","schemaExtensions":[]}`),
		"x.json: it is larger than 4194304 bytes or not in UTF-8":                                                            with("\xff"),
		"x.json: resource type User: there is no schema \"urn:example:None\"; add its file to the folder or correct the URN": with(`{"id":"User","schemaExtensions":[{"schema":"urn:example:None"}]}`),
		"x.json: definition 1: resource type Phone: endpoint is \"\"; it must be a slash and one word, such as /Devices":     with(`[{"name":"Phone","schema":"urn:example:2.0:Device","schemaExtensions":[]},{}]`),
	} {
		_, err := schema.Load(folder(files))
		if err == nil || !strings.HasPrefix(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v\nwant %s", err, says)
		}
	}
	if _, err := schema.Load(os.DirFS("testdata/none")); err == nil || !strings.Contains(err.Error(), "no such folder") {
		t.Error(err)
	}
}

// No file makes the loader panic, and what it takes can be worked with.
func FuzzSchemas(f *testing.F) {
	for _, seed := range []string{
		goodType, goodSchema, "[" + goodSchema + "," + goodType + "]", `{"Resources":[` + goodSchema + "," + goodType + "]}",
		`{"id":"User","schemaExtensions":[{"schema":"urn:example:2.0:Device","required":true}]}`, `[null]`, `{"attributes":null,"schemas":null}`,
		`{"id":"urn:a:b","attributes":[{"name":"a","type":"complex","multiValued":true,"subAttributes":[{"name":"value","type":"reference","referenceTypes":["User"],"mutability":"immutable"}]}]}`,
	} {
		f.Add([]byte(seed), []byte(`{"serial":"x","a":[{"value":1}]}`))
	}
	f.Fuzz(func(t *testing.T, file, body []byte) {
		r, err := schema.Load(fstest.MapFS{"a.json": {Data: file}, "b.json": {Data: []byte(goodSchema)}, "c.json": {Data: []byte(goodType)}})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is of several lines: %q", err)
			}
			return
		}
		for _, rt := range r.ResourceTypes {
			resource, err := rt.Read(decoded(body))
			if err != nil {
				continue
			}
			if err := rt.Unchanged(resource, resource); err != nil {
				t.Error(err)
			}
			if err := rt.Removed(resource, resource); err != nil {
				t.Error(err)
			}
			rt.Places(resource)
		}
	})
}

func decoded(text []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	out := map[string]any{}
	_ = d.Decode(&out) // what cannot be read is an empty resource
	return out
}
