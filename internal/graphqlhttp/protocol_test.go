package graphqlhttp

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	asJSON    = "application/json"
	asGraphQL = "application/graphql-response+json"
)

func TestProtocol(t *testing.T) {
	const (
		viewer   = `{"query":"{viewer{name}}"}`
		answered = `{"data":{"viewer":{"name":"tester"}}}`
		mutation = `mutation{deleteRole(input:{name:"x"}){userErrors{code}}}`
	)
	get := func(query string) string { return "/graphql?query=" + url.QueryEscape(query) }
	type want struct {
		status int
		media  string
		body   string // in full, or a part where it starts with ...
		allow  string
	}
	cases := map[string]struct {
		method, target, body, accept, contentType string
		want                                      want
	}{
		"a query":                              {"POST", "", viewer, asJSON, asJSON, want{200, asJSON, answered, ""}},
		"a query, new media type":              {"POST", "", viewer, asGraphQL, asJSON, want{200, asGraphQL, answered, ""}},
		"no Accept":                            {"POST", "", viewer, "-", asJSON, want{200, asJSON, answered, ""}},
		"Accept anything":                      {"POST", "", viewer, "*/*", asJSON, want{200, asJSON, answered, ""}},
		"Accept by weight":                     {"POST", "", viewer, asJSON + ";q=0.5, " + asGraphQL + ";q=0.9", asJSON, want{200, asGraphQL, answered, ""}},
		"Accept by order":                      {"POST", "", viewer, asGraphQL + ", " + asJSON, asJSON, want{200, asGraphQL, answered, ""}},
		"Accept with a charset":                {"POST", "", viewer, asGraphQL + "; charset=utf-8", asJSON, want{200, asGraphQL, answered, ""}},
		"Accept what is not made":              {"POST", "", viewer, "text/html", asJSON, want{406, asJSON, "...application/graphql-response+json", ""}},
		"Accept with a weight of zero":         {"POST", "", viewer, asJSON + ";q=0", asJSON, want{406, asJSON, "...", ""}},
		"Accept with another charset":          {"POST", "", viewer, asJSON + ";charset=latin1", asJSON, want{406, asJSON, "...", ""}},
		"Content-Type in UTF-8":                {"POST", "", viewer, asJSON, asJSON + "; charset=UTF-8", want{200, asJSON, answered, ""}},
		"Content-Type in another charset":      {"POST", "", viewer, asJSON, asJSON + "; charset=utf-16", want{415, asJSON, "...", ""}},
		"no Content-Type":                      {"POST", "", viewer, asJSON, "", want{415, asJSON, "...", ""}},
		"G14 text":                             {"POST", "", viewer, asJSON, "text/plain", want{415, asJSON, "...Content-Type: application/json", ""}},
		"G14 a form":                           {"POST", "", "query=%7Bviewer%7Bname%7D%7D", asJSON, "application/x-www-form-urlencoded", want{415, asJSON, "...", ""}},
		"G14 a multipart form":                 {"POST", "", "--x\r\n", asJSON, "multipart/form-data; boundary=x", want{415, asJSON, "...", ""}},
		"G14 bare GraphQL":                     {"POST", "", "{viewer{name}}", asJSON, "application/graphql", want{415, asJSON, "...", ""}},
		"G8 a batch":                           {"POST", "", "[" + viewer + "]", asJSON, asJSON, want{400, asJSON, "...batches of operations are not supported", ""}},
		"no JSON":                              {"POST", "", `{"query`, asJSON, asJSON, want{400, asJSON, "...ends too early", ""}},
		"no query":                             {"POST", "", `{}`, asGraphQL, asJSON, want{400, asGraphQL, "...has no query", ""}},
		"a syntax error":                       {"POST", "", `{"query":"{"}`, asJSON, asJSON, want{200, asJSON, `...{"errors":[{"message":"Syntax error: Expected Name, found \u003cEOF\u003e"`, ""}},
		"a syntax error, new media type":       {"POST", "", `{"query":"{"}`, asGraphQL, asJSON, want{400, asGraphQL, "...Syntax error", ""}},
		"an unknown field":                     {"POST", "", `{"query":"{viewr{name}}"}`, asJSON, asJSON, want{200, asJSON, `...Did you mean \"viewer\" or \"user\"?","locations":[{"line":1,"column":2}],"extensions":{"code":"BAD_USER_INPUT"}}]}`, ""}},
		"an unknown field, new media type":     {"POST", "", `{"query":"{viewr{name}}"}`, asGraphQL, asJSON, want{400, asGraphQL, "...viewr", ""}},
		"a missing variable":                   {"POST", "", `{"query":"query($i:ID!){user(id:$i){id}}"}`, asJSON, asJSON, want{200, asJSON, "...The variable `i` is wrong: must be defined.", ""}},
		"a missing variable, new media type":   {"POST", "", `{"query":"query($i:ID!){user(id:$i){id}}"}`, asGraphQL, asJSON, want{400, asGraphQL, "...variable `i`", ""}},
		"two operations, none named":           {"POST", "", `{"query":"query A{viewer{name}} query B{viewer{name}}"}`, asGraphQL, asJSON, want{400, asGraphQL, "...The query holds 2 operations", ""}},
		"two operations, one named":            {"POST", "", `{"query":"query A{viewer{name}} query B{revision}","operationName":"A"}`, asGraphQL, asJSON, want{200, asGraphQL, answered, ""}},
		"an operation that is not there":       {"POST", "", `{"query":"query A{viewer{name}}","operationName":"B"}`, asGraphQL, asJSON, want{400, asGraphQL, `...no operation named \"B\"`, ""}},
		"a mutation":                           {"POST", "", `{"query":"mutation{deleteRole(input:{name:\"x\"}){userErrors{code message}}}"}`, asJSON, asJSON, want{200, asJSON, `{"data":{"deleteRole":{"userErrors":[{"code":"NOT_FOUND","message":"x"}]}}}`, ""}},
		"a subscription without a stream":      {"POST", "", `{"query":"subscription{changes{kind}}"}`, asGraphQL, asJSON, want{400, asGraphQL, "...Accept: text/event-stream", ""}},
		"GET":                                  {"GET", get("{viewer{name}}"), "", asJSON, "", want{200, asJSON, answered, ""}},
		"GET with variables":                   {"GET", get("query($f:String!){principals(fqn:$f)}") + "&variables=" + url.QueryEscape(`{"f":"a"}`), "", asJSON, "", want{200, asJSON, `{"data":{"principals":["a"]}}`, ""}},
		"GET with variables that are no JSON":  {"GET", get("{viewer{name}}") + "&variables=%7B", "", asJSON, "", want{400, asJSON, "...ends too early", ""}},
		"GET with variables that are a list":   {"GET", get("{viewer{name}}") + "&variables=%5B%5D", "", asJSON, "", want{400, asJSON, "...`variables` must be a JSON object or null.", ""}},
		"GET without a query":                  {"GET", "/graphql", "", asJSON, "", want{400, asJSON, "...has no query", ""}},
		"GET with two queries":                 {"GET", get("{viewer{name}}") + "&query=x", "", asJSON, "", want{400, asJSON, "...repeats `query`", ""}},
		"GET with a malformed query string":    {"GET", "/graphql?query=%7Bviewer%7Bname%7D%7D&x=%zz", "", asJSON, "", want{400, asJSON, "...malformed", ""}},
		"G12 a mutation by GET":                {"GET", get(mutation), "", asJSON, "", want{405, asJSON, "...must be sent by POST", "POST"}},
		"G12 a mutation by GET, new type":      {"GET", get(mutation), "", asGraphQL, "", want{405, asGraphQL, "...must be sent by POST", "POST"}},
		"G12 a mutation by GET, as a stream":   {"GET", get(mutation), "", "text/event-stream", "", want{405, asJSON, "...must be sent by POST", "POST"}},
		"G12 a mutation by GET beside a query": {"GET", get("query Q{viewer{name}} "+strings.Replace(mutation, "mutation", "mutation M", 1)) + "&operationName=M", "", asJSON, "", want{405, asJSON, "...", "POST"}},
		"PUT":                                  {"PUT", "", viewer, asJSON, asJSON, want{405, asJSON, "...", "GET, POST"}},
		"DELETE":                               {"DELETE", "", "", "-", "", want{405, asJSON, "...", "GET, POST"}},
	}
	handler := newHandler(t, nil)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			header := map[string]string{"Accept": c.accept, "Content-Type": c.contentType}
			if c.accept == "-" {
				delete(header, "Accept")
			}
			target := c.target
			if target == "" {
				target = "/graphql"
			}
			got := request(handler, c.method, target, c.body, header)
			if got.status != c.want.status {
				t.Errorf("status %d, want %d", got.status, c.want.status)
			}
			if media := got.header.Get("Content-Type"); media != c.want.media+"; charset=utf-8" {
				t.Errorf("Content-Type %q, want %q", media, c.want.media)
			}
			if allow := got.header.Get("Allow"); allow != c.want.allow {
				t.Errorf("Allow %q, want %q", allow, c.want.allow)
			}
			if part, partly := strings.CutPrefix(c.want.body, "..."); partly {
				if !strings.Contains(got.body, part) || strings.Contains(got.body, `"data"`) {
					t.Errorf("body %s, want it to contain %s and no data", got.body, part)
				}
				for _, err := range got.errors(t) {
					if err.Extensions.Code != codeBadInput {
						t.Errorf("code %q, want %q", err.Extensions.Code, codeBadInput)
					}
				}
			} else if got.body != c.want.body {
				t.Errorf("body %s\nwant %s", got.body, c.want.body)
			}
			for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": "Accept", "Content-Length": fmt.Sprint(len(got.body))} {
				if got := got.header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestL1BodyLimit(t *testing.T) {
	handler := newHandler(t, nil)
	fits := `{"query":"{viewer{name}}"}`
	fits += strings.Repeat(" ", 1<<20-len(fits))
	if got := post(handler, fits); got.status != http.StatusOK {
		t.Errorf("a body of the limit: %d %s", got.status, got.body)
	}
	if got := post(handler, fits+" "); got.status != http.StatusRequestEntityTooLarge || got.errors(t)[0].Extensions.Code != codeBadInput {
		t.Errorf("a body one byte over the limit: %d %s", got.status, got.body)
	}
	long := request(handler, http.MethodGet, "/graphql?query="+strings.Repeat("x", 1<<20), "", nil)
	if long.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a query string over the limit: %d %.200s", long.status, long.body)
	}
}

// endless is a body without an end.
type endless struct{ read atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read.Add(int64(len(p)))
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestL2Bodies(t *testing.T) {
	server := httptest.NewServer(newHandler(t, func(cfg *Config) { cfg.Deadline = time.Second }))
	defer server.Close()

	t.Run("endless chunks", func(t *testing.T) {
		body := &endless{}
		r, _ := http.NewRequest(http.MethodPost, server.URL, io.NopCloser(body))
		r.Header.Set("Content-Type", asJSON)
		resp, err := http.DefaultClient.Do(r)
		if err == nil {
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("status %d, want 413", resp.StatusCode)
			}
		}
		if body.read.Load() > 16<<20 {
			t.Errorf("%d bytes were taken", body.read.Load())
		}
	})
	t.Run("compressed", func(t *testing.T) {
		got := request(newHandler(t, nil), http.MethodPost, "/graphql", "\x1f\x8b", map[string]string{"Content-Type": asJSON, "Content-Encoding": "gzip"})
		if got.status != http.StatusUnsupportedMediaType {
			t.Errorf("status %d, want 415", got.status)
		}
	})
	for name, c := range map[string]struct {
		length, want string
	}{
		"a Content-Length over the limit":   {"1048577", "413"},
		"a body shorter than its length":    {"1000", "400"},
		"a body that drips and then stalls": {"1000", "408"},
	} {
		t.Run(name, func(t *testing.T) {
			connection, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n{\"query", c.length)
			if c.want == "400" {
				_ = connection.(*net.TCPConn).CloseWrite()
			}
			_ = connection.SetReadDeadline(time.Now().Add(10 * time.Second))
			start := time.Now()
			answer, err := io.ReadAll(connection)
			if err != nil {
				t.Errorf("after %s: %v", time.Since(start), err)
			}
			if !strings.HasPrefix(string(answer), "HTTP/1.1 "+c.want) {
				t.Errorf("answer %.200q, want status %s", answer, c.want)
			}
		})
	}
}
