package scim_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of this package anew")

// exchange is a request with its answer, as a golden file holds it. IDs and times are replaced by names.
type exchange struct {
	w     *world
	names map[string]string
	out   strings.Builder
}

func (e *exchange) do(method, path string, body string, headers ...string) *answer {
	e.w.t.Helper()
	var sent any
	if body != "" {
		sent = body
	}
	a := e.w.do(method, path, sent, headers...)
	e.out.WriteString(method + " " + path + "\n")
	for _, h := range headers {
		e.out.WriteString(h + "\n")
	}
	if body != "" {
		e.out.WriteString("\n" + indent(e.w.t, body) + "\n")
	}
	e.out.WriteString("\n" + strings.TrimSpace(fmt.Sprintf("--> %d %s", a.status, a.header.Get("Content-Type"))) + "\n")
	for _, name := range []string{"Location", "ETag", "WWW-Authenticate", "Allow"} {
		if v := a.header.Get(name); v != "" {
			e.out.WriteString(name + ": " + v + "\n")
		}
	}
	if a.raw != "" {
		e.out.WriteString("\n" + indent(e.w.t, a.raw) + "\n")
	}
	e.out.WriteString("\n")
	return a
}

func indent(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(strings.TrimSpace(text)), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var times = regexp.MustCompile(`"(created|lastModified)": "[^"]+"`)

// check compares the exchange with its golden file.
func (e *exchange) check(name string) {
	e.w.t.Helper()
	got := times.ReplaceAllString(e.out.String(), `"$1": "(time)"`)
	for id, name := range e.names {
		got = strings.ReplaceAll(got, id, name)
	}
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			e.w.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			e.w.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		e.w.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		e.w.t.Errorf("%s (write it anew with -update): %s", file, diff)
	}
}

// TestGolden holds the exchanges of RFC 7644 sections 3.3 to 3.6 and 3.12, with our answers.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]func(e *exchange){
		"create": func(e *exchange) {
			a := e.do("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bjensen","externalId":"bjensen",
				"name":{"formatted":"Ms. Barbara J Jensen III","familyName":"Jensen","givenName":"Barbara"}}`)
			e.names[a.text("id")] = "(bjensen)"
			e.do("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"BJENSEN"}`)
			e.do("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]}`)
		},
		"get": func(e *exchange) {
			id := e.w.post("/Users", full).is(201).text("id")
			e.names[id] = "(bjensen)"
			e.do("GET", "/Users/"+id, "")
			e.do("GET", "/Users/"+id, "", `If-None-Match: W/"1"`)
			e.do("GET", "/Users?filter=title%20pr%20and%20userType%20eq%20%22Employee%22&attributes=userName,emails.value", "")
			e.do("GET", "/Users?filter=nonsense", "")
			e.do("GET", "/Users/2819c223-7f76-453a-919d-413861904646", "")
		},
		"replace": func(e *exchange) {
			id := e.w.post("/Users", full).is(201).text("id")
			e.names[id] = "(bjensen)"
			e.do("PUT", "/Users/"+id, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"`+id+`","userName":"bjensen","externalId":"bjensen",
				"name":{"formatted":"Ms. Barbara J Jensen III","familyName":"Jensen","givenName":"Barbara","middleName":"Jane"},"roles":[],
				"emails":[{"value":"bjensen@example.com"},{"value":"babs@jensen.org"}]}`, `If-Match: W/"1"`)
			e.do("PUT", "/Users/"+id, `{"userName":"bjensen"}`, `If-Match: W/"1"`)
			e.do("DELETE", "/Users/"+id, "")
			e.do("DELETE", "/Users/"+id, "")
		},
		"patch": func(e *exchange) {
			ana, ben := e.w.user("ana"), e.w.user("ben")
			group := e.w.group("Tour Guides", ana)
			e.names = map[string]string{ana: "(ana)", ben: "(ben)", group: "(group)"}
			patch := func(path, operations string, headers ...string) {
				e.do("PATCH", path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+operations+`]}`, headers...)
			}
			patch("/Groups/"+group, `{"op":"add","path":"members","value":[{"display":"Ben","$ref":"https://example.com/v2/Users/`+ben+`","value":"`+ben+`"}]}`)
			patch("/Groups/"+group+"?attributes=members", `{"op":"remove","path":"members[value eq \"`+ana+`\"]"}`)
			patch("/Users/"+ana+"?attributes=emails,nickName", `{"op":"add","value":{"emails":[{"value":"babs@jensen.org","type":"home"}],"nickName":"Babs"}}`)
			patch("/Users/"+ana+"?attributes=addresses", `{"op":"replace","path":"addresses[type eq \"work\"].streetAddress","value":"1010 Broadway Ave"}`)
			patch("/Users/"+ana, `{"op":"replace","path":"emails[type eq \"odd\"].value","value":"x"}`)
			patch("/Users/"+ana, `{"op":"replace","path":"meta","value":{}}`)
		},
		"discovery": func(e *exchange) {
			e.do("GET", "/ServiceProviderConfig", "")
			e.do("GET", "/ResourceTypes", "")
			e.do("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group", "")
			e.do("DELETE", "/Schemas", "")
			e.do("GET", "/ServiceProviderConfig", "", "Authorization: ")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &exchange{w: newWorld(t), names: map[string]string{}}
			script(e)
			e.check(name)
		})
	}
}
