package scim_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/scim"
	"github.com/roster-gateway/roster/scim/schema"
	"github.com/roster-gateway/roster/store"
)

const (
	publicURL  = "https://roster.example.com"
	enterprise = schema.EnterpriseUserURN
	provider   = "HR"
	maxBody    = 64 << 10
	adminToken = canary.Mark + "-admin-token"
)

// world is a Roster over a database of its own, with a SCIM instance and a client of it.
type world struct {
	*client
	t         testing.TB
	server    *httptest.Server
	directory *directory.Directory
	access    *access.Service
	store     *store.Store
	log       *safeBuffer
	events    *directory.ProvisioningLog
	database  string
	db        *sql.DB
}

// client speaks to the server with one instance's token.
type client struct {
	t      testing.TB
	server string
	prefix string
	bearer string
}

// safeBuffer takes the log of several requests at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newWorld(t testing.TB) *world { return newWorldOf(t, schema.Default()) }

// newWorldOf is a world with further resource types.
func newWorldOf(t testing.TB, types *schema.Registry) *world {
	t.Helper()
	database := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: database, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	db, err := sql.Open("postgres", database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, db: db, store: s, directory: directory.New(s, scim.DirectoryOptions(types)...), access: access.New(s, access.Config{AdminToken: adminToken}), log: &safeBuffer{}, database: database}
	w.events = directory.NewProvisioningLog(s, canary.LogTo(t, w.log))
	handler := scim.NewHandler(w.directory, w.access, scim.Config{
		PublicURL: publicURL, MaxBody: maxBody, Registry: types, Log: canary.LogTo(t, w.log), Events: w.events,
	})
	w.server = httptest.NewServer(canary.Handler(t, handler))
	t.Cleanup(w.server.Close)
	w.client = w.instance(provider)
	return w
}

// instance adds a provider with one instance and returns a client of it.
func (w *world) instance(name string) *client {
	w.t.Helper()
	if _, err := w.directory.AddProvider(w.t.Context(), name, directory.TypeSCIM, true); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.directory.AddInstance(w.t.Context(), name, "", true); err != nil {
		w.t.Fatal(err)
	}
	_, secret, err := w.access.CreateToken(w.t.Context(), access.CreateTokenInput{
		Name: name + " client", Scopes: []access.Scope{access.SCIM}, Provider: &name,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return &client{t: w.t, server: w.server.URL, prefix: "/scim/v2", bearer: secret}
}

// urlToken is the token in the Tenant URL of a provider's instance.
func (w *world) urlToken(name string) string {
	w.t.Helper()
	i, err := w.directory.Instance(w.t.Context(), name, "")
	if err != nil || i == nil {
		w.t.Fatal(i, err)
	}
	return i.URLToken
}

func (w *world) set(key, value string) {
	w.t.Helper()
	if _, err := w.directory.SetRuntimeConfig(w.t.Context(), provider, "", key, value); err != nil {
		w.t.Fatal(err)
	}
}

// count asks the database itself.
func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.QueryRowContext(w.t.Context(), query, args...).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// answer is what the server said.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// do sends a request. The body is a text, or a value that becomes JSON; headers are "Name: value".
func (c *client) do(method, path string, body any, headers ...string) *answer {
	c.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.server+c.prefix+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	if c.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	a := &answer{t: c.t, what: method + " " + path, status: res.StatusCode, header: res.Header, raw: string(raw)}
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&a.body); err != nil {
			c.t.Fatalf("%s: %q is no JSON: %v", a.what, raw, err)
		}
	}
	return a
}

func (c *client) get(path string, headers ...string) *answer {
	c.t.Helper()
	return c.do(http.MethodGet, path, nil, headers...)
}

// list reads a list by a filter.
func (c *client) list(endpoint, filter string) *answer {
	c.t.Helper()
	return c.get(endpoint + "?filter=" + escaped(filter))
}

func escaped(text string) string { return url.QueryEscape(text) }

func (c *client) post(path string, body any, headers ...string) *answer {
	c.t.Helper()
	return c.do(http.MethodPost, path, body, headers...)
}

func (c *client) put(path string, body any, headers ...string) *answer {
	c.t.Helper()
	return c.do(http.MethodPut, path, body, headers...)
}

// patch sends operations, written as a list without its brackets.
func (c *client) patch(path, operations string, headers ...string) *answer {
	c.t.Helper()
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operations + `]}`
	return c.do(http.MethodPatch, path, body, headers...)
}

func (c *client) delete(path string, headers ...string) *answer {
	c.t.Helper()
	return c.do(http.MethodDelete, path, nil, headers...)
}

// user creates a user and returns its id; group creates a group with members.
func (c *client) user(name string) string {
	c.t.Helper()
	return c.post("/Users", map[string]any{"schemas": []string{schema.UserURN}, "userName": name}).is(http.StatusCreated).text("id")
}

func (c *client) group(name string, members ...string) string {
	c.t.Helper()
	list := []any{}
	for _, m := range members {
		list = append(list, map[string]any{"value": m})
	}
	return c.post("/Groups", map[string]any{"displayName": name, "members": list}).is(http.StatusCreated).text("id")
}

// members lists the ids of a group's members, as they come.
func (c *client) members(group string) []string {
	c.t.Helper()
	return c.get("/Groups/" + group).is(http.StatusOK).values("members")
}

// is checks the status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d %s, want %d", a.what, a.status, a.raw, status)
	}
	return a
}

// fails checks that the answer is a SCIM error of a status and type (RFC 7644 section 3.12).
func (a *answer) fails(status int, scimType string) *answer {
	a.t.Helper()
	a.is(status)
	got, _ := a.body["scimType"].(string)
	if a.body["status"] != fmt.Sprint(status) || got != scimType || a.text("detail") == "" {
		a.t.Errorf("%s: %s, want an error of type %q", a.what, a.raw, scimType)
	}
	if diff := cmp.Diff([]any{"urn:ietf:params:scim:api:messages:2.0:Error"}, a.body["schemas"]); diff != "" {
		a.t.Errorf("%s: %s", a.what, diff)
	}
	return a
}

// at returns what is at a path of names and indexes.
func (a *answer) at(path ...any) any {
	var value any = a.body
	for _, step := range path {
		switch s := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[s]
		case int:
			list, _ := value.([]any)
			if s >= len(list) {
				return nil
			}
			value = list[s]
		}
	}
	return value
}

func (a *answer) text(path ...any) string {
	text, _ := a.at(path...).(string)
	return text
}

// values lists the value of every element of a multi-valued attribute.
func (a *answer) values(path ...any) []string {
	list, _ := a.at(path...).([]any)
	out := []string{}
	for _, e := range list {
		object, _ := e.(map[string]any)
		value, _ := object["value"].(string)
		out = append(out, value)
	}
	return out
}

// ids lists the ids of a list's resources.
func (a *answer) ids() []string {
	a.t.Helper()
	a.is(http.StatusOK)
	out := []string{}
	list, _ := a.at("Resources").([]any)
	for _, r := range list {
		out = append(out, r.(map[string]any)["id"].(string))
	}
	return out
}

func (a *answer) has(want any, path ...any) *answer {
	a.t.Helper()
	if diff := cmp.Diff(want, a.at(path...)); diff != "" {
		a.t.Errorf("%s: %v: %s", a.what, path, diff)
	}
	return a
}

func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func object(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	out := map[string]any{}
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

func init() { testpg.Checks(25) }
