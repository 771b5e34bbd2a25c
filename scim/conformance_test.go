package scim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/scim"
	"github.com/roster-gateway/roster/scim/schema"
)

// The types in testdata/schemas: Device, with extensions; Sample, whose own schema is Kinds, which has attributes of
// every kind; and User with Kinds as an extension.
func exampleTypes(t testing.TB) *schema.Registry {
	t.Helper()
	types, err := schema.Load(os.DirFS("testdata/schemas"))
	if err != nil {
		t.Fatal(err)
	}
	return types
}

const kindsURN = "urn:example:schemas:2.0:Kinds"

// subject is a resource type with attributes of the same shape as those of others.
type subject struct {
	endpoint, urn string
	// key is required, unique, and compared without case; text and flag are optional.
	key, text, flag string
	// object has the sub-attributes one and two; list has elements with value, type and primary.
	object, one, two, list string
}

var subjects = map[string]subject{
	"User":   {"/Users", schema.UserURN, "userName", "title", "active", "name", "givenName", "familyName", "emails"},
	"Device": {"/Devices", "urn:example:schemas:2.0:Device", "serial", "model", "enabled", "maker", "name", "country", "contacts"},
}

// example is a whole resource.
func (s subject) example(key string) map[string]any {
	return map[string]any{
		"schemas": []any{s.urn}, "externalId": "ext-" + key, s.key: key, s.text: "First", s.flag: true,
		s.object: map[string]any{s.one: "A", s.two: "B"},
		s.list:   []any{map[string]any{"value": key + "@x", "type": "work", "primary": true}, map[string]any{"value": key + "@y", "type": "home"}},
	}
}

func (s subject) create(w *world, key string) *answer {
	w.t.Helper()
	return w.post(s.endpoint, s.example(key)).is(http.StatusCreated)
}

func (s subject) at(a *answer) string { return s.endpoint + "/" + a.text("id") }

// The same checks on the built-in User and on a type that is made of files alone.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, s := range subjects {
		for what, check := range map[string]func(*world, subject){
			"create": conformsCreate, "unique": conformsUnique, "replace": conformsReplace, "patch": conformsPatch, "delete": conformsDelete,
			"filter": conformsFilter, "page": conformsPage, "projection": conformsProjection, "versions": conformsVersions, "errors": conformsErrors,
			"isolation": conformsIsolation, "audit": conformsAudit, "log": conformsLog, "crowd": conformsCrowd, "statements": conformsStatements,
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				check(newWorldOf(t, exampleTypes(t)), s)
			})
		}
	}
}

func conformsCreate(w *world, s subject) {
	a := s.create(w, "one")
	a.has("one", s.key).has("ext-one", "externalId").has("First", s.text).has(true, s.flag).has("A", s.object, s.one).has([]any{s.urn}, "schemas").
		has(publicURL+"/scim/v2"+s.at(a), "meta", "location").has(a.header.Get("ETag"), "meta", "version")
	same(w.t, "location", publicURL+"/scim/v2"+s.at(a), a.header.Get("Location"))
	if a.header.Get("Roster-Revision") == "" {
		w.t.Error("no revision")
	}
	same(w.t, "read back", a.body, w.get(s.at(a)).is(http.StatusOK).body)
	w.get(strings.ToUpper(s.endpoint)+"/"+a.text("id")).is(http.StatusOK).has(a.text("id"), "id")
	w.post(s.endpoint, map[string]any{strings.ToUpper(s.key): "two", s.flag: "False", "nonsense": 1, "id": "mine", s.text: nil}).
		is(http.StatusCreated).has("two", s.key).has(false, s.flag).has(nil, s.text)
}

func conformsUnique(w *world, s subject) {
	first := s.create(w, "one")
	again := s.example("ONE")
	again["externalId"] = "other"
	w.post(s.endpoint, again).fails(http.StatusConflict, "uniqueness")
	again = s.example("two")
	again["externalId"] = "ext-one"
	w.post(s.endpoint, again).fails(http.StatusConflict, "uniqueness")
	second := s.create(w, "two")
	w.patch(s.at(second), `{"op":"replace","path":"`+s.key+`","value":"One"}`).fails(http.StatusConflict, "uniqueness")
	w.put(s.at(first), s.example("one")).is(http.StatusOK)
	w.patch(s.at(first), `{"op":"replace","path":"`+s.key+`","value":"ONE"}`).is(http.StatusNoContent)
	w.delete(s.at(first)).is(http.StatusNoContent)
	if fresh := s.create(w, "one"); fresh.text("id") == first.text("id") {
		w.t.Error("an id was used again")
	}
}

func conformsReplace(w *world, s subject) {
	a := s.create(w, "one")
	put := w.put(s.at(a), map[string]any{s.key: "uno", s.text: "Second", "id": "ignored", "meta": map[string]any{}}).is(http.StatusOK)
	put.has("uno", s.key).has("Second", s.text).has(nil, "externalId").has(nil, s.object).has(nil, s.list).has(a.text("id"), "id")
	same(w.t, "read back", put.body, w.get(s.at(a)).body)
	same(w.t, "unchanged", put.header.Get("ETag"), w.put(s.at(a), map[string]any{s.key: "uno", s.text: "Second"}).is(http.StatusOK).header.Get("ETag"))
	w.put(s.at(a), map[string]any{s.text: "x"}).fails(http.StatusBadRequest, "invalidValue")
}

func conformsPatch(w *world, s subject) {
	a := s.create(w, "one")
	do := func(operations string) *answer {
		w.t.Helper()
		w.patch(s.at(a), operations).is(http.StatusNoContent)
		return w.get(s.at(a))
	}
	do(`{"op":"Replace","path":"`+s.text+`","value":"New"}`).has("New", s.text)
	do(`{"op":"replace","value":{"`+s.object+`.`+s.one+`":"Z","`+s.flag+`":"False"}}`).has("Z", s.object, s.one).has("B", s.object, s.two).has(false, s.flag)
	do(`{"op":"remove","path":"`+s.object+`.`+s.two+`"}`).has(nil, s.object, s.two).has("Z", s.object, s.one)
	do(`{"op":"replace","path":"`+s.list+`[type eq \"work\"].value","value":"w@x"}`).has("w@x", s.list, 0, "value")
	do(`{"op":"add","path":"`+s.list+`","value":[{"value":"third@x","type":"other","primary":true}]}`).has("third@x", s.list, 2, "value").has(false, s.list, 0, "primary")
	do(`{"op":"remove","path":"`+s.list+`[value ew \"@y\"]"}`).has("third@x", s.list, 1, "value")
	do(`{"op":"add","path":"`+s.urn+`:`+s.text+`","value":"By URN"}`).has("By URN", s.text)
	before := w.get(s.at(a))
	w.patch(s.at(a), `{"op":"replace","path":"`+s.text+`","value":"lost"},{"op":"replace","path":"`+s.list+`[type eq \"none\"].value","value":"x"}`).fails(http.StatusBadRequest, "noTarget")
	w.patch(s.at(a), `{"op":"remove","path":"`+s.key+`"}`).fails(http.StatusBadRequest, "invalidValue")
	w.patch(s.at(a), `{"op":"replace","path":"id","value":"x"}`).fails(http.StatusBadRequest, "mutability")
	same(w.t, "after failures", before.body, w.get(s.at(a)).body)
	w.patch(s.at(a)+"?attributes="+s.text, `{"op":"remove","path":"`+s.list+`"}`).is(http.StatusOK).has("By URN", s.text).has(nil, s.key)
	w.get(s.at(a)).has(nil, s.list)
}

func conformsDelete(w *world, s subject) {
	a := s.create(w, "one")
	w.delete(s.at(a)).is(http.StatusNoContent)
	w.delete(s.at(a)).fails(http.StatusNotFound, "")
	w.get(s.at(a)).fails(http.StatusNotFound, "")
	w.put(s.at(a), s.example("one")).fails(http.StatusNotFound, "")
	w.patch(s.at(a), `{"op":"replace","path":"`+s.text+`","value":"x"}`).fails(http.StatusNotFound, "")
	same(w.t, "left", []string{}, w.get(s.endpoint).ids())
}

func conformsFilter(w *world, s subject) {
	one, two := s.create(w, "one"), w.post(s.endpoint, map[string]any{s.key: "two%", s.text: "Other"}).is(http.StatusCreated)
	id1, id2 := one.text("id"), two.text("id")
	for filter, want := range map[string][]string{
		s.key + ` eq "ONE"`: {id1}, s.urn + `:` + s.key + ` sw "o"`: {id1}, s.key + ` co "%"`: {id2}, s.key + ` ne "one"`: {id2},
		`externalId eq "ext-one"`: {id1}, `externalId eq "EXT-one"`: {}, `not (externalId pr)`: {id2}, `id eq "` + id2 + `"`: {id2},
		s.text + ` eq "first" or ` + s.text + ` eq "other"`: {id1, id2}, s.flag + ` eq true and ` + s.object + ` pr`: {id1}, s.object + `.` + s.one + ` eq "a"`: {id1},
		s.list + ` eq "one@x"`: {id1}, s.list + `[type eq "home" and value ew "@y"]`: {id1}, s.list + `[type eq "home" and value ew "@x"]`: {},
		s.list + `.type pr`: {id1}, `meta.created le "2020-01-01T00:00:00Z"`: {}, `meta.lastModified gt "2020-01-01T00:00:00Z"`: {id1, id2},
		`meta.resourceType eq "Nothing"`: {}, `schemas eq "` + s.urn + `"`: {id1, id2}, `meta.version eq "W/\"1\""`: {id1, id2},
	} {
		same(w.t, filter, want, w.list(s.endpoint, filter).ids())
	}
	for _, filter := range []string{"nonsense eq 1", s.key + " eq", s.flag + " gt true", s.key} {
		w.list(s.endpoint, filter).fails(http.StatusBadRequest, "invalidFilter")
	}
}

func conformsPage(w *world, s subject) {
	ids := []string{}
	for i := range 5 {
		ids = append(ids, s.create(w, fmt.Sprint("r", i)).text("id"))
	}
	same(w.t, "all", ids, w.get(s.endpoint).ids())
	page := w.get(s.endpoint + "?startIndex=2&count=2")
	same(w.t, "page", ids[1:3], page.ids())
	same(w.t, "total", "5", fmt.Sprint(page.at("totalResults")))
	same(w.t, "count", "5", fmt.Sprint(w.get(s.endpoint+"?count=0").is(http.StatusOK).at("totalResults")))
	same(w.t, "beyond", []string{}, w.get(s.endpoint+"?startIndex=9").ids())
}

func conformsProjection(w *world, s subject) {
	a := s.create(w, "one")
	only := w.get(s.at(a) + "?attributes=" + s.key + "," + s.object + "." + s.one)
	same(w.t, "attributes", map[string]any{"schemas": []any{s.urn}, "id": a.text("id"), s.key: "one", s.object: map[string]any{s.one: "A"}}, only.body)
	without := w.get(s.at(a) + "?excludedAttributes=" + s.list + ".type," + s.object + ",meta,id")
	without.has(nil, s.object).has(nil, "meta").has(a.text("id"), "id").has(nil, s.list, 0, "type").has("one@x", s.list, 0, "value")
}

func conformsVersions(w *world, s subject) {
	a := s.create(w, "one")
	first := a.header.Get("ETag")
	w.get(s.at(a), "If-None-Match: "+first).is(http.StatusNotModified)
	second := w.put(s.at(a), s.example("uno"), "If-Match: "+first).is(http.StatusOK).header.Get("ETag")
	if second == first {
		w.t.Error("the version did not change")
	}
	for _, stale := range []*answer{
		w.put(s.at(a), s.example("due"), "If-Match: "+first), w.delete(s.at(a), "If-Match: "+first),
		w.patch(s.at(a), `{"op":"remove","path":"`+s.text+`"}`, "If-Match: "+first),
	} {
		stale.fails(http.StatusPreconditionFailed, "")
	}
	w.patch(s.at(a), `{"op":"remove","path":"`+s.text+`"}`, "If-Match: "+second).is(http.StatusNoContent)
	w.delete(s.at(a), "If-Match: *").is(http.StatusNoContent)
}

func conformsErrors(w *world, s subject) {
	a := s.create(w, "one")
	for _, body := range []string{`{}`, `{"` + s.key + `":""}`, `{"` + s.key + `":null}`, `{"` + s.key + `":["a","b"]}`, `{"` + s.key + `":"x","` + s.flag + `":"maybe"}`} {
		w.post(s.endpoint, body).fails(http.StatusBadRequest, "invalidValue")
	}
	w.post(s.endpoint, `{`).fails(http.StatusBadRequest, "invalidSyntax")
	w.patch(s.at(a), `{"op":"sort"}`).fails(http.StatusBadRequest, "invalidSyntax")
	w.patch(s.at(a), `{"op":"remove"}`).fails(http.StatusBadRequest, "noTarget")
	w.patch(s.at(a), `{"op":"replace","path":"`+s.list+`[","value":1}`).fails(http.StatusBadRequest, "invalidPath")
	w.do(http.MethodPut, s.endpoint, `{}`).fails(http.StatusMethodNotAllowed, "")
	w.get(s.endpoint+"/none").fails(http.StatusNotFound, "")
	w.post(s.endpoint, `{"`+s.key+`":"y","externalId":"`+strings.Repeat("x", 2000)+`"}`).fails(http.StatusBadRequest, "invalidValue")
}

func conformsIsolation(w *world, s subject) {
	a := s.create(w, "one")
	other := w.instance("Other")
	same(w.t, "others", []string{}, other.get(s.endpoint).ids())
	other.get(s.at(a)).fails(http.StatusNotFound, "")
	other.put(s.at(a), s.example("one")).fails(http.StatusNotFound, "")
	other.patch(s.at(a), `{"op":"remove","path":"`+s.text+`"}`).fails(http.StatusNotFound, "")
	other.delete(s.at(a)).fails(http.StatusNotFound, "")
	other.post(s.endpoint, s.example("one")).is(http.StatusCreated) // what is unique is so inside an instance
	if _, err := w.directory.UpdateInstance(w.t.Context(), directory.InstanceUpdate{Provider: provider, Enabled: new(bool)}); err != nil {
		w.t.Fatal(err)
	}
	w.get(s.at(a)).fails(http.StatusForbidden, "")
	if err := w.directory.DeleteInstance(w.t.Context(), provider, ""); err != nil {
		w.t.Fatal(err)
	}
	same(w.t, "others", 1, len(other.get(s.endpoint).ids()))
	for _, table := range []string{"resource", "unique_value"} {
		if s.endpoint == "/Devices" && w.count(`SELECT count(*) FROM `+table) != 1 {
			w.t.Errorf("a deleted instance leaves something in %s", table)
		}
	}
}

func conformsAudit(w *world, s subject) {
	a := s.create(w, "one")
	w.put(s.at(a), s.example("uno")).is(http.StatusOK)
	w.patch(s.at(a), `{"op":"remove","path":"`+s.text+`"}`).is(http.StatusNoContent)
	w.delete(s.at(a)).is(http.StatusNoContent)
	kind := strings.ToLower(strings.TrimSuffix(s.endpoint[1:], "s"))
	for _, verb := range []string{"create", "replace", "patch", "delete"} {
		if n := w.count(`SELECT count(*) FROM audit WHERE door = 'scim' AND action = $1 AND target = $2`, "scim."+kind+"."+verb, a.text("id")); n != 1 {
			w.t.Errorf("%s left %d audit rows", verb, n)
		}
	}
}

func conformsLog(w *world, s subject) {
	a := s.create(w, "one")
	w.put(s.at(a), s.example("one")).is(http.StatusOK)
	w.patch(s.at(a), `{"op":"remove","path":"`+s.text+`"}`).is(http.StatusNoContent)
	w.post(s.endpoint, map[string]any{s.key: "ONE"}).fails(http.StatusConflict, "uniqueness")
	w.delete(s.at(a)).is(http.StatusNoContent)
	outcomes := []directory.ProvisioningOutcome{}
	for _, e := range w.logged(directory.ProvisioningEventFilter{}) {
		outcomes = append(outcomes, e.Outcome)
	}
	same(w.t, "logged", []directory.ProvisioningOutcome{
		directory.ProvisioningCreated, directory.ProvisioningUnchanged, directory.ProvisioningUpdated, directory.ProvisioningRefused, directory.ProvisioningDeleted,
	}, outcomes)
}

// Clients that add to one list at the same time lose nothing of each other.
func conformsCrowd(w *world, s subject) {
	a := w.post(s.endpoint, map[string]any{s.key: "one"}).is(http.StatusCreated)
	var all sync.WaitGroup
	want := []string{}
	for i := range 8 {
		value := fmt.Sprint("v", i, "@x")
		want = append(want, value)
		all.Go(func() {
			for {
				switch out := w.patch(s.at(a), `{"op":"add","path":"`+s.list+`","value":[{"value":"`+value+`"}]}`); out.status {
				case http.StatusNoContent:
					return
				case http.StatusServiceUnavailable: // changed by many at once: the client is asked to try again
				default:
					w.t.Errorf("%d %s", out.status, out.raw)
					return
				}
			}
		})
	}
	all.Wait()
	got := w.get(s.at(a)).values(s.list)
	slices.Sort(got)
	same(w.t, "values", want, got)
}

func conformsStatements(w *world, s subject) {
	a := s.create(w, "one")
	for what, do := range map[string]func() *answer{
		"get": func() *answer { return w.get(s.at(a)) }, "list": func() *answer { return w.get(s.endpoint) },
		"find": func() *answer { return w.list(s.endpoint, s.key+` eq "one"`) }, "create": func() *answer { return w.post(s.endpoint, map[string]any{s.key: "new"}) },
	} {
		before := w.store.Statements()
		if out := do(); out.status >= 300 {
			w.t.Fatal(what, out.raw)
		}
		if took := w.store.Statements() - before - 1; took > 1 {
			w.t.Errorf("%s takes %d statements", what, took)
		}
	}
}

// Sixteen clients create a resource of one unique value: one gets it.
func TestConformanceConcurrentCreates(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	user := func(i int) (string, any) {
		return "/Users", map[string]any{"userName": fmt.Sprint("u", i), kindsURN: map[string]any{"badge": []string{"Badge", "bADGE"}[i%2]}}
	}
	for name, body := range map[string]func(i int) (string, any){
		"Device": func(i int) (string, any) { return "/Devices", map[string]any{"serial": []string{"S", "s"}[i%2]} },
		"externalId": func(i int) (string, any) {
			return "/Devices", map[string]any{"serial": fmt.Sprint("x", i), "externalId": "same"}
		},
		"User": user,
	} {
		created := make([]int, 16)
		var all sync.WaitGroup
		for i := range created {
			all.Go(func() {
				endpoint, b := body(i)
				a := w.post(endpoint, b)
				if created[i] = a.status; a.status != http.StatusCreated && a.at("scimType") != "uniqueness" {
					t.Errorf("%s: %s", name, a.raw)
				}
			})
		}
		all.Wait()
		slices.Sort(created)
		if created[0] != http.StatusCreated || created[1] != http.StatusConflict || created[15] != http.StatusConflict {
			t.Errorf("%s: %v", name, created)
		}
	}
	if n := w.count(`SELECT count(*) FROM identity WHERE kind = 'USER'`); n != 1 {
		t.Errorf("%d users are left", n)
	}
}

// The worked example of docs/scim-schemas.md.
func TestConformanceWorkedExample(t *testing.T) {
	t.Parallel()
	types, err := schema.Load(os.DirFS("../examples/scim-schemas"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldOf(t, types)
	const parking = "urn:example:scim:schemas:extension:2.0:Parking"
	user := w.post("/Users", map[string]any{"userName": "ana@example.com", parking: map[string]any{"plate": "X-1", "pin": "1234"}}).is(http.StatusCreated)
	user.has(map[string]any{"plate": "X-1"}, parking)
	same(t, "found", []string{user.text("id")}, w.list("/Users", parking+`:plate eq "x-1"`).ids())
	device := w.post("/Devices", map[string]any{"serial": "C02", "model": "Laptop 14", "owner": "../Users/" + user.text("id")}).is(http.StatusCreated)
	w.patch("/Devices/"+device.text("id"), `{"op":"replace","path":"serial","value":"C03"}`).fails(http.StatusBadRequest, "mutability")
	w.get("/Devices/"+device.text("id")+"?attributes=owner").has("C02", "serial").has(nil, "model")
}

// What a schema no longer has is not shown, and not lost either.
func TestConformanceChangedFiles(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	const leaseURN = "urn:example:schemas:2.0:Lease"
	user := w.post("/Users", map[string]any{"userName": "ana", kindsURN: map[string]any{"text": "t"}}).is(http.StatusCreated).text("id")
	device := w.post("/Devices", map[string]any{"serial": "s", "model": "m", leaseURN: map[string]any{"until": "2030-01-01T00:00:00Z"}}).is(http.StatusCreated).text("id")
	types, err := schema.Load(fstest.MapFS{"device.json": {Data: []byte(`[{"id":"Device","endpoint":"/Devices","schema":"urn:example:schemas:2.0:Device"},
		{"id":"urn:example:schemas:2.0:Device","attributes":[{"name":"serial"},{"name":"color","required":true}]}]`)}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(canary.Handler(t, scim.NewHandler(w.directory, w.access, scim.Config{PublicURL: publicURL, Registry: types, Log: canary.Log(t)})))
	t.Cleanup(server.Close)
	now := &client{t: t, server: server.URL, prefix: w.prefix, bearer: w.bearer}
	now.get("/Users/"+user).is(http.StatusOK).has(nil, kindsURN).has([]any{schema.UserURN}, "schemas")
	now.get("/Devices/"+device).is(http.StatusOK).has(nil, leaseURN).has(nil, "model").has("s", "serial")
	now.patch("/Devices/"+device, `{"op":"replace","path":"serial","value":"s2"}`).is(http.StatusNoContent) // color was missing before
	now.patch("/Users/"+user, `{"op":"replace","path":"title","value":"x"}`).is(http.StatusNoContent)
	w.get("/Devices/"+device).has("m", "model").has("2030-01-01T00:00:00Z", leaseURN, "until").has("s2", "serial")
	w.get("/Users/"+user).has("t", kindsURN, "text")
}

// Values that were there before their attribute was unique may stay, and others may not join them.
func TestConformanceMadeUnique(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	types, err := schema.Load(fstest.MapFS{"all.json": {Data: []byte(`[{"id":"Device","endpoint":"/Devices","schema":"urn:example:schemas:2.0:Device"},
		{"id":"urn:example:schemas:2.0:Device","attributes":[{"name":"serial"},{"name":"model","uniqueness":"server"},{"name":"enabled","type":"boolean"}]},
		{"id":"User","schemaExtensions":[{"schema":"` + kindsURN + `"}]},
		{"id":"` + kindsURN + `","attributes":[{"name":"text","uniqueness":"server"}]}]`)}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(canary.Handler(t, scim.NewHandler(w.directory, w.access, scim.Config{PublicURL: publicURL, Registry: types, Log: canary.Log(t)})))
	t.Cleanup(server.Close)
	now := &client{t: t, server: server.URL, prefix: w.prefix, bearer: w.bearer}
	for endpoint, body := range map[string]func(key, value string) map[string]any{
		"/Devices": func(key, value string) map[string]any {
			return map[string]any{"serial": key, "model": value, "enabled": true}
		},
		"/Users": func(key, value string) map[string]any {
			return map[string]any{"userName": key, "active": true, kindsURN: map[string]any{"text": value}}
		},
	} {
		flag := map[string]string{"/Devices": "enabled", "/Users": "active"}[endpoint]
		first := endpoint + "/" + w.post(endpoint, body("a", "same")).is(http.StatusCreated).text("id")
		second := endpoint + "/" + w.post(endpoint, body("b", "same")).is(http.StatusCreated).text("id")
		for _, at := range []string{first, second} {
			now.patch(at, `{"op":"replace","path":"`+flag+`","value":false}`).is(http.StatusNoContent)
		}
		now.put(second, body("b", "SAME")).is(http.StatusOK)
		now.post(endpoint, body("c", "Same")).fails(http.StatusConflict, "uniqueness")
		now.put(second, body("b", "other")).is(http.StatusOK)
		now.put(second, body("b", "same")).fails(http.StatusConflict, "uniqueness")
	}
}

// Bulk operations take every type.
func TestConformanceBulk(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	a := w.post("/Bulk", `{"Operations":[{"method":"POST","path":"/Devices","bulkId":"d","data":{"serial":"s","`+kindsURN+`":{"owner":"../Users/bulkId:u"}}},
		{"method":"POST","path":"/Users","bulkId":"u","data":{"userName":"ana"}},{"method":"POST","path":"/Devices","data":{"serial":"S"}}]}`).is(http.StatusOK)
	a.has("201", "Operations", 0, "status").has("201", "Operations", 1, "status").has("409", "Operations", 2, "status")
	w.get("/Devices").has("../Users/"+path.Base(a.text("Operations", 1, "location")), "Resources", 0, kindsURN, "owner")
}
