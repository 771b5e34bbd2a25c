package scim_test

import (
	"fmt"
	"net/http"
	"testing"
)

// The statements that requests take, beside the one that finds the token: none depends on how much is listed (G21),
// and a change of members does not read the group.
func TestStatements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.user("boss@x")
	users := []string{}
	for i := range 20 {
		users = append(users, w.post("/Users", map[string]any{"userName": fmt.Sprint("u", i), enterprise: map[string]any{"manager": boss}}).is(http.StatusCreated).text("id"))
	}
	group := w.group("G", users...)
	w.group("H", users...)
	for _, c := range []struct {
		what string
		most uint64
		do   func() *answer
	}{
		{"get a user", 1, func() *answer { return w.get("/Users/" + users[0]) }},
		{"get a user without its links", 1, func() *answer { return w.get("/Users/" + users[0] + "?excludedAttributes=groups,manager") }},
		{"get a group without its members", 1, func() *answer { return w.get("/Groups/" + group + "?excludedAttributes=members") }},
		{"get a group", 1, func() *answer { return w.get("/Groups/" + group) }},
		{"list users", 1, func() *answer { return w.get("/Users") }},
		{"list groups", 1, func() *answer { return w.get("/Groups") }},
		{"list groups without members", 1, func() *answer { return w.get("/Groups?excludedAttributes=members") }},
		{"find a user", 1, func() *answer { return w.get("/Users?filter=userName+eq+%22u1%22") }},
		{"find a user by externalId", 1, func() *answer { return w.get("/Users?filter=externalId+eq+%22u1%22") }},
		{"find nobody", 1, func() *answer { return w.get("/Users?filter=userName+eq+%22nobody%22") }},
		{"add a member", 1, func() *answer {
			return w.patch("/Groups/"+group, `{"op":"add","path":"members","value":"`+boss+`"}`)
		}},
		{"remove a member", 1, func() *answer {
			return w.patch("/Groups/"+group, `{"op":"remove","path":"members","value":"`+boss+`"}`)
		}},
		{"change a user", 4, func() *answer {
			return w.patch("/Users/"+users[0], `{"op":"replace","path":"title","value":"t"}`)
		}},
		{"create a user", 1, func() *answer { return w.post("/Users", `{"userName":"new@x"}`) }},
		{"a patch that changes nothing, with its revision", 2, func() *answer {
			return w.patch("/Users/"+users[0], `{"op":"replace","path":"active","value":true}`)
		}},
	} {
		before := w.store.Statements()
		if a := c.do(); a.status >= 300 {
			t.Fatalf("%s: %d %s", c.what, a.status, a.raw)
		}
		if took := w.store.Statements() - before - 1; took > c.most {
			t.Errorf("%s takes %d statements, want at most %d", c.what, took, c.most)
		}
	}
}
