package scim_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim"
	"github.com/roster-gateway/roster/scim/schema"
)

// seen is what the directory shows of an identity.
func (w *world) seen(id string) map[string]any {
	w.t.Helper()
	records, err := w.store.ByUIDs(w.t.Context(), []uuid.UUID{uuid.MustParse(id)})
	if err != nil || records[0] == nil {
		w.t.Fatal(records, err)
	}
	text := func(p *string) any {
		if p == nil {
			return nil
		}
		return *p
	}
	r := records[0]
	return map[string]any{"displayName": r.DisplayName, "email": text(r.Email), "description": text(r.Description)}
}

func (w *world) unset(key string) {
	w.t.Helper()
	if _, err := w.directory.DeleteRuntimeConfig(w.t.Context(), provider, "", key); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reevaluate() {
	w.t.Helper()
	if err := w.directory.ReevaluateAll(w.t.Context(), w.store, scim.Reevaluator(schema.Default())); err != nil {
		w.t.Fatal(err)
	}
}

// The attribute map of an instance decides what the directory shows, of whom is there already too (R20), and nothing of
// what the client reads back or finds.
func TestAttributeMap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.post("/Users", map[string]any{
		"userName": "ana@x", "displayName": "Ana", "title": "Clerk", "name": map[string]any{"formatted": "Ana Alder"},
		"emails": []any{map[string]any{"value": "ana@work", "type": "work", "primary": true}, map[string]any{"value": "ana@home", "type": "home"}},
	}).is(http.StatusCreated).text("id")
	ben := w.post("/Users", `{"userName":"ben@x","name":{"formatted":"Ben Beech"}}`).is(http.StatusCreated).text("id")
	cleo := w.post("/Users", `{"userName":"cleo@x","displayName":"cleo@x"}`).is(http.StatusCreated).text("id")
	group := w.post("/Groups", `{"displayName":"G","externalId":"g@x"}`).is(http.StatusCreated).text("id")
	bodies := func() map[string]any {
		out := map[string]any{}
		for _, id := range []string{ana, ben, cleo} {
			body := w.get("/Users/" + id).is(http.StatusOK).body
			delete(body, "meta")
			out[id] = body
		}
		return out
	}
	before := bodies()
	plain := map[string]any{
		ana:  map[string]any{"displayName": "Ana", "email": "ana@work", "description": nil},
		ben:  map[string]any{"displayName": "ben@x", "email": nil, "description": nil},
		cleo: map[string]any{"displayName": "cleo@x", "email": nil, "description": nil},
	}
	mapped := map[string]any{
		ana:  map[string]any{"displayName": "Ana Alder", "email": "ana@home", "description": "Clerk"},
		ben:  map[string]any{"displayName": "Ben Beech", "email": nil, "description": nil},
		cleo: map[string]any{"displayName": "cleo@x", "email": nil, "description": nil},
	}
	people := func() map[string]any { return map[string]any{ana: w.seen(ana), ben: w.seen(ben), cleo: w.seen(cleo)} }
	same(t, "without a map", plain, people())

	w.set(scim.MapUserDisplayName, "name.formatted")
	w.set(scim.MapUserEmail, `emails[type eq "home"].value`)
	w.set(scim.MapUserDescription, "title")
	w.set(scim.MapGroupEmail, "externalId")
	w.reevaluate()
	same(t, "with a map", mapped, people())
	same(t, "a group with a map", map[string]any{"displayName": "G", "email": "g@x", "description": nil}, w.seen(group))
	same(t, "what the client reads", before, bodies())
	for filter, want := range map[string][]string{
		`displayName eq "ana"`: {ana}, `displayName eq "Ana Alder"`: {}, `displayName eq "cleo@x"`: {cleo}, `displayName pr`: {ana, cleo}, `emails.value eq "ana@work"`: {ana},
	} {
		same(t, filter, want, w.list("/Users", filter).ids())
	}
	version := w.get("/Users/" + ana).header.Get("ETag")
	w.reevaluate()
	w.get("/Users/"+ana).has(version, "meta", "version")

	// Writes go by the map.
	w.patch("/Users/"+ben, `{"op":"add","path":"name.formatted","value":"Ben B."},{"op":"add","path":"title","value":"Boss"}`).is(http.StatusNoContent)
	same(t, "ben", map[string]any{"displayName": "Ben B.", "email": nil, "description": "Boss"}, w.seen(ben))
	if _, shown := w.get("/Users/" + ben).body["displayName"]; shown {
		t.Error("the client reads a displayName that it has not sent")
	}
	w.patch("/Users/"+ana, `{"op":"replace","path":"displayName","value":"Annie"},{"op":"remove","path":"title"}`).is(http.StatusNoContent)
	same(t, "ana", map[string]any{"displayName": "Ana Alder", "email": "ana@home", "description": nil}, w.seen(ana))
	w.get("/Users/"+ana).has("Annie", "displayName")
	dora := w.post("/Users", `{"userName":"dora@x","title":"Chef"}`).is(http.StatusCreated).text("id")
	same(t, "dora", map[string]any{"displayName": "dora@x", "email": nil, "description": "Chef"}, w.seen(dora))

	for _, key := range []string{scim.MapUserDisplayName, scim.MapUserEmail, scim.MapUserDescription} {
		w.unset(key)
	}
	w.reevaluate()
	w.patch("/Users/"+ana, `{"op":"replace","path":"displayName","value":"Ana"}`).is(http.StatusNoContent)
	w.patch("/Users/"+ben, `{"op":"replace","path":"name.formatted","value":"Ben Beech"}`).is(http.StatusNoContent)
	same(t, "without a map again", plain, people())
	same(t, "displayName eq", []string{ana}, w.list("/Users", `displayName eq "Ana"`).ids())
}

// What an attribute map may name is checked when it is set, and only fields of the directory can be mapped.
func TestAttributeMapIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for key, value := range map[string]string{
		scim.MapUserEmail: "nonsense", scim.MapGroupEmail: "emails.value", "map.user.userName": "externalId", "map.user.": "title", scim.MapUserDisplayName: "title,nickName", scim.MapUserDescription: schema.UserURN,
	} {
		_, err := w.directory.SetRuntimeConfig(t.Context(), provider, "", key, value)
		if directory.AsError(err) == nil || directory.AsError(err).Code != directory.CodeBadInput {
			t.Errorf("%s = %s: %v", key, value, err)
		}
	}
}
