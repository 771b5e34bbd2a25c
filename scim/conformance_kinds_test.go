package scim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
)

// home is where the attributes of the schema Kinds stand: in a type of their own, or in an extension.
type home struct {
	endpoint, key string
	extension     bool
}

var homes = map[string]home{
	"of a type": {endpoint: "/Samples"}, "of an extension": {"/Devices", "serial", true}, "of an extension of User": {"/Users", "userName", true},
}

// body is a resource with attributes of Kinds.
func (h home) body(key string, kinds map[string]any) map[string]any {
	out := map[string]any{}
	if !h.extension {
		maps.Copy(out, kinds)
		return out
	}
	out[h.key], out[kindsURN] = key, kinds
	return out
}

// of takes the attributes of Kinds out of an answer.
func (h home) of(a *answer) map[string]any {
	if h.extension {
		kinds, _ := a.body[kindsURN].(map[string]any)
		return kinds
	}
	return a.body
}

func (h home) path(name string) string {
	if h.extension {
		return kindsURN + ":" + name
	}
	return name
}

// kept is what is read back of the attributes of Kinds that the body has.
func (h home) kept(a *answer, names map[string]any) map[string]any {
	out := map[string]any{}
	for name := range names {
		if value, ok := h.of(a)[name]; ok {
			out[name] = value
		}
	}
	return out
}

func inEveryHome(t *testing.T, check func(t *testing.T, w *world, h home)) {
	t.Helper()
	for name, h := range homes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, newWorldOf(t, exampleTypes(t)), h)
		})
	}
}

// everyKind has a value of every type.
const everyKind = `{
	"text":"Ä","exact":"Case","flag":true,"count":-7,"ratio":1.50,"at":"2024-03-01T08:00:00+02:00","blob":"aGk=","link":"https://example.com/a?b#c","owner":"../Users/1",
	"texts":["a","b"],"flags":[true,false],"counts":[1,2],"ratios":[0.1,20],"ats":["2024-01-01T00:00:00Z"],"blobs":["aGk","-_8="],"links":["urn:example:x","https://example.com"],
	"place":{"room":"1.01","floor":3,"site":"S","built":"1990"},
	"parts":[{"value":"p1","type":"work","primary":true,"code":"c1"},{"value":"p2","type":"strange","code":"c2"}],
	"fixed":"f","fixedTexts":["x","y"],"ever":"always","badge":"B1","numbers":[1,2],"stamp":"St","size":"XXL","cost$":1.25
}`

// Values of every type are kept as they were sent, and filtered by.
func TestConformanceTypes(t *testing.T) {
	t.Parallel()
	inEveryHome(t, func(t *testing.T, w *world, h home) {
		kinds := object(t, everyKind)
		created := w.post(h.endpoint, h.body("one", kinds)).is(http.StatusCreated)
		id := created.text("id")
		w.post(h.endpoint, h.body("two", map[string]any{"text": "other"})).is(http.StatusCreated)
		got := w.get(h.endpoint + "/" + id)
		same(t, "read back", kinds, h.kept(got, kinds))
		same(t, "put again", got.header.Get("ETag"), w.put(h.endpoint+"/"+id, h.body("one", kinds)).is(http.StatusOK).header.Get("ETag"))
		for filter, found := range map[string]bool{
			`text eq "ä"`: true, `exact eq "case"`: false, `exact eq "Case"`: true, `flag eq true`: true, `count lt 0`: true, `count gt 0`: false, `ratio eq 1.5`: true,
			`ratio ge 1.6`: false, `at eq "2024-03-01T06:00:00Z"`: true, `at gt "2024-03-01T06:00:00Z"`: false, `blob eq "aGk="`: true, `link sw "https://example.com"`: true,
			`owner pr`: true, `texts eq "B"`: true, `texts eq "c"`: false, `flags eq false`: true, `counts gt 1`: true, `counts gt 2`: false, `ratios ge 20`: true,
			`ats lt "2024-01-02T00:00:00Z"`: true, `links co "urn:"`: true, `place.floor eq 3`: true, `place.room ne "1.01"`: false, `parts eq "P1"`: true,
			`parts[value eq "p1" and code eq "c2"]`: false, `parts[value eq "p2" and type eq "strange"]`: true, `parts.primary eq true`: true, `size eq "xxl"`: true, `cost$ gt 1`: true,
		} {
			want := []string{}
			if found {
				want = []string{id}
			}
			full := h.path(filter)
			got := w.list(h.endpoint, "id eq \""+id+"\" and "+full).ids()
			same(t, full, want, got)
		}
	})
}

func TestConformanceWrongValues(t *testing.T) {
	t.Parallel()
	inEveryHome(t, func(t *testing.T, w *world, h home) {
		for i, attribute := range []string{
			`"text":{"a":1}`, `"text":true`, `"flag":"perhaps"`, `"count":1.5`, `"count":"1e3"`, `"count":9223372036854775808`, `"ratio":"x"`, `"ratio":1e-999`, `"at":"yesterday"`, `"at":"2024-02-20T00:00:00,5Z"`,
			`"at":"2024-02-30T00:00:00Z"`, `"blob":"a b"`, `"blob":"a"`, `"blob":"====" `, `"link":"not a uri"`, `"link":"/relative"`, `"links":["/relative"]`, `"owner":"%zz"`,
			`"texts":[["a","b"]]`, `"place":{"floor":1}`, `"place":"bare"`, `"parts":[{"value":"a","primary":true},{"value":"b","primary":true}]`, `"flags":["x"]`, `"blobs":["*"]`,
		} {
			body := h.body(fmt.Sprint("w", i), object(t, "{"+attribute+"}"))
			a := w.post(h.endpoint, body).fails(http.StatusBadRequest, "invalidValue")
			name, _, _ := strings.Cut(attribute[1:], `"`)
			if !strings.Contains(a.text("detail"), name) {
				t.Errorf("%s: %q does not name the attribute", attribute, a.text("detail"))
			}
		}
		same(t, "left", []string{}, w.get(h.endpoint).ids())
	})
}

// RFC 7643 section 7, mutability.
func TestConformanceMutability(t *testing.T) {
	t.Parallel()
	inEveryHome(t, func(t *testing.T, w *world, h home) {
		kinds := object(t, `{"text":"t","fixed":"f","fixedTexts":["x","y"],"secret":"canary","hash":"canary","system":"canary","place":{"room":"r","built":"1990","key":"canary","area":1},
			"parts":[{"value":"p1","type":"work","code":"c1"},{"value":"p2"}]}`)
		a := w.post(h.endpoint, h.body("one", kinds)).is(http.StatusCreated)
		at := h.endpoint + "/" + a.text("id")
		for _, raw := range []string{a.raw, w.get(at).raw, w.get(at + "?attributes=" + h.path("secret") + "," + h.path("hash") + "," + h.path("place.key")).raw, w.log.String()} {
			if strings.Contains(raw, "canary") || strings.Contains(raw, "area") {
				t.Errorf("what is never returned or read-only shows: %s", raw)
			}
		}
		for _, table := range []string{"resource", "identity"} {
			if w.count(`SELECT count(*) FROM `+table+` WHERE attributes::text LIKE '%canary%'`) > 0 {
				t.Error("what is never returned was stored")
			}
		}
		for _, name := range []string{"secret", "hash", "place.key"} {
			w.list(h.endpoint, h.path(name)+` eq "canary"`).fails(http.StatusBadRequest, "invalidFilter")
			w.patch(at, `{"op":"replace","path":"`+h.path(name)+`","value":"canary"}`).is(http.StatusNoContent)
		}
		refused := func(operation string) {
			t.Helper()
			w.patch(at, operation).fails(http.StatusBadRequest, "mutability")
		}
		refused(`{"op":"replace","path":"` + h.path("system") + `","value":"x"}`)
		refused(`{"op":"replace","path":"` + h.path("place.area") + `","value":2}`)
		refused(`{"op":"replace","path":"` + h.path("fixed") + `","value":"g"}`)
		refused(`{"op":"remove","path":"` + h.path("fixed") + `"}`)
		refused(`{"op":"add","path":"` + h.path("fixedTexts") + `","value":"z"}`)
		refused(`{"op":"replace","path":"` + h.path("place.built") + `","value":"1991"}`)
		refused(`{"op":"replace","path":"` + h.path(`parts[value eq \"p1\"].code`) + `","value":"c9"}`)
		refused(`{"op":"remove","path":"` + h.path(`parts[value eq \"p1\"].code`) + `"}`)
		refused(`{"op":"replace","path":"` + h.path(`parts[value eq \"p1\"]`) + `","value":{"value":"p1","code":"c9"}}`)
		refused(`{"op":"add","path":"` + h.path("parts") + `","value":[{"value":"p1","type":"work","code":"c9"}]}`)
		if h.extension {
			refused(`{"op":"remove","path":"` + kindsURN + `"}`)
		}
		taken := func(operation string) {
			t.Helper()
			w.patch(at, operation).is(http.StatusNoContent)
		}
		taken(`{"op":"replace","path":"` + h.path("fixed") + `","value":"f"}`)
		taken(`{"op":"replace","path":"` + h.path("fixedTexts") + `","value":["y","x"]}`)
		taken(`{"op":"replace","path":"` + h.path(`parts[value eq \"p2\"].code`) + `","value":"c2"}`)
		taken(`{"op":"replace","path":"` + h.path(`parts[value eq \"p1\"]`) + `","value":{"value":"p1","type":"home"}}`)
		parts, _ := h.of(w.get(at))["parts"].([]any)
		same(t, "parts", []any{map[string]any{"value": "p1", "type": "home", "code": "c1"}, map[string]any{"value": "p2", "code": "c2"}}, any(parts))

		taken(`{"op":"add","path":"` + h.path(`parts[type eq \"work\" and since eq \"2024-01-01T00:00:00Z\"].value`) + `","value":"p3"}`)
		taken(`{"op":"replace","path":"` + h.path(`parts[since gt \"2023-01-01T00:00:00Z\"].since`) + `","value":"2024-02-02T00:00:00+01:00"}`)
		w.patch(at, `{"op":"add","path":"`+h.path(`parts[type eq \"work\" and seen eq true].value`)+`","value":"p4"}`).fails(http.StatusBadRequest, "noTarget")
		taken(`{"op":"remove","path":"` + h.path(`parts[value eq \"p3\"]`) + `"}`)
		taken(`{"op":"add","path":"` + h.path("levels") + `","value":[{"value":1},{"value":2},{"value":1}]}`)
		same(t, "levels", any(object(t, `{"x":[{"value":1},{"value":2}]}`)["x"]), h.of(w.get(at))["levels"])
		other := w.post(h.endpoint, h.body("two", map[string]any{"text": "t"})).is(http.StatusCreated)
		w.patch(h.endpoint+"/"+other.text("id"), `{"op":"add","path":"`+h.path("fixed")+`","value":"late"}`).is(http.StatusNoContent)
		w.patch(h.endpoint+"/"+other.text("id"), `{"op":"add","path":"`+h.path("fixed")+`","value":"later"}`).fails(http.StatusBadRequest, "mutability")

		kinds["fixed"] = "g"
		w.put(at, h.body("one", kinds)).fails(http.StatusBadRequest, "mutability")
		put := w.put(at, h.body("one", map[string]any{"text": "u", "place": map[string]any{"room": "s"}})).is(http.StatusOK)
		same(t, "put", map[string]any{"text": "u", "fixed": "f", "place": map[string]any{"room": "s", "built": "1990"}},
			h.kept(put, map[string]any{"text": 1, "fixed": 1, "place": 1, "parts": 1}))
	})
}

// Of clients that set an immutable value at the same time one does, and nobody is told otherwise.
func TestConformanceImmutableCrowd(t *testing.T) {
	t.Parallel()
	inEveryHome(t, func(t *testing.T, w *world, h home) {
		at := h.endpoint + "/" + w.post(h.endpoint, h.body("one", map[string]any{"text": "t"})).is(http.StatusCreated).text("id")
		var all sync.WaitGroup
		taken := make([]string, 8)
		for i := range taken {
			all.Go(func() {
				value := fmt.Sprint("v", i)
				for { // changed by many at once: the client is asked to try again
					a := w.put(at, h.body("one", map[string]any{"text": value, "fixed": value}))
					if a.status == http.StatusServiceUnavailable {
						continue
					}
					if a.status == http.StatusOK {
						taken[i] = value
					} else if a.at("scimType") != "mutability" {
						t.Error(a.raw)
					}
					return
				}
			})
		}
		all.Wait()
		taken = slices.DeleteFunc(taken, func(value string) bool { return value == "" })
		same(t, "taken", []any{h.of(w.get(at))["fixed"]}, []any{strings.Join(taken, " ")})
	})
}

// RFC 7643 section 7, returned.
func TestConformanceReturned(t *testing.T) {
	t.Parallel()
	inEveryHome(t, func(t *testing.T, w *world, h home) {
		kinds := object(t, `{"text":"t","ever":"e","asked":"a","place":{"room":"r","site":"s","plan":"p","floor":1}}`)
		names := map[string]any{"text": 1, "ever": 1, "asked": 1, "place": 1}
		shown := func(what string, a *answer, want string) {
			t.Helper()
			same(t, what, object(t, want), h.kept(a, names))
		}
		a := w.post(h.endpoint, h.body("one", kinds)).is(http.StatusCreated)
		at := h.endpoint + "/" + a.text("id")
		shown("create", a, `{"text":"t","ever":"e","asked":"a","place":{"room":"r","site":"s","plan":"p","floor":1}}`)
		shown("get", w.get(at), `{"text":"t","ever":"e","place":{"room":"r","site":"s","floor":1}}`)
		shown("attributes", w.get(at+"?attributes="+h.path("asked")), `{"asked":"a","ever":"e"}`)
		shown("a sub-attribute", w.get(at+"?attributes="+h.path("place.plan")), `{"ever":"e","place":{"plan":"p","site":"s"}}`)
		shown("a whole attribute", w.get(at+"?attributes="+h.path("place")), `{"ever":"e","place":{"room":"r","site":"s","floor":1}}`)
		shown("excludedAttributes", w.get(at+"?excludedAttributes="+h.path("ever")+","+h.path("text")+","+h.path("place.site")+","+h.path("place.floor")), `{"ever":"e","place":{"room":"r","site":"s"}}`)
		list := w.list(h.endpoint, h.path("asked")+` eq "a"`).is(http.StatusOK)
		one, _ := list.at("Resources", 0).(map[string]any)
		shown("list", &answer{t: t, body: one}, `{"text":"t","ever":"e","place":{"room":"r","site":"s","floor":1}}`)
		shown("put", w.put(at, h.body("one", map[string]any{"text": "u", "asked": "b", "ever": "e"})).is(http.StatusOK), `{"text":"u","asked":"b","ever":"e"}`)
		shown("patch of another", w.patch(at, `{"op":"replace","path":"`+h.path("text")+`","value":"v"}`, "Prefer: return=representation").is(http.StatusOK), `{"text":"v","ever":"e"}`)
		shown("patch", w.patch(at, `{"op":"replace","path":"`+h.path("asked")+`","value":"c"}`, "Prefer: return=representation").is(http.StatusOK), `{"text":"v","asked":"c","ever":"e"}`)
	})
}

func TestConformanceUniqueness(t *testing.T) {
	t.Parallel()
	inEveryHome(t, func(t *testing.T, w *world, h home) {
		first := w.post(h.endpoint, h.body("one", object(t, `{"badge":"B","numbers":[1,2],"stamp":"S","parts":[{"value":"a","number":"N"},{"value":"b","number":"n"}]}`))).is(http.StatusCreated)
		at := h.endpoint + "/" + first.text("id")
		for i, attribute := range []string{`"badge":"b"`, `"numbers":[7,2]`, `"stamp":"S"`, `"parts":[{"value":"z","number":"N"}]`} {
			a := w.post(h.endpoint, h.body(fmt.Sprint("x", i), object(t, "{"+attribute+"}"))).fails(http.StatusConflict, "uniqueness")
			name, _, _ := strings.Cut(attribute[1:], `"`)
			if !strings.Contains(a.text("detail"), name) {
				t.Errorf("%s: %s", attribute, a.raw)
			}
		}
		second := w.post(h.endpoint, h.body("two", object(t, `{"badge":"C","stamp":"s","numbers":[3]}`))).is(http.StatusCreated)
		other := h.endpoint + "/" + second.text("id")
		w.patch(other, `{"op":"add","path":"`+h.path("numbers")+`","value":[1]}`).fails(http.StatusConflict, "uniqueness")
		w.put(other, h.body("two", object(t, `{"badge":"B"}`))).fails(http.StatusConflict, "uniqueness")
		w.patch(at, `{"op":"remove","path":"`+h.path("badge")+`"}`).is(http.StatusNoContent)
		w.patch(other, `{"op":"replace","path":"`+h.path("badge")+`","value":"b"}`).is(http.StatusNoContent)
		w.put(at, h.body("one", object(t, `{"text":"nothing unique"}`))).is(http.StatusOK)
		w.patch(other, `{"op":"add","path":"`+h.path("numbers")+`","value":[1,2]}`).is(http.StatusNoContent)
		w.delete(other).is(http.StatusNoContent)
		w.put(at, h.body("one", object(t, `{"badge":"B","numbers":[3]}`))).is(http.StatusOK)
	})
}

// An extension that is there must have what it requires; sub-attributes are required where their attribute is.
func TestConformanceRequired(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	const lease = "urn:example:schemas:2.0:Lease"
	w.post("/Devices", map[string]any{"serial": "none"}).is(http.StatusCreated)
	a := w.post("/Devices", map[string]any{"serial": "x", lease: map[string]any{"price": 1}}).fails(http.StatusBadRequest, "invalidValue")
	if !strings.Contains(a.text("detail"), "until") {
		t.Error(a.raw)
	}
	at := "/Devices/" + w.post("/Devices", map[string]any{"serial": "one", lease: map[string]any{"until": "2030-01-01T00:00:00Z"}, kindsURN: map[string]any{"place": map[string]any{"room": "r", "floor": 1}}}).is(http.StatusCreated).text("id")
	w.get(at).has([]any{"urn:example:schemas:2.0:Device", kindsURN, lease}, "schemas")
	for _, operation := range []string{
		`{"op":"remove","path":"serial"}`, `{"op":"replace","path":"serial","value":""}`, `{"op":"remove","path":"` + kindsURN + `:place.room"}`,
		`{"op":"remove","path":"` + lease + `:until"},{"op":"add","path":"` + lease + `:price","value":3}`,
	} {
		w.patch(at, operation).fails(http.StatusBadRequest, "invalidValue")
	}
	w.patch(at, `{"op":"remove","path":"`+lease+`"}`).is(http.StatusNoContent)
	w.get(at).has([]any{"urn:example:schemas:2.0:Device", kindsURN}, "schemas")
}

// What is normalized and stored is read back equal.
func TestConformanceStoredIsReadBack(t *testing.T) {
	t.Parallel()
	types := exampleTypes(t)
	w := newWorldOf(t, types)
	rt := types.ResourceType("Sample")
	text := rapid.StringMatching(`[^\x00]{0,12}`)
	number := rapid.Custom(func(t *rapid.T) any {
		whole := rapid.Int64Range(-1e12, 1e12).Draw(t, "whole")
		return json.Number(fmt.Sprint(whole) + rapid.SampledFrom([]string{"", ".0", ".25", "e3", "E-4", "e+2"}).Draw(t, "rest"))
	})
	values := map[string]*rapid.Generator[any]{
		"text": text.AsAny(), "texts": rapid.SliceOfN(text.AsAny(), 0, 3).AsAny(), "ratio": number, "ratios": rapid.SliceOfN(number, 0, 3).AsAny(),
		"count": rapid.Map(rapid.Int64(), func(n int64) any { return json.Number(fmt.Sprint(n)) }), "flag": rapid.Bool().AsAny(),
		"at":    rapid.Just(any("2024-03-01T08:00:00.123+02:00")),
		"place": rapid.Map(text, func(s string) any { return map[string]any{"room": "r" + s, "floor": "3", "nonsense": 1} }),
		"parts": rapid.Map(rapid.SliceOfN(text, 0, 3), func(list []string) any {
			out := []any{}
			for _, s := range list {
				out = append(out, map[string]any{"value": s, "primary": "false"})
			}
			return out
		}),
	}
	rapid.Check(t, func(rt2 *rapid.T) {
		body := map[string]any{}
		for name, g := range values {
			if rapid.Bool().Draw(rt2, name+"?") {
				body[name] = g.Draw(rt2, name)
			}
		}
		want, err := rt.Read(body)
		if err != nil {
			rt2.Fatal(err)
		}
		created := w.post("/Samples", body).is(http.StatusCreated)
		got := w.get("/Samples/" + created.text("id")).is(http.StatusOK)
		again, err := rt.Read(got.body)
		if err != nil {
			rt2.Fatal(err)
		}
		if diff := cmp.Diff(want, again); diff != "" {
			rt2.Fatal(diff)
		}
		if put := w.put("/Samples/"+created.text("id"), got.body).is(http.StatusOK); put.header.Get("ETag") != got.header.Get("ETag") {
			rt2.Fatal("what was read back is not what was stored")
		}
	})
}

// Discovery lists what the files add, with every characteristic written out.
func TestConformanceDiscovery(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	w.get("/ResourceTypes/Device").is(http.StatusOK).has("/Devices", "endpoint").has(kindsURN, "schemaExtensions", 0, "schema")
	w.get("/ResourceTypes/Sample").is(http.StatusOK).has(kindsURN, "schema").has("Sample", "description")
	w.get("/ResourceTypes/User").is(http.StatusOK).has(kindsURN, "schemaExtensions", 1, "schema")
	a := w.get("/Schemas/" + kindsURN).is(http.StatusOK)
	list := w.get("/Schemas").is(http.StatusOK)
	if strings.Contains(list.raw, `""`) {
		t.Error("an empty text is shown")
	}
	resources, _ := list.at("Resources").([]any)
	for _, s := range resources {
		checkCharacteristics(t, s.(map[string]any)["attributes"].([]any))
	}
	for i, want := range map[int]string{
		0: `{"name":"text","type":"string","description":"The text.","multiValued":false,"required":false,"caseExact":false,"mutability":"readWrite","returned":"default","uniqueness":"none"}`,
		6: `{"name":"blob","type":"binary","description":"The blob.","multiValued":false,"required":false,"caseExact":true,"mutability":"readWrite","returned":"default","uniqueness":"none"}`,
	} {
		same(t, "attribute", any(object(t, want)), a.at("attributes", i))
	}
}

func checkCharacteristics(t *testing.T, attributes []any) {
	t.Helper()
	for _, a := range attributes {
		attribute := a.(map[string]any)
		for _, name := range []string{"name", "type", "multiValued", "required", "caseExact", "mutability", "returned", "uniqueness"} {
			if attribute[name] == nil || attribute[name] == "" {
				t.Errorf("%v does not state %s", attribute["name"], name)
			}
		}
		subs, _ := attribute["subAttributes"].([]any)
		checkCharacteristics(t, subs)
	}
}

// Two identities can exchange unique values in one change set.
func TestUniqueValuesAreExchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, err := w.directory.Instance(t.Context(), provider, "")
	if err != nil {
		t.Fatal(err)
	}
	apply := func(first, second string) error {
		put := func(name, value string) directory.Put {
			return directory.Put{
				Kind: directory.KindUser, Name: name, ExternalID: &name, Attrs: directory.AttributeSet{"nickName": value},
				Unique: []directory.UniqueValue{{Attribute: "nickName", Value: value}},
			}
		}
		_, err := w.directory.Apply(t.Context(), directory.Changes{Instance: instance, Put: []directory.Put{put("ana", first), put("ben", second)}})
		return err
	}
	if err := apply("x", "x"); !directory.HasReason(err, directory.ReasonUniqueness) {
		t.Errorf("two of one value: %v", err)
	}
	for _, values := range [][2]string{{"x", "y"}, {"y", "x"}, {"z", "y"}} {
		if err := apply(values[0], values[1]); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
	same(t, "values", 2, w.count(`SELECT count(*) FROM unique_value`))
}

// A text is found by itself, whatever it holds: the index that finds it folds as the comparison does.
func TestConformanceTextsAreFound(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, exampleTypes(t))
	text := rapid.StringOfN(rapid.SampledFrom([]rune("aAzΣσςİıßÉ<>&\"\\/\n\t\x01\u2028 %_*[]{}$'€𝒳")), 1, 6, -1)
	rapid.Check(t, func(rt *rapid.T) {
		s := text.Draw(rt, "text")
		id := w.post("/Samples", map[string]any{"text": s, "texts": []any{"other", s}, "place": map[string]any{"room": s}, "parts": []any{map[string]any{"value": s + "!"}}}).is(http.StatusCreated).text("id")
		quoted, _ := json.Marshal(s)
		longer, _ := json.Marshal(s + "!")
		for _, filter := range []string{"text eq " + string(quoted), "texts eq " + string(quoted), "place.room eq " + string(quoted), "parts[value eq " + string(longer) + "]"} {
			if !slices.Contains(w.list("/Samples", filter).ids(), id) {
				rt.Fatalf("%q does not find it", filter)
			}
		}
		w.delete("/Samples/" + id).is(http.StatusNoContent)
	})
}
