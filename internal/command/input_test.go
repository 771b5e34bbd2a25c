package command

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
)

// small are the settings of a Roster whose body limits are small.
var small = []string{"ROSTER_GRAPHQL_MAX_BODY=4096", "ROSTER_SCIM_MAX_BODY=65536"}

// pushInto makes an instance of its own for a test, and returns the secret of its SCIM token.
func (c *child) pushInto(provider string) string {
	c.t.Helper()
	c.graphQL(admin, fmt.Sprintf(`mutation { addProvider(input: {name: %[1]q, type: SCIM}) { userErrors { message } } addProviderInstance(input: {provider: %[1]q}) { userErrors { message } } }`, provider))
	return c.newToken(fmt.Sprintf(`{name: "push", scopes: [SCIM], provider: %q, instance: ""}`, provider))
}

// doors are the two that read bodies, each with a body that it takes, and the token and limit for it.
func doors(c *child, provider string) map[string]door {
	return map[string]door{
		"/graphql":       {admin, 4096, `{"query":"{viewer{name}}","x":"%s"}`, http.StatusOK},
		"/scim/v2/Users": {c.pushInto(provider), 65536, `{"userName":"ana","x":"%s"}`, http.StatusCreated},
	}
}

type door struct {
	token string
	limit int
	body  string // with a place for what makes it long
	takes int
}

// sized is the door's body in so many bytes.
func (d door) sized(n int) string {
	return fmt.Sprintf(d.body, strings.Repeat("x", n-len(d.body)+len("%s")))
}

func TestL1BodyOneByteOverTheLimit(t *testing.T) {
	t.Parallel()
	c := shared(t, small...)
	for path, d := range doors(c, "L1") {
		if got := c.exchange(http.MethodPost, path, bearer(d.token), strings.NewReader(d.sized(d.limit))); got.status != d.takes {
			t.Errorf("%s: a body of the limit: %d %.200s", path, got.status, got.body)
		}
		for name, body := range map[string]io.Reader{"a length": strings.NewReader(d.sized(d.limit + 1)), "chunks": struct{ io.Reader }{strings.NewReader(d.sized(d.limit + 1))}} {
			got := c.exchange(http.MethodPost, path, bearer(d.token), body)
			if got.status != http.StatusRequestEntityTooLarge || len(got.body) > 1024 || strings.Contains(got.body, "xxx") {
				t.Errorf("%s: one byte more, with %s: %d %.200s", path, name, got.status, got.body)
			}
		}
	}
	long := c.exchange(http.MethodGet, "/graphql?query="+url.QueryEscape("{viewer{name}}#"+strings.Repeat("x", 4096)), nil, nil)
	if long.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a query string over the limit: %d %s", long.status, long.body)
	}
	header := bearer(admin)
	header["X-Long"] = strings.Repeat("x", 64<<10)
	if got := c.exchange(http.MethodGet, "/graphql", header, nil); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header over the limit: %d", got.status)
	}
}

// endless is a body without an end, which counts what was taken of it.
type endless struct{ taken atomic.Int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.taken.Add(int64(len(p)))
	return copy(p, strings.Repeat(" ", len(p))), nil
}

func TestL2BodiesThatLie(t *testing.T) {
	t.Parallel()
	c := shared(t, append([]string{"ROSTER_REQUEST_TIMEOUT=1s"}, small...)...)
	for path, d := range doors(c, "L2") {
		body := &endless{}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.base+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+d.token)
		r.Header.Set("Content-Type", jsonType)
		response, err := canary.Transport(t, &http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err == nil { // else the connection was cut while we were sending
			if response.Body.Close(); response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s, endless chunks: %d", path, response.StatusCode)
			}
		}
		if n := body.taken.Load(); n > 32<<20 {
			t.Errorf("%s: %d bytes of endless chunks were taken", path, n)
		}
		for _, encoding := range []string{"gzip", "deflate", "br", "gzip, gzip"} {
			header := bearer(d.token)
			header["Content-Encoding"] = encoding
			if got := c.exchange(http.MethodPost, path, header, strings.NewReader("\x1f\x8b\x08")); got.status != http.StatusUnsupportedMediaType {
				t.Errorf("%s, %s: %d %s", path, encoding, got.status, got.body)
			}
		}
		for name, lie := range map[string]struct {
			head, want string
			hangUp     bool
		}{
			"a length over the limit":        {"Content-Length: 99999999999", "413", false},
			"a length beyond counting":       {"Content-Length: 99999999999999999999", "400", false},
			"a length below zero":            {"Content-Length: -1", "400", false},
			"two lengths":                    {"Content-Length: 10\r\nContent-Length: 20", "400", false},
			"a body that stalls":             {"Content-Length: 1000", "408", false},
			"a body shorter than its length": {"Content-Length: 1000", "400", true},
			"no chunks":                      {"Transfer-Encoding: chunked", "408", false},
			"an unknown coding":              {"Transfer-Encoding: gzip", "501", false},
		} {
			if path != "/graphql" && (lie.want == "408" || lie.hangUp) {
				lie.want = "4" // SCIM says so in words of its own
			}
			t.Run(path+" "+name, func(t *testing.T) {
				t.Parallel()
				conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: roster\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n\r\n{\"query", path, d.token, lie.head)
				if lie.hangUp {
					_ = conn.(*net.TCPConn).CloseWrite()
				}
				_ = conn.SetReadDeadline(time.Now().Add(15 * time.Second))
				answer, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+lie.want) || len(answer) > 2048 {
					t.Errorf("%v, %.200q, want %s", err, answer, lie.want)
				}
			})
		}
	}
}

// TestL3HostileJSON: 400 at both doors, never 500.
func TestL3HostileJSON(t *testing.T) {
	t.Parallel()
	c := shared(t, small...)
	deep := strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50)
	for path, d := range doors(c, "L3") {
		for name, part := range map[string]string{
			"depth":              `"userName":"a","query":"{viewer{name}}","variables":` + deep + `,"x":` + deep,
			"depth in a list":    `"userName":"a","query":"{viewer{name}}","x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000),
			"a repeated key":     `"userName":"a","userName":"b","query":"{viewer{name}}","query":"{revision}"`,
			"1e400":              `"userName":"a","query":"{viewer{name}}","x":1e400`,
			"a lone surrogate":   `"userName":"\ud800","query":"\ud800"`,
			"half of a pair":     `"userName":"\ud83dx","query":"{viewer{name}}\ud83dx"`,
			"invalid UTF-8":      "\"userName\":\"\xff\",\"query\":\"\xff\"",
			"an overlong form":   "\"userName\":\"\xc0\xaf\",\"query\":\"\xc0\xaf\"",
			"an escaped NUL":     `"userName":"a\u0000","query":"{viewer{name}}\u0000"`,
			"NUL itself":         "\"userName\":\"a\x00\",\"query\":\"{viewer{name}}\x00\"",
			"no end":             `"userName":"a`,
			"a comma too many":   `"userName":"a","query":"{viewer{name}}",`,
			"NaN":                `"userName":"a","query":"{viewer{name}}","x":NaN`,
			"a comment":          `"userName":"a","query":"{viewer{name}}"/**/`,
			"a second value":     `"userName":"a","query":"{viewer{name}}"}{`,
			"a name with no end": `"userName`,
		} {
			got := c.exchange(http.MethodPost, path, bearer(d.token), strings.NewReader("{"+part+"}"))
			if got.status != http.StatusBadRequest || len(got.body) > 1024 {
				t.Errorf("%s, %s: %d %.300s", path, name, got.status, got.body)
			}
		}
	}
}

// TestL5PagesAndCursors: pages of sizes that there are not, and cursors that Roster did not write.
func TestL5PagesAndCursors(t *testing.T) {
	t.Parallel()
	c := shared(t)
	lists := map[string]string{
		"users": "nodes{id}", "groups": "nodes{id}", "roles": "nodes{id}", "identities": "nodes{id}", "conflicts": "totalCount", "changes": "nodes{kind}",
		"accessTokens": "nodes{id}", "syncRuns": "nodes{id}", "provisioningLog": "nodes{method}",
	}
	for list, selected := range lists {
		for _, first := range []string{"0", "-1", "1001", "2147483648", "-2147483649", "9223372036854775807", "99999999999999999999", "1.5", `"x"`} {
			c.mustRefuse(fmt.Sprintf("{%s(first:%s){%s}}", list, first, selected), "")
		}
		for _, after := range []string{"", "x", "WyIxIiwidXNlcnMiXQ", "eyJhIjoxfQ==", strings.Repeat("A", 10_000), "../../etc/passwd", "' OR 1=1 --", "%00"} {
			c.mustRefuse(fmt.Sprintf("query($a:Cursor){%s(first:1,after:$a){%s}}", list, selected), fmt.Sprintf(`{"a":%q}`, after))
		}
	}
	push := c.pushInto("L5")
	for query, want := range map[string]int{
		"count=-1": 200, "startIndex=-5": 200, "count=99999999999999999999": 400, "startIndex=x": 400, "count=1e3": 400, "cursor=x": 400, "cursor=" + strings.Repeat("A", 5000): 400,
	} {
		if got := c.exchange(http.MethodGet, "/scim/v2/Users?"+query, bearer(push), nil); got.status != want || len(got.body) > 1024 {
			t.Errorf("%.60s: %d %.200s, want %d", query, got.status, got.body, want)
		}
	}
}

// mustRefuse sends an operation that has to be refused as bad input, whole or in its one field.
func (c *child) mustRefuse(query, variables string) {
	c.t.Helper()
	got := c.exchange(http.MethodPost, "/graphql", nil, strings.NewReader(graphQLBody(query, variables)))
	if codes := codesOf(c.t, got.body); len(codes) == 0 || codes[0] != "BAD_USER_INPUT" || len(got.body) > 2048 {
		c.t.Errorf("%s with %.100s: %d %.300s", query, variables, got.status, got.body)
	}
}

// TestL6BatchesNameTheirLimit: 1,000 keys are taken, one more is refused with the limit in the answer.
func TestL6BatchesNameTheirLimit(t *testing.T) {
	t.Parallel()
	c := shared(t)
	keys := func(n int, key string) string { return "[" + strings.TrimSuffix(strings.Repeat(key+",", n), ",") + "]" }
	const check = `{"member":"a","container":"b"}`
	for query, key := range map[string]string{
		"query L6($k:[String!]!){identitiesByFqn(fqns:$k){id}}":                                          `"a"`,
		"query L6($k:[String!]!){resolve(fqns:$k){asOf}}":                                                `"a"`,
		"query L6($k:[ID!]!){nodes(ids:$k){id}}":                                                         `"a"`,
		"query L6($k:[MembershipCheckInput!]!){checkMembership(checks:$k){isMember}}":                    check,
		`mutation($k:[String!]!){addRoleMembers(input:{role:"nobody",members:$k}){userErrors{message}}}`: `"a"`,
		`mutation($k:[String!]!){removeRoleMembers(input:{role:"no",members:$k}){userErrors{message}}}`:  `"a"`,
	} {
		fits := c.exchange(http.MethodPost, "/graphql", nil, strings.NewReader(graphQLBody(query, `{"k":`+keys(1000, key)+`}`)))
		if fits.status != http.StatusOK || strings.Contains(fits.body, "1000") || strings.Contains(fits.body, `"errors"`) {
			t.Errorf("%s: 1,000 keys: %d %.300s", query, fits.status, fits.body)
		}
		over := c.exchange(http.MethodPost, "/graphql", nil, strings.NewReader(graphQLBody(query, `{"k":`+keys(1001, key)+`}`)))
		if !strings.Contains(over.body, "1001") || !strings.Contains(over.body, "at most 1000") || len(over.body) > 1024 {
			t.Errorf("%s: 1,001 keys: %d %.300s", query, over.status, over.body)
		}
	}
	if _, metrics := c.get("/metrics", admin); !strings.Contains(metrics, `roster_graphql_requests_total{code="LIMIT",operation="L6",type="query"} 4`) {
		t.Error("the metrics do not count them as over a limit")
	}
	push := c.pushInto("L6")
	bulk := c.exchange(http.MethodPost, "/scim/v2/Bulk", bearer(push), strings.NewReader(`{"Operations":`+keys(1001, "{}")+`}`))
	if bulk.status != http.StatusRequestEntityTooLarge || !strings.Contains(bulk.body, "at most 1000") {
		t.Errorf("bulk: %d %.300s", bulk.status, bulk.body)
	}
}
