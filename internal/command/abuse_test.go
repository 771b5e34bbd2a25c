package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/internal/canary"
)

// exchanged is what came back for one request.
type exchanged struct {
	status int
	header http.Header
	body   string
}

const (
	jsonType    = "application/json"
	graphQLType = "application/graphql-response+json"
)

// exchange sends a request with the admin's token, unless the header has one; an empty value leaves a header out.
func (c *child) exchange(method, path string, header map[string]string, body io.Reader) exchanged {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + admin, "Content-Type": jsonType, "Accept": graphQLType} {
		r.Header.Set(name, value)
	}
	for name, value := range header {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
	transport := canary.Transport(c.t, &http.Transport{DisableKeepAlives: true, DisableCompression: true})
	response, err := transport.RoundTrip(r)
	if err != nil {
		c.t.Fatalf("%s %.100s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return exchanged{response.StatusCode, response.Header, string(text)}
}

// graphQLBody is the body of a GraphQL request.
func graphQLBody(query, variables string) string {
	text, _ := json.Marshal(query) // a text: cannot fail
	if variables == "" {
		return fmt.Sprintf(`{"query":%s}`, text)
	}
	return fmt.Sprintf(`{"query":%s,"variables":%s}`, text, variables)
}

// soon is how long the answer to what is refused may take on a busy machine. Without a limit it would be longer.
const soon = 3 * time.Second

// refuses posts GraphQL bodies by the names of what they try: each is refused as bad input, soon and in few words, and
// what the answer says is part of it.
func (c *child) refuses(bodies map[string][2]string) {
	c.t.Helper()
	for name, pair := range bodies {
		body, says := pair[0], pair[1]
		start := time.Now()
		got := c.exchange(http.MethodPost, "/graphql", nil, strings.NewReader(body))
		took := time.Since(start)
		c.t.Logf("%s: %d in %s, %d bytes: %.150s", name, got.status, took, len(got.body), got.body)
		if got.status != http.StatusBadRequest || took > soon || len(got.body) >= 2048 {
			c.t.Errorf("%s: %d in %s, %d bytes: %.300s", name, got.status, took, len(got.body), got.body)
		}
		if codes := codesOf(c.t, got.body); len(codes) == 0 || strings.Trim(strings.Join(codes, " "), " ") != strings.TrimSuffix(strings.Repeat("BAD_USER_INPUT ", len(codes)), " ") {
			c.t.Errorf("%s: the codes are %q", name, codes)
		}
		if !strings.Contains(got.body, says) || strings.Contains(got.body, `"data"`) {
			c.t.Errorf("%s: %s, want it to say %q and to have no data", name, got.body, says)
		}
	}
}

// codesOf are the codes of a GraphQL answer's errors.
func codesOf(t testing.TB, body string) []string {
	t.Helper()
	var answer struct {
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
	codes := []string{}
	for _, e := range answer.Errors {
		codes = append(codes, e.Extensions.Code)
	}
	return codes
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func nested(n int, open, leaf, end string) string {
	return strings.Repeat(open, n) + leaf + strings.Repeat(end, n)
}

// doubling is a chain of fragments F0 to Fn on a type, each of which spreads the next one twice around a leaf.
func doubling(n int, on, leaf string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on %s{...F%d ...F%d}", i, on, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on %s{%s}", n, on, leaf)
	return b.String()
}

func TestG1Aliases(t *testing.T) {
	t.Parallel()
	shared(t).refuses(map[string][2]string{
		"10,000 aliases":       {graphQLBody("{"+numbered(10_000, " a%d:__typename")+"}", ""), "more than 2000 tokens"},
		"under the tokens":     {graphQLBody("{"+numbered(190, " a%d:__typename ")+numbered(4, "...{"+"b%[1]d:__typename c%[1]d:__typename d%[1]d:__typename}")+"}", ""), "more than 200 aliases, which is the limit"},
		"in several fragments": {graphQLBody("{...A ...B}"+" fragment A on Query{"+numbered(150, " a%d:__typename")+"} fragment B on Query{"+numbered(150, " b%d:__typename")+"}", ""), "more than 200 aliases"},
	})
}

func TestG2RepeatedFields(t *testing.T) {
	t.Parallel()
	shared(t).refuses(map[string][2]string{
		"Measured 2: 10,000":  {graphQLBody("{"+strings.Repeat(" __typename", 10_000)+"}", ""), "more than 2000 tokens, which is the limit"},
		"under the tokens":    {graphQLBody("{"+strings.Repeat(" __typename", 1_900)+"}", ""), "A selection set holds 1900 fields, the limit is 200."},
		"over several sets":   {graphQLBody("{"+strings.Repeat(" viewer{"+strings.Repeat(" name", 90)+"}", 10)+"}", ""), "The query selects the same names too often"},
		"in inline fragments": {graphQLBody("{"+strings.Repeat("...{"+strings.Repeat(" __typename", 90)+"}", 10)+"}", ""), "The query selects the same names too often"},
	})
}

func TestG3Directives(t *testing.T) {
	t.Parallel()
	shared(t).refuses(map[string][2]string{
		"100,000 unknown ones":    {graphQLBody("{__typename"+strings.Repeat(" @x", 100_000)+"}", ""), "more than 2000 tokens"},
		"over the limit":          {graphQLBody("{__typename"+strings.Repeat(" @x", 101)+"}", ""), "more than 100 directives, which is the limit"},
		"under it, each an error": {graphQLBody("{__typename"+strings.Repeat(" @x", 99)+"}", ""), " more errors are not shown."},
		"under it, repeated":      {graphQLBody("{__typename"+strings.Repeat(" @skip(if:false)", 99)+"}", ""), "more errors are not shown."},
		"on an operation":         {graphQLBody("query"+strings.Repeat("@x", 500)+"{__typename}", ""), "more than 100 directives"},
	})
}

func TestG4Depth(t *testing.T) {
	t.Parallel()
	deep := " fragment F40 on User{id}"
	for i := range 40 {
		deep += fmt.Sprintf(" fragment F%d on User{manager{...F%d}}", i, i+1)
	}
	shared(t).refuses(map[string][2]string{
		"5,000":             {graphQLBody("{"+nested(5_000, "user{manager{", "id", "}}")+"}", ""), "maximum nesting depth of 1000"},
		"40":                {graphQLBody(`{user(id:"1"){`+nested(40, "manager{", "id", "}")+"}}", ""), "The query is 42 fields deep, the limit is 32."},
		"through fragments": {graphQLBody(`{user(id:"1"){...F0}}`+deep, ""), "The query is 42 fields deep, the limit is 32."},
		"of a list":         {graphQLBody("{identitiesByFqn(fqns:"+nested(900, "[", "", "]")+"){id}}", ""), "nests more than 32 levels deep"},
		"of a type":         {graphQLBody("query($a:"+nested(900, "[", "Int", "]")+"){__typename}", ""), ""},
		"of JSON":           {`{"query":"{__typename}","variables":{"a":` + nested(5_000, "[", "", "]") + `}}`, "nests deeper than 34 levels, which is the limit"},
	})
}

func TestG5FragmentDoubling(t *testing.T) {
	t.Parallel()
	shared(t).refuses(map[string][2]string{
		"Measured 1: 26 fragments": {graphQLBody(`{user(id:"1"){...F0}}`+doubling(26, "User", "manager{id}"), ""), "The operation may produce 67108865 objects, the limit is 250000"},
		"60, beyond counting":      {graphQLBody(`{user(id:"1"){...F0}}`+doubling(60, "User", "manager{id}"), ""), "may produce more than 1000000000000 objects"},
		"at the root":              {graphQLBody("{...F0}"+doubling(26, "Query", "viewer{name}"), ""), "The operation may produce 67108864 objects"},
		"of a subscription":        {graphQLBody("subscription{...F0}"+doubling(26, "Subscription", "a:changes{kind} b:changes{kind}"), ""), ""},
		"in a circle":              {graphQLBody("{...A} fragment A on Query{...B} fragment B on Query{...A}", ""), ""},
		"each in each":             {graphQLBody("{...F0}"+numbered(60, " fragment F%d on Query{...A ...B ...C}"), ""), ""},
	})
}

func TestG7CostHiddenInFragments(t *testing.T) {
	t.Parallel()
	const page = `query($n:Int!){users(first:$n){nodes{memberOf(first:$n){nodes{id}}}}}`
	shared(t).refuses(map[string][2]string{
		"three fragments":     {graphQLBody("{...A} fragment A on Query{users(first:1000){...B}} fragment B on UserConnection{nodes{...C}} fragment C on User{memberOf(first:1000){nodes{id}}}", ""), "objects, the limit is 250000: ask for smaller pages, fewer keys or fewer levels."},
		"nested pages":        {graphQLBody("{users(first:1000){nodes{memberOf(first:1000){nodes{members(first:1000){nodes{id}}}}}}}", ""), "objects"},
		"in a variable":       {graphQLBody(page, `{"n":1000}`), "The operation may produce 1002001 objects"},
		"in a huge variable":  {graphQLBody(page, `{"n":2147483647}`), "objects"},
		"in a batch":          {graphQLBody(`query($f:[String!]!){resolve(fqns:$f){results{users(first:1000){nodes{id}}}}}`, `{"f":["a"`+strings.Repeat(`,"a"`, 999)+`]}`), "objects"},
		"lists without sizes": {graphQLBody("{providers{"+nested(6, "instances{provider{", "id", "}}")+"}}", ""), "objects"},
		"counts under aliases": {
			graphQLBody("{groups(first:1000){nodes{...A}}} fragment A on Group{"+numbered(30, " a%d:memberCount(scope:EFFECTIVE)")+"}", ""),
			"The operation may produce 301001 objects",
		},
		"counts in fragments": {graphQLBody(`{group(id:"1"){...F0}}`+doubling(20, "Group", "memberCount(scope:EFFECTIVE)"), ""), "objects"},
		"a schema, 150 times": {graphQLBody("{"+numbered(150, " a%d:__schema{...S}")+"} fragment S on __Schema{types{fields{args{type{name}} type{name}}}}", ""), "objects"},
	})
}

func TestG8ArrayBatching(t *testing.T) {
	t.Parallel()
	const one = `{"query":"{viewer{name}}"}`
	shared(t).refuses(map[string][2]string{
		"two":         {"[" + one + "," + one + "]", "batches of operations are not supported"},
		"one":         {"[" + one + "]", "batches of operations are not supported"},
		"none":        {"[]", "batches of operations are not supported"},
		"30,000":      {"[" + strings.Repeat(one+",", 30_000) + one + "]", "batches of operations are not supported"},
		"of nothing":  {"[null]", "batches of operations are not supported"},
		"in the text": {`{"query":["{viewer{name}}"]}`, "`query` must be a string."},
	})
}

func TestG12MutationByGet(t *testing.T) {
	t.Parallel()
	c := shared(t)
	const mutation = `mutation{createRole(input:{name:"made by GET"}){userErrors{message}}}`
	for name, query := range map[string]string{
		"alone": "query=" + url.QueryEscape(mutation), "beside a query": "query=" + url.QueryEscape("query Q{revision} "+strings.Replace(mutation, "mutation", "mutation M", 1)) + "&operationName=M",
	} {
		for _, accept := range []string{jsonType, graphQLType, "text/event-stream"} {
			got := c.exchange(http.MethodGet, "/graphql?"+query, map[string]string{"Accept": accept}, nil)
			if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != http.MethodPost {
				t.Errorf("%s, %s: %d %s", name, accept, got.status, got.body)
			}
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions} {
		got := c.exchange(method, "/graphql?query="+url.QueryEscape("{revision}"), nil, nil)
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d, Allow %q", method, got.status, got.header.Get("Allow"))
		}
	}
	if answer := c.graphQL(admin, `{role(name:"made by GET"){id}}`); answer != `{"data":{"role":null}}` {
		t.Error(answer)
	}
}

// TestG14OnlyJSON sends what a page of another site can make a browser send without asking first. None of it is read,
// and as every request needs its Authorization header, a browser has to ask (CORS-preflight) for JSON too.
func TestG14OnlyJSON(t *testing.T) {
	t.Parallel()
	c := shared(t)
	const mutation = `{"query":"mutation{createRole(input:{name:\"made by a form\"}){userErrors{message}}}"}`
	multipart := "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" + mutation + "\r\n--x--\r\n"
	for media, body := range map[string]string{
		"text/plain": mutation, "application/x-www-form-urlencoded": "query=" + url.QueryEscape("mutation{createRole(input:{name:\"made by a form\"}){userErrors{message}}}"),
		"multipart/form-data; boundary=x": multipart, "application/graphql": "{revision}", "": mutation, "text/plain; application/json": mutation,
		"application/json; charset=utf-16": mutation, "application/json, text/plain": mutation,
	} {
		got := c.exchange(http.MethodPost, "/graphql", map[string]string{"Content-Type": media}, strings.NewReader(body))
		if got.status != http.StatusUnsupportedMediaType || !strings.Contains(got.body, "Content-Type: application/json") {
			t.Errorf("%s: %d %s", media, got.status, got.body)
		}
	}
	browser := map[string]string{
		"Authorization": "", "Cookie": "session=1; token=" + admin, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors",
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		got := c.exchange(method, "/graphql?query="+url.QueryEscape("{revision}"), browser, strings.NewReader(mutation))
		if got.status != http.StatusUnauthorized || got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("a browser's %s without a token: %d %s", method, got.status, got.body)
		}
	}
	preflight := map[string]string{"Authorization": "", "Origin": "https://evil.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
	if got := c.exchange(http.MethodOptions, "/graphql", preflight, nil); got.status == http.StatusOK || got.status == http.StatusNoContent || got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a preflight: %d %v", got.status, got.header)
	}
	if answer := c.graphQL(admin, `{role(name:"made by a form"){id}}`); answer != `{"data":{"role":null}}` {
		t.Error(answer)
	}
}

// TestMeasured4BodiesAreNotEchoed sends bodies that hold a secret and cannot be read.
func TestMeasured4BodiesAreNotEchoed(t *testing.T) {
	t.Parallel()
	c := shared(t)
	const secret = "s3cret-of-a-client"
	for _, body := range []string{
		secret, `{"query":"` + secret, `{"query":"{viewer{name}}","variables":"` + secret + `"}`, `{"query":"{viewer{name}}","variables":{"` + secret + `":1,"` + secret + `x":}}`,
		`["` + secret + `"]`, `"` + secret + `"`, `{"query":{"` + secret + `":1}}`, `{"query":"{viewer{name}}"} ` + secret, `{"query":"{viewer{name}}","operationName":["` + secret + `"]}`,
		`{"query":"query($i:ID!){user(id:$i){id}}","variables":{"i":{"a":"` + secret + `"}}}`, `{"query":"query($k:[IdentityKind!]){identities(kinds:$k){nodes{id}}}","variables":{"k":[{"a":"` + secret + `"}]}}`,
	} {
		for _, accept := range []string{jsonType, graphQLType} {
			got := c.exchange(http.MethodPost, "/graphql", map[string]string{"Accept": accept}, strings.NewReader(body))
			if len(codesOf(t, got.body)) == 0 || strings.Contains(got.body, secret) {
				t.Errorf("%s\nis answered %d %s", body, got.status, got.body)
			}
		}
	}
	if strings.Contains(c.stderr.String(), secret) {
		t.Error("the log holds a body")
	}
}

func TestMeasured3ManyFaultsMakeAShortAnswer(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	shared(t).refuses(map[string][2]string{
		"100,000 directives":   {graphQLBody("{__typename"+strings.Repeat(" @"+long[:5], 100_000)+"}", ""), "tokens"},
		"a name of a megabyte": {graphQLBody("{"+strings.Repeat("x", 1_000_000)+"}", ""), "Cannot query field"},
		"a name of a variable": {graphQLBody("query($i:DeleteRoleInput!){__typename}", `{"i":{"`+long+`":1}}`), ""},
		"a value of an enum":   {graphQLBody("query($k:[IdentityKind!]){identities(kinds:$k){nodes{id}}}", `{"k":["`+long+`"]}`), ""},
		"a name of operations": {`{"query":"query A{revision}","operationName":"` + long + `"}`, "no operation named"},
		"1,900 wrong values":   {graphQLBody("{identities(kinds:["+strings.Repeat("USEX ", 1900)+"]){nodes{id}}}", ""), "more errors are not shown."},
		"190 unknown fields":   {graphQLBody("{"+numbered(190, " viewr%d")+"}", ""), "more errors are not shown."},
	})
}

func TestG15PersistedQueryHashMismatch(t *testing.T) {
	t.Parallel()
	const hash = "0000000000000000000000000000000000000000000000000000000000000000"
	c := shared(t)
	named := `"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}`
	c.refuses(map[string][2]string{
		"a mismatch": {`{"query":"{viewer{name}}",` + named + `}`, "is not the SHA-256 of the query"},
		"no hash":    {`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`, "64 hexadecimal digits"},
	})
	got := c.exchange(http.MethodPost, "/graphql", nil, strings.NewReader("{"+named+"}"))
	if diff := cmp.Diff([]string{"PERSISTED_QUERY_NOT_FOUND"}, codesOf(t, got.body)); diff != "" {
		t.Error(got.body)
	}
	if got := c.exchange(http.MethodPost, "/graphql", map[string]string{"Authorization": ""}, strings.NewReader(`{"query":"{viewer{name}}",`+named+`}`)); got.status != http.StatusUnauthorized {
		t.Errorf("without a token: %d %s", got.status, got.body)
	}
}

// TestCVE2023_49559DirectiveOverload: a validator that looks at each directive, and says something of each.
func TestCVE2023_49559DirectiveOverload(t *testing.T) {
	t.Parallel()
	shared(t).refuses(map[string][2]string{
		"of one name":    {graphQLBody("{__typename"+strings.Repeat(" @include(if:true)", 5_000)+"}", ""), "more than 2000 tokens"},
		"of many names":  {graphQLBody("{__typename"+numbered(5_000, " @a%d")+"}", ""), "more than 2000 tokens"},
		"over the query": {graphQLBody("{"+numbered(60, " a%d:__typename @skip(if:false)@include(if:true)")+"}", ""), "more than 100 directives, which is the limit"},
	})
}

// TestCVE2025_32030FragmentExpansion: fragments that are named over and over, which a planner would expand.
func TestCVE2025_32030FragmentExpansion(t *testing.T) {
	t.Parallel()
	shared(t).refuses(map[string][2]string{
		"twice each":   {graphQLBody(`{user(id:"1"){...F0}}`+doubling(30, "User", "manager{id}"), ""), "objects, the limit is 250000"},
		"a crowd each": {graphQLBody("{"+strings.Repeat("...A ", 190)+"} fragment A on Query{"+strings.Repeat("...B ", 190)+"} fragment B on Query{"+strings.Repeat("...C ", 190)+"} fragment C on Query{viewer{name}}", ""), "objects, the limit is 250000"},
	})
}

// TestCVE2025_32034ExpansionWithinFragments: the same with fields between the fragments, and types that narrow.
func TestCVE2025_32034ExpansionWithinFragments(t *testing.T) {
	t.Parallel()
	shared(t).refuses(map[string][2]string{
		"fields between": {graphQLBody(`{user(id:"1"){...F0}}`+strings.ReplaceAll(doubling(20, "User", "id"), "{...", "{manager{id} ..."), ""), "objects, the limit is 250000"},
		"types between":  {graphQLBody(`{node(id:"1"){...on User{...F0} ...on Identity{...on User{...F0}}}}`+doubling(26, "User", "manager{id}"), ""), "objects, the limit is 250000"},
	})
}
