package push_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/push"
	"github.com/roster-gateway/roster/internal/scimclient"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/scim"
	"github.com/roster-gateway/roster/store"
)

// world is a SCIM service over a database of its own.
type world struct {
	t         testing.TB
	directory *directory.Directory
	access    *access.Service
	handler   http.Handler
	// refuse answers in place of the service where it returns true.
	refuse func(http.ResponseWriter, *http.Request) bool
	// writes counts requests that are not GET.
	writes atomic.Int64
	client *scimclient.Client
	n      int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: testpg.New(t), MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, directory: directory.New(s), access: access.New(s, access.Config{})}
	w.handler = canary.Handler(t, scim.NewHandler(w.directory, w.access, scim.Config{PublicURL: "https://roster.example.com", Log: canary.Log(t)}))
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			w.writes.Add(1)
		}
		if w.refuse == nil || !w.refuse(rw, r) {
			w.handler.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(server.Close)
	w.client = &scimclient.Client{Base: server.URL + "/scim/v2", HTTP: server.Client()}
	w.provider()
	return w
}

// provider begins anew, with an empty provider.
func (w *world) provider() {
	w.t.Helper()
	w.n++
	name := fmt.Sprintf("P%d", w.n)
	if _, err := w.directory.AddProvider(w.t.Context(), name, directory.TypeSCIM, true); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.directory.AddInstance(w.t.Context(), name, "", true); err != nil {
		w.t.Fatal(err)
	}
	_, secret, err := w.access.CreateToken(w.t.Context(), access.CreateTokenInput{Name: name, Scopes: []access.Scope{access.SCIM}, Provider: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	w.client.Token = scimclient.Fixed(secret)
}

// push pushes lines and returns their outcomes, with the reasons of those that failed.
func (w *world) push(lines ...string) []string {
	w.t.Helper()
	d, err := push.Read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		w.t.Fatal(err)
	}
	steps := 0
	results, err := d.Run(w.t.Context(), push.Config{Client: w.client, Connections: 4, Done: func() { steps++ }})
	if err != nil {
		w.t.Fatal(err)
	}
	if steps != len(results) {
		w.t.Errorf("%d steps were counted for %d lines", steps, len(results))
	}
	out := make([]string, len(results))
	for i, r := range results {
		out[i] = []string{"unchanged", "created", "updated", "failed"}[r.Outcome]
		if r.Outcome == push.Failed {
			out[i] += fmt.Sprintf(" %d: %s", r.Line, r.Reason)
		}
	}
	return out
}

func (w *world) pushes(want []string, lines ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.push(lines...)); diff != "" {
		w.t.Errorf("(-want +got):\n%s", diff)
	}
}

// resource is the one with an externalId.
func (w *world) resource(endpoint, externalID string) scimclient.Resource {
	w.t.Helper()
	var found scimclient.Resource
	err := w.client.Each(w.t.Context(), endpoint, 100, nil, func(r scimclient.Resource) error {
		if r["externalId"] == externalID {
			found = r
		}
		return nil
	})
	if err != nil || found == nil {
		w.t.Fatalf("%s %s: %v", endpoint, externalID, err)
	}
	return found
}

// members are the externalIds of a group's members.
func (w *world) members(group string) []string {
	w.t.Helper()
	ids := map[any]string{}
	for _, endpoint := range []string{"/Users", "/Groups"} {
		err := w.client.Each(w.t.Context(), endpoint, 100, nil, func(r scimclient.Resource) error {
			ids[r["id"]], _ = r["externalId"].(string)
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	out := []string{}
	list, _ := w.resource("/Groups", group)["members"].([]any)
	for _, m := range list {
		out = append(out, ids[m.(map[string]any)["value"]])
	}
	slices.Sort(out)
	return out
}

func TestPushIsIdempotent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lines := []string{
		`{"externalId":"g1","displayName":"Engines","members":[{"value":"2"},"ada@x",{"value":"Boats","type":"Group"}]}`,
		`{"externalId":"1","userName":"ada@x","name":{"givenName":"Ada"},"emails":[{"value":"ada@x","type":"work","primary":true},{"value":"ada@home","type":"home","primary":false}],"active":true,"password":"p4ss"}`,
		``,
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"externalId":"2","USERNAME":"bob@x","active":false,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R","manager":{"value":"ADA@x"}}}`,
		`{"externalId":"g2","displayName":"Boats","members":[]}`,
	}
	w.pushes([]string{"created", "created", "created", "created"}, lines...)
	if diff := cmp.Diff([]string{"1", "2", "g2"}, w.members("g1")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	enterprise, _ := w.resource("/Users", "2")[scimclient.EnterpriseSchema].(map[string]any)
	manager, _ := enterprise["manager"].(map[string]any)
	if manager["value"] != w.resource("/Users", "1")["id"] || enterprise["department"] != "R" {
		t.Errorf("the enterprise extension is %v", enterprise)
	}
	before := w.writes.Load()
	w.pushes([]string{"unchanged", "unchanged", "unchanged", "unchanged"}, lines...)
	if n := w.writes.Load() - before; n != 0 {
		t.Errorf("the second push wrote %d times", n)
	}
}

func TestPushChangesWhatDiffers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(
		`{"externalId":"1","userName":"ada@x","displayName":"Ada","title":"Countess","emails":[{"value":"ada@x","type":"work"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R","costCenter":"7"}}`,
		`{"externalId":"2","userName":"bob@x"}`, `{"externalId":"3","userName":"cy@x"}`,
		`{"externalId":"g","displayName":"G","members":["1","2"]}`)
	before := w.writes.Load()
	lines := []string{
		`{"externalId":"1","userName":"ada@y","title":null,"emails":[{"value":"ada@y","type":"work"},{"value":"ada@home","type":"home"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"S"}}`,
		`{"externalId":"2","userName":"bob@x"}`,
		`{"externalId":"3","userName":"cy@x","active":false,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":"1"}}`,
		`{"externalId":"g","displayName":"G","members":[{"value":"2"},{"value":"3"}]}`,
	}
	w.pushes([]string{"updated", "unchanged", "updated", "updated"}, lines...)
	if n := w.writes.Load() - before; n != 4 { // the group takes one request to remove and one to add
		t.Errorf("%d requests wrote", n)
	}
	ada := w.resource("/Users", "1")
	enterprise, _ := ada[scimclient.EnterpriseSchema].(map[string]any)
	got := []any{ada["userName"], ada["displayName"], ada["title"], len(ada["emails"].([]any)), enterprise["department"], enterprise["costCenter"], w.resource("/Users", "3")["active"]}
	if diff := cmp.Diff([]any{"ada@y", "Ada", nil, 2, "S", "7", false}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2", "3"}, w.members("g")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	w.pushes([]string{"unchanged", "unchanged", "unchanged", "unchanged"}, lines...)
	w.pushes([]string{"updated"}, `{"externalId":"3","userName":"cy@x","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":null}}`)
}

func TestPushMatchesByExternalIDThenByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(`{"userName":"Ada@x"}`, `{"externalId":"2","userName":"bob@x"}`, `{"externalId":"3","userName":"cy@x"}`)
	w.pushes([]string{"updated", "updated", "failed 3: SCIM answered 409 uniqueness: Another user of this provider instance has this userName."},
		`{"externalId":"1","userName":"ada@x"}`, // had none
		`{"externalId":"2","userName":"rob@x"}`, // is renamed
		`{"externalId":"4","userName":"cy@x"}`)  // is somebody else
	if w.resource("/Users", "2")["userName"] != "rob@x" || w.resource("/Users", "1")["userName"] != "ada@x" {
		t.Error("the names are not those of the lines")
	}
}

func TestCirclesArePushed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	manager := func(id, name, of string) string {
		return fmt.Sprintf(`{"externalId":%q,"userName":%q,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":%q}}}`, id, name, of)
	}
	lines := []string{
		manager("5", "e", "5"), manager("6", "f", "5"), manager("1", "a", "2"), manager("2", "b", "3"), manager("3", "c", "1"), manager("4", "d", "3"),
		`{"externalId":"g","displayName":"G","members":["h","4"]}`, `{"externalId":"h","displayName":"H","members":["g","1"]}`,
	}
	all := func(outcome string) []string { return slices.Repeat([]string{outcome}, len(lines)) }
	w.pushes(all("created"), lines...)
	if n := w.writes.Load(); n != int64(len(lines))+7 {
		t.Errorf("%d requests wrote, want one for each line, and one more for each that is in a circle or between two", n)
	}
	if diff := cmp.Diff([]string{"1", "g"}, w.members("h")); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	w.pushes(all("unchanged"), lines...)
}

func TestBadLinesFailAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pushes([]string{
		"created",
		"failed 2: this is no JSON object",
		"failed 3: this is no JSON object",
		"failed 4: this is no JSON object",
		"failed 5: userName is no text",
		"failed 6: the group has no displayName",
		"failed 7: line 1 has the same externalId",
		"failed 8: line 1 has the same userName",
		"failed 9: members is no list",
		"failed 10: members: one of them has no value",
		"failed 11: it was pushed without what is neither in the file nor at the service: nobody, n2, n3 and 1 more",
		"failed 12: externalId is no text",
		"failed 13: SCIM answered 400 invalidValue: The body holds the NUL character, which no text may.",
		"failed 14: it was pushed without what is neither in the file nor at the service: broken",
	},
		"\ufeff"+`{"externalId":"1","userName":"ada@x"}`, `{"userName":`, `[]`, `null`, `{"userName":7}`, `{"externalId":"x"}`, `{"externalId":"1","userName":"b"}`,
		`{"externalId":"2","userName":"ADA@x"}`, `{"displayName":"G","members":"1"}`, `{"displayName":"H","members":[{}]}`,
		`{"externalId":"g","displayName":"I","members":["1","nobody","n2","n3","n4"]}`, `{"externalId":1,"userName":"c"}`,
		`{"externalId":"broken","userName":"d\u0000"}`, `{"externalId":"k","displayName":"K","members":["broken","1"]}`)
	for _, group := range []string{"g", "k"} {
		if diff := cmp.Diff([]string{"1"}, w.members(group)); diff != "" {
			t.Errorf("members of %s (-want +got):\n%s", group, diff)
		}
	}
}

// A service may answer 503 and have done the work: the second try meets its own resource.
func TestWorkThatWasDoneIsNoFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var refused atomic.Bool
	w.refuse = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || refused.Swap(true) {
			return false
		}
		w.handler.ServeHTTP(httptest.NewRecorder(), r)
		rw.Header().Set("Retry-After", "0")
		rw.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	w.pushes([]string{"created"}, `{"externalId":"1\"","userName":"ada@x"}`)
	w.pushes([]string{"unchanged"}, `{"externalId":"1\"","userName":"ada@x"}`)
}

func TestPushEndsWhereNothingCanBeDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, answer := range map[string]func(http.ResponseWriter){
		"forbidden":    func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusForbidden) },
		"unauthorized": func(rw http.ResponseWriter) { rw.WriteHeader(http.StatusUnauthorized) },
		"gone": func(rw http.ResponseWriter) {
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err == nil {
				conn.Close()
			}
		},
	} {
		posts := atomic.Int64{}
		w.refuse = func(rw http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost && posts.Add(1) > 1 {
				answer(rw)
				return true
			}
			return false
		}
		w.provider()
		var lines bytes.Buffer
		for i := range 200 {
			fmt.Fprintf(&lines, `{"externalId":"%d","userName":"user%d"}`+"\n", i, i)
		}
		d, err := push.Read(&lines)
		if err != nil {
			t.Fatal(err)
		}
		results, err := d.Run(t.Context(), push.Config{Client: w.client, Connections: 2})
		created := 0
		for _, r := range results {
			if r.Outcome == push.Created {
				created++
			}
		}
		if err == nil || created != 1 || posts.Load() > 10 {
			t.Errorf("%s: %v, %d created by %d requests", name, err, created, posts.Load())
		}
	}
}

func TestLargeGroupsGoInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 2300
	var lines, names []string
	for i := range n {
		lines = append(lines, fmt.Sprintf(`{"externalId":"%d","userName":"user%d"}`, i, i))
		names = append(names, fmt.Sprintf("%q", fmt.Sprint(i)))
	}
	lines = append(lines, `{"externalId":"all","displayName":"All","members":[`+strings.Join(names, ",")+`]}`)
	if got := w.push(lines...); slices.ContainsFunc(got, func(o string) bool { return o != "created" }) {
		t.Fatal(got[len(got)-1])
	}
	before := w.writes.Load()
	if got := w.push(lines...); slices.ContainsFunc(got, func(o string) bool { return o != "unchanged" }) || w.writes.Load() != before {
		t.Errorf("the second push changes: %v", got[len(got)-1])
	}
	w.pushes([]string{"updated"}, `{"externalId":"all","displayName":"All","members":["0"]}`)
	if got := w.members("all"); len(got) != 1 {
		t.Errorf("%d members are left", len(got))
	}
}

// Whatever a directory holds: what was pushed is there, and pushing it again writes nothing.
func TestSecondPushIsUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		w.provider()
		var lines []string
		people := rapid.IntRange(0, 6).Draw(t, "people")
		refer := rapid.SampledFrom([]string{"u0", "u1", "u2", "u3", "u4", "u5", "g0", "g1", "g2", "nobody"})
		line := func(v map[string]any) {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(text))
		}
		for i := range people {
			v := map[string]any{"externalId": fmt.Sprintf("u%d", i), "userName": fmt.Sprintf("user%d", i)}
			for name, values := range map[string][]any{
				"displayName": {"A", "", nil}, "active": {true, false}, "title": {"T", "", nil},
				"name":   {map[string]any{"givenName": "G", "familyName": ""}, map[string]any{"formatted": "F"}, nil},
				"emails": {[]any{}, nil, []any{map[string]any{"value": "a@x", "type": "work", "primary": true}, map[string]any{"value": "b@x", "primary": false}}},
				"roles":  {[]any{map[string]any{"value": "r"}}, []any{}},
			} {
				if rapid.Bool().Draw(t, name) {
					v[name] = rapid.SampledFrom(values).Draw(t, "value")
				}
			}
			if rapid.Bool().Draw(t, "managed") {
				v[scimclient.EnterpriseSchema] = map[string]any{"manager": map[string]any{"value": refer.Draw(t, "manager")}}
			}
			line(v)
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "groups") {
			line(map[string]any{"externalId": fmt.Sprintf("g%d", i), "displayName": fmt.Sprintf("Group %d", i), "members": rapid.SliceOfN(refer, 0, 5).Draw(t, "members")})
		}
		order := rapid.Permutation(lines).Draw(t, "order")
		first := w.push(order...)
		before := w.writes.Load()
		for i, outcome := range w.push(order...) {
			if outcome != "unchanged" && outcome != first[i] {
				t.Errorf("%s\nfirst %s, then %s", order[i], first[i], outcome)
			}
		}
		if n := w.writes.Load() - before; n != 0 {
			t.Errorf("the second push of %v wrote %d times", order, n)
		}
	})
}
