package scim_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// R26: a missing required attribute is a 400 that names it. The lists are those of Kno2fy and of Keepnet.
func TestRequiredAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.user("old@x")
	w.set("scim.requiredAttributes", ` userName, active,displayName , emails[type eq "work"].value, name.givenName,name.familyName,`)
	complete := map[string]any{
		"userName": "ana@x", "active": true, "displayName": "Ana", "name": map[string]any{"givenName": "Ana", "familyName": "A"},
		"emails": []any{map[string]any{"type": "work", "value": "ana@x"}},
	}
	without := func(name string, value any) map[string]any {
		out := map[string]any{}
		for k, v := range complete {
			out[k] = v
		}
		out[name] = value
		return out
	}
	id := w.post("/Users", complete).is(http.StatusCreated).text("id")
	for _, c := range []struct {
		name  string
		value any
		named string
	}{
		{"active", nil, "active"},
		{"displayName", nil, "displayName"},
		{"displayName", "", "displayName"},
		{"name", map[string]any{"givenName": "Ana"}, "name.familyName"},
		{"emails", []any{map[string]any{"type": "home", "value": "ana@x"}}, `emails[type eq "work"].value`},
		{"emails", []any{}, `emails[type eq "work"].value`},
	} {
		for _, a := range []*answer{w.post("/Users", without(c.name, c.value)), w.put("/Users/"+id, without(c.name, c.value))} {
			if !strings.Contains(a.fails(http.StatusBadRequest, "invalidValue").text("detail"), c.named) {
				t.Errorf("%s is not named: %s", c.named, a.raw)
			}
		}
	}
	w.patch("/Users/"+id, `{"op":"remove","path":"name.givenName"}`).fails(http.StatusBadRequest, "invalidValue")
	w.patch("/Users/"+id, `{"op":"replace","path":"displayName","value":"A"}`).is(http.StatusNoContent)
	w.post("/Groups", `{"displayName":"G"}`).is(http.StatusCreated)
	// Whoever lacked something before can still be changed, and above all be deactivated.
	w.patch("/Users/"+old, `{"op":"replace","path":"active","value":false}`).is(http.StatusNoContent)
	w.put("/Users/"+old, `{"userName":"old@x","active":false}`).is(http.StatusOK)
}

// A path that leads nowhere is told when it is set, not when the first person is pushed.
func TestRequiredAttributesMustExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for value, sentence := range map[string]string{
		"nonsense":                        "User has no attribute nonsense",
		"userName, emails[type eq":        "emails[type eq is no SCIM path",
		"name.middle":                     "User has no attribute name.middle",
		`emails[kind eq "work"].value`:    "there is no attribute kind",
		"password":                        "User has no attribute password",
		"urn:example:1.0:User:costCenter": "User has no attribute urn:example:1.0:User:costCenter",
	} {
		_, err := w.directory.SetRuntimeConfig(t.Context(), provider, "", "scim.requiredAttributes", value)
		if e := (*directory.Error)(nil); !errors.As(err, &e) || e.Code != directory.CodeBadInput || !strings.Contains(e.Message, sentence) {
			t.Errorf("%s: %v, want %q", value, err, sentence)
		}
	}
	for _, value := range []string{"USERNAME", schema.UserURN + ":name.givenName", enterprise + ":costCenter, costCenter", `addresses[type eq "work" and primary eq true].country`} {
		w.set("scim.requiredAttributes", value)
	}
}

func TestEmailDomains(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("scim.emailDomains", "example.com, @Example.org")
	create := func(name, address string) *answer {
		return w.post("/Users", map[string]any{"userName": name, "emails": []any{map[string]any{"value": address, "type": "work"}}})
	}
	id := create("a", "a@EXAMPLE.com").is(http.StatusCreated).text("id")
	create("b", "b@example.org").is(http.StatusCreated)
	for _, address := range []string{"c@example.net", "c@sub.example.com", "c@example.com.evil", "c@evilexample.com", "c", "c@example.com@evil", "c@"} {
		create("c", address).fails(http.StatusBadRequest, "invalidValue")
	}
	w.user("without")
	w.patch("/Users/"+id, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"a@evil"}`).fails(http.StatusBadRequest, "invalidValue")
	w.set("scim.emailDomains", "example.net")
	w.patch("/Users/"+id, `{"op":"replace","path":"active","value":false}`).is(http.StatusNoContent)
}

// Unknown members are left out and logged, or refused; never matched by externalId.
func TestUnknownMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.post("/Users", `{"userName":"ana@x","externalId":"ana"}`).is(http.StatusCreated).text("id")
	gone := w.user("gone@x")
	w.delete("/Users/" + gone).is(http.StatusNoContent)
	unknown := []string{"ana", "ana@x", uuid.NewString(), gone, "😀"}
	group := w.group("G", append([]string{ana}, unknown...)...)
	same(t, "members", []string{ana}, w.members(group))
	for _, id := range unknown {
		w.patch("/Groups/"+group, `{"op":"add","path":"members","value":"`+id+`"}`).is(http.StatusNoContent)
	}
	same(t, "members", []string{ana}, w.members(group))
	if !strings.Contains(w.log.String(), "unknown members left out") {
		t.Error("nothing is logged")
	}
	w.set("scim.unknownMembers", "refuse")
	for _, id := range unknown {
		w.patch("/Groups/"+group, `{"op":"add","path":"members","value":["`+ana+`","`+id+`"]}`).fails(http.StatusBadRequest, "invalidValue")
		w.patch("/Groups/"+group, `{"op":"replace","path":"members","value":["`+id+`"]}`).fails(http.StatusBadRequest, "invalidValue")
		w.patch("/Users/"+ana, `{"op":"add","path":"manager","value":"`+id+`"}`).fails(http.StatusBadRequest, "invalidValue")
		w.post("/Groups", map[string]any{"displayName": "H", "members": []any{map[string]any{"value": id}}}).fails(http.StatusBadRequest, "invalidValue")
		w.patch("/Groups/"+group, `{"op":"remove","path":"members","value":["`+id+`"]}`).is(http.StatusNoContent) // nothing to refuse
	}
	same(t, "members", []string{ana}, w.members(group))
	same(t, "groups", []string{group}, w.get("/Groups").ids())
}
