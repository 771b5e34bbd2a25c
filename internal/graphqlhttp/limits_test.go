package graphqlhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// doubling is a chain of n fragments, each of which spreads the next one twice around a leaf.
func doubling(n int, inner, leaf string) string {
	var b strings.Builder
	b.WriteString("{" + inner + "{...F0}}")
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on User{...F%d ...F%d}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on User{%s}", n, leaf)
	return b.String()
}

func nested(n int, open, leaf, end string) string {
	return strings.Repeat(open, n) + leaf + strings.Repeat(end, n)
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// TestRefusals sends what would take long, or make a long answer, without a limit. Each refusal must come in a tenth
// of a second, be short, and say BAD_USER_INPUT.
func TestRefusals(t *testing.T) {
	cases := map[string]string{
		"G1 10,000 aliases":                "{" + numbered(10_000, " a%d:__typename") + "}",
		"G1 aliases under the token limit": "{" + numbered(300, " a%d:__typename") + "}",
		"G1 aliases over several sets":     "{" + numbered(20, " b%d:viewer{a:name b:name c:name d:name e:name f:name g:name h:name i:name j:name}") + "}",
		"G2 10,000 repeated fields":        "{" + strings.Repeat(" __typename", 10_000) + "}",
		"G2 repeats under the token limit": "{" + strings.Repeat(" __typename", 1_900) + "}",
		"G2 repeats over several sets":     "{" + strings.Repeat(" viewer{"+strings.Repeat(" name", 90)+"}", 10) + "}",
		"G2 repeats with arguments":        "{" + strings.Repeat(` principals(fqn:"`+strings.Repeat("x", 2500)+`")`, 380) + "}",
		"G2 repeats in inline fragments":   "{" + strings.Repeat("...{"+strings.Repeat(" __typename", 90)+"}", 10) + "}",
		"G3 100,000 unknown directives":    "{__typename" + strings.Repeat(" @x", 100_000) + "}",
		"G3 directives under the limit":    "{__typename" + strings.Repeat(" @x", 99) + "}",
		"G3 directives over the limit":     "{__typename" + strings.Repeat(" @x", 300) + "}",
		"G3 deferred":                      "{...@defer{__typename}}",
		"G4 depth 5,000":                   "{" + nested(5_000, "user{manager{", "id", "}}") + "}",
		"G4 depth 400":                     "{user(id:\"1\"){" + nested(400, "manager{", "id", "}") + "}}",
		"G4 depth through fragments":       "{user(id:\"1\"){...F0}}" + numbered(40, " fragment F%[1]d on User{manager{...G%[1]d}}") + numbered(40, " fragment G%[1]d on User{id}"),
		"G4 depth of a list literal":       "{identitiesByFqn(fqns:" + nested(900, "[", "", "]") + "){id}}",
		"G4 depth of a list under 1,000":   "{identitiesByFqn(fqns:" + nested(50, "[", "", "]") + "){id}}",
		"G4 depth of a type":               "query($a:" + nested(900, "[", "Int", "]") + "){__typename}",
		"G5 26 doubling fragments":         doubling(26, "user(id:\"1\")", "manager{id}"),
		"G5 26 doubling root fragments":    "subscription{...F0}" + strings.TrimPrefix(strings.ReplaceAll(doubling(26, "", "a:changes{kind} b:changes{kind}"), "User", "Subscription"), "{{...F0}}"),
		"G5 a cycle of fragments":          "{...A} fragment A on Query{...B} fragment B on Query{...A}",
		"G5 fragments spread everywhere":   "{...F0}" + numbered(60, " fragment F%d on Query{...A ...B ...C}"),
		"G7 cost hidden in fragments":      "{...A} fragment A on Query{users(first:1000){...B}} fragment B on UserConnection{nodes{...C}} fragment C on User{memberOf(first:1000){nodes{id}}}",
		"G7 cost of nested pages":          "{users(first:1000){nodes{memberOf(first:1000){nodes{members(first:1000){nodes{id}}}}}}}",
		"G7 cost of lists without a size":  "{providers{" + nested(6, "instances{provider{", "id", "}}") + "}}",
		"G7 cost beyond counting":          "{users(first:9223372036854775807){nodes{memberOf(first:9223372036854775807){nodes{id}}}}}",
		"G7 introspection many times":      "{" + numbered(150, " a%d:__schema{...S}") + "} fragment S on __Schema{types{fields{args{type{name}} type{name}}}}",
		"a megabyte in one name":           "{" + strings.Repeat("x", 1_000_000) + "}",
		"a megabyte in one string":         `{user(id:1, name:"` + strings.Repeat("x", 1_000_000) + `"){id}}`,
		"300 KB of comments":               "{" + strings.Repeat("#\n", 100_000) + "__typename}",
		"600 KB of blanks":                 "{" + strings.Repeat(" ,\n", 200_000) + "nothing}",
		"operations over shared fragments": numbered(150, " query Q%d{...F}") + " fragment F on Query{" + strings.Repeat(" nothing", 150) + "}",
		"many unused fragments":            "{__typename}" + numbered(200, " fragment F%d on Query{__typename}"),
		"a chain of fragments":             "{...F0}" + numbered(150, " fragment F%[1]d on Query{__typename ...G%[1]d}"),
		"an unknown fragment":              "{...F}",
		"NUL":                              `{user(id:"\u0000"){id}}`,
		"no operation":                     "fragment F on Query{__typename}",
		"nothing":                          " ",
		"a type definition":                "type Query{id:ID}",
	}
	handler := newHandler(t, nil)
	for name, query := range cases {
		t.Run(name, func(t *testing.T) {
			wantRefusal(t, ask(handler, query))
		})
	}
}

func wantRefusal(t *testing.T, got exchange) {
	t.Helper()
	t.Logf("%d in %s: %.300s", got.status, got.took, got.body)
	if got.status != http.StatusBadRequest {
		t.Errorf("status %d, want 400", got.status)
	}
	if limit := 100 * time.Millisecond * slowdown; got.took > limit {
		t.Errorf("took %s, want less than %s", got.took, limit)
	}
	if len(got.body) >= 2048 {
		t.Errorf("the answer has %d bytes, want less than 2048", len(got.body))
	}
	errs := got.errors(t)
	if len(errs) == 0 {
		t.Error("no errors")
	}
	for _, err := range errs {
		if err.Extensions.Code != "BAD_USER_INPUT" {
			t.Errorf("code %q of %q, want BAD_USER_INPUT", err.Extensions.Code, err.Message)
		}
	}
	if strings.Contains(got.body, `"data"`) {
		t.Error("the answer has a data entry")
	}
}

// TestRefusalsOfVariables sends operations whose variables are too large, too deep or too costly.
func TestRefusalsOfVariables(t *testing.T) {
	const page = `query($n:Int!){users(first:$n){nodes{memberOf(first:$n){nodes{id}}}}}`
	const batch = `query($f:[String!]!,$n:Int!){resolve(fqns:$f){results{users(first:$n){nodes{id}}}}}`
	long := strings.Repeat("x", 100_000)
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	cases := map[string]struct{ query, variables string }{
		"G7 cost in a variable":                     {page, `{"n":1000}`},
		"G7 cost in a huge variable":                {page, `{"n":9223372036854775807}`},
		"G7 cost in a batch":                        {batch, `{"n":1000,"f":["a"` + strings.Repeat(`,"a"`, 999) + `]}`},
		"L3 1e400":                                  {page, `{"n":1e400}`},
		"L3 a number of 20 digits":                  {page, `{"n":99999999999999999999}`},
		"L3 a fraction":                             {page, `{"n":1.5}`},
		"L3 JSON depth":                             {page, `{"n":` + deep + `}`},
		"null for an argument with a default":       {`query($f:Int){users(first:$f){totalCount}}`, `{"f":null}`},
		"null for an input field with a default":    {`query($d:OrderDirection){users(orderBy:{field:USER_NAME,direction:$d}){totalCount}}`, `{"d":null}`},
		"null for a list with a default, in a page": {`query($s:[IdentityStatus!]){group(id:"x"){members(status:$s){totalCount}}}`, `{"s":null}`},
		"L3 NUL":                       {`query($i:ID!){user(id:$i){id}}`, `{"i":"a\u0000b"}`},
		"L3 a lone surrogate":          {`query($i:ID!){user(id:$i){id}}`, `{"i":"\ud800"}`},
		"L3 a repeated key":            {page, `{"n":1,"n":2}`},
		"a missing variable":           {page, `{}`},
		"null for a variable":          {page, `{"n":null}`},
		"a list for a number":          {page, `{"n":[1]}`},
		"variables as a list":          {page, `[1]`},
		"an unknown key, long":         {`query($i:DeleteRoleInput!){__typename users(first:1){nodes{id}}}`, `{"i":{"` + long + `":1}}`},
		"an enum's value, long":        {`query($k:[IdentityKind!]){identities(kinds:$k){nodes{id}}}`, `{"k":["` + long + `"]}`},
		"an object for an enum":        {`query($k:[IdentityKind!]){identities(kinds:$k){nodes{id}}}`, `{"k":[{"a":1}]}`},
		"a string for an object":       {`query($f:UserFilter){users(filter:$f){nodes{id}}}`, `{"f":"x"}`},
		"a deep object, unknown key":   {`query($f:UserFilter){users(filter:$f){nodes{id}}}`, `{"f":{"status":[{"a":{"b":1}}]}}`},
		"a variable that nothing uses": {`query($i:ID){__typename}`, `{}`},
	}
	handler := newHandler(t, nil)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			query, _ := json.Marshal(c.query)
			wantRefusal(t, post(handler, fmt.Sprintf(`{"query":%s,"variables":%s}`, query, c.variables)))
		})
	}
}

// TestAdmitted runs what the default limits must let through.
func TestAdmitted(t *testing.T) {
	cases := map[string]string{
		"the introspection query": introspectionQuery,
		"100 root fields":         "{" + numbered(100, " a%d:viewer{name}") + "}",
		"a selection set of 190":  "{" + numbered(190, " a%d:__typename") + "}",
		"a page of 1,000":         "{users(first:1000){nodes{id userName displayName fqn kind status name email externalId createdAt}}}",
		"depth 30":                "{__typename " + nested(28, "...{", "viewer{name}", "}") + "}",
		"a string of 100 KB":      `{principals(fqn:"` + strings.Repeat("x", 100_000) + `")}`,
		"26 doubling leaves":      doubling(26, "user(id:\"1\")", "id"),
	}
	handler := newHandler(t, nil)
	for name, query := range cases {
		t.Run(name, func(t *testing.T) {
			got := ask(handler, query)
			if got.status != http.StatusOK || strings.Contains(got.body, `"errors"`) {
				t.Errorf("%d in %s: %.300s", got.status, got.took, got.body)
			}
		})
	}
}

// TestLeastDepthLetsToolsIn: the least depth that the configuration takes lets the introspection query through.
func TestLeastDepthLetsToolsIn(t *testing.T) {
	got := ask(newHandler(t, func(cfg *Config) { cfg.Limits.Depth = 15 }), introspectionQuery)
	if got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestG5DoublingFragmentsAreMeasuredFast measures 26 doubling fragments, which count 2^26 objects.
func TestG5DoublingFragmentsAreMeasuredFast(t *testing.T) {
	text := doubling(26, "user(id:\"1\")", "manager{id}")
	if len(text) > 1100 {
		t.Fatalf("the query has %d bytes", len(text))
	}
	schema := newFixture(t).schema().Schema()
	doc, errs := newDocuments(schema, DefaultLimits()).get(text, true)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	scale := newScale(schema, 10, nil)
	start := time.Now()
	cost := scale.measure(doc.ast.Operations[0], nil)
	if took := time.Since(start); took > 5*time.Millisecond*slowdown {
		t.Errorf("measured in %s", took)
	}
	if want := int64(1<<26 + 1); cost != want {
		t.Errorf("cost %d, want %d", cost, want)
	}
}

// TestShapeEndsOnAnything checks that counting ends on documents that no schema would accept.
func TestShapeEndsOnAnything(t *testing.T) {
	for _, text := range []string{
		"{...A} fragment A on X{a{...A}}",
		"{...A} fragment A on X{...A}",
		"{...A} fragment A on X{a{...B}} fragment B on X{b{...A}} fragment A on X{c}",
	} {
		doc, err := parser.ParseQuery(&ast.Source{Input: text})
		if err != nil {
			t.Fatal(err)
		}
		if err := checkShape(doc, DefaultLimits()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestUnderTheCounts sends shapes that stay under every limit on counts and are still the most work for validation:
// whatever the answer, it must come in a tenth of a second.
func TestUnderTheCounts(t *testing.T) {
	cases := map[string]string{
		"one field 190 times, long arguments": "{" + strings.Repeat(` principals(fqn:"`+strings.Repeat("x", 5000)+`")`, 190) + "}",
		"190 fields in conflict":              "{" + numbered(190, ` principals(fqn:"%d")`) + "}",
		"60 conflicts deep down":              "{" + numbered(60, ` user(id:"1"){manager{a:reports(first:%[1]d){nodes{id}}}}`) + "}",
		"100 fragments side by side":          "{" + numbered(100, " ...F%d") + "}" + numbered(100, " fragment F%[1]d on Query{viewer{name}}"),
		"60 fragments in one another's way":   `{user(id:"1"){` + numbered(60, " ...F%d") + "}}" + numbered(60, " fragment F%[1]d on User{manager{id manager{id}}}"),
		"conditions on types":                 `{node(id:"1"){` + strings.Repeat("...on Identity{...on User{id}...on Group{id}}", 60) + "}}",
		"a list of 1,900":                     "{identitiesByFqn(fqns:[" + strings.Repeat(`"a" `, 1900) + "]){id}}",
		"1,900 wrong enum values":             "{identities(kinds:[" + strings.Repeat(`USEX `, 1900) + "]){nodes{id}}}",
		"600 wrong input fields":              "{users(filter:{" + numbered(600, `statuz%d:1 `) + "}){nodes{id}}}",
		"600 wrong arguments":                 "{users(" + numbered(600, `filtre%d:1 `) + "){nodes{id}}}",
		"390 wrong types":                     "query(" + numbered(390, "$v%d:Xzser ") + "){__typename}",
		"390 operations of one name":          strings.Repeat("query A{a}", 390),
	}
	handler := newHandler(t, nil)
	for name, query := range cases {
		t.Run(name, func(t *testing.T) {
			got := ask(handler, query)
			t.Logf("%d in %s: %.200s", got.status, got.took, got.body)
			if limit := 100 * time.Millisecond * slowdown; got.took > limit {
				t.Errorf("took %s, want less than %s", got.took, limit)
			}
			if got.status != http.StatusOK && len(got.body) >= 2048 {
				t.Errorf("the refusal has %d bytes, want less than 2048", len(got.body))
			}
		})
	}
}

// TestErrorsAreCapped asks for more errors than an answer lists.
func TestErrorsAreCapped(t *testing.T) {
	handler := newHandler(t, func(cfg *Config) { cfg.Limits.Errors = 3 })
	got := ask(handler, "{"+numbered(10, ` a%d:user(id:"bad"){id}`)+"}")
	errs := got.errors(t)
	if len(errs) != 4 || errs[3].Message != "7 more errors are not shown." {
		t.Errorf("%+v", errs)
	}
}

// TestLimitsAreTold: who watches tells requests over a limit from mistakes.
func TestLimitsAreTold(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		`{ __typename }`: "", `{ nothing }`: codeBadInput,
		`{ ` + strings.Repeat("a: __typename ", 3000) + `}`:                       "LIMIT",
		`{ ` + strings.Repeat("viewer { ", 40) + "name" + strings.Repeat("}", 41): "LIMIT",
	} {
		told := ""
		h := newHandler(t, func(cfg *Config) { cfg.Failed = func(_ context.Context, code string) { told = code } })
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(httptest.NewRecorder(), request)
		if told != want {
			t.Errorf("%.40s: %q, want %q", query, told, want)
		}
	}
}
